"""The views as text for a terminal or a file: lines of spans, each with a tone that a colour terminal may show.

The meaning never rests on the tone: every state is named. Width 80 unless told; nothing is cut, long text is wrapped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from armslength.core.arrangement.tables import DutyStatus, Stage
from armslength.core.arrangement.terms import Arrangement
from armslength.views.asked import Why
from armslength.views.exposure import Series, moved, number
from armslength.views.status import DutyLine, Status
from armslength.views.timeline import TimelineLine
from armslength.views.words import Words, clock, count, date, isolated, listing, safe, span, start_case, tone, wrap


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line. `tone` is one of `words.TONES`, or "title", "faint" or ""."""

    text: str
    tone: str = ""


Text = list[list[Span]]


def plain(text: Text) -> str:
    """The lines without tones, each ended by a newline."""
    return "".join(f"{''.join(safe(piece.text) for piece in line).rstrip()}\n" for line in text)


def status_text(terms: Arrangement, status: Status, width: int = 80) -> Text:
    """The overview."""
    words = Words(terms, status.start)
    out: Text = [[Span(isolated(status.title), "title"), Span(" is "), Span(status.state, tone(status.state))]]
    clock_note = " (simulated time)" if status.simulated else ""
    out[-1].append(Span(f": {status.means}.") if status.means else Span("."))
    end = f" The term ends on {words.moment(status.end)}." if status.at < status.end else ""
    asof = f"As of {words.moment(status.at)}{clock_note}." if status.at else f"Nothing is sealed yet{clock_note}."
    out += _wrapped(f"{asof}{end}", width, "", "faint")
    for sentence in _stands(status):
        out += _wrapped(sentence, width)
    if status.next and status.next.subject != "arrangement":
        when = words.moment(status.next.at) + (f", {_away(status.next.at, status.at)}" if status.at else "")
        waits = "" if status.next.fires == status.next.at else f"{status.next.waits_for}; otherwise "
        out += _wrapped(f"Next deadline: {when}: {waits}{status.next.then}.", width)
    out += _tranches(status, width)
    for party in status.parties:
        out += _owed(words, status, party, width)
    out += _alleged(words, status, width)
    out += _stakes(status, width)
    return out + _unsealed(words, status, width)


def why_text(answer: Why, width: int = 80) -> Text:
    """An answer: the short one first, then the rest as a list."""
    head = [Span(answer.subject, "title"), Span("  "), Span(answer.state, tone(answer.state))]
    out: Text = [head]
    for index, sentence in enumerate(answer.sentences):
        out += _wrapped(sentence, width, "" if index == 0 else "- ")
    return out


def timeline_text(
    words: Words, lines: Sequence[TimelineLine], width: int = 80, stakes: Mapping[str, Series] | None = None
) -> Text:
    """The timeline, grouped by day: what was done, then, indented, what it changed and why; with `stakes`, also what
    each party's exposure was from there on, where a tranche or a duty moved it."""
    out: Text = []
    day = shown = ""
    for line in lines:
        today = f"{date(line.at)}  {words.relative(line.at).split()[0]}"
        if line.until > line.at and date(line.until) != date(line.at):
            today += f" … {date(line.until)}  {words.relative(line.until).split()[0]}"
        if today != day:
            out += [*([[]] if day else []), [Span(today, "title")]]
            day, shown = today, ""
        first = f"{line.did if line.who else start_case(line.did)}."  # names stay as they are
        hour = clock(line.at)
        out += _wrapped(first, width, f"  {hour if hour != shown else ' ' * len(hour)}  ")
        shown = hour
        for effect in line.effects:
            because = f" ({effect.cause})" if effect.cause else ""
            out += _wrapped(f"{effect.text}{because}", width, "         > ", tone(effect.after))
        values = moved(stakes, line.entries) if stakes else {}
        if values:
            each = ", ".join(f"{words.actor(party)} {number(value)}" for party, value in values.items())
            out += _wrapped(f"exposure now: {each}", width, "         = ", "faint")
    return out


def exposure_text(terms: Arrangement, series: Mapping[str, Series], width: int = 80) -> Text:
    """Each party's exposure now and at its peak, with the reason."""
    words = Words.of(terms)
    out: Text = []
    for party, line in series.items():
        last = line.points[-1] if line.points else line.peak
        peak = f"peak {number(line.peak.exposure)} on {words.short(line.peak.at)} ({line.peak.why})"
        if line.peak.index is None:
            peak = "never above 0"
        out += _wrapped(f"{words.actor(party)}: exposure {number(last.exposure)}; {peak}.", width)
    return out


def _stands(status: Status) -> list[str]:
    """What is said of the arrangement itself; that its term ends is no news while something else comes first."""
    own = next((deadline for deadline in status.deadlines if deadline.subject == "arrangement"), None)
    later = own is not None and own.at == status.end and status.next not in {None, own}
    below = status.provisional.stalled if status.provisional else ()  # told with the record, once
    news = [sentence for sentence in status.why[1:] if sentence not in below]
    return [sentence for sentence in news if not (later and sentence.startswith("Next: "))]


