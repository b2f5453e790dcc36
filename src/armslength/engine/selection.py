"""Which arrangement is meant: by the beginning of its hash, or by saying nothing.

Whoever says nothing means the only one there is. Terms that others replace are not meant, but nothing replaces what is
in force, or terms under which we have spoken: nobody else chooses where we speak. Where there is a choice, it is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from armslength.core.arrangement.tables import Phase
from armslength.engine.proposals import Proposals
from armslength.engine.repository import LiveArrangement, Repository
from armslength.errors import ArmslengthError, Misuse, NotFound
from armslength.wire.own import Proposal

FEW: Final = 50  # arrangements that are opened to find the one that is meant
SHOWN: Final = 10  # of several that could be meant
NAMED: Final = 12  # characters of a hash that name an arrangement to people
UNREADABLE: Final = "cannot be read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Terms that could be meant. `stands`: nothing replaces them; `ours`: we have taken them up ourselves."""

    arrangement: str
    title: str
    replaces: str | None = None
    stands: bool = False
    ours: bool = True


def chosen(found: Sequence[Candidate], nothing: str, begins: str = "") -> Candidate:
    """The one of these that is meant by whoever says no more. Raises NotFound, in these words, and Misuse where there
    is a choice."""
    replaced = {each.replaces for each in found}
    standing = {each.arrangement for each in found if each.stands}
    left = [
        each
        for each in found
        if each.stands or (each.arrangement not in replaced and (each.ours or each.replaces not in standing))
    ]
    if len(left) == 1:
        return left[0]
    if not left:
        raise NotFound("unknown-arrangement", nothing, begins[:16] or None)
    raise choice(left)


def choice(found: Iterable[Candidate], count: int = 0) -> Misuse:
    """That one of several must be named; of `count`, if there are more than are found."""
    lines = [_line(each) for each in found]
    more = ["and more"] if max(count, len(lines)) > SHOWN else []
    return Misuse("which-arrangement", f"say which with --arrangement: {', '.join([*lines[:SHOWN], *more])}")


def _line(each: Candidate) -> str:
    replaces = f"; to replace {each.replaces[:NAMED]}" if each.replaces else ""
    return f"{each.arrangement[:NAMED]} ({each.title}{replaces})"


class Selection:
    """Looks for the arrangements of one node. What is not said is looked for where there are few of them only."""

    def __init__(self, repository: Repository, proposals: Proposals) -> None:
        self._repository = repository
        self._proposals = proposals

    async def live(self, begins: str) -> LiveArrangement:
        """The arrangement that we are engaged in. Raises NotFound, and Misuse where that is not clear."""
        names = await self._repository.beginning(begins, FEW + 1)
        if len(names) == 1:
            return await self._repository.open(names[0])
        if names and (begins or len(names) > FEW):
            raise await self._choice(names)
        found = {each.arrangement: each async for each in self._repository.opened(names)}
        try:
            meant = chosen([_candidate(each) for each in found.values()], "no such arrangement here", begins)
            return found[meant.arrangement]
        except NotFound as error:
            raise await self._proposals.explained(error, begins) from None

    async def to_sign(self, begins: str) -> LiveArrangement:
        """The terms to sign, taken from the inbox if they wait there. What is said without a hash must be beyond doubt:
        the only terms that ask for our signature."""
        found = await (self._named(begins) if begins else self._asking())
        if not found:
            return await self.live(begins)
        if len(found) > 1:
            raise choice(Candidate(arrangement=name, title=title) for name, title in found.items())
        (name,) = found
        await self._proposals.engage(name)
        return await self._repository.open(name)

    async def _named(self, begins: str) -> dict[str, str]:
        """What is here or waits and whose hash begins so, with titles."""
        here = {name: await self._title(name) for name in await self._repository.beginning(begins, SHOWN + 1)}
        there = {each.arrangement: each.title or UNREADABLE for each in await self._proposals.waiting()}
        return here | {name: title for name, title in there.items() if name.startswith(begins)}

    async def _asking(self) -> dict[str, str]:
        """What asks for our signature, with titles."""
        names = await self._repository.perhaps_to_sign(FEW + 1)
        if len(names) > FEW:
            raise await self._choice(names)
        found = {
            each.arrangement: each.terms.title
            async for each in self._repository.opened(names)
            if each.asks_to_sign and not await self._repository.is_replaced(each.arrangement)
        }
        for waiting in await self._proposals.waiting():
            if "party" in waiting.roles:
                found[waiting.arrangement] = waiting.title or UNREADABLE
        return found

    async def waiting(self, begins: str, *, or_held: bool = False) -> str:
        """The hash of the proposal that is meant. Raises NotFound, and Misuse where that is not clear."""
        if not begins:
            raise Misuse("which-arrangement", "say which terms, by their hash: `armslength inbox` lists what waits")
        found = {each.arrangement for each in await self._proposals.waiting() if each.arrangement.startswith(begins)}
        if or_held:
            found |= set(await self._repository.beginning(begins, SHOWN + 1))
        names = sorted(found)
        if len(names) == 1:
            return names[0]
        if not names:
            raise NotFound("unknown-arrangement", "there is no such proposal in the inbox", begins[:16])
        shown = ", ".join(name[:16] for name in names[:SHOWN])
        raise Misuse("which-arrangement", f"several begin with this: {shown}", begins[:16])

    async def terms(self, begins: str) -> tuple[str, Proposal]:
        """Terms as they were proposed to us or by us, with their hash. Without one, they must be the only ones."""
        if not begins:
            waiting = [each.arrangement for each in await self._proposals.waiting()]
            names = sorted({*waiting, *await self._repository.beginning("", 2)})
            if len(names) != 1:
                kind = Misuse if names else NotFound
                raise kind(
                    "which-terms", "name the terms to answer with --to HASH: `armslength inbox` lists what waits"
                )
            begins = names[0]
        try:
            live = await self.live(begins)
            return live.arrangement, live.engagement.proposal
        except NotFound:
            name = await self.waiting(begins)
            return name, (await self._proposals.proposal(name))[1]

    async def others(self, arrangement: str) -> dict[str, str]:
        """A few others that are here, with their titles."""
        names = await self._repository.beginning("", SHOWN + 1)
        return {name: await self._title(name) for name in names if name != arrangement}

    async def _title(self, arrangement: str) -> str:
        try:
            return await self._repository.title(arrangement)
        except ArmslengthError:
            return UNREADABLE

    async def _choice(self, names: list[str]) -> Misuse:
        found = [Candidate(arrangement=name, title=await self._title(name)) for name in names[:SHOWN]]
        return choice(found, len(names))


def _candidate(live: LiveArrangement) -> Candidate:
    return Candidate(
        arrangement=live.arrangement,
        title=live.terms.title,
        replaces=live.engagement.proposal.replaces,
        stands=live.record.view.state.arrangement.phase not in {Phase.PROPOSED, Phase.LAPSED},
    )
