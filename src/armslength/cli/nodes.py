"""`init` and `up`: an identity, and a node that runs."""

from __future__ import annotations

import gc
import logging
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from armslength.cli.context import AsJson, NodeFolder, show
from armslength.cli.output import write
from armslength.config import FILE, Config, dump, load
from armslength.errors import Malformed, Misuse, unusable
from armslength.views.words import safe, safe_block


def init(
    folder: Path,
    /,
    *,
    name: str = "",
    address: str = "",
    listen: str = "",
    monitor: bool = False,
    nodes: Annotated[tuple[str, ...], Parameter(consume_multiple=True)] = (),
    development: bool = False,
    json: AsJson = False,
) -> int:
    """Create keys and a configuration, and print the identity card that is pasted into terms.

    A node has an address under which the others reach it, and the identity did:web of that address. A monitor needs
    no server: with `--monitor` it gets keys, a did:key and the addresses of the nodes that it uses.

    Parameters
    ----------
    folder
        Where keys, configuration and data are kept, accessible to its owner only (mode 0700). Must not hold an
        identity yet.
    name
        A name for people; without it the folder's.
    address
        Base URL of the node, like https://arandia.example (or http://localhost:7001 in development).
    listen
        HOST:PORT to bind, like 127.0.0.1:8443 behind a proxy, or [::]:8443 for every address of this machine; without
        it the address's port on this machine alone.
    monitor
        Make a monitor without a node.
    nodes
        For a monitor: the address of a node to use; repeat for each node.
    development
        Allow loopback peers over plain http and simulated clocks. Never in production.
    """
    if (folder / FILE).exists():
        raise Misuse("exists", "there is already an identity here; it is not overwritten", str(folder / FILE))
    if monitor == bool(address):
        raise Misuse("which", "give --address URL for a node, or --monitor for a monitor without one", "init")
    if monitor and not nodes:
        reason = "a monitor talks to a node at least: say which, as in --nodes https://arandia.example"
        raise Misuse("no-nodes", reason, "--nodes")
    config = _config(folder, _name(name or Path(os.path.realpath(folder)).name), address, listen, nodes, development)
    from msgspec.structs import replace

    from armslength.identity.keys import KeyRing
    from armslength.store.counter import SUFFIX, begin
    from armslength.wire.did_key import key_did

    with _made(folder, config.keys, config.database.with_suffix(SUFFIX)):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        keys = KeyRing.create(config.keys, ("entries", "tokens") if monitor else ("entries", "checkpoints", "tokens"))
        if monitor:
            config = replace(config, did=key_did(keys["tokens"].public))
        begin(config.database)
        write(folder / FILE, dump(config).encode(), mode=0o600)  # the last: with it there is an identity
    _print_card(config, json=json)
    return 0


@contextmanager
def _made(*paths: Path) -> Iterator[None]:
    """Of what is made here, the outermost first, nothing stays if the block ends badly. Raises Misuse or Stuck."""
    new = [path for path in paths if not os.path.lexists(path)]
    try:
        yield
    except BaseException as error:
        for path in reversed(new):
            with suppress(OSError):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise unusable(error, error.filename or paths[0]) from error
        raise


def card(*, node: NodeFolder = Path(), json: AsJson = False) -> int:
    """Print the identity card again."""
    _print_card(load(node), json=json)
    return 0


def up(*, node: NodeFolder = Path(), json: AsJson = False, verbose: bool = False) -> int:
    """Run the node until SIGTERM or Ctrl-C; it then finishes what is in progress, for at most 5 seconds.

    Parameters
    ----------
    verbose
        Log what the node does, to standard error.
    """
    import asyncio

    gc.disable()  # until it is up: hardly anything that is made by then goes away
    from armslength.runtime.node import serve

    config = load(node)
    lines = logging.StreamHandler()
    lines.setFormatter(SafeFormatter("%(asctime)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, handlers=[lines])
    say = {"ready": config.address, "did": config.did, "pid": os.getpid()}

    def ready() -> None:
        gc.freeze()  # what is loaded by now stays: no collection need look at it again
        gc.enable()
        show(say, as_json=json, text=f"{config.name} is up at {config.address} as {config.did}. Stop it with Ctrl-C.")
        sys.stdout.flush()

    _run(serve(config, ready), asyncio)
    return 0


class SafeFormatter(logging.Formatter):
    """Log lines that show what peers have written as it is: it steers no terminal and begins no line."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the library's own name)
        """One line."""
        return safe(super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        """The line, and the trace of an error below it."""
        return safe_block(super().format(record))


def _run(work: object, asyncio: object) -> None:
    try:
        import uvloop

        uvloop.run(work)  # type: ignore[arg-type]
    except ImportError:
        asyncio.run(work)  # type: ignore[attr-defined]


def _config(folder: Path, name: str, address: str, listen: str, nodes: tuple[str, ...], development: bool) -> Config:
    if not address:
        places = tuple(_place(url, development, "--nodes")[1] for url in nodes)
        return Config(folder, name, "", nodes=places, development=development)
    from urllib.parse import urlsplit

    did, base = _place(address, development)
    host, port = _listen(listen) if listen else ("127.0.0.1", urlsplit(base).port or 443)
    return Config(
        folder,
        name,
        did,
        address=base,
        host=host,
        port=port,
        development=development,
    )


def _listen(text: str) -> tuple[str, int]:
    """Host and port to bind. Raises Misuse."""
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.%\w]+)\]|([^:\[\]\s]+)):([0-9]{1,5})", text)
    if not found or int(found[3]) > 65535:
        raise Misuse("bad-listen", "must be HOST:PORT, and an IPv6 address in brackets, like [::1]:8443", "--listen")
    return found[1] or found[2], int(found[3])


def _name(name: str) -> str:
    """A name as terms may show it. Raises Misuse."""
    from armslength.wire.terms_values import BadValue, read_line

    try:
        return read_line(name)
    except BadValue as error:
        raise Misuse("bad-name", error.reason, "--name") from None


def _place(address: str, development: bool, option: str = "--address") -> tuple[str, str]:
    """The DID and the address of the node there. Raises Misuse for any but the one spelling of it."""
    from armslength.wire.place import did_of

    base = address.removesuffix("/")
    try:
        did = did_of(base)
    except Malformed as error:
        raise Misuse("bad-address", f"{address}: {error.reason}", option) from None
    if base.startswith("http:") and not development:
        raise Misuse("bad-address", "localhost and plain http are for development (--development)", option)
    return did, base


def _print_card(config: Config, *, json: bool) -> None:
    from armslength.identity.keys import KeyRing

    keys = KeyRing.load(config.keys).public()
    document = {"name": config.name, "did": config.did, "address": config.address or None, "keys": keys}
    from armslength.wire.terms_write import to_yaml

    given = {name: value for name, value in document.items() if value is not None}
    show(document, as_json=json, text=to_yaml(given).rstrip("\n"))
