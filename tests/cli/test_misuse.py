"""What the command line says, and with which exit code, when something is wrong."""

from __future__ import annotations

import json
import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from armslength.cli.__main__ import PARTS, application, run
from armslength.errors import Misuse, Refused
from armslength.net.local import listening
from armslength.wire.manage import (
    ArrangementList,
    ArrangementSummary,
    BundleFiles,
    FetchReport,
    InboxList,
    ListedProposal,
    NodeView,
    SealingReport,
    StatementResult,
    StatementResults,
    Verb,
)
from tests.terms_base import replaced


def _json(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_every_verb_is_registered_by_the_file_that_is_said_to_have_it() -> None:
    """The table of verbs by file, from which commands are imported lazily, is the truth."""
    everything = set(application())
    for verbs in PARTS.values():
        for verb in verbs:
            assert verb in set(application(verb))
            assert verb in everything


def test_a_folder_without_an_identity_is_misuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Commands for a node in an empty folder say how to make one, and exit with 2."""
    assert run(["status", "--node", str(tmp_path), "--json"]) == 2
    assert "armslength init" in str(_json(capsys)["reason"])


def test_a_node_that_is_down_is_told_with_exit_code_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where no node answers, the command that starts it is named."""
    folder = tmp_path / "node"
    assert run(["init", str(folder), "--address", "http://localhost:1", "--development", "--json"]) == 0
    capsys.readouterr()
    assert run(["status", "--node", str(folder), "--json"]) == 3
    assert "armslength up" in str(_json(capsys)["reason"])


@pytest.mark.parametrize("how", ["busy", "ended"])
def test_a_node_at_work_is_not_called_down(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A node that is up and has not answered yet, or has ended in the middle, is not started a second time."""
    node = _node(tmp_path)
    monkeypatch.setattr("armslength.net.owner.TIMEOUT_S", 0.2)
    capsys.readouterr()
    with listening(tmp_path / "node" / "manage.sock") as owner:

        def answer() -> None:
            connection, _ = owner.accept()
            connection.recv(100)
            done.wait(5 if how == "busy" else 0)
            connection.close()

        done = threading.Event()
        answering = threading.Thread(target=answer)
        answering.start()
        assert run(["status", *node, "--json"]) == 3
        done.set()
        answering.join()
    told = _json(capsys)
    assert told["error"] == f"node-{how}"
    assert "armslength up" not in str(told["reason"])


def test_init_keeps_its_secrets_to_its_owner_and_never_overwrites(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Keys and configuration are private files in a private folder; a second init changes nothing."""
    folder = tmp_path / "node"
    assert run(["init", str(folder), "--address", "https://node.example.org", "--json"]) == 0
    card = _json(capsys)
    assert card["did"] == "did:web:node.example.org"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in [*(folder / "keys").iterdir(), folder / "node.toml"]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert not any(path.read_text().strip() in str(value) for value in card.values())
    before = (folder / "keys" / "entries.key").read_bytes()
    assert run(["init", str(folder), "--address", "https://node.example.org", "--json"]) == 2
    assert (folder / "keys" / "entries.key").read_bytes() == before


@pytest.mark.parametrize("address", ["http://node.example.org", "ftp://node.example.org", "node.example.org"])
def test_plain_http_is_for_development_only(address: str, tmp_path: Path) -> None:
    """An address that is not https is refused, and no folder is made."""
    assert run(["init", str(tmp_path / "node"), "--address", address]) == 2
    assert not (tmp_path / "node").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["attest", "k2#7"],
        ["attest", "k2#seven", "--true"],
        ["attest", "k2#9-7", "--true"],
        ["attest", "--true"],
        ["allege", "k2#x"],
        ["notify", "k2", "--start", "tomorrow", "--end", "2016-07-24T00:00:00Z"],
    ],
)
def test_malformed_statements_are_misuse(arguments: list[str], tmp_path: Path) -> None:
    """A statement that cannot be meant is refused before any key is touched."""
    assert run([*arguments, "--node", str(tmp_path)]) == 2


def test_a_bad_line_in_a_file_of_attestations_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`attest --from` names the line that it cannot read."""
    file = tmp_path / "said"
    file.write_text("# day 7\ntrue k2#7\nperhaps k2#8\n", encoding="utf-8")
    assert run(["attest", "--from", str(file), "--node", str(tmp_path), "--json"]) == 2
    assert "line 3" in str(_json(capsys)["place"])


def test_verify_of_nothing_is_misuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that is not there, or that holds no bundle, is misuse."""
    assert run(["verify", str(tmp_path / "none")]) == 2
    (tmp_path / "notes.txt").write_text("no bundle")
    assert run(["verify", str(tmp_path), "--json"]) == 2
    assert "no bundle to read" in str(_json(capsys)["reason"])


