"""The July 2016 arrangement and its script, as values: what the golden scenario is run with everywhere.

`golden_terms()` are the terms; `golden_script()` is the table of entries as groups of (time, [(author, body), …]).
A seal follows every group, and each `give` has one between the release and the key. Keys are dummies unless given.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping

from armslength.core.arrangement.bodies import (
    Ack,
    Allege,
    Attest,
    Body,
    Commit,
    Determine,
    Key,
    Notice,
    Release,
    Respond,
    Resume,
    Seal,
    Sign,
)
from armslength.core.arrangement.terms import (
    SEMANTICS,
    Actor,
    ActorKeys,
    Allegations,
    AllOf,
    Arrangement,
    Claim,
    Clause,
    CleanRun,
    Clear,
    Condition,
    Due,
    Duty,
    Effective,
    Excuse,
    Quorum,
    Tranche,
    TrancheIs,
)

MINUTE, HOUR, DAY = 60, 3600, 86400
D = 1468540800  # 2016-07-15T00:00:00Z
END = D + 46 * DAY

MONITORS = ("m1", "m2", "m3", "m4", "m5")
TRANCHES = ("T1", "T2", "T3", "T4", "T5", "T6")
A1, A2 = "A/k2/14", "A/k2/20"  # the two allegations

Entry = tuple[str, Body]
Group = tuple[int, list[Entry]]


def at(days: float, hours: float = 0, minutes: float = 0) -> int:
    """The instant D + days, hours, minutes."""
    return D + int(days * DAY + hours * HOUR + minutes * MINUTE)


# --- terms ------------------------------------------------------------------------------------------------------------

CLAUSES = {
    "C0": ("Entry", "A and B sign, and appoint the monitors, before the entry long-stop."),
    "C1": ("Cessation", "Each of A and B adheres to the cessation from Day D for the whole term."),
    "C2": (
        "Aircraft grounded",
        "B ensures that C's aircraft stay grounded, except for flights notified 12 hours before.",
    ),
    "C3": ("Methodology", "A gives B a methodology note and an index (T1)."),
    "C4": ("Historical summaries", "A gives B historical summaries (T2) once seven clean days have passed."),
    "C5": ("Political process", "B starts the political-transition process: nominations, then a first session."),
    "C6": ("Humanitarian access", "Each of A and B lets humanitarian access happen every week."),
    "C7": ("Weekly summaries", "A gives B weekly summaries (T3 to T6), one for each seven further clean days."),
    "C8": ("Allegations", "Either side may allege a violation; replies in 24 hours, determination in 72."),
    "C9": ("Use and deletion", "B passes nothing on, and deletes everything 30 days after the end."),
    "C10": ("Withdrawal", "Each side may withdraw on five days' notice; C9 survives."),
}

NAMES = {
    "A": "Arandia",
    "B": "Borovia",
    "C": "Caldera",
    "m1": "First monitor",
    "m2": "Second monitor",
    "m3": "Third monitor",
    "m4": "Fourth monitor",
    "m5": "Neutral body",
    "v": "Convenor",
    "h": "Humanitarian body",
}
GROUPS = {
    "m1": "nominated-by-A",
    "m2": "nominated-by-A",
    "m3": "nominated-by-B",
    "m4": "nominated-by-B",
    "m5": "neutral",
    "v": "convenor",
    "h": "humanitarian",
}
PORTS = {"A": 8801, "B": 8802, "m5": 8803}


def dummy(text: str) -> str:
    """32 bytes that stand for a key, in standard base64."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _actor(actor: str, keys: ActorKeys | None) -> Actor:
    if actor == "C":
        return Actor(name=NAMES[actor])
    port = PORTS.get(actor)
    node = port is not None
    given = keys or ActorKeys(
        entries=dummy(f"{actor} entries"),
        checkpoints=dummy(f"{actor} checkpoints") if node else None,
        tokens=dummy(f"{actor} tokens") if node else None,
    )
    return Actor(
        name=NAMES[actor],
        did=f"did:web:localhost%3A{port}" if node else f"did:key:{actor}",
        keys=given,
        address=f"http://localhost:{port}" if node else None,
        group=GROUPS.get(actor),
    )


