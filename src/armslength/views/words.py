"""How the views name things: actors, moments, spans, periods and lists, in plain English. UTC throughout."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from armslength.core.arrangement.state import State
from armslength.core.arrangement.tables import AllegationOutcome, DutyStatus, PeriodValue, Phase, Stage
from armslength.core.arrangement.terms import Arrangement, Claim, release_duty
from armslength.core.transfer import TransferState

MINUTE, HOUR, DAY = 60, 3600, 86400
COUNTED = 3  # monitors that are named; more are counted
LONGEST = 100  # characters of a statement that are shown in a sentence

_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066\u2067\ufeff\ud800-\udfff]")
_ISOLATE, _END = "\u2068", "\u2069"  # Unicode's first strong isolate, and what ends it
_BREAKS = re.compile("[\t\n\r\x85\u2028\u2029]+")
_NUMBERED = re.compile(r"(\D+)(0|[1-9]\d*)")

# How a state reads to an eye that skims: one of six tones, and what the state means, in a few words.
TONES = {
    "waiting": "PROPOSED PENDING LOCKED UNDECIDED NONE",
    "running": "SIGNED EFFECTIVE ACTIVE READY DELIVERED OPEN",
    "good": "RELEASED SETTLED FULFILLED CURED SUPPORTED EXCUSED COMPLETED",
    "mended": "REMEDIED DISMISSED DISCHARGED",
    "warning": "HELD OVERDUE WITHHELD WINDING UNVERIFIED UNKNOWN DENIED UNANSWERED",
    "broken": "SUSPENDED BREACHED DISPUTED REFUTED UPHELD ADMITTED",
    "ended": "TERMINATED LAPSED EXPIRED FORFEITED",
}
_TONE = {state: tone for tone, states in TONES.items() for state in states.split()}

MEANINGS: dict[str, str] = {
    Phase.PROPOSED: "not yet signed by all",
    Phase.SIGNED: "signed by all, not yet in force",
    Phase.EFFECTIVE: "in force",
    Phase.HELD: "on hold while an allegation is looked into",
    Phase.SUSPENDED: "stopped after a breach",
    Phase.WINDING: "winding up",
    Phase.COMPLETED: "run to its end",
    Phase.TERMINATED: "ended early",
    Phase.LAPSED: "never came into force",
    DutyStatus.PENDING: "not yet owed",
    DutyStatus.ACTIVE: "owed, and in order so far",
    DutyStatus.OVERDUE: "not met, and may still be cured",
    DutyStatus.CURED: "not met at first, then made good in time",
    DutyStatus.BREACHED: "broken",
    DutyStatus.REMEDIED: "broken, then made good",
    DutyStatus.FULFILLED: "done",
    DutyStatus.DISCHARGED: "no longer owed",
    DutyStatus.EXPIRED: "can no longer fall due",
    DutyStatus.UNVERIFIED: "over, and part of it could not be verified",
    Stage.LOCKED: "its conditions do not hold yet",
    Stage.READY: "its conditions held; the sealed data can be fetched",
    Stage.DELIVERED: "the sealed data has arrived; the key is still to come",
    Stage.RELEASED: "released for good; the key is on its way",
    Stage.SETTLED: "received",
    Stage.DISPUTED: "received, and the recipient disputes it",
    Stage.FORFEITED: "will not be released",
    Stage.WITHHELD: "held back",
    PeriodValue.UNDECIDED: "no quorum of monitors agrees yet",
    PeriodValue.SUPPORTED: "found to have held",
    PeriodValue.REFUTED: "found not to have held",
    PeriodValue.EXCUSED: "covered by a notice",
    PeriodValue.UNKNOWN: "never verified in time",
    AllegationOutcome.OPEN: "not yet decided",
    AllegationOutcome.UPHELD: "found to be so",
    AllegationOutcome.DISMISSED: "not upheld",
}


# A transfer on the Dataspace Protocol is of the sealed data alone; what it opens with is in the record.
TRANSFERS: dict[str, str] = {
    TransferState.REQUESTED: "asked for; its provider starts it once the tranche is READY",
    TransferState.STARTED: "can be fetched",
    TransferState.SUSPENDED: "paused",
    TransferState.COMPLETED: "done",
    TransferState.TERMINATED: "called off",
}


def transfers(states: Mapping[str, str], suspended: Mapping[str, tuple[str, str | None]] | None = None) -> str:
    """The transfers of sealed data by tranche, each state with what it means; empty if there are none. `suspended`
    gives by whom and why, in that side's own words."""
    by = {
        name: f"suspended by {who}{f': {reason}' if reason else ''}"
        for name, (who, reason) in (suspended or {}).items()
    }
    told = (
        f"{name} {state} ({by.get(name, TRANSFERS[state])})" if state in TRANSFERS else f"{name} {state}"
        for name, state in states.items()
    )
    return f"Transfers of sealed data: {'; '.join(told)}." if states else ""


