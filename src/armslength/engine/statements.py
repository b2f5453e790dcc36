"""Making statements: each is said once, however often it is made.

Whoever was not answered makes a statement again, and must not be refused for it: where our last word on a subject is
the very same, nothing is signed, and the entry that stands is the answer. And where one of several statements is
refused, those that followed it, refused for the gap alone, are written again without it (rule 8.4e).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from armslength.core.arrangement.bodies import Allege, Attest, Body, Determine, Notice, Perform, Respond, Sign, Waive
from armslength.core.arrangement.state import State
from armslength.core.record.entry import Leaf, Refusal, Submission, entry_hash
from armslength.engine.journal import Journal
from armslength.wire.own import PENDING, PLACED, JournalEntry, SubmissionAnswer

# Said again, these change nothing, whatever has come in between; of the others the state decides.
FINAL: Final = (Sign, Attest, Notice, Allege, Respond, Determine, Waive)
FEW: Final = 20  # statements that are written again though nothing was placed the last time


@dataclass(frozen=True, slots=True)
class Sent:
    """An entry of ours that was sent: the keeper's answer, and its refusal; neither if it has not answered.

    `before`: it stood when its statement was made again."""

    entry: str
    body: Body
    answer: SubmissionAnswer | None
    refusal: Refusal | None
    before: bool = False

    def is_refused_as(self, code: str) -> bool:
        """Whether the keeper has refused it with this code."""
        return self.refusal is not None and self.refusal.code == code


async def standing(journal: Journal, body: Body) -> JournalEntry | None:
    """Our last entry on what this statement is about, placed or on its way, if it says the very same."""
    found = await journal.latest(body)
    return found if found is not None and found.entry.body == body else None


def stored(leaf: Leaf, body: Body) -> JournalEntry | None:
    """The same of a leaf that is placed and that our journal does not have."""
    submission = Submission(entry=leaf.entry, sig=leaf.sig)
    return JournalEntry(submission=submission, status=PLACED) if leaf.entry.body == body else None


def is_said(state: State, body: Body) -> bool:
    """Whether a valid statement that stands adds nothing when it is made again in this state."""
    if isinstance(body, Perform):
        duty = state.duties[body.duty]
        return duty.performed_at is not None and duty.performed_at >= duty.at
    return isinstance(body, FINAL)


class Making:
    """Statements that are being made, but for those with an entry that stands. Whoever makes them writes what is
    `left`, sends it and notes what came of it, for as long as `is_open`."""

    def __init__(self, journal: Journal, made: Sequence[tuple[Body, JournalEntry | None]]) -> None:
        self._journal = journal
        self._bodies = [body for body, _ in made]
        self._stood = {index: stands for index, (_, stands) in enumerate(made) if stands is not None}
        self._left = [index for index, (_, stands) in enumerate(made) if stands is None]
        self._became: dict[int, Sent] = {}
        self._answers: dict[str, SubmissionAnswer] = {}
        self.is_open = bool(self._left) or any(each.status == PENDING for each in self._stood.values())

    @property
    def left(self) -> list[Body]:
        """What is to be written now."""
        return [self._bodies[index] for index in self._left]

    async def note(self, names: Sequence[str], answers: Mapping[str, SubmissionAnswer]) -> None:
        """What was left has been written as these entries, and sent: the keeper's answers, by entry hash."""
        refused = await _refused(self._journal, names)
        self._answers |= answers
        for index, name in zip(self._left, names, strict=True):
            self._became[index] = sent = Sent(name, self._bodies[index], answers.get(name), refused.get(name))
            if sent.is_refused_as("repeat") and (stands := await standing(self._journal, sent.body)):
                self._stood[index] = stands
        is_fruitless = len(refused) == len(names)
        self._left = [index for index in self._left if self._became[index].is_refused_as("gap")]
        self.is_open = bool(self._left) and not (is_fruitless and len(self._left) > FEW)

    async def results(self) -> list[Sent]:
        """What became of each, in order."""
        refused = await _refused(self._journal, [entry_hash(each.entry) for each in self._stood.values()])
        for index, each in self._stood.items():
            name = entry_hash(each.entry)
            answer = SubmissionAnswer(entry=name) if each.status == PLACED else self._answers.get(name)
            self._became[index] = Sent(name, self._bodies[index], answer, refused.get(name), before=True)
        return [self._became[index] for index in range(len(self._bodies))]


async def _refused(journal: Journal, names: Sequence[str]) -> dict[str, Refusal]:
    return {entry_hash(each.entry): refusal for each, refusal in await journal.refusals(names)}
