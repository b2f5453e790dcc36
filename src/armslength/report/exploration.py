"""What can happen before anyone signs, in words and as a picture."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from armslength.analysis.exploration import Exploration, Gain, OtherEnding, SilenceOutcome
from armslength.core.arrangement.tables import DutyStatus
from armslength.core.arrangement.terms import Arrangement
from armslength.rehearsal.search import summed
from armslength.report.lanes import Axis, ticks
from armslength.report.page import environment, style
from armslength.report.stakes import Chart, chart
from armslength.views.exposure import Point, Series, number
from armslength.views.words import DAY, Words, listing, wrap

WIDTH = 96
GAINS = "Who ends with more received, less what it gave, by departing alone and for good than as agreed"


def as_lines(terms: Arrangement, found: Exploration) -> list[str]:
    """It all, for a terminal."""
    words = Words.of(terms)
    bound = "" if found.whole else "; then the bound was reached, and worse may be found beyond it"
    out = _folded(f"What can happen. Looked at {summed(found.looked)}{bound}.")
    out += ["", *_folded("Exposure after each step as agreed, and at worst if somebody else departs before the next:")]
    for step in found.steps:
        values = (
            f"{words.actor(p)} {number(step.exposure[p])}, at worst {number(step.worst[p])}" for p in terms.parties
        )
        out += _folded(f"{words.short(step.at):<10} {step.why}: {'; '.join(values)}.", "  ")
    out += [] if found.steps else ["  No step moves anything of worth."]
    out += ["", "The worst that was found for each party:"]
    for party, worst in found.worst.items():
        line = f" with `{worst.line}`" if worst.line else ", as agreed"
        when = f"on {words.moment(worst.at)} ({worst.why})"
        out += _folded(f"{words.actor(party)}: {number(worst.exposure)} {when}{line}.", "  ")
    out += ["", *_folded(f"{GAINS}:")]
    for party, gain in found.gains.items():
        out += _folded(f"{words.actor(party)}: {gained(words, found, party, gain)} with `{gain.line}`.", "  ")
    out += [] if found.gains else ["  Nobody, by what was found."]
    out += ["", "Who alone can stall, by saying nothing at all or by a node that is down:"]
    for who, outcomes in found.alone().items():
        told = "; ".join(f"`{each.line}`: {ends(words, each)}" for each in outcomes)
        out += _folded(f"{words.named(who)}: {told}.", "  ")
    out += ["", "What each other silence leads to:"]
    alone = {each.line for outcomes in found.alone().values() for each in outcomes}
    for each in found.silences:
        if each.line not in alone:
            out += _folded(f"`{each.line}`: {ends(words, each)}.", "  ")
    return out


def gained(words: Words, found: Exploration, party: str, gain: Gain) -> str:
    """How much somebody gains at most by breaking off, and after which steps it gains anything."""
    steps = [words.short(step.at) for step in found.steps if step.gain[party] > 0]
    after = f"; something after {listing(steps)}" if steps else ""
    return f"at most {number(gain.gain)}, from {words.short(gain.at)} on{after}"


def ends(words: Words, found: SilenceOutcome) -> str:
    """How a silence ends."""
    if found.stands:
        return "the record stands still, and nothing more happens"
    told = []
    for kind, noun in (("tranche", ""), ("duty", "")):
        by_state: dict[str, list[OtherEnding]] = {}
        for each in found.differences:
            release = words.release_of(each.subject) if each.kind == "duty" else None
            if each.kind == kind and not (release and each.instead != DutyStatus.BREACHED):
                by_state.setdefault(each.instead, []).append(each)
        told += [f"{listing(d.subject for d in ds)}{noun} {state}" for state, ds in by_state.items()]
    if any(each.kind == "arrangement" for each in found.differences):
        told.insert(0, f"the arrangement {found.state} since {words.short(found.at)}")
    return "; ".join(told) or "nothing ends otherwise than agreed"


def _folded(text: str, lead: str = "") -> list[str]:
    return [
        f"{lead}{'    ' if index and lead else ''}{line}" for index, line in enumerate(wrap(text, WIDTH - len(lead)))
    ]


def svg(terms: Arrangement, found: Exploration) -> str:
    """The picture: each party's exposure as agreed, and the worst that was found from each step on. It asks nothing
    from outside itself."""
    made, behind = drawn(terms, found)
    template = environment().get_template("stakes.svg.j2")
    picture = template.render(chart=made, picture=behind)
    head, _, rest = picture.partition(">")
    return f"{head}>\n<style>{style()}</style>{rest}\n"


def drawn(terms: Arrangement, found: Exploration) -> tuple[Chart, Ticks]:
    """The picture's chart and what stands behind it, for `stakes.svg.j2`."""
    words = Words.of(terms)
    last = max([terms.end, *(step.at for step in found.steps)])
    on = Axis(terms.start // DAY * DAY, last + DAY)
    lines = {**found.agreed, **dict(_worst_lines(words, found))}
    return chart(words, lines, on), Ticks(ticks(words, on))


class Ticks:
    """What the template takes of a picture with lanes."""

    bands = ()

    def __init__(self, found: object) -> None:
        self.ticks = found


def _worst_lines(words: Words, found: Exploration) -> Iterator[tuple[str, Series]]:
    """For each party a line that is as high as it may come to from each step on."""
    for party in found.agreed:
        name = f"{words.actor(party)} at worst"
        points = tuple(
            Point(step.at, 0, step.worst[party], Fraction(0), f"at worst after this: {step.why}", "tranche")
            for step in found.steps
        )
        zero = Point(0, None, Fraction(0), Fraction(0), "", "")
        yield name, Series(name, points, max((zero, *points), key=lambda point: point.exposure))
