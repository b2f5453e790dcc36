"""`armslength counterparty`: what somebody has kept and what not, from all records that a node holds, with proofs."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from armslength.cli.context import AsJson, NodeFolder, ask, show
from armslength.cli.output import given_text, new_folder
from armslength.config import Config, load
from armslength.errors import DONE, ArmslengthError, Misuse, Unverified

if TYPE_CHECKING:
    import cyclopts

    from armslength.views.dealings import ArrangementDealings

LINES: Final = "dealings.json"  # in an exported folder, beside a bundle for each arrangement under its hash
LARGEST: Final = 64 * 1024**2  # bytes of it


def register(app: cyclopts.App) -> None:
    """Put the commands of this file on the application."""
    app.command(counterparty)


def counterparty(
    did: str,
    /,
    *,
    export: Annotated[Path | None, Parameter(name=["--export"])] = None,
    from_: Annotated[Path | None, Parameter(name=["--from"])] = None,
    node: NodeFolder = Path(),
    json: AsJson = False,
) -> int:
    """What somebody has kept, and what not, from all records that the node holds: a line for each duty, violation,
    release, complaint and allegation, with the entries and receipts on which it rests, up to the last seal of each
    record. Nothing is scored.

    Exit code 1 with --from: a bundle does not hold, or does not say what the folder claims.

    Parameters
    ----------
    did
        Who it is, as the terms name it, like did:web:borovia.example.
    export
        A new folder for the lines (dealings.json) and a bundle of every arrangement, for others to check with --from.
    from_
        Recompute the lines from such a folder instead of a node, offline, and compare them with what it claims.
    """
    from armslength.views.jsonable import json_text, jsonable
    from armslength.views.words import safe

    if export is not None and from_ is not None:
        raise Misuse("which", "--export writes from a node, and --from reads without one", "counterparty")
    if from_ is not None:
        found = list(_of_folder(did, from_))
    elif export is not None:
        with new_folder(export) as folder:
            found = list(_exported(did, load(node), folder))
            text = json_text({"did": did, "arrangements": found})
            (folder / LINES).write_text(text + "\n", encoding="utf-8")
    else:
        found = list(_of_node(did, load(node)))
    document = jsonable({"did": did, "arrangements": found})
    if from_ is not None:
        _compare(document, from_)
    told = [*_text(did, found), *([] if export is None else ["", _checked(did, export)])]
    show(document, as_json=json, text="\n".join(safe(line) for line in told))
    return DONE


def _names(did: str, config: Config) -> Iterator[str]:
    """The arrangements that the node holds whose terms name the DID."""
    from armslength.wire.manage import NAMING, NamingPage

    seen: set[str] = set()
    start: str | None = ""
    while start is not None:
        page = ask(config, NAMING, NamingPage(did=did, start=start))
        for name in page.arrangements:
            if name not in seen:
                seen.add(name)
                yield name
        start = page.next


def _of_node(did: str, config: Config) -> Iterator[ArrangementDealings]:
    from armslength.views.dealings import dealings_of
    from armslength.views.history import history_of_leaves
    from armslength.wire.manage import RECORD, WhichArrangement

    for name in _names(did, config):
        record = ask(config, RECORD, WhichArrangement(arrangement=name))
        if record.leaves:
            yield from dealings_of(did, name, history_of_leaves(record))


def _exported(did: str, config: Config, folder: Path) -> Iterator[ArrangementDealings]:
    """The same from the bundles that are written: what they prove, and nothing that came after."""
    from armslength.cli.proof import history_of_bundle, written_bundle
    from armslength.views.dealings import dealings_of

    for name in _names(did, config):
        try:
            written_bundle(config, name, folder / name)
        except ArmslengthError as error:
            if error.code == "nothing-sealed":
                continue
            raise
        yield from dealings_of(did, name, history_of_bundle(folder / name))


def _of_folder(did: str, folder: Path) -> Iterator[ArrangementDealings]:
    """The same from bundles on disk. Raises Misuse, Unverified."""
    from armslength.cli.proof import history_of_bundle, verified
    from armslength.views.dealings import dealings_of

    try:
        names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    except OSError as error:
        raise Misuse("no-file", f"no folder to read: {error.strerror}", str(folder)) from None
    if not names:
        raise Misuse("no-bundle", "holds no bundle", str(folder))
    for name in names:
        if verified(folder / name, None).arrangement != name:
            raise Unverified("wrong-arrangement", "this bundle is of another arrangement", file=str(folder / name))
        yield from dealings_of(did, name, history_of_bundle(folder / name))


def _compare(document: object, folder: Path) -> None:
    """Raise Unverified if the folder claims anything else."""
    path = folder / LINES
    if not path.exists():
        return
    try:
        claimed = jsonlib.loads(given_text(path, LARGEST))
    except (ValueError, RecursionError):
        raise Unverified("bad-lines", "is not JSON", file=str(path)) from None
    if claimed != jsonlib.loads(jsonlib.dumps(document)):
        raise Unverified("other-lines", "does not say what the bundles prove", file=str(path))


def _text(did: str, found: list[ArrangementDealings]) -> Iterator[str]:
    from armslength.views.words import date, isolated, wrap

    if not found:
        yield f"No arrangement here names {did}."
    for number, each in enumerate(found):
        yield from ([""] if number else [])
        yield f"{isolated(each.title)} ({each.arrangement[:12]}): {each.state}, as of {date(each.at)}"
        yield f"  {isolated(each.name)} ({each.who})" + (":" if each.lines else ": nothing is known yet")
        for line in each.lines:
            rests = f"; entries {', '.join(map(str, line.entries))}" if line.entries else ""
            first, *rest = wrap(f"{date(line.at)}: {line.text}{rests}", 100)
            yield f"    {line.outcome:<12} {first}"
            yield from (f"{' ' * 17}{part}" for part in rest)


def _checked(did: str, folder: Path) -> str:
    return f"Written to {folder}; anyone can check it with: armslength counterparty {did} --from {folder}"
