"""`page`: the hash of the page on which monitors attest."""

from __future__ import annotations

from pathlib import Path

from armslength.cli.context import AsJson, show
from armslength.config import Config
from armslength.errors import DONE, Unverified


def page(address: str = "", /, *, development: bool = False, json: AsJson = False) -> int:
    """Show the hash of the monitors' page that this program serves at /attest, or compare a node's with it.

    The page signs in the browser, so whoever alters it could sign something else. Monitors, or somebody for them,
    compare what their node serves with a program that they trust, from another machine. Exit code 1 where it differs.

    Parameters
    ----------
    address
        Address of a node whose page is compared, like https://neutral.example.
    development
        Allow loopback addresses over plain http.
    """
    from armslength.runtime.page import page_hashes, served_hashes

    ours = page_hashes()
    if not address:
        lines = [f"{each}  {name}" for name, each in ours.files.items()]
        show({"page": ours.page, "files": ours.files}, as_json=json, text="\n".join([ours.page, *lines]))
        return DONE
    config = Config(folder=Path(), name="page", did="", development=development)
    theirs = served_hashes(address, config)
    other = [name for name, each in ours.files.items() if theirs.files[name] != each]
    told = f"{address} serves this very page: {ours.page}"
    if other:
        told = f"{address} serves another page: {', '.join(other)} differ; nobody should attest there"
    show({"page": ours.page, "served": theirs.page, "differ": other}, as_json=json, text=told)
    return Unverified.exit_code if other else DONE
