"""A node's people are told by real mail and at a real webhook, through kills on both sides."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.stage import PROGRAM, WEEK, Stage, free_port
from tests.net.test_mail import Inbox, mail_server
from tests.notify.outside import SECRET_TEXT, Receiver, receiver
from tests.notify.test_calendar import events


class Outside:
    """A mail server and a webhook receiver, in a thread of their own."""

    def __init__(self) -> None:
        self.inbox = Inbox()
        self.hook = Receiver()
        self.port = free_port()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._mail: AsyncExitStack | None = None
        self._hook = AsyncExitStack()

    def begin(self) -> None:
        """Start both."""
        self._thread.start()
        self.hook = self._do(self._hook.enter_async_context(receiver()))
        self.mail_up()

    def mail_up(self) -> None:
        """Start the mail server."""
        self._mail = AsyncExitStack()
        self._do(self._mail.enter_async_context(mail_server(self.inbox, self.port)))

    def mail_down(self) -> None:
        """Stop it."""
        if self._mail is not None:
            self._do(self._mail.aclose())

    def end(self) -> None:
        """Stop both."""
        self.mail_down()
        self._do(self._hook.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def messages(self) -> list[Any]:
        """What mail has come."""
        return [message_from_bytes(each.content or b"", policy=default) for each in self.inbox.got]

    def texts(self) -> str:
        """All that mail has said."""
        return "\n".join(each.get_body(("plain",)).get_content() for each in self.messages())

    def types(self) -> Counter[str]:
        """What the webhook was told."""
        return Counter(body["type"] for _, body in self.hook.got)


@contextmanager
def outside() -> Iterator[Outside]:
    """Started, and stopped."""
    found = Outside()
    found.begin()
    try:
        yield found
    finally:
        found.end()


def calendar(url: str) -> list[Any]:
    """The entries of a calendar, as another library reads them."""
    with urllib.request.urlopen(url, timeout=20) as answer:
        assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
        return events(answer.read().decode())


def settings(out: Outside, folder: Path) -> str:
    """What is added to a node's configuration."""
    (folder / "hook.secret").write_text(SECRET_TEXT)
    return (
        f"\n[notify]\ncalendar = true\n"
        f'[notify.mail]\nhost = "127.0.0.1"\nport = {out.port}\nsecurity = "none"\nsender = "node@buyer.example"\n'
        '[[notify.to]]\nmail = "ops@buyer.example"\n'
        f'[[notify.to]]\nwebhook = "{out.hook.url}"\nsecret_file = "{folder / "hook.secret"}"\n'
    )


@pytest.fixture(scope="module")
def out() -> Iterator[Outside]:
    """Where the buyer's news arrive."""
    with outside() as found:
        yield found


