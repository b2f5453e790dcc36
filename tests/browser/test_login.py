"""People of an organisation log in at their provider, in a real browser, at a real node."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from subprocess import PIPE, Popen, run

import pytest
import uvicorn
from playwright.sync_api import Browser, Page

from tests.browser.stage import everywhere, watched
from tests.e2e.stage import PROGRAM, free_port
from tests.login.provider import CLIENT, SECRET, TestProvider


class LoginStage:
    """A node with `[console]`, and a provider, each at a port of this machine."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.address = f"http://127.0.0.1:{free_port()}"
        issuer = f"http://127.0.0.1:{free_port()}"
        self.provider = TestProvider(issuer, time.time, "ES256")
        self._serve(int(issuer.rpartition(":")[2]), stack)
        node = folder / "node"
        run(
            [PROGRAM, "init", node, "--address", f"http://localhost:{free_port()}", "--development"],
            check=True, capture_output=True,
        )  # fmt: skip
        (node / "secret").write_text(SECRET)
        with (node / "node.toml").open("a") as file:
            file.write(
                f'[console]\naddress = "{self.address}"\nlisten = "{self.address.removeprefix("http://")}"\n'
                f'issuer = "{issuer}"\nclient_id = "{CLIENT}"\nclient_secret_file = "secret"\nroles_claim = "groups"\n'
                '[console.roles.operator]\nclaims = ["staff"]\n[console.roles.administrator]\nclaims = ["admins"]\n'
            )
        process = stack.enter_context(Popen([PROGRAM, "up", "--node", node], stdout=PIPE, text=True))
        stack.callback(process.terminate)
        assert process.stdout is not None
        assert "is up" in process.stdout.readline()

    def _serve(self, port: int, stack: ExitStack) -> None:
        server = uvicorn.Server(uvicorn.Config(self.provider.app, port=port, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        stack.callback(thread.join)
        stack.callback(setattr, server, "should_exit", True)
        while not server.started:
            time.sleep(0.01)


@pytest.fixture(scope="module")
def login_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoginStage]:
    """Started once."""
    with ExitStack() as stack:
        yield LoginStage(tmp_path_factory.mktemp("login"), stack)


@pytest.fixture
def at_login(chrome: Browser, login_stage: LoginStage) -> Iterator[tuple[LoginStage, Page]]:
    """The stage, where nobody is in any group, and a browser that has seen nothing yet."""
    login_stage.provider.person.pop("groups", None)
    with chrome.new_context() as context:
        yield login_stage, context.new_page()


def test_a_person_logs_in_looks_and_logs_out(at_login: tuple[LoginStage, Page]) -> None:
    """To the provider and back by one click; what was done stands in the trail; afterwards nothing is shown."""
    stage, page = at_login
    told = watched(page)
    stage.provider.person["groups"] = ["staff", "admins"]
    page.goto(stage.address)
    assert page.url == f"{stage.address}/login"
    told.clear()  # the browser notes that the answer is a 401
    page.get_by_role("link", name="Log in").click()
    page.wait_for_url(f"{stage.address}/")
    page.get_by_text("You are Kaja Berg").wait_for()
    everywhere(page, "audit", lambda: page.goto(f"{stage.address}/audit"))
    assert page.get_by_text("as operator, administrator").count() == 1
    assert not told
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url(f"{stage.address}/login")
    everywhere(page, "login", lambda: page.goto(f"{stage.address}/login"))
    page.goto(f"{stage.address}/audit")
    assert page.url == f"{stage.address}/login"


def test_a_person_without_a_role_is_told_so(at_login: tuple[LoginStage, Page]) -> None:
    """And a reader of nothing cannot see the trail."""
    stage, page = at_login
    page.goto(f"{stage.address}/login/start")
    page.get_by_text("you have no role at this console").wait_for()
    stage.provider.person["groups"] = ["staff"]
    page.goto(f"{stage.address}/login/start")
    page.get_by_text("You are Kaja Berg").wait_for()
    page.goto(f"{stage.address}/audit")
    page.get_by_text("those who administer the console").wait_for()
