"""What fails here, at whom, since when, and what to do: one list for everything that is tried again.

Laws (rule 11.3a):

1. Whatever is retried has a `Backoff` here: it grows, with jitter, and starts over after the first success.
2. It has an end, which its owner knows: an answer that is final, a record that asks no more, or so many attempts.
3. Until then the owner of the node finds it in `status`, with the reason, in words that accuse nobody of what only
   this node knows of itself.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Final

from armslength.engine.backoff import LONGEST_S, Backoff, Chance, loop_time
from armslength.errors import ArmslengthError
from armslength.wire.own import Trouble

MOST: Final = 100  # that are shown at once: the oldest
UNREACHED: Final = frozenset({"unreachable", "http-502", "http-503", "http-504"})  # the node, whatever it was asked
SILENT_S: Final = 5.0  # for so long nothing that a node was asked has been answered: it is stuck as a whole
TIMEOUT: Final = "timeout"  # the code of a request that was not answered in time
SENT: Final = "what is sent to its node"
SHOWN: Final = "what it shows of our words"  # something false
COSIGNATURE: Final = "our cosignature"  # of a head that does not extend the one that we stand by
SEAL_S: Final = 10.0  # the longest pause before another attempt to seal

_REACH = "see that its node runs and can be reached from here, at the address in its DID"
_CLOCK = "compare this machine's clock with a time server (and ask them to): signed times may differ by 30 s at most"
_ADVICE: Final = {
    "unreachable": _REACH,
    "timeout": _REACH,
    "silent": _REACH,
    "slow": _REACH,
    "http-401": "it does not accept our token: compare clocks, and our key in the terms with our card",
    "http-403": "something before its node forbids our requests (a proxy?): ask its operator",
    "http-407": "a proxy on the way asks for a password: see this node's settings of the network",
    "http-429": "it has had enough for now; it is asked again later",
    "expired": _CLOCK,
    "ahead": _CLOCK,
    "no-stamp": "too few timekeepers have stamped it: see that their nodes run, and that clocks agree",
    "forbidden-address": "its address lies where this node may not connect to: see its settings of the network",
    "no-room": "make room on this node's disk: it goes on by itself",
    "bad-file": "see that this node's folder can be read and written to",
    "no-file": "see whether something has been removed from this node's folder",
    "waits-for-approval": "see `armslength approvals list`: it shows what waits, and whom it needs",
    "store-failed": "see that this node's disk has room and can be written to",
    "busy": "see that no other process works in this node's folder",
}


class Troubles:
    """Everything of one node that is tried again."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        chance: Chance = random.random,
        moment: Callable[[], float] = loop_time,
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._moment = moment
        self._backoffs: dict[tuple[str, str, str], Backoff] = {}
        self._unanswered: dict[str, float] = {}  # by DID: when the first request began that nothing has followed
        self.on_answer: Callable[[str], None] = lambda _: None  # hears which peer can be reached again, by its DID

    def at(self, what: str, whom: str = "", arrangement: str = "", *, longest: float = LONGEST_S) -> Backoff:
        """The backoff of one thing that is tried again; the same for the same words."""
        place = (arrangement, what, whom)
        found = self._backoffs.get(place)
        if found is None:
            found = Backoff(longest=longest, chance=self._chance, clock=self._clock, moment=self._moment)
            self._backoffs[place] = found
        return found

    def peer(self, did: str) -> Backoff:
        """The backoff of a peer that could not be reached: one for all arrangements."""
        return self.at(SENT, did)

    def heard(self, did: str) -> None:
        """A peer has answered something, whatever it was."""
        self._unanswered.pop(did, None)

    def silence(self, did: str, waited: float) -> float:
        """For how many seconds a peer has answered nothing, now that a request is given up after `waited` of them."""
        now = self._moment()
        return now - self._unanswered.setdefault(did, now - waited)

    def answered(self, did: str) -> bool:
        """A sign of life of a peer; whether it could not be reached before."""
        self.heard(did)
        was_silent = self.peer(did).end()
        if was_silent:
            self.on_answer(did)
        return was_silent

    def over(self, what: str, whom: str = "", arrangement: str = "") -> None:
        """It went well, or is not tried any more."""
        found = self._backoffs.pop((arrangement, what, whom), None)
        if found is not None:
            found.end()

    def forget(self, arrangement: str) -> None:
        """Nothing is tried any more in this arrangement."""
        self._backoffs = {place: pause for place, pause in self._backoffs.items() if place[0] != arrangement}

    def drop(self, arrangement: str) -> None:
        """Forget the backoffs of an arrangement that are over, of which there is nothing to tell."""
        over = [place for place, pause in self._backoffs.items() if place[0] == arrangement and pause.is_idle]
        for place in over:
            del self._backoffs[place]

    def listed(self, arrangement: str | None = None, whom: frozenset[str] = frozenset()) -> list[Trouble]:
        """What fails in an arrangement, at one of `whom` or here; everything if none is asked for. Oldest first."""
        found = [
            Trouble(
                what=what,
                whom=who,
                arrangement=name,
                since=p.since,
                reason=p.reason,
                advice=p.advice,
                attempts=p.attempts,
            )
            for (name, what, who), p in self._backoffs.items()
            if p.reason and (arrangement is None or name == arrangement or (not name and (not who or who in whom)))
        ]
        return sorted(found, key=lambda each: (each.since, each.what, each.whom))[:MOST]


