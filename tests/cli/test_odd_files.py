"""Every verb, and what can be wrong with the files and streams around it: no traceback, no half-written file, and the
exit code that the help promises; 3 only where a node does not answer."""

from __future__ import annotations

import errno
import json
import os
import re
import resource
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from armslength.cli.__main__ import PARTS, run
from armslength.cli.examples import EXAMPLES
from armslength.cli.output import given, new_folder, take, write, written
from armslength.errors import Misuse, Stuck
from armslength.wire.manage import BundleFiles, FetchReport
from tests.wire.test_bundle import _small, files_of

PROGRAM = Path(sys.executable).with_name("armslength")
JULY = Path(__file__).parents[2] / "examples" / "july-2016" / "arrangement.yaml"
ODD = ("nothing", "folder", "pipe", "loop", "latin", "zeros")


def odd(tmp_path: Path, kind: str) -> Path:
    """A name under which there is no file as a command wants it."""
    path = tmp_path / f"odd-{kind}"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "latin":
        path.write_bytes(b"caf\xe9: 1\n")
    elif kind == "zeros":
        path.symlink_to("/dev/zero")
    return path


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle that holds."""
    folder = tmp_path / "bundle"
    for path, data in files_of(_small()).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """The folder of a node that is down."""
    folder = tmp_path / "node"
    assert run(["init", str(folder), "--address", "http://localhost:1", "--development", "--json"]) == 0
    return folder


@pytest.fixture
def monitor(tmp_path: Path) -> Path:
    """A monitor's folder, whose only node is down."""
    folder = tmp_path / "monitor"
    line = ["init", str(folder), "--monitor", "--nodes", "http://localhost:1", "--development", "--json"]
    assert run(line) == 0
    return folder


