"""`status`, `why`, `record`, `wait`: what is, and why. `--bundle` answers the same offline."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from armslength.cli.context import AsJson, NodeFolder, Which, ask, show
from armslength.cli.output import read_weights
from armslength.config import Config, load
from armslength.errors import DONE, Misuse, Unavailable

if TYPE_CHECKING:
    from armslength.core.arrangement.state import State
    from armslength.core.arrangement.terms import Arrangement
    from armslength.views.explain import NodeFacts
    from armslength.views.placed import PlacedEntry
    from armslength.views.textual import Text
    from armslength.views.words import Words
    from armslength.wire.manage import NodeView
    from armslength.wire.news import TodayView

Bundle = Annotated[
    Path | None, Parameter(help="Answer from this bundle's folder instead of a node: offline, up to its last seal.")
]


@dataclass(frozen=True, slots=True)
class Viewed:
    """What is looked at: a node's view, or a verified bundle's end."""

    arrangement: str
    terms: Arrangement
    state: State
    facts: NodeFacts | None = None
    view: NodeView | None = None  # with what only a node knows
    waits: TodayView | None = None  # for a monitor without a node

    def named(self, actor: str) -> str:
        """An actor's name."""
        from armslength.views.words import Words

        return Words.of(self.terms).named(actor)


def look(node: Path, arrangement: str, bundle: Path | None) -> Viewed:
    """The present state. Raises Unverified for a bundle that does not hold."""
    from armslength.views.explain import facts_of
    from armslength.wire.manage import VIEW, WhichArrangement
    from armslength.wire.terms_json import decode_terms

    if bundle is not None:
        from armslength.cli.proof import verified

        verdict = verified(bundle, arrangement or None)
        if verdict.terms is None or verdict.replica is None or verdict.arrangement is None:
            raise Misuse("no-bundle", "holds no record", str(bundle))
        return Viewed(verdict.arrangement, verdict.terms, verdict.replica.state)
    config = load(node)
    if not config.address:
        return _of_monitor(config, arrangement)
    view = ask(config, VIEW, WhichArrangement(arrangement=arrangement))
    return Viewed(view.arrangement, decode_terms(view.document.encode()), view.state, facts_of(view), view)


def _of_monitor(config: Config, arrangement: str) -> Viewed:
    """What a node shows to a monitor without one: every leaf is verified. With what waits for the monitor."""
    import asyncio

    from armslength.runtime.monitor import MonitorRecord, opened, today_of

    async def read() -> MonitorRecord:
        async with opened(config) as monitor:
            return await monitor.record(arrangement)

    found = asyncio.run(read())
    return Viewed(found.arrangement, found.terms, found.state, waits=today_of([found]))


def _beside(found: Viewed) -> dict[str, object]:
    """What `status --json` tells beside the overview."""
    view = found.view
    if view is None:
        waits = {"asked": found.waits.asked, "said": found.waits.said} if found.waits else {}
        return {"arrangement": found.arrangement, **waits}
    names = (
        "arrangement", "transfers", "suspended", "sealing", "troubles", "me", "state_root", "tree_root", "absent",
        "others", "arrangements",
    )  # fmt: skip
    return {name: getattr(view, name) for name in names}


def _node(folder: Path) -> Config:
    """The configuration of a folder with a node. Raises Misuse, which names the way without one."""
    config = load(folder)
    if not config.address:
        reason = "this folder is a monitor's and holds no record: ask a bundle, with --bundle FOLDER"
        raise Misuse("no-node", f"{reason} (a node writes one with `armslength export FOLDER`)", str(folder))
    return config


def status(
    *, arrangement: Which = "", bundle: Bundle = None, weights: Annotated[Path | None, Parameter()] = None,
    node: NodeFolder = Path(), json: AsJson = False,
) -> int:  # fmt: skip
    """Where the arrangement stands: duties, tranches, allegations, deadlines, what is at stake, what is provisional. In
    a monitor's folder, as a node shows it, with what is to be attested and whether the last attestation counted.

    Parameters
    ----------
    weights
        A JSON file of private weights by duty and tranche, like {"T2": 5, "C5": 3}, for the exposure; it stays here.
    """
    from armslength.cli.show import styled
    from armslength.views.jsonable import jsonable
    from armslength.views.status import status as overview
    from armslength.views.textual import status_text

    found = look(node, arrangement, bundle)
    told = overview(found.terms, found.state, found.facts, read_weights(weights))
    lines = [] if found.view is None else _of_node(found, found.view)
    if found.waits is not None:
        from armslength.cli.today import lines_of
        from armslength.views.words import safe

        lines = ["", *(safe(line) for line in lines_of(found.waits))]
    text = "" if json else "\n".join([styled(_headed(found, status_text(found.terms, told))).rstrip(), *lines])
    show({**_beside(found), **jsonable(told)}, as_json=json, text=text)
    return DONE