class PeerBackoff:
    """How long a peer is left alone in one arrangement: after it could not be reached, or has answered nothing at all,
    which all arrangements find out together; or after what it answered here."""

    def __init__(self, did: str, troubles: Troubles, here: Backoff) -> None:
        self.did = did
        self._troubles = troubles
        self._node = troubles.peer(did)
        self.here = here

    @property
    def is_silent(self) -> bool:
        """Whether it could not be reached, and is left alone."""
        return not self._node.is_over

    @property
    def left(self) -> float:
        """For how many seconds it is left alone still."""
        return max(self._node.left, self.here.left)

    @property
    def is_over(self) -> bool:
        """Whether it is time to try again."""
        return not self.left

    def fail(self, error: ArmslengthError) -> None:
        """A request has failed. Of those that were on their way together to a node that is down the first counts."""
        if error.code == TIMEOUT:
            self.late(error.reason, SILENT_S)
        elif error.code not in UNREACHED:
            self._troubles.heard(self.did)
            self.here.fail(str(error), advice(error))
        elif self._node.is_over:
            self._node.fail(error.reason, advice(error))

    def heard(self) -> None:
        """It has answered something."""
        self._troubles.heard(self.did)

    def late(self, reason: str, waited: float) -> None:
        """A request is given up after so many seconds: the peer is slow here, or stuck as a whole if it has answered
        nothing else meanwhile."""
        if self._troubles.silence(self.did, waited) < SILENT_S:
            self.here.fail(reason)
            return
        self.here.end()
        if self._node.is_over:
            self._node.fail("takes connections, and answers nothing", advise(TIMEOUT))


class Backoffs:
    """In one arrangement: how long each peer is left alone, and our own entries before they are sent again (`own`)."""

    def __init__(self, troubles: Troubles, arrangement: str, dids: Mapping[str, str] | None = None) -> None:
        self._troubles = troubles
        self._arrangement = arrangement
        self._dids = dids or {}  # by actor
        self.own = troubles.at("our entries", "", arrangement)
        self.seal = troubles.at("the next seal", "", arrangement, longest=SEAL_S)

    def of(self, actor: str) -> PeerBackoff:
        """The pause of a peer."""
        did = self._dids.get(actor, actor)
        return PeerBackoff(did, self._troubles, self._troubles.at(SENT, actor, self._arrangement))

    def reminding(self, actor: str) -> Backoff:
        """The pause before a timekeeper is reminded to cosign once more."""
        return self._troubles.at("its cosignature", actor, self._arrangement)

    def answered(self, actor: str) -> bool:
        """A sign of life: if it was silent before, whatever waits is sent to it at once. True if so."""
        pause = self.of(actor)
        here = pause.here.end()
        was_silent = self._troubles.answered(pause.did) or here
        if was_silent:
            self.retry()
        return was_silent

    def retry(self) -> None:
        """Whatever waits is tried at once."""
        self.own.end()
        self.seal.end()


def advice(error: BaseException) -> str:
    """What the owner of a node can do about an error; "" where nothing is known."""
    return advise(error.code) if isinstance(error, ArmslengthError) else ""


def advise(code: str | None) -> str:
    """The same by an error's code."""
    return _ADVICE.get(code or "", "")
