"""What every "why" answer is made of, and what its parts share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from armslength.core.arrangement.state import DutyState, State
from armslength.core.arrangement.tables import DutyStatus
from armslength.core.arrangement.terms import Arrangement
from armslength.views.blocks import Block, sentence
from armslength.views.deadlines import Deadline, deadlines
from armslength.views.words import Words, listing, span, start_case


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """An answer. `sentences` say it in order, the first one alone being the short answer; the rest is for programs.

    `kind` as in `Change`; `state` is the subject's public state; `at` is the instant the answer speaks of."""

    kind: str
    subject: str
    state: str
    at: int
    sentences: tuple[str, ...]
    blocked_on: tuple[Block, ...] = ()
    deadlines: tuple[Deadline, ...] = ()


class Question:
    """One state, as asked about: names, the running deadlines, and the small phrases that all answers use."""

    def __init__(self, terms: Arrangement, state: State) -> None:
        self.terms = terms
        self.state = state
        self.words = Words.of(terms, state)
        self.now = state.clock.now
        self.running = deadlines(terms, state)

    def answer(self, kind: str, subject: str, shown: str, said: Iterable[str], blocks: Iterable[Block]) -> Why:
        """An answer that ends with what comes next, if anything runs for this subject or for what blocks it."""
        blocks = tuple(blocks)
        due = self.deadlines_of({subject} | {block.subject for block in blocks})
        if kind != "arrangement":
            due = tuple(sorted(due, key=lambda d: d.subject != subject))
        sentences = tuple(text for text in said if text)
        coming = next((deadline for deadline in due if not deadline.idle), None)
        if coming:
            sentences += (self.next(coming),)
        return Why(
            kind=kind, subject=subject, state=shown, at=self.now, sentences=sentences, blocked_on=blocks, deadlines=due
        )

    def deadlines_of(self, subjects: set[str]) -> tuple[Deadline, ...]:
        """The running deadlines of these subjects, soonest first; a tranche's include its release duty's."""
        return tuple(d for d in self.running if d.subject in subjects or d.subject.removesuffix(".release") in subjects)

    def next(self, deadline: Deadline) -> str:
        """`Next: Borovia to perform, by …; if nothing comes, C5a is OVERDUE at …`."""
        if deadline.fires is None:
            return f"Next: {deadline.waits_for}, by {self.moment(deadline.at)}; after that {deadline.then}."
        if deadline.fires == deadline.at:
            return f"Next: on {self.moment(deadline.at)}, {deadline.then}."
        text = f"Next: {deadline.waits_for}, by {self.moment(deadline.at)}"
        what, sign, rest = re.split("([,:]|$)", deadline.then, maxsplit=1)  # what happens, and what that leads to
        return f"{text}; if nothing comes, {what} at {self.words.short(deadline.fires)}{sign}{rest}."

    def tell(self, block: Block) -> str:
        """A block as a phrase without a full stop."""
        return sentence(self.words, block, self.now)

    def moment(self, at: int) -> str:
        """`24 Jul 2016 10:00 UTC (D+9)`, with how far away it is."""
        if at == self.now:
            return f"{self.words.moment(at)}, now"
        if self.now == 0:  # nothing is sealed, so that no time has been told yet
            return self.words.moment(at)
        away = f"in {span(at - self.now)}" if at > self.now else f"{span(self.now - at)} ago"
        return f"{self.words.moment(at)}, {away}"

    def stands(self, held: DutyState) -> list[str]:
        """That a duty's clock is paused, and what is left of it; nothing while it runs."""
        until = held.cure_due if held.state == DutyStatus.OVERDUE else held.due
        if held.frozen_at is None or until is None:
            return []
        left, cure = until - held.frozen_at, "to cure it " if held.state == DutyStatus.OVERDUE else ""
        rest = f"{span(left)} {cure}will be left" if left > 0 else "no time is left"
        return [f"Its clock has been paused since {self.words.moment(held.frozen_at)}: once it runs again, {rest}."]

    def vote(self, kind: str, subject: str, votes: Mapping[str, bool], until: int) -> Block:
        """What the determiners still have to do."""
        rules = self.terms.allegations.determiners
        counted = [m for m in rules.of if m not in self.state.arrangement.excluded]
        silent = tuple(m for m in counted if m not in votes)
        if not votes:
            tally = "none has voted yet"
        else:
            up, down = (sum(votes.get(m) is side for m in counted) for side in (True, False))
            tally = f"so far {up} to uphold and {down} to dismiss"
        must = f", {listing(rules.including)} among them" if rules.including else ""
        need = f"it takes {rules.count} of {len(rules.of)} determiners{must}, to decide; {tally}"
        return Block(kind=kind, subject=subject, need=need, who=silent, until=until)


def ended(asked: Question) -> str:
    """What ended the arrangement: `after a withdrawal`."""
    how = {"withdrawal": "after a withdrawal", "suspension": "after a suspension that was not ended in time"}
    return how.get(asked.state.arrangement.winding_by or "", "once its term was over")


def start(text: str) -> str:
    """A phrase as a sentence."""
    return f"{start_case(text)}."