def _daily(clause: str, statement: str, *, excuse: Excuse | None = None, neutral: bool = False) -> Claim:
    return Claim(
        kind="state",
        clause=clause,
        statement=statement,
        monitors=MONITORS,
        support=3,
        refute=3,
        groups={"neutral": 1} if neutral else {},
        including=() if neutral else ("m5",),
        period=DAY,
        report_by=DAY,
        excuse=excuse,
    )


def _weekly(statement: str) -> Claim:
    return Claim(
        kind="state",
        clause="C6",
        statement=statement,
        monitors=("h",),
        support=1,
        refute=1,
        groups={},
        including=(),
        period=7 * DAY,
        report_by=DAY,
    )


def _event(clause: str, statement: str, including: tuple[str, ...]) -> Claim:
    return Claim(
        kind="event",
        clause=clause,
        statement=statement,
        monitors=("h", "m5", "v"),
        support=2,
        refute=2,
        groups={},
        including=including,
    )


def _claims() -> dict[str, Claim]:
    return {
        "k1a": _daily("C1", "A adhered to the cessation.", neutral=True),
        "k1b": _daily("C1", "B adhered to the cessation.", neutral=True),
        "k2": _daily("C2", "C's aircraft stayed grounded.", excuse=Excuse(claim="x2", lead=12 * HOUR)),
        "x2": _daily("C2", "Every flight seen lies within notified intervals."),
        "k5a": _event("C5", "The nominations were made.", ("v",)),
        "k5b": _event("C5", "The first session took place.", ("v",)),
        "k6a": _weekly("A let humanitarian access happen."),
        "k6b": _weekly("B let humanitarian access happen."),
        "k9": _event("C9", "B deleted what it received.", ()),
    }


EFFECTIVE = Effective()


def _maintain(clause: str, debtor: str, claim: str, consequence: str, cure: int, run: int) -> Duty:
    other = "B" if debtor == "A" else "A"
    return Duty(
        kind="maintain",
        clause=clause,
        statement=CLAUSES[clause][1],
        debtor=debtor,
        creditors=(other,),
        performer="C" if clause == "C2" else debtor,
        claim=claim,
        trigger=EFFECTIVE,
        consequence=consequence,
        cure=cure,
        remedy_run=run,
    )


def _process(claim: str, days: int) -> Duty:
    return Duty(
        kind="achieve",
        clause="C5",
        statement=CLAUSES["C5"][1],
        debtor="B",
        creditors=("A",),
        performer="B",
        claim=claim,
        trigger=TrancheIs(tranche="T2", states=("SETTLED",)),
        consequence="suspend",
        cure=7 * DAY,
        due=Due(anchor="trigger", after=days * DAY),
    )


def _duties() -> dict[str, Duty]:
    return {
        "C1.A": _maintain("C1", "A", "k1a", "suspend", 2, 2),
        "C1.B": _maintain("C1", "B", "k1b", "suspend", 2, 2),
        "C2": _maintain("C2", "B", "k2", "suspend", 2, 2),
        "C5a": _process("k5a", 14),
        "C5b": _process("k5b", 30),
        "C6.A": _maintain("C6", "A", "k6a", "withhold", 1, 1),
        "C6.B": _maintain("C6", "B", "k6b", "withhold", 1, 1),
        "C9": Duty(
            kind="achieve",
            clause="C9",
            statement=CLAUSES["C9"][1],
            debtor="B",
            creditors=("A",),
            performer="B",
            claim="k9",
            trigger=TrancheIs(tranche="T1", states=("RELEASED", "SETTLED")),
            consequence="record",
            cure=7 * DAY,
            due=Due(anchor="end", after=30 * DAY),
            surviving=True,
        ),
    }


def _gate(number: int) -> Condition:
    if number == 1:
        return EFFECTIVE
    run = CleanRun(
        claims=("k1a", "k1b", "k2") if number == 2 else ("k2",),
        length=7,
        follows=None if number == 2 else f"T{number - 1}",
    )
    return AllOf(of=(run, TrancheIs(tranche=f"T{number - 1}", states=("SETTLED",))))


def _continuous(number: int) -> Condition:
    if number == 1:
        return EFFECTIVE
    later = ("C5a", "C5b", "C6.A", "C6.B") if number > 2 else ()
    return Clear(duties=("C1.A", "C1.B", "C2", *later))


