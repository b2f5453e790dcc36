"""Sentences read back: forms of sentences as patterns, and what is known of a state without asking the views."""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from armslength.core.arrangement.state import Change, State, Vote
from armslength.core.arrangement.terms import Arrangement, Claim
from armslength.errors import Refused
from armslength.views.placed import PlacedEntry

KINDS = {
    "M": r"\d+ \w{3} \d{4} \d\d:\d\d(?::\d\d)? UTC \(D(?:[+−]\d+)?\)",
    "S": r"\d+ (?:d|h|min|s)(?: \d+ (?:h|min|s))?",
    "N": r"\d+",
    "id": r"[\w./#-]+",
    "state": r"[A-Z]+",
    "who": r"[\w ,–()]+?",
    "list": r"[\w, .–]+?",
    "claim": r"\w+(?: \((?:It is so|It was so)\))?",
    "duty": r"(?:[\w.]+ \(Do it\)|\w+'s release)",
    "tranche": r"Something \(\w+\)",
    "spot": r"\w+(?: (?:day|week|period) \d+)?",
    "unit": r"(?:day|week|period)",
    "away": r"(?:, in [\w ]+|, [\w ]+ ago|, now)?",
    "text": r".+?",
}
Read = dict[str, str]


@dataclass
class Seen:
    """One state in its history, and what was promised of it."""

    terms: Arrangement
    state: State
    changes: list[Change]
    placed: list[PlacedEntry]
    nevers: list[tuple[str, str, str]] = field(default_factory=list)  # what can never come any more

    @property
    def now(self) -> int:
        """The instant worked up to."""
        return self.state.clock.now

    @property
    def origin(self) -> int:
        """D, or the stated start."""
        return self.state.arrangement.effective_at or self.terms.start

    def since(self, kind: str, subject: str) -> int:
        """When a subject last changed."""
        moved = (c for c in self.changes if (c.kind, c.subject) == (kind, subject) and c.before != c.after)
        return [0, *(c.at for c in moved)][-1]

    def count(self, claim: Claim) -> int:
        """How many periods it has."""
        if claim.period is None:
            return 1
        return len(range(self.origin + claim.offset, self.terms.end, claim.period))

    def span(self, claim: Claim, number: int) -> tuple[int, int]:
        """Where a period begins and ends."""
        begin = self.origin + claim.offset + number * (claim.period or 0)
        return begin, begin if claim.period is None else min(begin + claim.period, self.terms.end)

    def report_by(self, claim: Claim, number: int) -> int | None:
        """Until when it can be decided."""
        return None if claim.report_by is None else self.span(claim, number)[1] + claim.report_by

    def value(self, claim: str, number: int) -> str:
        """A period by its public name."""
        letter = self.state.claims[claim].decided[number : number + 1] or "."
        return {".": "UNDECIDED", "S": "SUPPORTED", "R": "REFUTED", "X": "EXCUSED", "U": "UNKNOWN"}[letter]

    def votes(self, claim: str, number: int) -> dict[str, Vote]:
        """The votes that count."""
        found = self.state.claims[claim].open.get(str(number), {})
        return {who: vote for who, vote in found.items() if who not in self.state.arrangement.excluded}

    def shown(self, kind: str, subject: str) -> str:
        """The public state of anything."""
        match kind:
            case "duty":
                return self.state.duties[subject].state
            case "tranche":
                return self.state.tranches[subject].shown
            case "allegation":
                return self.state.allegations[subject].outcome
            case "claim":
                name, _, number = subject.partition("#")
                return self.value(name, int(number or 0))
            case _:
                return self.state.shown


def instant(text: str) -> int:
    """`12 Jan 1970 13:46:40 UTC (D)` in seconds."""
    moment, _, _ = text.partition(" UTC")
    form = "%d %b %Y %H:%M:%S" if moment.count(":") == 2 else "%d %b %Y %H:%M"
    return calendar.timegm(time.strptime(moment, form))