@pytest.fixture(scope="module")
def stage(out: Outside, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Signed terms; the buyer's node alone tells its people."""
    folder = tmp_path_factory.mktemp("stage")
    with Stage(folder, settings={"buyer": settings(out, folder)}) as made:
        yield made


@pytest.mark.slow("three nodes run through two weeks")
def test_people_are_told_through_kills_on_both_sides(out: Outside, stage: Stage) -> None:
    """What is asked, what happens and who is silent arrives by mail and at the webhook, each once, though mail server
    and node are killed on the way."""
    stage.until("signed", lambda: out.types()["happened.signed"])
    assert [stage.json("today", node="supplier")[each] for each in ("asked", "said")] == [[], []]
    report = stage.json("notify-test", node="buyer")
    assert [(each["way"], each["ok"]) for each in report["tested"]] == [("mail", True), ("webhook", True)]
    stage.until("tests", lambda: out.types()["test.test"])
    assert out.types()["asked.sign"] == 1
    stage.until("mail", lambda: "SIGNED" in out.texts())
    assert len({each["References"] for each in out.messages() if "test" not in each["Subject"]}) == 1

    assert stage.json("calendar", node="buyer") == {"url": None}
    url = stage.json("calendar", "--renew", node="buyer")["url"]
    assert ["The start" in str(each["SUMMARY"]) for each in calendar(url)] == [True]

    out.mail_down()
    stage.clean_week()
    stage.ok("wait", node="buyer")
    report = stage.json("notify-test", node="buyer")
    assert [each["ok"] for each in report["tested"]] == [False, True]
    assert report["waiting"]["ops@buyer.example"] >= 1
    stage.until("begun", lambda: out.types()["happened.begun"])
    stage.nodes["buyer"].kill()
    stage.nodes["buyer"].wait()
    before = len(out.messages())
    stage.up("buyer")
    out.mail_up()
    stage.until("mail after all", lambda: "EFFECTIVE" in out.texts(), 90)
    assert len(out.messages()) > before

    stage.clock("2027-03-16T20:00:00Z")  # the second week has ended, and nobody has said anything
    stage.until("silence", lambda: out.types()["silence.attest"])
    assert any("end of the term" in str(each["SUMMARY"]) for each in calendar(url))
    other = stage.json("calendar", "--renew", node="buyer")["url"]
    with pytest.raises(urllib.error.HTTPError, match="404"):
        calendar(url)
    stage.ok("calendar", "--revoke", node="buyer")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        calendar(other)
    ids = Counter(fields["webhook-id"] for fields, _ in out.hook.got)
    assert set(ids.values()) == {1}
    names = Counter(each["Message-ID"] for each in out.messages())
    assert set(names.values()) == {1}
    told = [body["data"] for _, body in out.hook.got]
    assert {each["arrangement"] for each in told if each["kind"] != "test"} == {stage.hash}
    assert all(SECRET_TEXT not in str(each) for each in told)
    log = (stage.folder / "buyer.log").read_text()
    assert SECRET_TEXT not in log
    assert "no news are made" not in log


@pytest.mark.slow("three nodes run through two weeks")
def test_what_waits_is_seen_and_watched(stage: Stage) -> None:
    """`today` at a node and at a monitor's folder, and `watch --json` at a node that tells nobody: in the third
    week, of which nobody has spoken yet."""
    with watched(stage, "laboratory") as told:
        stage.clock("2027-03-22T01:00:00Z")
        stage.ok("wait", node="buyer")
        for node in ("laboratory", "inspector"):
            found = stage.json("today", node=node)
            assert [(each["kind"], each["periods"]) for each in found["asked"]] == [("attest", [2])], node
            assert [each["period"] for each in found["said"]] == [0]
        status = stage.json("status", node="inspector")
        assert (status["state"], [each["subject"] for each in status["asked"]]) == ("EFFECTIVE", ["quality"])
        assert "Attest whether quality" in stage.ok("status", node="inspector")
        assert "quality" in stage.ok("why", "quality#2", node="inspector")
        stage.until("asked", lambda: [each for each in told if each["kind"] == "asked"])
        stage.ok("attest", "quality#2", "--true", node="inspector")
        found = stage.json("today", node="inspector")
        assert found["asked"] == []
        assert [each["outcome"] for each in found["said"]] in (["pending"], ["stands"])
        stage.ok("wait", node="buyer")
        assert [each["outcome"] for each in stage.json("today", node="inspector")["said"]] == ["stands"]
        stage.clock("2027-03-23T12:00:00Z")
        found = stage.json("today", node="supplier")
        assert [(each["subject"], each["who"]) for each in found["stalled"]] == [("quality", ["L"])]
        stage.ok("attest", "quality#2", "--true", node="laboratory")
        stage.ok("wait", node="buyer")
        assert [each["outcome"] for each in stage.json("today", node="laboratory")["said"]] == ["confirmed"]
        assert [each["outcome"] for each in stage.json("today", node="inspector")["said"]] == ["confirmed"]
        before = len(told)
        stage.clock("2027-04-01T12:00:00Z")  # nobody has spoken of the fourth week
        stage.until("unknown", lambda: [each for each in told[before:] if each["event"] == "unknown"])
    assert len({each["id"] for each in told}) == len(told)
    assert {each["arrangement"] for each in told} == {stage.hash}
    text = stage.ok("today", node="laboratory")
    assert "Your last attestation, that quality week 2 held: decided as it says: SUPPORTED." in text


@contextmanager
def watched(stage: Stage, node: str) -> Iterator[list[Any]]:
    """What `watch --json` prints, line by line, while it runs."""
    line = [str(PROGRAM), "watch", "--json", "--node", str(stage.folder / node)]
    found: list[Any] = []
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = process.stdout

        def read() -> None:
            found.extend(map(json.loads, lines))  # one by one, as they come

        thread = threading.Thread(target=read)
        thread.start()
        time.sleep(2)  # it has asked from where on to watch
        try:
            yield found
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            finally:
                process.kill()  # what has not ended by then would be waited for without end
                thread.join()


@pytest.mark.slow("three nodes run through two weeks")
def test_a_monitor_without_a_node_is_reminded(tmp_path: Path) -> None:
    """By the keeper, once somebody at the address has pressed the button; and no more once one link was followed."""
    with outside() as out:
        extra = settings(out, tmp_path).replace("calendar = true", "monitors = true").partition("[[notify.to]]")[0]
        with Stage(tmp_path, settings={"laboratory": extra}) as stage:
            (said,) = stage.json("remind", "eye@inspector.example", node="inspector")["nodes"].values()
            assert said == "asked"
            stage.until("the question", out.messages)
            (message,) = out.messages()
            text = message.get_body(("plain",)).get_content()
            link = next(word for word in text.split() if "/reminders/confirm/" in word)
            assert "<button>" in page(link)  # looking confirms nothing
            stage.clock(WEEK)
            stage.ok("wait", node="buyer")
            assert len(out.messages()) == 1
            assert "will come" in page(link, b"")
            stage.until("asked", lambda: "Attest whether quality" in out.texts())
            reminder = out.messages()[-1]
            assert reminder["To"] == "eye@inspector.example"
            assert "armslength attest quality#0" in out.texts()
            stop = reminder["List-Unsubscribe"].strip("<>")
            assert stop in out.texts()
            assert "No more" in page(stop, b"List-Unsubscribe=One-Click")
            count = len(out.messages())
            stage.clock("2027-03-15T01:00:00Z")
            stage.ok("wait", node="buyer")
            assert stage.json("today", node="inspector")["asked"]  # and what it is asked waits nowhere
            assert stage.json("notify-test", node="laboratory")["waiting"] == {}
            assert len(out.messages()) == count
            (said,) = stage.json("remind", "eye@inspector.example", node="inspector")["nodes"].values()
            assert "left alone" in said


def page(link: str, body: bytes | None = None) -> str:
    """What is shown; with a body the button is pressed."""
    with urllib.request.urlopen(link, body, timeout=20) as answer:
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        shown: str = answer.read().decode()
        return shown
