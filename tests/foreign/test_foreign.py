"""Bundles under other people's code: what Go's and JavaScript's libraries accept, and what they refuse.

Skipped, with the reason, where Go or Node are missing or their pinned modules cannot be had.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from armslength.core.arrangement.bodies import Attest, Sign
from armslength.core.record.note import Note, parse
from armslength.wire import bundle
from tests.golden.terms import at
from tests.record_builder import Builder, clause_texts, golden_record, signer

HERE = Path(__file__).parent
Check = Callable[[Path], subprocess.CompletedProcess[str]]


def run(*command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a foreign program; its output as text."""
    return subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="session", name="go")
def _go(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Go checker, built."""
    if not shutil.which("go"):
        pytest.skip("Go is not installed")
    if (got := run("go", "mod", "download", cwd=HERE / "go")).returncode:
        pytest.skip(f"the Go modules cannot be had: {got.stderr.strip().splitlines()[-1:]}")
    program = tmp_path_factory.mktemp("go") / "foreign"
    built = run("go", "build", "-o", program, ".", cwd=HERE / "go")
    assert built.returncode == 0, built.stderr
    return program


@pytest.fixture(scope="session", name="node")
def _node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The JavaScript checker with its modules."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("Node is not installed")
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "package-lock.json", "check.mjs"):
        shutil.copy(HERE / "node" / name, folder)
    got = run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder)
    if got.returncode:
        pytest.skip(f"the Node modules cannot be had: {got.stderr.strip().splitlines()[-1:]}")
    return folder / "check.mjs"


@pytest.fixture(params=["go", "node"], name="check")
def _check(request: pytest.FixtureRequest) -> Check:
    """Either checker, as a function of a bundle's folder."""
    program = request.getfixturevalue(request.param)
    command = [program, "bundle"] if request.param == "go" else ["node", program]
    return lambda folder: run(*command, folder)


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write a bundle's files below a folder."""
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def files_of(builder: Builder) -> dict[str, bytes]:
    """The builder's bundle, exported by A."""
    return bundle.build(builder.replica, builder.leaves, clause_texts(), "A", signer("A"))


@pytest.fixture(scope="session", name="small")
def _small() -> dict[str, bytes]:
    builder = Builder()
    builder.enter("A", Sign(), at(-3))
    builder.enter("B", Sign(), at(-3))
    builder.seal(at(-3))
    for monitor in ("m1", "m2", "m3"):
        builder.enter(monitor, Attest(claim="k1a", period=0, value=False), at(0, 1))
    builder.seal(at(0, 1))
    return files_of(builder)


def test_foreign_code_accepts_the_golden_bundle(check: Check, tmp_path: Path) -> None:
    """Checkpoint, cosignatures and every receipt verify, over the tree that we computed."""
    builder = golden_record()
    done = check(write(tmp_path, files_of(builder)))
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    size = builder.replica.size - 1
    assert (said["size"], said["receipts"]) == (size, size)
    root = bytes.fromhex(builder.replica.head_at(size).tree_root)
    assert said["root"] in (root.hex(), parse((tmp_path / "checkpoint").read_text()).text.splitlines()[2])


R2, LINES = "receipts/00000002.tlog-proof", "record/00000000.jsonl"


def _cosignature(data: bytes) -> bytes:
    note = parse(data)
    return Note(note.text, note.signatures[:2]).encode().encode()


ALTERED: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "the checkpoint's size": ("checkpoint", lambda data: data.replace(b"\n6\n", b"\n5\n", 1)),
    "too few cosignatures": ("checkpoint", _cosignature),
    "a receipt's index": (R2, lambda data: data.replace(b"index 2", b"index 3")),
    "a receipt's path": (R2, lambda data: data.replace(data.split(b"\n")[2], data.split(b"\n")[3], 1)),
    "a leaf": (LINES, lambda data: data.replace(b'"value":false', b'"value":true', 1)),
    "a leaf's order": (LINES, lambda data: b"".join([*data.splitlines(True)[1::-1], *data.splitlines(True)[2:]])),
}


@pytest.mark.parametrize("name", ALTERED)
def test_foreign_code_refuses_what_was_altered(
    check: Check, small: dict[str, bytes], tmp_path: Path, name: str
) -> None:
    """The same bundle with one thing changed."""
    path, change = ALTERED[name]
    altered = {**small, path: change(small[path])}
    assert altered[path] != small[path]
    assert check(write(tmp_path / "good", small)).returncode == 0
    assert check(write(tmp_path / "bad", altered)).returncode != 0


SEMANTIC: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "a stamp's time": (LINES, lambda data: data.replace(b'"time":', b'"time":1', 1), "stamp not signed"),
    "the manifest": ("manifest.json", lambda data: data.replace(b'"exporter":"A"', b'"exporter":"B"'), "exporter"),
    "a clause": ("clauses/C5.txt", lambda data: data + b" ", "clause C5"),
}


@pytest.mark.parametrize("name", SEMANTIC)
def test_the_second_implementation_checks_stamps_clauses_and_manifest(
    node: Path, small: dict[str, bytes], tmp_path: Path, name: str
) -> None:
    """And says which of them does not hold."""
    path, change, words = SEMANTIC[name]
    done = run("node", node, write(tmp_path, {**small, path: change(small[path])}))
    assert done.returncode == 1
    assert words in done.stderr


def test_the_merkle_vectors_are_what_go_computes(go: Path) -> None:
    """tests/vectors/merkle.json is what another implementation says today."""
    done = run(go, "vectors")
    assert json.loads(done.stdout) == json.loads((HERE.parent / "vectors" / "merkle.json").read_text())
