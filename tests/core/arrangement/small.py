"""Small terms for one rule at a time. One period is 100 seconds, grace 10; the term is ten periods from D = 1,000,000.

Parties P and Q (R if asked for), monitors n1, n2, n3 (2 of 3), keeper and neutral N, who determines alone with n1.
"""

from __future__ import annotations

from typing import Any

from armslength.core.arrangement.bodies import Ack, Attest, Commit, Key, Release, Sign
from armslength.core.arrangement.terms import (
    SEMANTICS,
    Actor,
    ActorKeys,
    Allegations,
    Arrangement,
    AtTime,
    Claim,
    Clause,
    Clear,
    Condition,
    Due,
    Duty,
    Effective,
    Quorum,
    Tranche,
)
from tests.core.arrangement.play import Play
from tests.golden.terms import commit as golden_commit
from tests.golden.terms import dummy, give

D, P, GRACE = 1_000_000, 100, 10
END = D + 10 * P
MONITORS = ("n1", "n2", "n3")
EFFECTIVE = Effective()


def start(period: float) -> int:
    """When a period begins; fractions lie within."""
    return D + int(period * P)


def state_claim(**changes: Any) -> Claim:
    """Per period, 2 of 3, reported within a period."""
    return event(**{"kind": "state", "period": P, "report_by": P} | changes)


def event(**changes: Any) -> Claim:
    """An event, 2 of 3."""
    base = {
        "kind": "event",
        "clause": "c",
        "statement": "It is so.",
        "monitors": MONITORS,
        "support": 2,
        "refute": 2,
        "groups": {},
        "including": (),
    }
    return Claim(**base | changes)  # type: ignore[arg-type]


def maintain(claim: str, debtor: str = "Q", **changes: Any) -> Duty:
    """From D on; cure two periods, run two; a breach suspends."""
    return achieve(
        claim, debtor, **{"kind": "maintain", "due": None, "cure": 2, "remedy_run": 2, "trigger": EFFECTIVE} | changes
    )


def achieve(claim: str, debtor: str = "Q", **changes: Any) -> Duty:
    """Due three periods after D, cure two periods; a breach suspends."""
    base = {
        "kind": "achieve",
        "clause": "c",
        "statement": "Do it.",
        "debtor": debtor,
        "creditors": ("P" if debtor != "P" else "Q",),
        "performer": debtor,
        "claim": claim,
        "trigger": EFFECTIVE,
        "consequence": "suspend",
        "cure": 2 * P,
        "due": Due(anchor="trigger", after=3 * P),
    }
    return Duty(**base | changes)  # type: ignore[arg-type]


def tranche(**changes: Any) -> Tranche:
    """From P to Q, open from D on; deliver 100, release 100, cure 50, key 20, ack 60."""
    base = {
        "clause": "c",
        "title": "Something",
        "media_types": ("application/pdf",),
        "max_size": 10_000,
        "provider": "P",
        "recipient": "Q",
        "gate": EFFECTIVE,
        "continuous": EFFECTIVE,
        "deliver_by": 100,
        "release_by": 100,
        "release_cure": 50,
        "key_by": 20,
        "ack_by": 60,
    }
    return Tranche(**base | changes)  # type: ignore[arg-type]


def clear(*duties: str) -> Condition:
    """None of the duties is late or broken."""
    return Clear(duties=duties)


def when(anchor: str, after: int) -> Condition:
    """From an instant on."""
    return AtTime(anchor=anchor, after=after)


def terms(parties: str = "PQ", **changes: Any) -> Arrangement:
    """Terms with what is given; everything else is small."""
    names = [*parties, "N", *MONITORS, "C"]
    base = {
        "semantics": SEMANTICS,
        "title": "Small",
        "clock": "simulated",
        "actors": {
            name: Actor(
                name=name,
                did=f"did:key:{name}" if name != "C" else None,
                keys=ActorKeys(entries=dummy(name)) if name != "C" else None,
                group="neutral" if name in {"n3", "N"} else "other",
            )
            for name in names
        },
        "parties": tuple(parties),
        "third_parties": ("C",),
        "monitors": MONITORS,
        "keeper": "N",
        "fallback_keepers": (),
        "timekeepers": Quorum(of=("N", *parties), count=len(parties), groups={}, including=()),
        "start": D,
        "end": END,
        "entry_by": D + P,
        "grace": GRACE,
        "max_suspension": 3 * P,
        "withdrawal_notice": 2 * P,
        "allegations": Allegations(
            reply=100,
            determination=200,
            hold=150,
            holds_per_party=2,
            determiners=Quorum(of=("N", "n1"), count=2, groups={}, including=()),
            default="DISMISSED",
        ),
        "clauses": {"c": Clause(title="All", sha256="0" * 64)},
        "claims": {},
        "duties": {},
        "tranches": {},
    }
    return Arrangement(**base | changes)  # type: ignore[arg-type]


def begun(parties: str = "PQ", **changes: Any) -> Play:
    """The terms, signed by all before D, and sealed at D."""
    play = Play(terms(parties, **changes))
    for party in parties:
        play.say(D - P, party, Sign())
    play.seal(D)
    assert play.shown == "EFFECTIVE"
    return play


def attest(play: Play, stamp: int, claim: str, period: int, value: bool, monitors: str = "n1 n2") -> None:
    """Each monitor attests."""
    for monitor in monitors.split():
        play.say(stamp, monitor, Attest(claim=claim, period=period, value=value))


def judge(play: Play, claim: str, letters: str, first: int = 0) -> None:
    """Decide periods in order, each a second after its end: S true, R false, U left alone past its reportBy."""
    for number, value in enumerate(letters, first):
        end = min(start(number + 1), play.terms.end)
        if value == "U":
            play.seal(end + (play.terms.claims[claim].report_by or 0) + GRACE)
        else:
            attest(play, max(end + 1, play.state.clock.now), claim, number, value == "S")


def content(name: str) -> Commit:
    """A commit for a tranche of any name."""
    body = golden_commit("T1")[0][1]
    assert isinstance(body, Commit)
    return Commit(
        tranche=name,
        agreement=body.agreement,
        media_type="application/pdf",
        size=body.size,
        plain_root=body.plain_root,
        cipher_size=body.cipher_size,
        cipher_root=body.cipher_root,
        header=body.header,
    )


def delivering(name: str) -> Ack:
    """The acknowledgement of the ciphertext."""
    return Ack(tranche=name, stage="cipher", key=dummy("one-time"))


def release_and_key(name: str) -> tuple[Release, Key]:
    """A release, and the key that it names."""
    first, _, third, _ = (body for _, body in give("T1"))
    assert isinstance(first, Release)
    assert isinstance(third, Key)
    return Release(tranche=name, wrapped=first.wrapped), Key(tranche=name, wrapped=third.wrapped)


OK = True
DISPUTE = False


def answer(name: str, ok: bool) -> Ack:
    """The acknowledgement of the plaintext, or a complaint."""
    return Ack(tranche=name, stage="plain", ok=ok, evidence=None if ok else "0" * 64)


def delivered(play: Play, stamp: int, name: str = "t") -> None:
    """Commit, and acknowledge the ciphertext."""
    play.say(stamp, play.terms.tranches[name].provider, content(name))
    play.say(stamp, play.terms.tranches[name].recipient, delivering(name))


def given(play: Play, stamp: int, name: str = "t") -> None:
    """Release, seal, key."""
    release, key = release_and_key(name)
    play.say(stamp, play.terms.tranches[name].provider, release)
    play.seal(stamp)
    play.say(stamp, play.terms.tranches[name].provider, key)
