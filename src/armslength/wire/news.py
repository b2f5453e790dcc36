"""What waits for the owner of a node, and what it is told: questions and answers on its socket, as in `wire.manage`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from armslength.wire.manage import Verb
from armslength.wire.own import Trouble


class WordOutcome(StrEnum):
    """What became of an attestation."""

    PENDING = "pending"  # no seal covers it yet
    STANDS = "stands"  # it counts, and no quorum has decided yet
    CONFIRMED = "confirmed"  # decided as it says
    OVERRULED = "overruled"  # decided otherwise
    UNKNOWN = "unknown"  # no quorum in time
    VOID = "void"  # it does not count


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedNow:
    """Something that is asked, with the command that does it ("": none alone does). `simulated`: its time is that of
    the simulated clock."""

    arrangement: str
    title: str
    kind: str
    subject: str
    periods: tuple[int, ...] = ()
    since: int | None = None
    until: int | None = None
    text: str
    then: str = ""
    how: str = ""
    simulated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StalledTask:
    """Something that is asked of others, of whom nothing has been heard though half of the time is over."""

    arrangement: str
    title: str
    kind: str
    subject: str
    who: tuple[str, ...]
    names: tuple[str, ...]
    since: int | None = None
    until: int | None = None
    text: str
    then: str = ""
    simulated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LastWord:
    """Our last attestation in an arrangement, and what became of it."""

    arrangement: str
    title: str
    claim: str
    period: int
    value: bool
    entry: str
    outcome: WordOutcome
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoQuestion:
    """Nothing more is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TodayView:
    """What waits over all arrangements, soonest first; what stalls, and at whom; what became of our last words; and
    what does not work here. `now` is UTC; `simulated` the simulated clock's time."""

    now: int
    simulated: int = 0
    asked: tuple[AskedNow, ...]
    stalled: tuple[StalledTask, ...]
    said: tuple[LastWord, ...]
    troubles: tuple[Trouble, ...] = ()

    def left(self, task: AskedNow | StalledTask) -> int:
        """Seconds until a task that has a limit is late; less than 0: since when it is."""
        return (task.until or 0) - (self.simulated if task.simulated else self.now)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsQuestion:
    """News after this one, which are waited for so many seconds; "" asks for none, and from where on to ask."""

    after: str = ""
    wait: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldEvent:
    """One thing that this node tells: see docs/notify.md. `cursor` is what to ask for what comes after it with."""

    cursor: str
    id: str
    kind: str
    event: str
    arrangement: str
    title: str
    subject: str
    at: int
    until: int | None = None
    who: tuple[str, ...]
    text: str
    then: str
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsView:
    """News in order, and from where on to ask next. `missed`: there were more than are kept, or the node has started
    anew."""

    events: tuple[ToldEvent, ...]
    cursor: str
    missed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelTest:
    """What became of a test: to whom, by which way ("mail", "webhook"), and why it failed (None: it was taken)."""

    to: str
    way: str
    ok: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """A message that was given up: its name, for whom, when, what it was about, and why."""

    id: str
    to: str
    at: int
    subject: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyReport:
    """What became of each test; how many notifications wait, by addressee, and how many were dropped since the start
    for want of room; and what was given up."""

    tested: tuple[ChannelTest, ...]
    waiting: dict[str, int]
    dropped: dict[str, int]
    given_up: tuple[GivenUp, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAddressee:
    """One whom this node tells something: by which way ("mail", "webhook"), and the rest as in `[[notify.to]]`. Of a
    webhook only the host is shown: what follows may be a secret."""

    to: str
    way: str
    kinds: tuple[str, ...]
    roles: tuple[str, ...]
    digest: tuple[str, ...]
    quiet: bool
    invitations: bool
    official: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyView:
    """`[notify]` as it is in force, without secrets, and what does not get through.

    quiet ("": none) and digest are local times in the zone; leads, by what is asked, and silence are seconds before a
    deadline; mail is the server ("": none)."""

    to: tuple[ShownAddressee, ...]
    zone: str
    quiet: str
    digest: str
    leads: dict[str, tuple[int, ...]]
    silence: int
    mail: str
    sender: str
    calendar: bool
    monitors: bool
    waiting: dict[str, int]
    dropped: dict[str, int]
    given_up: tuple[GivenUp, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgainOrder:
    """Send a message again that was given up, by its name."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgainAnswer:
    """Whether there was such a message; it is on its way then."""

    found: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarOrder:
    """Where the calendar is; a new address in place of the old one, or none any more."""

    renew: bool = False
    revoke: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarAddress:
    """Where the calendar is (None: nowhere)."""

    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderOrder:
    """An address of mail at which a monitor wants to be reminded; "" for none any more."""

    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeAnswers:
    """By its address, what each node that a monitor asks has said: asked for reminders "asked", "known", or why not;
    asked for arrangements "", or why it gave no answer."""

    nodes: dict[str, str]


TODAY: Final = Verb("today", NoQuestion, TodayView)
NEWS: Final = Verb("news", NewsQuestion, NewsView)
NOTIFY: Final = Verb("notify", NoQuestion, NotifyView)
NOTIFY_AGAIN: Final = Verb("notify-again", AgainOrder, AgainAnswer)
NOTIFY_TEST: Final = Verb("notify-test", NoQuestion, NotifyReport)
CALENDAR: Final = Verb("calendar", CalendarOrder, CalendarAddress)
# What a monitor's folder alone is asked.
REMIND: Final = Verb("remind", ReminderOrder, NodeAnswers)
NODES: Final = Verb("nodes", NoQuestion, NodeAnswers)
