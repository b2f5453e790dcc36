"""`publish` and `fetch`: the content of tranches."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from armslength.cli.context import AsJson, NodeFolder, Which, ask, instant, note, progress, show
from armslength.cli.officials import NOBODY, Asking, ask_for
from armslength.cli.output import take
from armslength.config import Config, load
from armslength.core.arrangement.tables import Stage
from armslength.errors import DONE, Misuse, Refused

if TYPE_CHECKING:
    from armslength.wire.manage import FetchReport, PublishOrder, SealingReport


def publish(
    tranche: str,
    file: Path,
    /,
    *,
    media_type: str = "",
    release_after: str = "",
    asking: Asking = NOBODY,
    arrangement: Which = "",
    node: NodeFolder = Path(),
    json: AsJson = False,
) -> int:
    """As a provider, seal a file for a tranche.

    The node commits to the file, delivers the ciphertext when the gate opens, and releases the key when the record says
    so. All this is automatic. Until it has committed, another file replaces this one; then, until the
    release, publishing the same file again changes `--release-after`.

    The node seals in the background: interrupt this command, and it goes on; the same command again shows how far it
    is.

    Parameters
    ----------
    tranche
        The tranche's id in the terms, like T2.
    file
        What it holds. The terms say how large it may be.
    media_type
        One that the terms allow, like text/csv; needed only where they allow several.
    release_after
        Do not release before this time (UTC), like 2016-07-24T06:00:00Z, even where the terms would allow it. It moves
        no deadline: a release that it makes late is late. Must lie before the end of the term. Without it: at once.
    """
    from armslength.wire.manage import Asker, DraftOrder, PlainStatement, PublishOrder

    config = load(node)
    order = PublishOrder(
        arrangement=arrangement,
        tranche=tranche,
        file=os.path.realpath(file),
        media_type=media_type or _only_media_type(config, arrangement, tranche),
        release_after=instant(release_after) if release_after else 0,
    )
    told = _sealed(config, order, json=json)
    if asking.official is not None:
        act = PlainStatement(type="publish", body={"tranche": tranche})
        wanted = DraftOrder(arrangement=told.arrangement, statements=(act,), asker=Asker())
        return ask_for(config, wanted, asking, json=json)
    lines = [f"{tranche}: sealed {told.size} bytes; plaintext root {(told.plain_root or '')[:16]}…"]
    if told.release_after is not None and told.release_by is not None:
        lines.append(_embargo(told.release_after, told.release_by))
    document = {
        "tranche": tranche,
        "size": told.size,
        "plain_root": told.plain_root,
        "cipher_root": told.cipher_root,
        "release_after": told.release_after,
        "release_by": told.release_by,
    }
    show(document, as_json=json, text="\n".join(lines))
    return DONE


def _sealed(config: Config, order: PublishOrder, *, json: bool) -> SealingReport:
    """Ask the node to seal a file, and watch until it is done; whoever stops watching stops nothing."""
    from armslength.wire.manage import PUBLISH, PUBLISHING, WhichTranche

    tranche = order.tranche
    try:
        answer = ask(config, PUBLISH, order)
        while not answer.over:
            if not json:
                progress(f"{tranche}: {answer.done} of {answer.total} bytes sealed")
            answer = ask(config, PUBLISHING, WhichTranche(arrangement=answer.arrangement, tranche=tranche))
    except KeyboardInterrupt:
        note(f"{tranche}: the node goes on sealing, if it has begun; the same command again shows how far it is.")
        raise
    return answer


def _embargo(after: int, release_by: int) -> str:
    from armslength.views.words import clock, date
    from armslength.wire.terms_values import write_duration

    due = f"if the tranche opens earlier, its release is due {write_duration(release_by)} after it is delivered"
    return f"The key will not leave before {date(after)} {clock(after)} UTC; {due}, and late from then on."


def _only_media_type(config: Config, arrangement: str, tranche: str) -> str:
    from armslength.wire.manage import VIEW, WhichArrangement
    from armslength.wire.terms_json import decode_terms

    terms = decode_terms(ask(config, VIEW, WhichArrangement(arrangement=arrangement)).document.encode())
    if tranche not in terms.tranches:
        raise Misuse("unknown-tranche", f"there are {', '.join(terms.tranches)}", tranche)
    allowed = terms.tranches[tranche].media_types
    if len(allowed) != 1:
        raise Misuse("media-type", f"say which with --media-type: {', '.join(allowed)}", tranche)
    return allowed[0]


def fetch(
    tranche: str,
    /,
    *,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    wait: bool = False,
    arrangement: Which = "",
    node: NodeFolder = Path(),
    json: AsJson = False,
) -> int:
    """As a recipient, take the opened file of a tranche out of the node.

    Exit code 1 while there is no file yet: see `armslength why TRANCHE`.

    Parameters
    ----------
    tranche
        The tranche's id in the terms, like T2.
    out
        The file to write; must not exist. Without it the command only shows the progress of the transfer.
    wait
        Show the progress of the transfer until the ciphertext is here.
    """
    from armslength.views.jsonable import jsonable

    config = load(node)
    answer = _watched(config, arrangement, tranche, json=json) if wait else _asked(config, arrangement, tranche)
    if answer.outcome not in {None, "ok"}:
        raise Refused("complaint", f"what came is not what was committed to; evidence {answer.outcome}", tranche)
    if answer.plain is None and answer.stage == Stage.FORFEITED:
        raise Refused("forfeited", "it is forfeited and will not be delivered", tranche)
    if answer.plain is None:
        show({"tranche": tranche, **jsonable(answer)}, as_json=json, text=_progress(tranche, answer))
        return Refused.exit_code
    if out is not None:
        take(Path(answer.plain), out)
    where = f"written to {out}" if out else f"it lies at {answer.plain}"
    text = f"{tranche}: verified against its commitment; {where}"
    show({"tranche": tranche, "out": str(out) if out else None, **jsonable(answer)}, as_json=json, text=text)
    return DONE


def _asked(config: Config, arrangement: str, tranche: str) -> FetchReport:
    from armslength.wire.manage import FETCH, WhichTranche

    return ask(config, FETCH, WhichTranche(arrangement=arrangement, tranche=tranche))


def _watched(config: Config, arrangement: str, tranche: str, *, json: bool) -> FetchReport:
    import time

    last = ""
    while True:
        answer = _asked(config, arrangement, tranche)
        arrived = answer.total and answer.done >= answer.total
        over = answer.outcome is not None or answer.stage == Stage.FORFEITED
        if answer.plain is not None or arrived or over:
            return answer
        text = _progress(tranche, answer)
        if text != last and not json:
            progress(text)
            last = text
        time.sleep(0.5)


def _progress(tranche: str, answer: FetchReport) -> str:
    from armslength.views.words import safe

    here = f"{answer.done} of {answer.total} bytes of ciphertext" if answer.total else "no ciphertext yet"
    trouble = f"; {answer.trouble}" if answer.trouble else ""
    return safe(f"{tranche} is {answer.stage}: {here}{trouble}")