def seconds(text: str) -> tuple[int, int]:
    """`2 d 3 h`: at least so many seconds, and fewer than so many."""
    sizes = {"d": 86400, "h": 3600, "min": 60, "s": 1}
    parts = re.findall(r"(\d+) (d|h|min|s)", text)
    units = [unit for _, unit in parts]
    low = sum(int(number) * sizes[unit] for number, unit in parts)
    exact = len(parts) < 2 or units[-1] == "s"
    return low, low + (1 if exact else sizes[units[-1]])


def is_span(text: str, length: int) -> bool:
    """Whether the text tells this many seconds."""
    low, high = seconds(text)
    return low <= abs(length) < high


def people(text: str) -> set[str]:
    """`n1, n2 and P`, `any of 4 monitors (n1–n4)`: the ids."""
    counted = re.fullmatch(r"(?:any of )?(\d+) monitors \((.+)\)", text)
    if counted:
        text = counted[2]
        run = re.fullmatch(r"([a-z])(\d+)–[a-z](\d+)", text)
        found = {f"{run[1]}{n}" for n in range(int(run[2]), int(run[3]) + 1)} if run else set(names(text))
        assert len(found) == int(counted[1]), text
        return found
    return set(names(text))


def names(text: str) -> list[str]:
    """`a, b and c`."""
    return re.split(r", | and | or ", text)


def numbers(text: str) -> list[int]:
    """`0–6, 8`."""
    out: list[int] = []
    for part in text.split(", "):
        first, _, last = part.partition("–")
        out += range(int(first), int(last or first) + 1)
    return out


def spot(text: str) -> tuple[str, int]:
    """`k0 period 3`, or `e0`."""
    name, _, rest = text.partition(" ")
    return name, int(rest.rpartition(" ")[2] or 0)


def bare(text: str) -> str:
    """`k0 (It is so)`, `Something (t0)`, `t0's release`: the id."""
    if text.startswith("Something ("):
        return text[len("Something (") : -1]
    return text.removesuffix("'s release") + ".release" if text.endswith("'s release") else text.partition(" ")[0]


def pattern(text: str) -> re.Pattern[str]:
    """A form: a regular expression in which `<name:kind>` stands for a group of that kind."""

    def group(found: re.Match[str]) -> str:
        return f"(?P<{found[1]}>{KINDS[found[2]]})"

    return re.compile(re.sub(r"<(\w+):(\w+)>", group, text))


Check = Callable[..., Any]


class Forms:
    """A catalogue: every form with the check of what it says."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.known: list[tuple[re.Pattern[str], Check]] = []
        self.used: set[str] = set()

    def form(self, *texts: str) -> Callable[[Check], Check]:
        """Register a check for these forms."""

        def keep(check: Check) -> Check:
            self.known += [(pattern(text), check) for text in texts]
            return check

        return keep

    def read(self, seen: Seen, text: str, *more: Any) -> None:
        """Check a sentence; one of unknown form, or whose every reading is wrong, fails."""
        wrong: list[str] = []
        for known, check in self.known:
            found = known.fullmatch(text)
            if found is None:
                continue
            try:
                check(seen, {key: value for key, value in found.groupdict().items() if value is not None}, *more)
            except (AssertionError, KeyError, ValueError, Refused) as failure:
                wrong.append(f"{check.__name__}: {failure!r}"[:1500])
                continue
            self.used.add(known.pattern)
            return
        raise AssertionError(f"{self.what} {text!r}: {'; '.join(wrong) or 'its form is in no catalogue'}")

    def matches(self, seen: Seen, text: str, *more: Any) -> bool:
        """Whether it can be read so, and is true."""
        try:
            self.read(seen, text, *more)
        except AssertionError:
            return False
        return True


def same(left: Iterable[str], right: Iterable[str]) -> None:
    """The same names, in any order."""
    assert set(left) == set(right), (sorted(left), sorted(right))
