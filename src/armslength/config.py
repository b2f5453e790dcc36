"""A node's configuration: one TOML file in its folder, parsed once into one frozen value."""

from __future__ import annotations

import stat
import tomllib
from dataclasses import dataclass
from pathlib import Path

from armslength.errors import Misuse

FILE = "node.toml"


@dataclass(frozen=True, slots=True)
class Config:
    """Everything a node or a monitor's folder needs to know. Sizes in bytes, times in seconds.

    address: the base URL under which peers reach this node ("" for a monitor without one); listen: host and port it
    binds. development allows loopback peers over plain http and simulated clocks. nodes: for a monitor, the addresses
    of the nodes that it talks to.
    """

    folder: Path
    name: str
    did: str
    address: str = ""
    host: str = "127.0.0.1"
    port: int = 0
    development: bool = False
    nodes: tuple[str, ...] = ()

    @property
    def keys(self) -> Path:
        """The folder with the private keys."""
        return self.folder / "keys"

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.folder / "armslength.db"

    @property
    def blobs(self) -> Path:
        """Sealed and received files."""
        return self.folder / "blobs"

    @property
    def socket(self) -> Path:
        """Where the running node listens to its owner's commands."""
        return self.folder / "manage.sock"


_TYPES = {"name": str, "did": str, "address": str, "host": str, "port": int, "development": bool, "nodes": list}


def load(folder: Path) -> Config:
    """The configuration in `folder`. Raises Misuse, naming the file and the setting.

    A folder that others may write to is refused: they could put another configuration, or a node of theirs, in it.
    """
    path = folder / FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        way = "name the folder with --node (or ARMSLENGTH_NODE), or make a new identity with `armslength init FOLDER`"
        raise Misuse("no-folder", f"no {FILE} here: {way}", str(folder)) from None
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise Misuse("loose-permissions", f"others may write here: mode {mode:04o}, make it 0700", str(folder))
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Misuse("bad-config", str(error), str(path)) from None
    for name, value in values.items():
        kind = _TYPES.get(name)
        if kind is None:
            raise Misuse("bad-config", f"no such setting: {name} (there are {', '.join(_TYPES)})", str(path))
        if type(value) is not kind:
            raise Misuse("bad-config", f"{name} must be a {kind.__name__}", str(path))
    missing = [name for name in ("name", "did") if name not in values]
    if missing:
        raise Misuse("bad-config", f"missing: {', '.join(missing)}", str(path))
    values["nodes"] = tuple(values.get("nodes", ()))
    return Config(folder=folder, **values)


def dump(config: Config) -> str:
    """The TOML text of a configuration."""
    lines = [f'name = "{config.name}"', f'did = "{config.did}"']
    if config.address:
        lines += [f'address = "{config.address}"', f'host = "{config.host}"', f"port = {config.port}"]
    if config.nodes:
        lines.append(f"nodes = [{', '.join(repr(node).replace(chr(39), chr(34)) for node in config.nodes)}]")
    if config.development:
        lines.append("development = true  # loopback peers over plain http, simulated clocks: never in earnest")
    return "\n".join(lines) + "\n"