def suspended(tranche: str, who: str, reason: str | None) -> str:
    """Whose move it is where a transfer is suspended."""
    why = f" ({reason})" if reason else ""
    return f"The transfer of the sealed data of {tranche} is suspended by {who}{why}, who alone resumes it."


def tone(state: str) -> str:
    """The tone of a public state name: waiting, running, good, mended, warning, broken or ended."""
    return _TONE.get(state, "waiting")


def meaning(state: str) -> str:
    """What a public state name means, in a few words; empty for an unknown name."""
    return MEANINGS.get(state, "")


def listing(items: Iterable[str], last: str = "and") -> str:
    """`a, b and c`."""
    names = list(items)
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def ranges(prefix: str, numbers: Iterable[int]) -> str:
    """`p0–p6, p8`: whole numbers as runs."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"{prefix}{a}" if a == b else f"{prefix}{a}–{prefix}{b}" for a, b in runs)


def safe(text: str) -> str:
    """Text that a terminal shows on one line, as it is: a line break is a space, other control and direction
    characters stand as `�`. So what others write can fake no line of ours."""
    return _closed(_UNSAFE.sub("�", _BREAKS.sub(" ", text)))


def safe_block(text: str) -> str:
    """The same for a page, where line breaks end nothing: they stay."""
    return "\n".join(map(_closed, _UNSAFE.sub("�", text).split("\n")))


def _closed(line: str) -> str:
    """The line, if every isolate in it is closed; else without any: what others write reorders nothing of ours."""
    depth = 0
    for char in line if _ISOLATE in line or _END in line else "":
        depth += (char == _ISOLATE) - (char == _END)
        if depth < 0:
            break
    return line if depth == 0 else line.replace(_ISOLATE, "�").replace(_END, "�")


def isolated(text: str) -> str:
    """Somebody's words inside a sentence of ours: what is written from right to left reorders nothing around it."""
    if text.isascii() or not any(unicodedata.bidirectional(char) in ("R", "AL", "AN") for char in text):
        return text
    return f"{_ISOLATE}{text}{_END}"


def wrap(text: str, width: int) -> list[str]:
    """The lines of a text of ours; an isolate that runs on is closed at a line's end, and opened again on the next."""
    lines, still_open = [], 0
    for line in textwrap.wrap(text, width, break_on_hyphens=False):
        whole = _ISOLATE * still_open + line
        still_open = whole.count(_ISOLATE) - whole.count(_END)
        lines.append(whole + _END * still_open)
    return lines


def start_case(text: str) -> str:
    """A phrase of ours with a capital first letter; ids such as `k2` stay as they are."""
    first = text.partition(" ")[0]
    return f"{text[:1].upper()}{text[1:]}" if len(first) > 1 and first.isalpha() and first.islower() else text


def count(number: int, noun: str) -> str:
    """`1 entry`, `2 entries`, `3 days`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") and noun[-2] not in "aeiou" else f"{number} {noun}s"


def span(seconds: int) -> str:
    """A duration in at most two units: `2 d 3 h`, `5 h`, `40 min`."""
    left = abs(seconds)
    parts: list[str] = []
    for size, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (1, "s")):
        if left >= size:
            parts.append(f"{left // size} {unit}")
            left %= size
    return " ".join(parts[:2]) or "0 s"


def date(at: int) -> str:
    """`15 Jul 2016`."""
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment.day} {moment:%b %Y}"


def clock(at: int) -> str:
    """`10:00`, with seconds only where there are any."""
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment:%H:%M:%S}" if moment.second else f"{moment:%H:%M}"


def iso(at: int) -> str:
    """`2016-07-15T10:00:00Z`."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _run(names: list[str]) -> str:
    """`m1–m5` for names that count without a gap; empty for any others."""
    found = [_NUMBERED.fullmatch(name) for name in names]
    parts = sorted((match[1], int(match[2])) for match in found if match)
    if len(parts) < len(names) or [(parts[0][0], parts[0][1] + n) for n in range(len(parts))] != parts:
        return ""
    return f"{parts[0][0]}{parts[0][1]}–{parts[-1][0]}{parts[-1][1]}"


