"""Laws of rule 2.4, each as two runs of one engine over one random history that must come to the same: how often seals
come changes nothing, and neither does the order of one instant's attestations, or of any two neighbours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

from armslength.core.arrangement import step
from armslength.core.arrangement.bodies import Attest, Release, Seal
from armslength.core.arrangement.draft import EntryInput
from armslength.core.arrangement.state import Change
from armslength.core.arrangement.terms import Arrangement
from armslength.errors import Refused
from tests.oracle.arrangements import some_terms
from tests.oracle.compare import View, differences, of_state, of_world
from tests.oracle.engine import Oracle, exact
from tests.oracle.histories import Teller

SEAL = Seal(checkpoint="", state_root="")
ClaimSummary = dict[str, tuple[object, object]]


@dataclass
class Run:
    """What came of a record: the state without its clock, what was placed, and what changed."""

    view: View
    verdicts: dict[str, str] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)


@dataclass
class Law:
    """Two runs, and where they come to something else. `exacts`: by seal that only the second run has, the instants
    that fire exactly."""

    terms: Arrangement
    one: list[EntryInput]
    other: list[EntryInput]
    compare: Callable[[Run, Run], ClaimSummary]
    exacts: dict[str, set[int]] = field(default_factory=dict)

    def broken(self, run: Callable[[Arrangement, list[EntryInput]], Run]) -> ClaimSummary:
        """Where the two runs differ; nothing, if honest timekeepers could not have sealed so."""
        if not honest(self.other, self.exacts, self.terms.grace):
            return {}
        return self.compare(run(self.terms, self.one), run(self.terms, self.other))

    def without(self, entry: str) -> Law:
        """The same law on a smaller record."""
        return replace(
            self,
            one=[act for act in self.one if act.entry != entry],
            other=[act for act in self.other if act.entry != entry],
        )


# --- runs ---------------------------------------------------------------------------------------------------------


def ours(terms: Arrangement, acts: list[EntryInput]) -> Run:
    """The product's run."""
    state, run = step.initial(terms), Run({})
    for act in acts:
        try:
            outcome = step.apply(terms, state, act)
        except Refused as refusal:
            run.verdicts[act.entry] = refusal.code
        else:
            run.verdicts[act.entry], state = "placed", outcome.state
            run.changes += outcome.changes
    run.view = of_state(state, set(terms.claims))
    return run


def theirs(terms: Arrangement, acts: list[EntryInput]) -> Run:
    """The second engine's run."""
    oracle, run = Oracle(terms), Run({})
    for act in acts:
        run.verdicts[act.entry] = oracle.place(act)
    run.view = of_world(oracle.world)
    return run


def states(one: Run, other: Run) -> ClaimSummary:
    """The state, but for the clock."""
    return {path: what for path, what in differences(one.view, other.view).items() if not path.startswith("clock")}


def everything(one: Run, other: Run) -> ClaimSummary:
    """What is placed, the state, and what has changed on the way."""
    found = states(one, other)
    for entry in one.verdicts.keys() & other.verdicts.keys():
        if (one.verdicts[entry] == "placed") != (other.verdicts[entry] == "placed"):
            found[f"verdict {entry[-4:]}"] = one.verdicts[entry], other.verdicts[entry]
    lost = [change for change in one.changes if change not in other.changes]
    more = [change for change in other.changes if change not in one.changes]
    return found if found or not (lost or more) else {"changes": (lost, more)}


def if_both_are_valid(one: Run, other: Run) -> ClaimSummary:
    """The state, if the same entries are placed in both orders."""
    return {} if any(path.startswith("verdict") for path in everything(one, other)) else states(one, other)


# --- how often seals come -----------------------------------------------------------------------------------------


def honest(acts: list[EntryInput], exacts: dict[str, set[int]], grace: int) -> bool:
    """Whether honest timekeepers could have given these seals: nothing that they hold is placed at its stamp + grace
    or later, or past an exact instant after its stamp (rule 2.2); and the seal that covers a release is its own."""
    tau = 0
    for number, act in enumerate(acts):
        if act.type != "seal":
            continue
        tau = max(tau, act.stamp)
        for later in acts[number + 1 : -1] if act.entry in exacts else ():
            if later.type == "seal":
                late = later.entry not in exacts and later.stamp < tau
            else:
                late = later.stamp <= tau - grace or any(later.stamp < at <= tau for at in exacts[act.entry])
            if late:
                return False
    return True