def _tranche(number: int) -> Tranche:
    clause, title = {1: ("C3", "Methodology note and index"), 2: ("C4", "Historical summaries")}.get(
        number, ("C7", f"Weekly summary {number - 2}")
    )
    return Tranche(
        clause=clause,
        title=title,
        media_types=("text/markdown",),
        max_size=16 * 2**20,
        provider="A",
        recipient="B",
        gate=_gate(number),
        continuous=_continuous(number),
        deliver_by=48 * HOUR,
        release_by=(24 if number == 1 else 48) * HOUR,
        release_cure=24 * HOUR,
        key_by=HOUR,
        ack_by=24 * HOUR,
    )


def golden_terms(
    *, keeper: str = "m5", clock: str = "simulated", keys: Mapping[str, ActorKeys] | None = None
) -> Arrangement:
    """The terms; `keeper` may be a party, and `keys` replaces the dummies by actor id."""
    return Arrangement(
        semantics=SEMANTICS,
        title="July 2016",
        clock=clock,
        actors={actor: _actor(actor, (keys or {}).get(actor)) for actor in NAMES},
        parties=("A", "B"),
        third_parties=("C",),
        monitors=("h", *MONITORS, "v"),
        keeper=keeper,
        fallback_keepers=(),
        timekeepers=Quorum(of=("A", "B", "m5"), count=2, groups={}, including=()),
        start=D,
        end=END,
        entry_by=D + 7 * DAY,
        grace=HOUR,
        max_suspension=14 * DAY,
        withdrawal_notice=5 * DAY,
        allegations=Allegations(
            reply=24 * HOUR,
            determination=72 * HOUR,
            hold=72 * HOUR,
            holds_per_party=3,
            determiners=Quorum(of=MONITORS, count=3, groups={}, including=("m5",)),
            default="DISMISSED",
        ),
        clauses={
            clause: Clause(title=title, sha256=hashlib.sha256(text.encode()).hexdigest())
            for clause, (title, text) in CLAUSES.items()
        },
        claims=_claims(),
        duties=_duties(),
        tranches={f"T{number}": _tranche(number) for number in range(1, 7)},
    )


# --- script -----------------------------------------------------------------------------------------------------------


def attest(monitors: str, claim: str, period: int, value: bool) -> list[Entry]:
    """One attestation by each of the (space-separated) monitors."""
    return [(monitor, Attest(claim=claim, period=period, value=value)) for monitor in monitors.split()]


def k1(period: int) -> list[Entry]:
    """m1–m5 attest the cessation of both sides."""
    return attest(" ".join(MONITORS), "k1a", period, True) + attest(" ".join(MONITORS), "k1b", period, True)


def day(period: int) -> list[Entry]:
    """m1–m5 attest a clean day: k1a, k1b, k2."""
    return k1(period) + attest(" ".join(MONITORS), "k2", period, True)


def week(period: int) -> list[Entry]:
    """h attests humanitarian access on both sides."""
    return attest("h", "k6a", period, True) + attest("h", "k6b", period, True)


def commit(tranche: str) -> list[Entry]:
    """A pins the content of a tranche; the values are dummies of the right form."""
    number = TRANCHES.index(tranche) + 1
    body = Commit(
        tranche=tranche,
        agreement=f"urn:uuid:00000000-0000-4000-8000-{number:012d}",
        media_type="text/markdown",
        size=1000,
        plain_root=hashlib.sha256(f"{tranche} plain".encode()).hexdigest(),
        cipher_size=56 + 1000 + 16,
        cipher_root=hashlib.sha256(f"{tranche} cipher".encode()).hexdigest(),
        header=base64.b64encode(bytes([number]) * 56).decode(),
    )
    return [("A", body)]


def deliver(tranche: str) -> list[Entry]:
    """B acknowledges the ciphertext with its one-time key."""
    return [("B", Ack(tranche=tranche, stage="cipher", key=dummy(f"{tranche} one-time")))]


def seal() -> list[Entry]:
    """A seal by the keeper (`golden_script(keeper=…)`); the record layer puts the real checkpoint in."""
    return [("keeper", Seal(checkpoint="", state_root=""))]


def give(tranche: str) -> list[Entry]:
    """A releases; seal; A places the key; B acknowledges the plaintext."""
    wrapped = hashlib.sha256(f"{tranche} wrapped".encode()).digest()
    return [
        ("A", Release(tranche=tranche, wrapped=hashlib.sha256(wrapped).hexdigest())),
        *seal(),
        ("A", Key(tranche=tranche, wrapped=base64.b64encode(wrapped).decode())),
        ("B", Ack(tranche=tranche, stage="plain", ok=True)),
    ]