def _tranches(status: Status, width: int) -> Text:
    out: Text = [[], [Span("Tranches", "title")]]
    wide = max([4, *(len(line.id) for line in status.tranches)])
    for line in status.tranches:
        title = Span(isolated(_cut(line.title, width - wide - 13)))
        out.append([Span(f"  {line.id:<{wide}} "), Span(f"{line.state:<10}", tone(line.state)), title])
        if line.state not in {Stage.SETTLED, Stage.FORFEITED}:
            out += _wrapped(line.because, width, " " * 7, "faint")
    return out


def _owed(words: Words, status: Status, party: str, width: int) -> Text:
    out: Text = [[], [Span(f"{words.named(party)} owes", "title")]]
    mine = [line for line in status.duties if line.debtor == party]
    shown = [
        line
        for line in mine
        if not (words.release_of(line.id) and line.state in {DutyStatus.PENDING, DutyStatus.FULFILLED})
    ]
    hidden = [line.state for line in mine if line not in shown]
    wide = max([10, *(len(line.id) for line in status.duties)])
    for line in shown:
        due = Span(_due(words, line, status.at))
        out.append([Span(f"  {line.id:<{wide}} "), Span(f"{line.state:<12}", tone(line.state)), due])
        out += _wrapped(line.what, width, " " * (wide + 3), "faint")
    if hidden:
        done, open_ = hidden.count(DutyStatus.FULFILLED), hidden.count(DutyStatus.PENDING)
        parts = (
            f"{done} fulfilled and {open_} not yet due" if done and open_ else "fulfilled" if done else "not yet due"
        )
        out.append([Span(f"  {'and ' * bool(shown)}{count(len(hidden), 'release duty')}, {parts}", "faint")])
    elif not shown:
        out.append([Span("  nothing", "faint")])
    return out


def _alleged(words: Words, status: Status, width: int) -> Text:
    if not status.allegations:
        return []
    out: Text = [[], [Span("Allegations", "title")]]
    wide = max(len(line.id) for line in status.allegations)
    for line in status.allegations:
        what = (
            f"{line.claim} {words.period(line.claim, line.period or 0)}".strip() if line.claim else line.tranche or ""
        )
        held = "; holds the arrangement" if line.holding else ""
        answer = line.answer.lower() if line.answer else "not answered"
        text = f"by {words.actor(line.by)} on {words.short(line.raised_at)} about {what}: {answer}{held}"
        out.append([Span(f"  {line.id:<{wide}} "), Span(line.outcome, tone(line.outcome))])
        out += _wrapped(text, width, " " * (wide + 3))
    left = listing(f"{words.actor(party)} {number}" for party, number in status.holds_left.items())
    out.append([Span(f"  Holds left: {left}.", "faint")])
    return out


def _stakes(status: Status, width: int) -> Text:
    parts = [f"{status.parties[party]} {number(value)}" for party, value in status.exposure.items()]
    out: Text = [[], [Span("Exposure now", "title")]]
    return out + _wrapped(f"{', '.join(parts)} (given less received; negative: ahead)", width, "  ")


def _unsealed(words: Words, status: Status, width: int) -> Text:
    note = status.provisional
    if note is None:
        return []
    out: Text = [[], [Span("Record", "title")]]
    sealed = f", last on {words.moment(note.sealed_at)}" if note.sealed_at is not None else ""
    out += _wrapped(f"{count(note.size, 'entry')}, {note.sealed} of them sealed{sealed}.", width, "  ")
    if note.entries:
        out += _wrapped(
            f"The last {count(note.entries, 'entry')} are provisional: no seal covers them yet.", width, "  ", "warning"
        )
    for text in note.stalled:
        out += _wrapped(text, width, "  ", "warning")
    return out


def _due(words: Words, line: DutyLine, now: int) -> str:
    if line.frozen:
        return "its clock is paused"
    if line.cure_due is not None:
        return f"cure by {words.short(line.cure_due)}, {_away(line.cure_due, now)}"
    if line.due is not None:
        return f"due {words.short(line.due)}, {_away(line.due, now)}"
    return "broken before, and made good" if line.remedied and line.state != DutyStatus.REMEDIED else ""


def _away(at: int, now: int) -> str:
    return f"in {span(at - now)}" if at > now else f"{span(now - at)} ago" if at < now else "now"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: max(1, width - 1)]}…"


def _wrapped(text: str, width: int, lead: str = "", shade: str = "") -> Text:
    """Wrap; what follows the first line is indented to the lead's width."""
    pieces: Iterable[str] = wrap(text, max(20, width - len(lead))) or [""]
    return [list(_piece(lead if i == 0 else " " * len(lead), piece, shade)) for i, piece in enumerate(pieces)]


def _piece(lead: str, piece: str, shade: str) -> Iterator[Span]:
    if lead:
        yield Span(lead)
    yield Span(piece, shade)
