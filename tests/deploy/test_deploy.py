"""docs/deploy.md: a node behind the proxies that it shows, below a path, with the unit and the settings as printed."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from armslength.config import parse
from armslength.net.ways import ways
from tests.net.certificates import authority

PAGE = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text("utf-8")
PROGRAM = Path(sys.executable).with_name("armslength")
NAME, ADDRESS = "node.example.org", "https://node.example.org/arandia"


def block(language: str) -> str:
    """The page's first file in this language: a node's."""
    found, *_ = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return str(found)


def free() -> int:
    """A port that nobody else listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        found: int = listener.getsockname()[1]
    return found


@contextmanager
def node(folder: Path, listen: str) -> Iterator[None]:
    """A node that is up, made as the page says."""
    made = re.search(r"^armslength (init .*)$", block("sh"), re.MULTILINE)
    assert made is not None
    assert f"--address {ADDRESS}" in made[1]
    words = ["init", str(folder), "--name", "Arandia", "--address", ADDRESS, "--listen", listen]
    subprocess.run([PROGRAM, *words], check=True, capture_output=True)
    with subprocess.Popen([PROGRAM, "up", "--node", folder], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert "is up" in process.stdout.readline()
            yield
        finally:
            process.kill()


def get(port: int, path: str, trust: Path | None, host: str = "127.0.0.1") -> tuple[int, bytes]:
    """GET over TLS as a peer would, under the node's name; without `trust` plainly."""
    opened: socket.socket = socket.create_connection((host, port), timeout=10)
    if trust is not None:
        opened = ssl.create_default_context(cafile=trust).wrap_socket(opened, server_hostname=NAME)
    with opened as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode())
        data = b""
        while more := connection.recv(65536):
            data += more
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def wait_for(port: int) -> None:
    """Until somebody listens there."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail(f"nobody listens on {port}")


@contextmanager
def running(folder: Path, port: int, *command: str | Path) -> Iterator[None]:
    """A program that listens."""
    kept = {**os.environ, "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    words = [str(word) for word in command]
    with (folder / "log").open("w") as log, subprocess.Popen(words, cwd=folder, stderr=log, env=kept) as process:
        try:
            wait_for(port)
            yield
        finally:
            process.terminate()


def nginx(folder: Path, front: int, back: int, *, cut: bool) -> list[str | Path]:
    """The page's server in an nginx of our own."""
    server = block("nginx").replace("listen [::]:443 ssl;", "")
    server = server.replace("listen 443 ssl;", f"listen 127.0.0.1:{front} ssl;")
    server = server.replace("/etc/ssl/node.example.org.pem", str(folder / "server.pem"))
    server = server.replace("/etc/ssl/node.example.org.key", str(folder / "server.pem"))
    server = server.replace("http://127.0.0.1:8443;", f"http://127.0.0.1:{back}{'/' if cut else ''};")
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = f"daemon off; pid {folder}/pid; error_log stderr; events {{}} http {{ access_log off; {paths} {server} }}"
    (folder / "nginx.conf").write_text(text)
    return ["nginx", "-p", folder, "-c", folder / "nginx.conf"]


def caddy(folder: Path, front: int, back: int, *, cut: bool) -> list[str | Path]:
    """The page's site in a Caddy of our own, with a certificate that is given."""
    site = block("caddy").replace("127.0.0.1:8443", f"127.0.0.1:{back}")
    pem = folder / "server.pem"
    site = site.replace(f"{NAME} {{", f"https://{NAME}:{front} {{\n\tbind 127.0.0.1\n\ttls {pem} {pem}", 1)
    site = site.replace("handle /", "handle_path /") if cut else site
    options = "{\n\tadmin off\n\tauto_https disable_redirects\n}\n"
    (folder / "Caddyfile").write_text(options + site)
    return ["caddy", "run", "--config", folder / "Caddyfile", "--adapter", "caddyfile"]