# What stands for F is an odd file; each line is a verb that reads or writes what it names.
READS = (
    "check F",
    "rehearse F",
    "rehearse E --script F",
    "new supplier-quality --answers F --out O",
    "propose F --node N",
    "counter F --node N",
    "attest --from F --node N",
    "status --weights F --bundle B",
    "report B --out O --weights F",
    "verify F",
    "counterparty did:web:b.example --from F",
    "report F --out O",
    "keys F",
    "status --bundle F",
    "why arrangement --bundle F",
    "record --bundle F",
    "card --node F",
    "up --node F",
    "status --node F",
    "attest k#0 --true --node F",
    "publish T1 x --node F",
    "restore F --node R",
)


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("line", READS)
def test_odd_input(
    line: str, kind: str, tmp_path: Path, node: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is not there, a folder, a pipe that nobody writes to, a link to itself, bytes that are no text, a
    file without end: refused with a reason, and nothing hangs or is written."""
    names = {
        "F": odd(tmp_path, kind),
        "E": JULY,
        "N": node,
        "B": bundle,
        "O": tmp_path / "out.html",
        "R": tmp_path / "restored",
    }
    capsys.readouterr()
    code = run([str(names.get(word, word)) for word in line.split()] + ["--json"])
    told = json.loads(capsys.readouterr().out)
    refused = code == 2 or (code == 1 and line.startswith(("check", "propose", "counter")))
    assert refused or (code == 3 and line.startswith("counter")), (code, told)
    assert told.get("reason") or told.get("problems")
    assert not (tmp_path / "out.html").exists()


def _nowhere(tmp_path: Path, kind: str) -> Path:
    """A name under which nothing can be written."""
    if kind == "no-folder":
        return tmp_path / "none" / "below" / "out"
    if kind == "below-a-file":
        (tmp_path / "plain").write_text("")
        return tmp_path / "plain" / "out"
    if kind == "read-only":
        return Path("/proc/self/out")
    if kind == "long":
        return tmp_path / ("x" * 300)
    if kind == "full":
        return Path("/dev/full")
    return odd(tmp_path, kind)


@pytest.mark.parametrize("kind", ["no-folder", "below-a-file", "read-only", "long", "full", "folder", "loop", "pipe"])
@pytest.mark.parametrize("verb", ["report", "fetch", "export", "init"])
def test_odd_output(
    verb: str, kind: str, tmp_path: Path, node: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """A place where nothing can be written: exit code 2 with the reason, and nothing is left anywhere."""
    target, plain = _nowhere(tmp_path, kind), tmp_path / "opened"
    plain.write_text("content")
    makes = kind in {"no-folder", "folder"} and verb in {"export", "init"}  # folders are made where they are missing
    fetched = FetchReport(stage="SETTLED", plain=str(plain), outcome="ok", done=1, total=1)
    monkeypatch.setattr("armslength.cli.files.ask", lambda *_, **__: fetched)
    exported = BundleFiles(arrangement="a" * 64, files={"one": "1", "two/three": "3"})
    monkeypatch.setattr("armslength.cli.proof.ask", lambda *_, **__: exported)
    before = sorted(tmp_path.rglob("*"))
    capsys.readouterr()
    line = {
        "report": ["report", str(bundle), "--out", str(target)],
        "fetch": ["fetch", "T1", "--out", str(target), "--node", str(node)],
        "export": ["export", str(target), "--node", str(node)],
        "init": ["init", str(target), "--address", "http://localhost:1", "--development", "--name", "n"],
    }[verb]
    code = run([*line, "--json"])
    told = json.loads(capsys.readouterr().out)
    assert code == (0 if makes else 2), told
    assert makes or told["reason"]
    assert makes or sorted(tmp_path.rglob("*")) == before
    assert not list(tmp_path.rglob("*.tmp"))


@contextmanager
def _room(size: int) -> Iterator[None]:
    """No file may grow beyond this."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("verb", ["report", "fetch", "export", "init"])
def test_no_room(
    verb: str, tmp_path: Path, node: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The disk is full in the middle: exit code 2, an earlier file stays as it was, nothing new is there; with room the
    same command goes well."""
    plain, target = tmp_path / "opened", tmp_path / "target"
    plain.write_bytes(bytes(10_000))
    fetched = FetchReport(stage="SETTLED", plain=str(plain), outcome="ok", done=1, total=1)
    monkeypatch.setattr("armslength.cli.files.ask", lambda *_, **__: fetched)
    exported = BundleFiles(arrangement="a" * 64, files={"one": "1", "two/three": "3" * 9000})
    monkeypatch.setattr("armslength.cli.proof.ask", lambda *_, **__: exported)
    line = {
        "report": ["report", str(bundle), "--out", str(target)],
        "fetch": ["fetch", "T1", "--out", str(target), "--node", str(node)],
        "export": ["export", str(target), "--node", str(node)],
        "init": ["init", str(target), "--address", "http://localhost:1", "--development"],
    }[verb]
    if verb == "report":
        target.write_text("earlier")
    before = {path: path.read_bytes() if path.is_file() else b"" for path in tmp_path.rglob("*")}
    capsys.readouterr()
    with _room(20 if verb == "init" else 4096):
        assert run([*line, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"] == "no-room"
    assert {path: path.read_bytes() if path.is_file() else b"" for path in tmp_path.rglob("*")} == before
    assert run([*line, "--json"]) == 0


def test_a_monitor_s_full_disk_promises_nothing(monitor: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What could not be kept is not sent again: exit code 2, not 3."""
    capsys.readouterr()
    with _room(100):
        assert run(["attest", "k#0", "--true", "--node", str(monitor), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["reason"]
    assert run(["attest", "k#0", "--true", "--node", str(monitor), "--json"]) == 3


def _stated(verb: str) -> str:
    """A statement's first example, for a node of a test."""
    return re.sub(r"--node \S+", "--node N", EXAMPLES[verb][0]).removeprefix("armslength ")


# One line for each verb that says something without a node; of those that need one, what they say where it is down.
SAYS: dict[str, int] = {
    "check E --english": 0,
    "rehearse E": 0,
    "rehearse E --until dispute": 1,
    "verify B": 0,
    "verify B --timeline": 0,
    "keys B": 0,
    "report B --out /dev/null": 0,
    "status --bundle B": 0,
    "why arrangement --bundle B": 0,
    "record --bundle B": 0,
    "card --node N": 0,
    "page": 0,
    "--help": 0,
    "check --help": 0,
    "frobnicate": 2,
    "init N": 2,
} | dict.fromkeys(
    (
        "propose E --node N", "counter E --node N", "inbox --node N", "sign --node N", f"accept {'a' * 64} --node N",
        f"decline {'a' * 64} --reason r --node N", *map(_stated, PARTS["say"]),
        "publish T1 E --node N", "fetch T1 --node N", "status --node N", "why T1 --node N",
        "counterparty did:web:b.example --node N", "record --node N", "wait --node N", "export O --node N",
        "backup N --node N", "clock set 5 --node N", "approvals list --node N", "approvals policy --node N",
        "console --no-browser --node N", "today --node N", "watch --node N", "notify-test --node N",
        "calendar --node N", "remind --stop --node N",
        "approvals policy E --node N", f"approvals show {'a' * 64} --node N", "approvals export O --node N",
        "approvals verify N", "approvals submit E --node N", f"approvals approve {'a' * 64} --key E --node N",
        f"approvals object {'a' * 64} --key E --node N", "approvals standing --until 5 --as E --node N",
    ),
    -1,
)  # fmt: skip


def _as_process(words: list[str], **how: Any) -> subprocess.CompletedProcess[bytes]:
    env = os.environ | how.pop("env", {})
    return subprocess.run([str(PROGRAM), *words], env=env, timeout=60, check=False, **how)


@pytest.mark.parametrize("line", SAYS)
def test_output_that_takes_nothing(
    line: str, tmp_path: Path, node: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Standard output that is full, or whose reader has gone: nothing is thrown; a success that nobody could see is
    none (1), and any other exit code stays as it was. Only what is wrong with the output is told."""
    names = {"E": JULY, "N": node, "B": bundle, "O": tmp_path / "out"}
    words = [str(names.get(word, word)) for word in shlex.split(line)]
    capsys.readouterr()
    true = run(words)
    said, told = capsys.readouterr()
    assert true in ({SAYS[line]} if SAYS[line] != -1 else {1, 2, 3}), told
    wanted = true or (1 if said else 0)
    reading, writing = os.pipe()
    os.close(reading)
    for broken in (os.open("/dev/full", os.O_WRONLY), writing):
        with open(broken, "w", encoding="utf-8") as stream, pytest.MonkeyPatch.context() as patched:
            patched.setattr(sys, "stdout", stream)
            assert run(words) == wanted
            with suppress(OSError):
                stream.flush()
            with Path(os.devnull).open("wb") as null:  # what waits in the stream goes somewhere
                os.dup2(null.fileno(), broken)
        err = capsys.readouterr().err
        assert ("No space left" in err) == (bool(said) and broken != writing)
        assert err.startswith(told)


@pytest.mark.slow("each way to spoil a stream is tried on a process of its own")
@pytest.mark.parametrize("line", ["verify B", "check E --english", "status --node N"])
def test_streams_of_a_process(line: str, tmp_path: Path, node: Path, bundle: Path) -> None:
    """The same for a process whose streams are full, closed or broken, to its very end."""
    names = {"E": JULY, "N": node, "B": bundle}
    words = [str(names.get(word, word)) for word in line.split()]
    true = _as_process(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wanted = true.returncode or 1
    with Path("/dev/full").open("wb") as full:
        done = _as_process(words, stdout=full, stderr=subprocess.PIPE)
        assert (done.returncode, b"Traceback" in done.stderr) == (wanted, False), done.stderr
        assert _as_process(words, stdout=full, stderr=full).returncode == wanted
    reading, writing = os.pipe()
    os.close(reading)
    done = _as_process(words, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (done.returncode, done.stderr) == (wanted, true.stderr)
    shell = ["bash", "-c", '"$0" "$@" >&-', str(PROGRAM), *words]
    closed = subprocess.run(shell, stderr=subprocess.PIPE, timeout=60, check=False)
    assert (closed.returncode, b"Traceback" in closed.stderr) == (wanted, False), closed.stderr


def test_every_verb_is_in_the_table() -> None:
    """A new verb wants its lines here."""
    known = {line.split()[0] for line in (*READS, *SAYS)}
    assert {verb for verbs in PARTS.values() for verb in verbs} - known == set()


@pytest.mark.parametrize(
    "env", [{"LANG": "C", "LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}]
)
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_output_that_has_not_all_characters(env: dict[str, str], form: list[str], tmp_path: Path) -> None:
    """What an encoding has not is written as JSON writes it: no traceback, and a document stays one."""
    file = tmp_path / "terms.yaml"
    file.write_text(
        JULY.read_text(encoding="utf-8").replace("title: ", "title: Zürich – 東京 😀 ", 1), encoding="utf-8"
    )
    shutil.copytree(JULY.parent / "cards", tmp_path / "cards")
    done = _as_process(
        ["check", str(file), "--english", *form], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert (done.returncode, done.stderr) == (0, b"")
    if form:
        assert "Zürich – 東京 😀" in json.loads(done.stdout.decode(env.get("PYTHONIOENCODING", "utf-8")))["title"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
@pytest.mark.parametrize("make", [lambda path: written(path), lambda path: new_folder(path)])
def test_what_fails_in_the_middle_is_not_there(make: Callable[[Path], Any], code: int, tmp_path: Path) -> None:
    """Whatever the disk says in the middle of a file or a folder: neither it nor a draft of it is left."""

    def fill() -> None:
        with make(tmp_path / "new") as made:
            if isinstance(made, Path):
                (made / "part").write_text("half")
            else:
                made.write(b"half")
            raise OSError(code, os.strerror(code))

    with pytest.raises(Stuck if code in {errno.ENOSPC, errno.EDQUOT} else Misuse):
        fill()
    assert list(tmp_path.iterdir()) == []


def test_files_keep_their_names_and_links(tmp_path: Path) -> None:
    """A link to a file stays a link, an earlier file is replaced whole, and one that must not be there is kept."""
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("earlier")
    link.symlink_to(real)
    write(link, b"later")
    assert link.is_symlink()
    assert real.read_bytes() == b"later"
    with pytest.raises(Misuse, match="already"):
        take(real, link)
    with pytest.raises(Misuse, match="no such file"):
        take(tmp_path / "gone", tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "real"]
    with pytest.raises(Misuse, match="more than 4"):
        given(real, 4)