@pytest.mark.parametrize("pin", ["271bdbb416b1", "A" * 64, "0" * 65, ""])
def test_a_pin_is_a_whole_hash(pin: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--expect` takes 64 digits and nothing else, in `verify` as in `report`."""
    for verb in (["verify", str(tmp_path)], ["report", str(tmp_path), "--out", str(tmp_path / "page.html")]):
        assert run([*verb, "--expect", pin, "--json"]) == 2
        assert "all 64 digits" in str(_json(capsys)["reason"])


def test_a_report_on_what_does_not_hold_replaces_nothing(tmp_path: Path) -> None:
    """An earlier page stays as it is where there is no bundle that holds."""
    page = tmp_path / "page.html"
    page.write_text("earlier")
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "manifest.json").write_text("{}")
    assert run(["report", str(tmp_path / "bundle"), "--out", str(page)]) == 1
    assert run(["report", str(tmp_path), "--out", str(page)]) == 2
    assert page.read_text() == "earlier"


def test_a_monitor_needs_a_node_to_talk_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`init --monitor` without `--nodes` makes nothing and gives an example."""
    assert run(["init", str(tmp_path / "m1"), "--monitor", "--json"]) == 2
    assert "--nodes https://" in str(_json(capsys)["reason"])
    assert not (tmp_path / "m1").exists()


def _node(tmp_path: Path) -> list[str]:
    folder = tmp_path / "node"
    assert run(["init", str(folder), "--address", "http://localhost:1", "--development"]) == 0
    return ["--node", str(folder)]


@pytest.mark.parametrize(
    ("statuses", "code"), [(("placed",), 0), (("placed", "pending"), 0), (("pending",), 3), (("pending", "refused"), 1)]
)
def test_a_statement_that_waits_is_no_success(
    statuses: tuple[str, ...],
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """If nothing was placed the exit code says that nobody answers; a refusal names the arrangement."""
    node = _node(tmp_path)
    told = tuple(
        StatementResult(entry="e" * 64, type="resume", status=each, code="no-answer", reason="why") for each in statuses
    )
    answer = StatementResults(arrangement="a" * 64, title="Trials", said=told)
    monkeypatch.setattr("armslength.cli.say.ask", lambda *_, **__: answer)
    capsys.readouterr()
    assert run(["resume", *node]) == code
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(statuses)
    for line, status in zip(lines, statuses, strict=True):
        assert status in line
        assert ("no-answer" in line and "(in Trials, aaaaaaaaaaaa)" in line) == (status == "refused")


def test_sign_lists_what_could_be_signed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Between several terms, `sign` says how to choose, and of each who proposed it, what it replaces, who signed."""
    from armslength.cli.terms import read_file
    from armslength.wire.terms_json import encode_terms

    terms = read_file(Path(__file__).parents[2] / "examples" / "july-2016" / "arrangement.yaml").terms
    first_one = ArrangementSummary(
        arrangement="a" * 64,
        title=terms.title,
        state="PROPOSED",
        proposed_by=terms.actors["A"].did or "",
        note="",
        signed=("A",),
        me="A",
        document=encode_terms(terms).decode(),
        texts={},
    )
    answer = {"arrangement": "b" * 64, "proposed_by": terms.actors["B"].did, "replaces": "a" * 64, "signed": ()}
    listed = ArrangementList(arrangements=(first_one, replace(first_one, **answer)))  # type: ignore[arg-type]
    other = ListedProposal(
        arrangement="c" * 64, title="Another one", by={"did:web:x.example": None}, roles=(), note="", size=1, at=1
    )

    def several(*_: object, **__: object) -> object:
        raise Misuse("which-arrangement", "say which with --arrangement: …")

    def shown(_: object, verb: Verb[object, object], __: object) -> object:
        return listed if verb.name == "list" else InboxList(proposals=(other,))

    node = _node(tmp_path)
    monkeypatch.setattr("armslength.cli.say.ask", several)
    monkeypatch.setattr("armslength.cli.agree.ask", shown)
    capsys.readouterr()
    assert run(["sign", *node]) == 2
    first, second, third, last = capsys.readouterr().err.splitlines()
    assert "armslength sign HASH" in last
    for words in ("aaaaaaaaaaaa", "proposed by Arandia", "answered by bbbbbbbbbbbb", "signed by Arandia"):
        assert words in first
    for words in ("bbbbbbbbbbbb", "proposed by Borovia", "to replace aaaaaaaaaaaa", "signed by nobody"):
        assert words in second
    for words in ("cccccccccccc", "Another one", "waits for you", "proposed by did:web:x.example"):
        assert words in third


def test_unsound_terms_are_not_sent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`propose` prints the errors as `check` does, with their place and line."""
    file = tmp_path / "terms.yaml"
    file.write_text(replaced("{quorum: 2, of: [S, B, L]}", "{quorum: 1, of: [S, B, L]}"))
    assert run(["propose", str(file), *_node(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert "error   S01  timekeepers.quorum (line 36): " in told
    assert "nothing is sent" in told


def test_status_names_its_arrangement_and_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first line has title and hash; what else is held here is one line, only where there is any."""
    from armslength.cli import look
    from tests.golden.terms import at
    from tests.views.fold import golden

    folded = golden()
    state = folded.at(at(10, 2))
    for others in ({}, {"b" * 64: "Trials"}):
        view = NodeView(
            arrangement="a" * 64,
            document="",
            state=state,
            sealed_state=state,
            state_root="",
            tree_root="",
            size=1,
            sealed=1,
            now=at(10, 2),
            heard={},
            transfers={},
            suspended={},
            sealing={},
            troubles=(),
            me="A",
            absent={},
            others=others,
            arrangements=1 + len(others),
        )
        seen = look.Viewed("a" * 64, folded.terms, state, None, view)
        monkeypatch.setattr(look, "look", lambda *_, seen=seen: seen)
        assert run(["status"]) == 0
        told = capsys.readouterr().out
        assert told.startswith(f"{folded.terms.title} (aaaaaaaaaaaa) is ")
        assert ("bbbbbbbbbbbb (Trials)" in told) == bool(others)


@pytest.mark.parametrize("wait", [[], ["--wait"]])
def test_nothing_is_waited_for_that_will_not_come(
    wait: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`fetch` of a forfeited tranche ends at once and says so."""
    answer = FetchReport(stage="FORFEITED", done=0, total=0)
    monkeypatch.setattr("armslength.cli.files.ask", lambda *_, **__: answer)
    node = _node(tmp_path)
    capsys.readouterr()
    assert run(["fetch", "T1", *wait, *node, "--json"]) == 1
    assert "will not be delivered" in str(_json(capsys)["reason"])


def test_publish_repeats_the_embargo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever holds a key back is told until when, and from when on that would be late."""
    answer = SealingReport(
        arrangement="a" * 64,
        over=True,
        done=3,
        total=3,
        size=3,
        plain_root="c" * 64,
        cipher_root="d" * 64,
        release_by=7200,
    )
    node = _node(tmp_path)
    for after in (None, 1469340060):
        monkeypatch.setattr(
            "armslength.cli.files.ask", lambda *_, after=after, **__: replace(answer, release_after=after)
        )
        capsys.readouterr()
        assert run(["publish", "T1", str(tmp_path / "x"), "--media-type", "text/csv", *node]) == 0
        told = capsys.readouterr().out
        assert ("The key will not leave before 24 Jul 2016 06:01 UTC" in told) == (after is not None)
        assert ("its release is due 2h after it is delivered" in told) == (after is not None)


def test_what_a_peer_writes_cannot_steer_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reasons that come from other nodes are shown without control characters, as an error or beside a result."""
    folder = tmp_path / "node"
    assert run(["init", str(folder), "--address", "http://localhost:1", "--development"]) == 0
    hostile = "no\x1b[2J\x9b1mway\u202e"

    def refuse(*_: object, **__: object) -> object:
        raise Refused("no", hostile, hostile)

    def answer(_: object, verb: Verb[object, object], __: object) -> object:
        said = StatementResult(entry="e" * 64, type="sign", status="refused", code="no", reason=hostile)
        fetched = FetchReport(stage="LOCKED", done=0, total=0, trouble=hostile)
        said_all = StatementResults(arrangement="a" * 64, title=hostile, said=(said,))
        return said_all if verb.name == "say" else fetched

    for ask in (refuse, answer):
        for file in ("say", "files"):
            monkeypatch.setattr(f"armslength.cli.{file}.ask", ask)
        for arguments in (["sign"], ["fetch", "T1"]):
            assert run([*arguments, "--node", str(folder)]) == 1
    out, err = capsys.readouterr()
    assert (out + err).count("way") >= 4
    assert not {"\x1b", "\x9b", "\u202e"} & set(out + err)


@pytest.mark.parametrize("path", ["../outside", "/outside", "record/../../outside"])
def test_export_writes_into_its_folder_only(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever answers on the node's port names no file outside the folder."""
    folder = tmp_path / "node"
    assert run(["init", str(folder), "--address", "http://localhost:1", "--development"]) == 0
    answer = BundleFiles(arrangement="a" * 64, files={path: "text"})
    monkeypatch.setattr("armslength.cli.proof.ask", lambda *_, **__: answer)
    assert run(["export", str(tmp_path / "bundle"), "--node", str(folder)]) == 2
    assert not (tmp_path / "outside").exists()


def test_unknown_commands_and_options_are_misuse() -> None:
    """Nothing happens, exit code 2."""
    assert run(["frobnicate"]) == 2
    assert run(["verify", "--frobnicate"]) == 2


def test_a_claim_that_has_periods_is_not_attested_without_one() -> None:
    """What is named without a period must be an event: nobody signs for period 0 by mistake."""
    from armslength.engine.transport import check_events
    from armslength.errors import Misuse
    from tests.golden.terms import golden_terms

    check_events(golden_terms(), ["k5a"])
    with pytest.raises(Misuse, match="k2#0"):
        check_events(golden_terms(), ["k5a", "k2"])


@pytest.mark.parametrize("verb", [["status"], ["why", "T1"], ["today"]])
def test_a_monitor_is_told_that_no_node_answers(
    verb: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a monitor sees nodes show it: where none answers, exit code 3."""
    line = ["init", str(tmp_path / "m1"), "--monitor", "--nodes", "http://localhost:1", "--development", "--json"]
    assert run(line) == 0
    capsys.readouterr()
    assert run([*verb, "--node", str(tmp_path / "m1"), "--json"]) == 3
    assert _json(capsys)["error"] == "no-node"


@pytest.mark.parametrize("verb", [["record"]])
def test_a_monitors_folder_names_the_way_without_a_node(
    verb: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A monitor holds no record: the refusal of views names --bundle and how one is made."""
    folder = tmp_path / "m1"
    assert run(["init", str(folder), "--monitor", "--nodes", "https://node.example.org", "--json"]) == 0
    capsys.readouterr()
    assert run([*verb, "--node", str(folder), "--json"]) == 2
    reason = str(_json(capsys)["reason"])
    assert "--bundle FOLDER" in reason
    assert "armslength export" in reason


def test_terms_that_do_not_compile_are_told_line_by_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`propose` says each problem on a line of its own; a key with a line break in it fakes no further line."""
    assert run(["init", str(tmp_path / "n"), "--address", "https://node.example.org", "--json"]) == 0
    file = tmp_path / "terms.yaml"
    file.write_text('"x\\nHOLDS: forged": 1\ntitle: t\n')
    capsys.readouterr()
    for verb in (["check", str(file)], ["propose", str(file), "--node", str(tmp_path / "n")]):
        assert run(verb) == 1
        captured = capsys.readouterr()
        assert "forged" in captured.out + captured.err
        assert not any(line.startswith("HOLDS") for line in (captured.out + captured.err).splitlines())


def test_a_bundle_of_another_arrangement_is_not_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--arrangement` with `--bundle` takes a hash or its beginning, and says whose bundle it is if it does not fit."""
    from tests.wire.test_bundle import _small, files_of

    for path, data in files_of(_small()).items():
        (tmp_path / "bundle" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "bundle" / path).write_bytes(data)
    assert run(["verify", str(tmp_path / "bundle"), "--json"]) == 0
    whole = str(_json(capsys)["arrangement"])
    for name, code in ((whole[:8], 0), (whole, 0), ("0" * 8, 1)):
        assert run(["status", "--bundle", str(tmp_path / "bundle"), "--arrangement", name, "--json"]) == code
        assert code == 0 or whole[:12] in str(_json(capsys)["reason"])
        capsys.readouterr()


def test_a_trial_is_verified_as_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where time is simulated, `verify` says so: the record proves an order and no dates (rule 2.7c)."""
    from tests.wire.test_bundle import _small, files_of

    for path, data in files_of(_small()).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    assert run(["verify", str(tmp_path)]) == 0
    assert "(simulated time)" in capsys.readouterr().out


@pytest.mark.parametrize("name", [".DS_Store", "record/Thumbs.db", "._manifest.json", "desktop.ini"])
def test_what_a_file_manager_leaves_is_called_so(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that somebody has looked at is not tampered with: it says which file to remove."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"x")
    (tmp_path / "manifest.json").write_bytes(b"{}")
    assert run(["verify", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert name in said
    assert "file manager" in said