@pytest.mark.parametrize("cut", [False, True], ids=["passed on", "cut off"])
@pytest.mark.parametrize("proxy", [nginx, caddy])
def test_a_node_behind_a_proxy_is_where_its_did_says(
    proxy: Callable[..., list[str | Path]], cut: bool, tmp_path: Path
) -> None:
    """Its document, the protocol's versions and its refusals come through, below its path; nothing else does."""
    if shutil.which(proxy.__name__) is None:
        pytest.skip(f"{proxy.__name__} is not installed")
    folder, front, back = tmp_path / "proxy", free(), free()
    folder.mkdir()
    authority(folder, NAME)
    trust = folder / "ca.pem"
    with node(tmp_path / "node", f"127.0.0.1:{back}"), running(folder, front, *proxy(folder, front, back, cut=cut)):
        status, body = get(front, "/arandia/did.json", trust)
        assert (status, json.loads(body)["id"]) == (200, "did:web:node.example.org:arandia")
        assert json.loads(body)["service"][0]["serviceEndpoint"] == f"{ADDRESS}/.well-known/dspace-version"
        assert get(front, "/arandia/.well-known/dspace-version", trust)[0] == 200
        assert get(front, "/arandia/armslength/1/arrangements", trust)[0] == 401
        assert get(front, "/arandia/nothing", trust)[0] == 404
        assert b"did:web" not in get(front, "/did.json", trust)[1]


@pytest.mark.parametrize("listen", ["[::1]", "[::]"])
def test_a_node_listens_on_ipv6(listen: str, tmp_path: Path) -> None:
    """On one address, or on all of them, IPv4 included."""
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    port = free()
    with node(tmp_path / "node", f"{listen}:{port}"):
        assert get(port, "/arandia/did.json", None, "::1")[0] == 200
        if listen == "[::]":
            assert get(port, "/arandia/did.json", None)[0] == 200


@pytest.mark.parametrize("listen", ["::1:8443", "[::1]", "8443", "host:", "host:99999", "[]:1", "a b:1", "[host]:x"])
def test_what_cannot_be_listened_on_is_refused(listen: str, tmp_path: Path) -> None:
    """An IPv6 address wants brackets; a port is a number."""
    words = [PROGRAM, "init", tmp_path / "n", "--address", ADDRESS, "--listen", listen]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, "--listen" in done.stderr, (tmp_path / "n").exists()) == (2, True, False)


def test_the_unit_is_one() -> None:
    """systemd finds nothing wrong with it but that the program is not installed there."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    text = block("ini")
    assert "armslength up --node /srv/armslength/arandia" in text
    unknown = re.findall(r"^(\w+)=", text, re.MULTILINE)
    assert len(unknown) == len(set(unknown))


def test_systemd_reads_the_unit(tmp_path: Path) -> None:
    """Every setting is known to systemd."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    unit = tmp_path / "armslength.service"
    unit.write_text(
        block("ini").replace("/opt/armslength/bin/armslength", sys.executable).replace("armslength\nExec", "root\nExec")
    )
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if "armslength.service" in line]
    assert not said, said


def test_the_settings_are_settings(tmp_path: Path) -> None:
    """The page's table is read, and means what the page says."""
    authority(tmp_path, NAME)
    (tmp_path / "ca.pem").rename(tmp_path / "authority.pem")
    config = parse(f'name = "n"\ndid = "did:web:n.example"\n{block("toml")}', tmp_path)
    found = ways(config)
    assert found.reach.allows("10.20.3.4")
    assert found.proxy == "http://proxy.example.org:3128"
    assert found.trust is not None


def test_check_says_whom_a_node_may_connect_to(tmp_path: Path) -> None:
    """Every other node in the terms, as this one sees it, with the ranges that its configuration opens."""
    terms = Path(__file__).parents[2] / "examples" / "quality" / "arrangement.yaml"
    words = [PROGRAM, "init", tmp_path / "n", "--address", "http://localhost:8811", "--development"]
    subprocess.run(words, check=True, capture_output=True)
    asked = [PROGRAM, "check", terms, "--node", tmp_path / "n"]
    seen = json.loads(subprocess.run([*asked, "--json"], check=True, capture_output=True, text=True).stdout)["network"]
    assert [(peer["actor"], peer["allowed"]) for peer in seen["peers"]] == [("B", True), ("L", True)]
    (tmp_path / "n" / "node.toml").write_text(
        'name = "n"\ndid = "did:web:n.example"\naddress = "https://n.example"\n[network]\nprivate = ["10.1.0.0/16"]\n'
    )
    said = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    assert "Seen from n (private ranges: 10.1.0.0/16" in said
    assert "NO      B  http://localhost:8812: must be https" in said
