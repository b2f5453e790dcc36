"""Makes a difference small: fewer entries first, then fewer terms; and tells it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import TypeVar

from armslength.core.arrangement.draft import EntryInput
from armslength.core.arrangement.terms import AllOf, AnyOf, Arrangement, Clear, Condition, Effective, Not
from tests.oracle.laws import ClaimSummary, Law, Run

EFFECTIVE = Effective()
T = TypeVar("T")
Record = tuple[Arrangement, list[EntryInput]]
DULL: tuple[str, ...] = (
    "clause",
    "statement",
    "title",
    "media_types",
    "max_size",
    "weight",
    "performer",
    "header",
    "plain_root",
)
DULL += ("cipher_root", "agreement", "media_type", "size", "cipher_size", "monitors")


def kinds(found: ClaimSummary) -> set[str]:
    """The kinds of place in which two views differ: the paths without names."""
    return {"-".join((path.split()[0], *path.split()[2:])) for path in found}


def smaller(record: Record, judge: Callable[[Record], ClaimSummary]) -> Record:
    """As small as it gets, with a difference of one of the same kinds."""
    wanted = kinds(judge(record))
    while True:
        for candidate in candidates(*record):
            if kinds(tried(judge, candidate)) & wanted:
                record = candidate
                break
        else:
            return record


def tried(judge: Callable[[Record], ClaimSummary], record: Record) -> ClaimSummary:
    """What the judge says; nothing of terms that no longer hang together."""
    try:
        return judge(record)
    except (KeyError, AssertionError, ValueError, TypeError, AttributeError, IndexError):
        return {}


def smaller_law(law: Law, run: Callable[[Arrangement, list[EntryInput]], Run]) -> Law:
    """Fewer entries, with a difference of one of the same kinds. Seals that both runs have stay."""
    wanted = kinds(law.broken(run))
    while True:
        for act in reversed(law.other[:-1]):
            less = law.without(act.entry)
            if (act.type != "seal" or act.entry in law.exacts) and kinds(less.broken(run)) & wanted:
                law = less
                break
        else:
            return law


def candidates(terms: Arrangement, acts: list[EntryInput]) -> Iterator[Record]:
    """What is a little smaller."""
    size = max(1, len(acts) // 2)
    while size:
        for begin in range(len(acts) - size, -1, -size):
            yield terms, acts[:begin] + acts[begin + size :]
        size //= 2
    for name in terms.tranches:
        yield dataclasses.replace(terms, tranches=without(terms.tranches, name)), acts
    for name in terms.duties:
        yield dataclasses.replace(terms, duties=without(terms.duties, name)), acts
    for name in terms.claims:
        yield dataclasses.replace(terms, claims=without(terms.claims, name)), acts
    for name, tranche in terms.tranches.items():
        for gate in simpler(tranche.gate):
            changed = dataclasses.replace(tranche, gate=gate)
            yield dataclasses.replace(terms, tranches=terms.tranches | {name: changed}), acts
        for continuous in simpler(tranche.continuous):
            changed = dataclasses.replace(tranche, continuous=continuous)
            yield dataclasses.replace(terms, tranches=terms.tranches | {name: changed}), acts
    for name, duty in terms.duties.items():
        for trigger in simpler(duty.trigger):
            less = dataclasses.replace(duty, trigger=trigger)
            yield dataclasses.replace(terms, duties=terms.duties | {name: less}), acts
        if duty.consequence != "record":
            less = dataclasses.replace(duty, consequence="record")
            yield dataclasses.replace(terms, duties=terms.duties | {name: less}), acts
    for name, claim in terms.claims.items():
        if len(claim.monitors) > 1:
            one = dataclasses.replace(claim, monitors=("n1",), support=1, refute=1, groups={}, including=())
            yield dataclasses.replace(terms, claims=terms.claims | {name: one}), acts


def without(things: dict[str, T], name: str) -> dict[str, T]:
    """All but one."""
    return {other: value for other, value in things.items() if other != name}


def simpler(condition: Condition) -> Iterator[Condition]:
    """Parts of it, or nothing."""
    if condition != EFFECTIVE:
        yield EFFECTIVE
    if isinstance(condition, AllOf | AnyOf | Not):
        yield from condition.of
    if isinstance(condition, Clear) and len(condition.duties) > 1:
        for duty in condition.duties:
            yield dataclasses.replace(condition, duties=(duty,))


# --- telling ------------------------------------------------------------------------------------------------------


def told(terms: Arrangement, acts: list[EntryInput], found: ClaimSummary) -> str:
    """The case for readers, times as seconds from the start, and where the two differ."""
    lines = [
        f"# end +{terms.end - terms.start} grace {terms.grace} max_suspension {terms.max_suspension}"
        f" notice {terms.withdrawal_notice} keeper {terms.keeper}",
        f"# {brief(terms.allegations)}",
    ]
    for things in (terms.claims, terms.duties, terms.tranches):
        lines += [f"# {name}: {brief(value)}" for name, value in things.items()]
    for act in acts:
        culprit = f" culprit {act.culprit}" if act.culprit else ""
        lines.append(f"  {act.stamp - terms.start:+5d} {act.author} {act.type}({brief(act.body)}){culprit}")
    return "\n".join(lines + [f"  {path}: {one} | {other}" for path, (one, other) in found.items()])


def brief(value: object) -> str:
    """A value without what is not there, or does not matter."""
    return ", ".join(
        f"{name}={words(part)}" for name, part in parts(value) if part not in (None, {}, (), "") and name not in DULL
    )


def words(value: object) -> str:
    """A condition, a tuple, or anything else."""
    if isinstance(value, Condition):
        return (
            f"{value.op}({' '.join(words(part) for name, part in parts(value) if part is not None and name != 'op')})"
        )
    if isinstance(value, tuple):
        return "[" + " ".join(words(part) for part in value) + "]"
    return str(value)[:40]


def parts(value: object) -> list[tuple[str, object]]:
    """The fields of a dataclass."""
    return [(each.name, getattr(value, each.name)) for each in dataclasses.fields(value)]  # type: ignore[arg-type]