def seals(seed: int, length: int = 70) -> Law:
    """A history with as few seals as it can do with (one after each release), and with more."""
    rng = Random(seed)
    terms = some_terms(rng)
    oracle, told, always = Oracle(terms), list[EntryInput](), set[int]()
    now = 0
    for said in Teller(rng, oracle).story(length):
        if said.type == "seal":
            continue
        act = replace(said, stamp=max(said.stamp, now - terms.grace + 1, 1))
        now = max(now, act.stamp)
        seal = EntryInput(author=terms.keeper, stamp=now, type="seal", body=SEAL, entry=act.entry + "s")
        for each in (act, seal) if isinstance(act.body, Release) else (act,):
            oracle.place(each)
            told.append(each)
            always |= exact(oracle.world)
    end = EntryInput(author=terms.keeper, stamp=terms.end + 9000, type="seal", body=SEAL, entry="end")
    many, exacts = list[EntryInput](), dict[str, set[int]]()
    now = 0
    for number, act in enumerate(told):
        if number and act.type != "seal" and rng.random() < 0.5:
            when = now + rng.choice([terms.grace - 1, rng.randint(0, terms.grace), 1])
            seal = EntryInput(author=terms.keeper, stamp=when, type="seal", body=SEAL, entry=f"s{number}")
            if honest([seal, *told[number:], end], {seal.entry: always}, terms.grace):
                many.append(seal)
                exacts[seal.entry] = always
        now = max(now, act.stamp)
        many.append(act)
    return Law(terms, [*told, end], [*many, end], everything, exacts)


# --- the order of one instant -------------------------------------------------------------------------------------


def orders(seed: int, length: int = 70) -> Law:
    """A history, and the same with the attestations of each instant in another order. There are no excuses in it: an
    excuse claim decides what its claim comes to, so these are not independent."""
    rng = Random(seed)
    terms = unexcused(some_terms(rng))
    oracle, told = Oracle(terms), list[EntryInput]()
    for said in Teller(rng, oracle).story(length):
        act = said
        if isinstance(said.body, Attest):
            body = replace(said.body, supersedes=None)
            act = replace(said, stamp=max(said.stamp, oracle.world.now), body=body)
        oracle.place(act)
        told.append(act)
    end = EntryInput(author=terms.keeper, stamp=terms.end + 9000, type="seal", body=SEAL, entry="end")
    other, number = list[EntryInput](), 0
    while number < len(told):
        last = number + 1
        if told[number].type == "attest":
            while last < len(told) and (told[last].type, told[last].stamp) == ("attest", told[number].stamp):
                last += 1
        other += mixed(rng, told[number:last])
        number = last
    return Law(terms, [*told, end], [*other, end], if_both_are_valid)


def unexcused(terms: Arrangement) -> Arrangement:
    """The same terms without excuses."""
    return replace(terms, claims={name: replace(claim, excuse=None) for name, claim in terms.claims.items()})


def mixed(rng: Random, same: list[EntryInput]) -> list[EntryInput]:
    """In another order, but each author's words on one period in their own."""
    out = rng.sample(same, len(same))
    for subject in {about(act) for act in same}:
        places = [place for place, act in enumerate(out) if about(act) == subject]
        for place, act in zip(places, [act for act in same if about(act) == subject], strict=True):
            out[place] = act
    return out


def about(act: EntryInput) -> tuple[object, ...]:
    """Author, claim and period of an attestation."""
    return (act.author, act.body.claim, act.body.period) if isinstance(act.body, Attest) else (act.entry,)


def swaps(seed: int, length: int = 70) -> Law:
    """A history, and the same with two neighbours of each instant in each other's place, whatever they are: all but
    evidence and a withdrawal, which decide or gate what the other touches. There are no excuses in it, as above."""
    rng = Random(seed)
    terms = unexcused(some_terms(rng))
    oracle, told = Oracle(terms), list[EntryInput]()
    for said in Teller(rng, oracle).story(length):
        body = replace(said.body, supersedes=None) if isinstance(said.body, Attest) else said.body
        stamp = said.stamp if said.type == "seal" else max(said.stamp, oracle.world.now)
        act = replace(said, stamp=stamp, body=body)
        if oracle.place(act) == "placed":
            told.append(act)
    end = EntryInput(author=terms.keeper, stamp=terms.end + 9000, type="seal", body=SEAL, entry="end")
    other, number = list(told), 1
    while number < len(told):
        one, two = told[number - 1 : number + 1]
        gates = {one.type, two.type} & {"seal", "evidence", "withdraw"}
        if one.stamp == two.stamp and one.author != two.author and not gates and rng.random() < 0.5:
            other[number - 1 : number + 1] = [two, one]
            number += 1
        number += 1
    return Law(terms, [*told, end], [*other, end], if_both_are_valid)


LAWS: dict[str, Callable[[int], Law]] = {"seals": seals, "orders": orders, "swaps": swaps}