def _of_node(found: Viewed, view: NodeView) -> list[str]:
    """What only a node knows, in words."""
    from armslength.views.consent import absence
    from armslength.views.words import safe, transfers

    by = {name: (found.named(said.by), said.reason) for name, said in view.suspended.items()}
    lines = [transfers(view.transfers, by)] if view.transfers else []
    lines += absence(found.terms, view.absent)
    for name, (done, total) in view.sealing.items():
        lines.append(f"A file for {name} is being sealed: {done} of {total} bytes.")
    others = ", ".join(f"{name[:12]} ({title})" for name, title in view.others.items())
    more = view.arrangements - 1 - len(view.others)
    others += f" and {more} more" if more > 0 else ""
    lines += [f"Also here, to be seen with --arrangement: {others}."] if others else []
    return [safe(line) for line in lines]


def _headed(found: Viewed, text: Text) -> Text:
    """The overview, with the hash's beginning after the title."""
    from armslength.views.textual import Span

    text[0].insert(1, Span(f" ({found.arrangement[:12]})", "faint"))
    return text


def why(
    subject: str, /, *, arrangement: Which = "", bundle: Bundle = None, node: NodeFolder = Path(), json: AsJson = False
) -> int:
    """Why a duty, tranche, claim (k2), period (k2#7), allegation or the `arrangement` is as it is, and what is next.

    Parameters
    ----------
    subject
        An id from the terms (C2, T2, k2, T2.release), a period (k2#7, the first is 0), an allegation (A/k2/14), or
        `arrangement`.
    """
    from armslength.cli.show import styled
    from armslength.views.explain import why as explain
    from armslength.views.jsonable import jsonable
    from armslength.views.textual import why_text
    from armslength.views.words import safe, suspended

    found = look(node, arrangement, bundle)
    answer = explain(found.terms, found.state, subject, found.facts)
    paused = found.view.suspended.get(answer.subject) if found.view is not None else None
    if paused and answer.kind == "tranche":
        told = safe(suspended(answer.subject, found.named(paused.by), paused.reason))
        answer = replace(answer, sentences=(*answer.sentences, told))
    document = {"arrangement": found.arrangement, **jsonable(answer)}
    show(document, as_json=json, text="" if json else styled(why_text(answer)).rstrip())
    return DONE


def record(*, arrangement: Which = "", bundle: Bundle = None, node: NodeFolder = Path(), json: AsJson = False) -> int:
    """The record's timeline: who said what, when, and what it changed. Routine is folded; `--json` has every entry."""
    from armslength.cli.proof import history_of_bundle, timeline_of
    from armslength.views.history import history_of_leaves
    from armslength.views.words import Words
    from armslength.wire.manage import RECORD, WhichArrangement

    if bundle is not None:
        history = history_of_bundle(bundle)
    else:
        history = history_of_leaves(ask(_node(node), RECORD, WhichArrangement(arrangement=arrangement)))
    words = Words.of(history.terms, history.state)
    show([_entry(words, each) for each in history.placed], as_json=json, text="" if json else timeline_of(history))
    return DONE


def _entry(words: Words, placed: PlacedEntry) -> dict[str, object]:
    from armslength.core.canonical import plain
    from armslength.views.causes import cause

    names = ("index", "entry", "author", "type", "at")
    changes = [
        {**plain(change), "cause": cause(words, change), "rests_on": plain(change.cause)} for change in placed.changes
    ]
    return {**{name: getattr(placed, name) for name in names}, "body": plain(placed.body), "changes": changes}


def wait(*, timeout: float = 60.0, arrangement: Which = "", node: NodeFolder = Path(), json: AsJson = False) -> int:
    """Wait until every node of the arrangement is idle: everything sealed, every action done.

    Exit code 3 if work is still pending at the end; the reason is printed.

    Parameters
    ----------
    timeout
        Seconds to wait at most.
    """
    from armslength.wire.manage import REST, WhichArrangement

    config, begun, calm = load(node), time.monotonic(), 0
    while True:
        answer = ask(config, REST, WhichArrangement(arrangement=arrangement))
        calm = calm + 1 if answer.pending is None else 0
        if calm == 2:
            break
        waited = time.monotonic() - begun
        if waited > timeout:
            raise Unavailable("not-idle", f"after {timeout:g} s still: {answer.pending}")
        time.sleep(0.01 if calm else min(max(0.01, waited / 10), 0.25))
    show(answer, as_json=json, text=f"Idle: {answer.sealed} sealed entries, {answer.state}.")
    return DONE
