"""`backup` and `restore`: everything of a node or monitor in another folder, and back."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from armslength.cli.context import AsJson, NodeFolder, show
from armslength.cli.output import given, new_folder
from armslength.config import FILE, Config, load
from armslength.errors import DONE, Malformed, Misuse, Unverified, unusable
from armslength.wire.backup import MANIFEST, BackupManifest, FileCopy, decode_manifest, encode_manifest

LARGEST: Final = 256 * 1024 * 1024  # bytes of a manifest
BLOCK: Final = 1024 * 1024


def backup(to: Path, /, *, node: NodeFolder = Path(), json: AsJson = False) -> int:
    """Copy everything of a node or a monitor into a new folder: keys, configuration, database, files, and a manifest of
    their hashes. The node may keep running; the copy of its database is a consistent snapshot.

    The copy contains the private keys: protect it as you protect them. One-time keys, file keys and agreements
    made after it are lost with the node, whatever the record says: back up often, and after every `publish`.

    Parameters
    ----------
    to
        The new folder: it must not exist or be empty, and lie outside the node's own.
    """
    config = load(node)
    if to.resolve().is_relative_to(node.resolve()):
        raise Misuse("inside", "is inside the folder to be copied", str(to))
    with new_folder(to) as draft:
        draft.chmod(0o700)
        files = dict[str, FileCopy]()
        if config.database.exists():
            from armslength.store.copying import copy_database

            copy_database(config.database, draft / config.database.name)
            (draft / config.database.name).chmod(0o600)
            files[config.database.name] = _hashed(draft / config.database.name)
        for path in _to_copy(config):  # after the database: it names none that is not there yet
            name = path.relative_to(config.folder).as_posix()
            try:
                files[name] = _copied(path, draft / name)
            except FileNotFoundError:  # it has just been replaced by another
                continue
        made = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        manifest = BackupManifest(did=config.did, name=config.name, made=made, files=files)
        _private(draft / MANIFEST, encode_manifest(manifest))
    size = sum(each.size for each in files.values())
    done = {"folder": str(to), "did": config.did, "made": made, "files": len(files), "bytes": size}
    show(
        done,
        as_json=json,
        text=f"Copied {len(files)} files ({size} bytes) of {config.name} to {to}. It holds its keys.",
    )
    return DONE


def restore(
    source: Annotated[Path, Parameter(name="FROM")], /, *,
    node: Annotated[Path, Parameter(name=["--node", "-n"])], json: AsJson = False,
) -> int:  # fmt: skip
    """Make a folder for a node or a monitor from a backup. Every file is compared with the manifest before anything is
    written.

    The node then knows that it was restored: in each arrangement it makes no statement until the others have
    told it what it had said since. Never run it alongside the node that it was copied from.

    Parameters
    ----------
    source
        The folder that `backup` has made.
    node
        The folder to make: one that is not there yet, or empty.
    """
    manifest = _manifest(source)
    _compare(source, manifest.files)
    with new_folder(node) as draft:
        draft.chmod(0o700)
        for name, known in manifest.files.items():
            if _copied(source / name, draft / name) != known:
                raise Unverified("changed", "has changed since it was compared", file=name)
    config = load(node)
    text = (
        f"Restored {config.name} of {manifest.made} in {node}. It first asks the others what it has said since:"
        f" `armslength status` tells for whom it waits."
    )
    done = {"folder": str(node), "did": config.did, "made": manifest.made, "files": len(manifest.files)}
    show(done, as_json=json, text=text)
    return DONE


def _to_copy(config: Config) -> Iterator[Path]:
    """Every file of a folder but the database, what lies beside it, and what is only there while a node runs."""
    stem, ours = config.database.stem, config.database.name
    for folder, folders, names in os.walk(config.folder):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            beside = path.parent == config.folder and (name.startswith(ours) or path.stem == stem)
            if path.is_file() and not beside and not (name.startswith(".") and name.endswith(".tmp")):
                yield path


def _manifest(source: Path) -> BackupManifest:
    """What a backup says that it holds. Raises Misuse for what is none."""
    path = source / MANIFEST
    if not path.is_file():
        raise Misuse("no-backup", f"holds no backup: there is no {MANIFEST}", str(source))
    try:
        return decode_manifest(given(path, LARGEST), FILE)
    except Malformed as error:
        raise Unverified("bad-manifest", f"is not a manifest of a backup: {error}", file=str(path)) from None


def _compare(source: Path, files: dict[str, FileCopy]) -> None:
    """Raise Unverified unless the folder holds exactly these files."""
    there = {
        path.relative_to(source).as_posix() for path in source.rglob("*") if not path.is_dir() or path.is_symlink()
    }
    if more := sorted(there - files.keys() - {MANIFEST}):
        raise Unverified("extra-file", "is not in the manifest", file=more[0])
    for name, known in files.items():
        if name not in there or (source / name).is_symlink():
            raise Unverified("missing-file", "is in the manifest, but missing", file=name)
        if _hashed(source / name) != known:
            raise Unverified("changed-file", "is not what the manifest says", file=name)


def _hashed(path: Path) -> FileCopy:
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
                size += len(block)
    except OSError as error:
        raise unusable(error, path) from error
    return FileCopy(sha256=digest.hexdigest(), size=size)


def _copied(path: Path, target: Path) -> FileCopy:
    """Copy a file, for its owner alone; what was copied."""
    for folder in reversed([each for each in target.parents if not each.exists()]):
        folder.mkdir(mode=0o700)
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file, open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy:
        while block := file.read(BLOCK):
            copy.write(block)
            digest.update(block)
            size += len(block)
    return FileCopy(sha256=digest.hexdigest(), size=size)


def _private(path: Path, data: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
