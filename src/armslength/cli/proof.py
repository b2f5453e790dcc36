"""`export`, `verify`, `report`, `keys`: bundles, and what they prove. All but `export` work offline, without a node."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from armslength.cli.context import AsJson, NodeFolder, Which, ask, show
from armslength.cli.output import new_folder, read_weights, write
from armslength.config import Config, load
from armslength.errors import DONE, Misuse, NotFound, Unverified

if TYPE_CHECKING:
    from armslength.views.history import History
    from armslength.wire.bundle import Verdict
    from armslength.wire.manage import BundleFiles

Expect = Annotated[
    str | None,
    Parameter(help="The hash of the arrangement that this must be: 64 hex digits, from a source that you trust."),
]
LARGEST = 2 * 1024**3  # bytes of a bundle
# What file managers and archivers leave in folders that people have looked at.
LITTER: Final = re.compile(
    r"\.DS_Store|\._.*|__MACOSX|[Tt]humbs\.db|[Dd]esktop\.ini|\.directory|\.Spotlight-V100|\.fseventsd"
)


def timeline_of(history: History) -> str:
    """The timeline in words, with what was at stake."""
    from armslength.cli.show import styled
    from armslength.views.exposure import series
    from armslength.views.textual import exposure_text, timeline_text
    from armslength.views.timeline import timeline
    from armslength.views.words import Words

    lines = timeline(history.terms, history.placed, history.state)
    words, stakes = Words.of(history.terms, history.state), series(history.terms, history.placed)
    told = timeline_text(words, lines, stakes=stakes)
    return styled(told) + "\n" + styled(exposure_text(history.terms, stakes))


def export(folder: Path, /, *, arrangement: Which = "", node: NodeFolder = Path(), json: AsJson = False) -> int:
    """Write the bundle: everything an outsider needs to verify the record up to its last seal, as plain files.

    Parameters
    ----------
    folder
        Where to; must not exist, or be empty.
    """
    answer = written_bundle(load(node), arrangement, folder)
    document = {"arrangement": answer.arrangement, "folder": str(folder), "files": len(answer.files)}
    show(document, as_json=json, text=f"{len(answer.files)} files in {folder}; check with: armslength verify {folder}")
    return DONE


def written_bundle(config: Config, arrangement: str, folder: Path) -> BundleFiles:
    """Have the node export a bundle into a new folder. Raises what the node answers, and Misuse."""
    from armslength.wire.manage import EXPORT, WhichArrangement

    answer = ask(config, EXPORT, WhichArrangement(arrangement=arrangement))
    with new_folder(folder) as draft:
        for path, text in answer.files.items():
            if Path(path).is_absolute() or ".." in Path(path).parts:
                raise Misuse("bad-answer", "the node names a file outside the folder", path)
            target = draft / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text.encode())
    return answer


def verify(bundle: Path, /, *, expect: Expect = None, timeline: bool = False, json: AsJson = False) -> int:
    """Recompute everything in a bundle, offline, and say whether it holds.

    Exit code 0: it holds. 1: it does not; the first entry or file that fails is named. 2: there is no bundle to read.

    Parameters
    ----------
    bundle
        The bundle's folder.
    timeline
        Print the timeline as well.
    """
    verdict = verdict_on(bundle, expect)
    text = _verdict_text(verdict) if not json else ""
    if timeline and verdict.ok and not json:
        text = timeline_of(_history(verdict)) + "\n" + text
    show(verdict.to_json(), as_json=json, text=text)
    return DONE if verdict.ok else Unverified.exit_code


def report(
    bundle: Path,
    /,
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    expect: Expect = None,
    weights: Path | None = None,
    json: AsJson = False,
) -> int:
    """Write one self-contained page that tells the whole story of a bundle, with the verifier's verdict on top.

    Parameters
    ----------
    bundle
        The bundle's folder.
    out
        The HTML file to write. An earlier one is replaced, unless the bundle does not hold.
    weights
        A JSON file of private weights by duty and tranche, like {"T2": 5, "C5": 3}, for what was at stake.
    """
    from armslength.report import render

    verdict = verdict_on(bundle, expect)
    if not verdict.ok or verdict.terms is None or verdict.replica is None:
        show(verdict.to_json(), as_json=json, text=_verdict_text(verdict))
        return Unverified.exit_code
    texts = {path.stem: path.read_text(encoding="utf-8") for path in (bundle / "clauses").glob("*.txt")}
    page = render(verdict, verdict.terms, texts, _history(verdict).placed, verdict.replica.state, read_weights(weights))
    write(out, page.encode())
    show({"out": str(out), "ok": True, "bytes": len(page.encode())}, as_json=json, text=f"Report: {out}")
    return DONE


def keys(bundle: Path, /, *, json: AsJson = False) -> int:
    """Print the verifier keys (C2SP vkey lines) of the keeper's log and of the timekeepers that cosign.

    With these, other tools can check the bundle's checkpoint and receipts: docs/verify-without-us.md.

    Parameters
    ----------
    bundle
        The bundle's folder.
    """
    verdict = verdict_on(bundle, None)
    if verdict.replica is None or not verdict.ok:
        show(verdict.to_json(), as_json=json, text=_verdict_text(verdict))
        return Unverified.exit_code
    lines = list(verdict.replica.roster.vkeys())
    show({"log": lines[0], "witnesses": lines[1:]}, as_json=json, text="\n".join(lines))
    return DONE


def verdict_on(bundle: Path, expect: str | None) -> Verdict:
    """The verdict on a folder. Raises Misuse if it cannot be read as one."""
    from armslength.wire.bundle import verify_bundle

    if expect is not None and not re.fullmatch("[0-9a-f]{64}", expect):
        raise Misuse(
            "bad-hash", "give all 64 digits (0-9, a-f): another arrangement could have the same prefix", "--expect"
        )
    files = read_bundle(bundle)
    if "manifest.json" not in files:
        raise Misuse("no-bundle", "no bundle to read: there is no manifest.json", str(bundle))
    return verify_bundle(files, expect)


def verified(bundle: Path, expect: str | None) -> Verdict:
    """The verdict on a bundle that holds, and whose hash begins as `expect`. Raises Unverified, NotFound."""
    verdict = verdict_on(bundle, None)
    if verdict.error is not None:
        error = verdict.error
        raise Unverified(error.code, error.reason, entry=error.entry, file=error.file)
    if expect and not (verdict.arrangement or "").startswith(expect):
        raise NotFound("unknown-arrangement", f"this bundle is of {(verdict.arrangement or '')[:12]}", expect[:16])
    return verdict


def read_bundle(folder: Path) -> dict[str, bytes]:
    """Every file in a folder by its path. Raises Misuse; a link or anything else that is no plain file is refused."""
    if not folder.is_dir():
        raise Misuse("no-bundle", "no such folder", str(folder))
    files: dict[str, bytes] = {}
    total = 0
    litter = [path for path in sorted(folder.rglob("*")) if LITTER.fullmatch(path.name)]
    if litter:
        names = ", ".join(path.relative_to(folder).as_posix() for path in litter[:5])
        reason = f"a file manager has left {names} in it, which is no part of a bundle: remove that, and ask again"
        raise Misuse("litter", reason, str(folder))
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise Misuse("bad-bundle", "is no plain file", str(path))
        if path.is_file():
            total += path.stat().st_size
            if total > LARGEST:
                raise Misuse("too-large", f"holds more than {LARGEST} bytes", str(folder))
            files[path.relative_to(folder).as_posix()] = path.read_bytes()
    return files


def history_of_bundle(bundle: Path) -> History:
    """The history in a bundle that holds. Raises Unverified."""
    return _history(verified(bundle, None))


def _history(verdict: Verdict) -> History:
    from armslength.views.history import History
    from armslength.views.placed import PlacedEntry

    if verdict.terms is None or verdict.replica is None:
        raise Unverified("no-record", "the bundle holds no record")
    placed = tuple(PlacedEntry.of(step.index, step.entry, step.at, step.changes) for step in verdict.timeline)
    return History(verdict.terms, verdict.replica.state, placed)


def _verdict_text(verdict: Verdict) -> str:
    from armslength.views.words import date, safe

    if verdict.error is not None:
        where = verdict.error.file or ""
        if verdict.error.entry is not None:
            where = f"entry {verdict.error.entry}" + (f" ({where})" if where else "")
        return safe(f"DOES NOT HOLD: {where}: {verdict.error.reason} [{verdict.error.code}]")
    if verdict.terms is None or verdict.replica is None:
        raise Unverified("no-record", "the bundle holds no record")
    replica, state = verdict.replica, verdict.replica.state
    lines: Iterable[str] = [
        "HOLDS: every entry, signature, stamp, seal and receipt was recomputed.",
        f"  arrangement  {verdict.arrangement}",
        "               as expected" if verdict.pinned else
        "               consistent in itself; pass --expect HASH to pin it to the arrangement that you know",
        f"  entries      {replica.size}, as of {date(state.clock.tau)}"
        + (" (simulated time)" if verdict.terms.clock == "simulated" else ""),  # rule 2.7c
        f"  state        {state.shown}",
        f"  state root   {replica.state_root}",
        f"  tree root    {replica.tree_root}",
        *(f"  key          {line}" for line in replica.roster.vkeys()),
        "  A later history may exist; this is what the record was at its last seal.",
    ]  # fmt: skip
    return "\n".join(lines)
