"""Who speaks at an instant, whose node is up, and when the record stands still for want of them."""

from __future__ import annotations

from itertools import pairwise

from armslength.core.arrangement.bodies import Attest, Body
from armslength.core.arrangement.terms import Arrangement
from armslength.wire.script import FOREVER, Quiet


class Presence:
    """What the silences of a script come to. `gaps`: when the record stands still, as [from, until), in order."""

    def __init__(self, terms: Arrangement, quiet: tuple[Quiet, ...]) -> None:
        """Who is silent, and whose node is down."""
        self._terms = terms
        self._quiet = quiet
        self.gaps = tuple(_gaps(terms, quiet))

    def speaks(self, author: str, at: int, body: Body | None = None) -> bool:
        """Whether the author says this; without a body, whether its node acts."""
        spot = (body.claim, body.period) if isinstance(body, Attest) else None
        return not any(quiet.covers(author, at, spot) for quiet in self._quiet)

    def up(self, name: str, at: int) -> bool:
        """Whether its node is up."""
        return not any(quiet.down and quiet.covers(name, at) for quiet in self._quiet)

    def back(self, author: str, at: int) -> int | None:
        """When somebody who is down is back, if ever."""
        ends = [quiet.until for quiet in self._quiet if quiet.down and quiet.covers(author, at)]
        return max(ends) if ends and max(ends) < FOREVER else None

    def gap(self, at: int) -> tuple[int, int] | None:
        """The gap in which the instant lies."""
        return next((gap for gap in self.gaps if gap[0] <= at < gap[1]), None)

    def stamped(self, author: str, at: int) -> bool:
        """Whether somebody could stamp what the author says then (rule 2.2b)."""
        others = [name for name in self._terms.timekeepers.of if name != author]
        return not others or any(self.up(name, at) for name in others)

    def missing(self, at: int) -> tuple[str, ...]:
        """Of those who keep record and time, whose nodes are down."""
        named = dict.fromkeys((self._terms.keeper, *self._terms.timekeepers.of))
        return tuple(name for name in named if not self.up(name, at))


def _gaps(terms: Arrangement, quiet: tuple[Quiet, ...]) -> list[tuple[int, int]]:  # rule 2.5d
    down = [each for each in quiet if each.down]
    found: list[tuple[int, int]] = []
    for begin, end in pairwise(sorted({edge for each in down for edge in (each.since, each.until)})):
        gone = {name for each in down for name in each.who if each.since <= begin < each.until}
        left = [name for name in terms.timekeepers.of if name not in gone]
        if terms.keeper not in gone and len(left) >= terms.timekeepers.count:
            continue
        if found and found[-1][1] == begin:
            found[-1] = (found[-1][0], end)
        else:
            found.append((begin, end))
    return found
