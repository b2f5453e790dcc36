"""Making statements: each is said once, however often it is made.

Whoever was not answered makes a statement again, and must not be refused for it: where our last word on a subject is
the very same, nothing is signed, and the entry that stands is the answer. And where one of several statements is
refused, those that followed it, refused for the gap alone, are written again without it (rule 8.4e).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from armslength.core.arrangement.bodies import Allege, Attest, Body, Determine, Notice, Perform, Respond, Sign, Waive
from armslength.core.arrangement.state import State
from armslength.core.record.entry import Head, Leaf, Refusal, Submission, entry_hash
from armslength.engine.journal import PENDING, PLACED, Journal
from armslength.wire.own import JournalEntry, SubmissionAnswer

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


async def place(
    journal: Journal,
    made: Sequence[tuple[Body, JournalEntry | None]],
    where: tuple[Head, tuple[int, str]],
    send: Callable[[], Awaitable[dict[str, SubmissionAnswer]]],
) -> list[Sent]:
    """Write these statements, but for those with an entry that stands, and send them; what became of each, in order.

    `where` is what `Journal.write` takes; `send` gives the keeper's answers by entry hash. Raises what `write` raises.
    """
    became, answers = dict[int, Sent](), dict[str, SubmissionAnswer]()
    left = [index for index, (_, stands) in enumerate(made) if stands is None]
    stood = {index: stands for index, (_, stands) in enumerate(made) if stands is not None}
    if not left and any(each.status == PENDING for each in stood.values()):
        answers |= await send()
    while left:
        names = await journal.write([made[index][0] for index in left], *where)
        answers |= await send()
        refused = await _refused(journal, names)
        for index, name in zip(left, names, strict=True):
            became[index] = Sent(name, made[index][0], answers.get(name), refused.get(name))
            if became[index].is_refused_as("repeat") and (stands := await standing(journal, made[index][0])):
                stood[index] = stands
        is_fruitless = len(refused) == len(left)
        left = [index for index in left if became[index].is_refused_as("gap")]
        if is_fruitless and len(left) > FEW:
            break
    refused = await _refused(journal, [entry_hash(each.entry) for each in stood.values()])
    for index, each in stood.items():
        name = entry_hash(each.entry)
        answer = SubmissionAnswer(entry=name) if each.status == PLACED else answers.get(name)
        became[index] = Sent(name, made[index][0], answer, refused.get(name), before=True)
    return [became[index] for index in range(len(made))]


async def _refused(journal: Journal, names: Sequence[str]) -> dict[str, Refusal]:
    return {entry_hash(each.entry): refusal for each, refusal in await journal.refusals(names)}