def _weeks_one_to_two() -> Iterable[Group]:
    yield at(-3), [("A", Sign()), ("B", Sign())]
    yield at(-2), commit("T1") + commit("T2")
    yield at(0), seal() + deliver("T1") + give("T1")
    for i in range(6):
        yield at(i + 1, 1), day(i)
    yield at(7, 1), day(6) + week(0) + deliver("T2")
    yield at(8, 1), day(7)
    yield at(8, 20), [("B", Notice(claim="k2", start=at(9, 9), end=at(9, 12), text="medical flight"))]
    yield at(9, 1), day(8)
    yield at(9, 2), []
    yield at(9, 6), give("T2")
    yield at(9, 10), attest("m1 m2", "k2", 9, False)
    yield at(10, 1), attest("m3 m4 m5", "x2", 9, True) + k1(9)
    for i in range(10, 12):
        yield at(i + 1, 1), day(i)
    yield at(13, 1), day(12) + commit("T3")
    yield at(14, 1), day(13) + week(1) + deliver("T3")


def _week_three() -> Iterable[Group]:
    yield (
        at(14, 10),
        [
            *attest("m1 m2", "k2", 14, False),
            ("A", Allege(claim="k2", period=14, hold=True, text="a flight was seen")),
            ("B", Respond(allegation=A1, answer="DENIED")),
        ],
    )
    yield at(15, 1), k1(14)
    votes: list[Entry] = [(monitor, Determine(allegation=A1, uphold=False)) for monitor in ("m3", "m4", "m5")]
    yield at(15, 10), votes + attest("m3 m4 m5", "k2", 14, True) + give("T3")
    yield at(16, 1), day(15)
    yield at(16, 9), attest("v h", "k5a", 0, True)
    for i in range(16, 20):
        yield at(i + 1, 1), day(i)


def _breach_and_remedy() -> Iterable[Group]:
    yield (
        at(20, 10),
        [
            *attest("m1 m2 m5", "k2", 20, False),
            ("A", Allege(claim="k2", period=20, text="flights were seen, none notified")),
            ("B", Respond(allegation=A2, answer="DENIED")),
        ],
    )
    yield at(21, 1), k1(20) + week(2)
    yield at(22, 1), k1(21)
    yield at(22, 10), attest("m1 m2 m5", "k2", 21, False)
    yield at(23, 1), k1(22) + attest("m1 m2 m5", "k2", 22, False)
    yield at(24, 1), k1(23) + attest("m1 m2 m5", "k2", 23, False)
    yield at(25, 1), day(24)
    yield at(26, 1), day(25)
    yield at(26, 10), [("A", Resume()), ("B", Resume())]


def _to_the_end() -> Iterable[Group]:
    for i in range(26, 46):
        extra: list[Entry] = []
        if i + 1 in (28, 35, 42):
            extra += week((i + 1) // 7 - 1)
        for tranche, when in (("T4", 31), ("T5", 38), ("T6", 45)):
            if i + 1 == when - 1:
                extra += commit(tranche)
            if i + 1 == when:
                extra += deliver(tranche) + give(tranche)
        if i == 45:
            yield at(46), []
            extra += week(6)
        yield at(i + 1, 1), day(i) + extra
        if i + 1 == 38:
            yield at(38, 9), attest("v h", "k5b", 0, True)
    yield at(76), []


def golden_groups() -> list[Group]:
    """The table of entries without the seals that follow its groups; the author of a seal is written "keeper"."""
    return [*_weeks_one_to_two(), *_week_three(), *_breach_and_remedy(), *_to_the_end()]


def golden_script(*, keeper: str = "m5", groups: Iterable[Group] | None = None) -> list[Group]:
    """Groups of (time, entries) in order, every group followed by its seal, seals authored by `keeper`."""

    def named(entries: list[Entry]) -> list[Entry]:
        return [(keeper if author == "keeper" else author, body) for author, body in entries]

    return [(when, named(entries + seal())) for when, entries in (golden_groups() if groups is None else groups)]


def keep_only(groups: Iterable[Group], wanted: Callable[[int, str, Body], bool]) -> list[Group]:
    """The groups with only those entries for which `wanted(time, author, body)` holds."""
    return [(when, [(who, body) for who, body in entries if wanted(when, who, body)]) for when, entries in groups]
