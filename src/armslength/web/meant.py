"""Which arrangement the owner of a node means, by the beginning of its hash or by saying nothing.

What is not said is looked for where there are few arrangements only; where there are many, the owner says which.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from armslength.engine.node import Node
from armslength.engine.repository import LiveArrangement
from armslength.errors import ArmslengthError, Misuse, NotFound

FEW: Final = 50  # arrangements that are opened to find the one that is meant
SHOWN: Final = 10  # of several that could be meant


class Meant:
    """Looks for arrangements of one node."""

    def __init__(self, node: Node) -> None:
        self._repository = node.repository
        self._proposals = node.proposals

    async def live(self, begins: str) -> LiveArrangement:
        """The arrangement whose hash begins so; the only one if nothing is said.

        Terms of ours that have been answered by others of ours are not meant; but what is in force is never replaced
        by what is not.
        """
        names = await self._repository.beginning(begins, FEW + 1)
        if len(names) == 1:
            return await self._repository.open(names[0])
        if begins or len(names) > FEW:
            raise self._nothing(begins) if not names else await self._several(names)
        found = [each async for each in self._repository.opened(names)]
        replaced = {each.engagement.proposal.replaces for each in found}
        left = [each for each in found if _is_in_force(each) or each.arrangement not in replaced]
        if len(left) == 1:
            return left[0]
        raise await self._several([each.arrangement for each in left]) if left else self._nothing(begins)

    async def to_sign(self, begins: str) -> LiveArrangement:
        """The terms to sign, taken from the inbox if they wait there. What is said without a hash must be beyond doubt:
        the only terms that ask for our signature."""
        found = await (self._named(begins) if begins else self._asking())
        if not found:
            return await self.live(begins)
        if len(found) > 1:
            raise _said(found.items(), len(found))
        (name,) = found
        await self._proposals.engage(name)
        return await self._repository.open(name)

    async def _named(self, begins: str) -> dict[str, str]:
        """What is here or waits and whose hash begins so, with titles."""
        here = {name: await self._title(name) for name in await self._repository.beginning(begins, SHOWN + 1)}
        there = {each.arrangement: each.title or "cannot be read" for each in await self._proposals.waiting()}
        return here | {name: title for name, title in there.items() if name.startswith(begins)}

    async def _asking(self) -> dict[str, str]:
        """What asks for our signature, with titles."""
        names = await self._repository.perhaps_to_sign(FEW + 1)
        if len(names) > FEW:
            raise await self._several(names)
        found = {
            each.arrangement: each.terms.title
            async for each in self._repository.opened(names)
            if each.asks_to_sign and not await self._repository.is_replaced(each.arrangement)
        }
        for waiting in await self._proposals.waiting():
            if "party" in waiting.roles:
                found[waiting.arrangement] = waiting.title or "cannot be read"
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
            raise NotFound("unknown-arrangement", "no such proposal waits here", begins[:16])
        shown = ", ".join(name[:16] for name in names[:SHOWN])
        raise Misuse("which-arrangement", f"several begin so: {shown}", begins[:16])

    async def others(self, arrangement: str) -> dict[str, str]:
        """A few others that are here, with their titles."""
        names = await self._repository.beginning("", SHOWN + 1)
        return {name: await self._title(name) for name in names if name != arrangement}

    async def _title(self, arrangement: str) -> str:
        try:
            return await self._repository.title(arrangement)
        except ArmslengthError:
            return "cannot be read"

    @staticmethod
    def _nothing(begins: str) -> NotFound:
        return NotFound("unknown-arrangement", "no such arrangement here", begins[:16] or None)

    async def _several(self, names: list[str]) -> Misuse:
        return _said([(name, await self._title(name)) for name in names[:SHOWN]], len(names))


def _said(found: Iterable[tuple[str, str]], count: int) -> Misuse:
    shown = [f"{name[:12]} ({title})" for name, title in found][:SHOWN]
    more = [] if count <= SHOWN else ["and more"]
    return Misuse("which-arrangement", f"say which with --arrangement: {', '.join([*shown, *more])}")


def _is_in_force(live: LiveArrangement) -> bool:
    return live.record.view.state.arrangement.phase not in {"PROPOSED", "LAPSED"}