def size(octets: int) -> str:
    """`1.2 MB`, in powers of ten."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if octets >= scale:
            return f"{octets / scale:.1f} {unit}"
    return count(octets, "byte")


@dataclass(frozen=True, slots=True)
class Words:
    """Names for one arrangement. `origin` is D, or the stated start until D is known."""

    terms: Arrangement
    origin: int

    @classmethod
    def of(cls, terms: Arrangement, state: State | None = None) -> Words:
        """Take D from the state where it is known."""
        effective = state.arrangement.effective_at if state else None
        return cls(terms, terms.start if effective is None else effective)

    def named(self, who: str) -> str:
        """`Arandia (A)`: a name, and the id that commands take; the id alone where the terms do not name it."""
        actor = self.terms.actors.get(who)
        return f"{isolated(actor.name)} ({who})" if actor and actor.name != who else who

    def actor(self, who: str) -> str:
        """`Convenor (v)`. A party goes by its name alone, `Arandia`, since sentences are full of parties."""
        return isolated(self.terms.actors[who].name) if who in self.terms.parties else self.named(who)

    def actors(self, names: Iterable[str], last: str = "and") -> str:
        """`Arandia and Borovia`; more than three monitors are counted: `5 monitors (m1–m5)`."""
        names = list(names)
        if len(names) <= COUNTED or not set(names) <= set(self.terms.monitors):
            return listing((self.actor(name) for name in names), last)
        label = f"{len(names)} monitors ({_run(names) or listing(names)})"
        return label if last == "and" else f"any of {label}"

    def quorum(self, claim: Claim, least: int) -> str:
        """`3 of 5 monitors (m1–m5)`: who can decide a period, where `least` of them suffice."""
        who = self.actors(claim.monitors)
        if least == 1:
            return self.actors(claim.monitors, "or")
        return f"all of {who}" if least == len(claim.monitors) else f"{least} of {who}"

    def names(self, names: Iterable[str], last: str = "and") -> str:
        """Every name alone, without ids."""
        actors = self.terms.actors
        return listing((isolated(actors[name].name) if name in actors else name for name in names), last)

    def relative(self, at: int) -> str:
        """`D+14 10:00`; `D+14 + 3 h` where D is not at midnight."""
        days, rest = divmod(at - self.origin, DAY)
        label = "D" if days == 0 else f"D+{days}" if days > 0 else f"D−{-days}"
        return f"{label} {clock(at)}" if self.aligned else f"{label} + {span(rest)}"

    @property
    def aligned(self) -> bool:
        """Whether D falls on midnight UTC, so that the clock time can stand beside the day's number."""
        return self.origin % DAY == 0

    def moment(self, at: int) -> str:
        """`15 Jul 2016 10:00 UTC (D+14)`."""
        return f"{date(at)} {clock(at)} UTC ({self.relative(at).split()[0]})"

    def short(self, at: int) -> str:
        """`D+14 10:00` where days count from midnight, else the full moment."""
        return self.relative(at) if self.aligned else self.moment(at)

    def starts(self, claim: Claim, period: int) -> int:
        """The instant at which a period begins."""
        return self.origin + claim.offset + period * (claim.period or 0)

    def ends(self, claim: Claim, period: int) -> int:
        """The instant at which a period ends; the term's end cuts the last one. An event ends where it begins."""
        if claim.period is None:
            return self.origin + claim.offset
        return min(self.starts(claim, period + 1), self.terms.end)

    def periods(self, claim: Claim) -> int:
        """How many periods a claim has: those that begin before the term ends (1 for an event)."""
        if claim.period is None:
            return 1
        return max(0, -((self.origin + claim.offset - self.terms.end) // claim.period))

    def unit(self, claim: Claim) -> str:
        """`day`, `week` or `period`."""
        return {DAY: "day", 7 * DAY: "week"}.get(claim.period or 0, "period")

    def period(self, name: str, number: int) -> str:
        """`day 7` counted as in the record (the first is 0); nothing for an event."""
        claim = self.terms.claims[name]
        return f"{self.unit(claim)} {number}" if claim.kind == "state" else ""

    def claim(self, name: str) -> str:
        """`k2 (Caldera's aircraft are grounded)`."""
        claim = self.terms.claims.get(name)
        if claim is None:
            return name
        return f"{name} ({self._brief(claim.statement)})"

    def duty(self, name: str) -> str:
        """`C2 (Borovia keeps Caldera's aircraft grounded)`, `T2's release`."""
        tranche = self.release_of(name)
        if tranche:
            return f"{tranche}'s release"
        duty = self.terms.duties.get(name)
        return f"{name} ({self._brief(duty.statement)})" if duty else name

    def tranche(self, name: str) -> str:
        """`Historical summaries (T2)`."""
        tranche = self.terms.tranches.get(name)
        return f"{isolated(tranche.title)} ({name})" if tranche and tranche.title != name else name

    def release_of(self, duty: str) -> str | None:
        """The tranche whose release duty this is, if it is one."""
        name = duty.removesuffix(".release")
        return name if name in self.terms.tranches and release_duty(name) == duty else None

    def subject(self, kind: str, name: str) -> str:
        """The short name of a change's subject: `C2`, `T2`, `k2 day 7`, `the arrangement`."""
        if kind == "arrangement":
            return "the arrangement"
        if kind == "claim":
            claim, _, number = name.partition("#")
            return f"{claim} {self.period(claim, int(number or 0))}".strip() if claim in self.terms.claims else name
        if kind == "allegation":
            return f"allegation {name}"
        if kind == "instance":
            return f"the violation of {name}"
        tranche = self.release_of(name)
        return f"{tranche}'s release" if tranche else name

    @staticmethod
    def _brief(statement: str) -> str:
        """A statement as a phrase, shortened at a word where it is long."""
        text = statement.strip().rstrip(".")
        return isolated(text if len(text) <= LONGEST else f"{text[:LONGEST].rsplit(' ', 1)[0]} …")
