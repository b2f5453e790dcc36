"""Conditions as they are written, and back.

    effective                                   the arrangement has come into effect
    {all: [...]}  {any: [...]}  {not: ...}      of other conditions
    {time: 7d after start}                      from then on
    {run: {of: [k1, k2], clean: 7, after: T2}}  seven clean periods in a row, in all of these, after T2's run
    {clear: [C1, C2]}                           none of these duties is overdue, in breach or has an open violation
    {supported: k5a} {refuted: k5a} {decided: k5a}    an event claim
    {fulfilled: C5a} {duty: C5a, is: [overdue, breached]}
    {settled: T1} {released: T1} {tranche: T1, is: [released, settled]}

A word with several ids means all of them; a duty with several debtors means the duties of all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, assert_never

from armslength.core.arrangement import tables
from armslength.core.arrangement.tables import DutyStatus, PeriodValue, Stage
from armslength.core.arrangement.terms import (
    AllOf,
    AnyOf,
    AtTime,
    ClaimIs,
    CleanRun,
    Clear,
    Condition,
    DutyIs,
    Effective,
    Not,
    TrancheIs,
    walk,
)
from armslength.core.canonical import canonical
from armslength.wire import terms_values as values
from armslength.wire.terms_fields import Reader, join
from armslength.wire.terms_tree import YamlNode

DUTY_STATES = tuple(dict.fromkeys((*tables.ACHIEVE.states, *tables.MAINTAIN.states)))
TRANCHE_STATES = tables.TRANCHE.states

# One-word conditions: word → (op, the states it means).
WORDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "supported": ("claim", (PeriodValue.SUPPORTED,)),
    "refuted": ("claim", (PeriodValue.REFUTED,)),
    "decided": ("claim", (PeriodValue.REFUTED, PeriodValue.SUPPORTED)),
    "fulfilled": ("duty", (DutyStatus.CURED, DutyStatus.FULFILLED)),
    "settled": ("tranche", (Stage.SETTLED,)),
    "released": ("tranche", (Stage.DISPUTED, Stage.RELEASED, Stage.SETTLED)),
}
SHOWN = 20  # tranches that are named of a chain that has no end
CYCLES = 50  # problems after which no more chains are followed
OTHERS = ("all", "any", "not", "time", "run", "clear", "duty", "tranche")
KEYWORDS = (*OTHERS, *WORDS)


def read_condition(reader: Reader, node: YamlNode, path: str) -> Condition | None:
    """The condition at a node; None (after noting why) if it does not read."""
    if node.value == "effective":
        return Effective()
    if isinstance(node.value, str):
        reader.problem("value", node, path, f'"{node.value}" is no condition', "effective, or a mapping")
        return None
    if not isinstance(node.value, dict) or not node.value:
        reader.problem("type", node, path, "must be effective or a mapping such as {settled: T1}")
        return None
    keys = [key for key in node.value if key != "is"]
    for key in keys:
        if key not in KEYWORDS:
            hint = "write it without braces" if key == "effective" else reader.suggest(key, KEYWORDS)
            reader.problem("unknown-field", node.value[key], join(path, key), "is no condition", hint)
            return None
    if len(keys) != 1:
        reader.problem("value", node, path, "must be one condition", "join several by all: or any:")
        return None
    key = keys[0]
    if "is" in node.value and key not in ("duty", "tranche"):
        reader.problem("unknown-field", node.value["is"], join(path, "is"), "belongs to duty or tranche only")
        return None
    if key in ("duty", "tranche"):
        known = DUTY_STATES if key == "duty" else TRANCHE_STATES
        states = _states(reader, node, node.value.get("is"), join(path, "is"), known)
        return None if states is None else _about(reader, key, node.value[key], join(path, key), states)
    return _read_keyword(reader, key, node.value[key], join(path, key))


def _read_keyword(reader: Reader, key: str, child: YamlNode, place: str) -> Condition | None:
    if key in ("all", "any"):
        if not isinstance(child.value, list) or not child.value:
            reader.problem("type", child, place, "must be a list of conditions")
            return None
        parts = [read_condition(reader, *item) for item in reader.items(child, place)]
        return _joined(AllOf if key == "all" else AnyOf, parts)
    if key == "not":
        inner = read_condition(reader, child, place)
        return None if inner is None else Not(of=(inner,))
    if key == "time":
        when = reader.simple(lambda value: values.read_when(value, ("start", "end")), child, place)
        return None if when is None else AtTime(anchor=when[0], after=when[1])
    if key == "run":
        return _read_run(reader, child, place)
    if key == "clear":
        duties = _duties(reader, child, place)
        return None if duties is None else Clear(duties=tuple(sorted(duties)))
    op, states = WORDS[key]
    return _about(reader, op, child, place, states)


def _read_run(reader: Reader, node: YamlNode, path: str) -> Condition | None:
    found = reader.section("run", node, path)
    if found is None:
        return None
    if not found["of"]:
        reader.problem("missing", node, join(path, "of"), "must name at least one claim")
        return None
    if found["after"] is not None:
        reader.follows.append((node, join(path, "after"), found["after"]))
    bad = [claim for claim in found["of"] if reader.names.claim_kinds.get(claim) == "event"]
    for claim in bad:
        reader.problem("value", node, join(path, "of"), f"{claim} is an event and has no periods", "name a state claim")
    return None if bad else CleanRun(claims=found["of"], length=found["clean"], follows=found["after"])


def _about(reader: Reader, op: str, node: YamlNode, path: str, states: tuple[str, ...]) -> Condition | None:
    """One condition per id; several ids make an `all`."""
    if op == "duty":
        names = _duties(reader, node, path)
        return (
            None
            if names is None
            else _joined(AllOf, [DutyIs(duty=n, states=tuple(map(DutyStatus, states))) for n in names])
        )
    names = _ids(reader, op, node, path)
    if names is None:
        return None
    if op == "tranche":
        return _joined(AllOf, [TrancheIs(tranche=n, states=tuple(map(Stage, states))) for n in names])
    bad = [name for name in names if reader.names.claim_kinds.get(name) == "state"]
    for name in bad:
        reason = f"{name} is a state claim, decided anew each period"
        reader.problem("value", node, path, reason, "use run, or name an event claim")
    return None if bad else _joined(AllOf, [ClaimIs(claim=n, states=tuple(map(PeriodValue, states))) for n in names])


def _ids(reader: Reader, kind: str, node: YamlNode, path: str) -> list[str] | None:
    before = len(reader.problems)
    names = list(reader.listed(node, path, lambda item, place: reader.reference(kind, item, place)))
    if not names and len(reader.problems) == before:
        reader.problem("missing", node, path, f"must name at least one {kind}")
    return names if len(reader.problems) == before else None


def _duties(reader: Reader, node: YamlNode, path: str) -> list[str] | None:
    """The duties named, with a duty of several debtors spread into theirs."""
    names = _ids(reader, "duty", node, path)
    if names is None:
        return None
    spread: dict[str, None] = {}
    for name in names:
        spread.update(dict.fromkeys(reader.names.families.get(name, (name,))))
    return sorted(spread)


def _states(
    reader: Reader, node: YamlNode, child: YamlNode | None, place: str, known: Sequence[str]
) -> tuple[str, ...] | None:
    if child is None:
        reader.problem("missing", node, place, "is required", "the state or states that it must be in")
        return None
    options = [state.lower() for state in known]
    before = len(reader.problems)
    found = reader.listed(child, place, lambda item, at: reader.choice(options, item, at))
    if len(reader.problems) > before:
        return None
    if not found:
        reader.problem("missing", child, place, "must name at least one state", reader.suggest("", options))
        return None
    return tuple(sorted(state.upper() for state in found))


def _joined(kind: type[AllOf | AnyOf], parts: Sequence[Condition | None]) -> Condition | None:
    """`parts` under one operator, in the one order that canonical bytes give; a lone derived part stands for itself."""
    present = [part for part in parts if part is not None]
    if len(present) < len(parts):
        return None
    if kind is AllOf and len(present) == 1:
        return present[0]
    return kind(of=tuple(sorted(present, key=canonical)))


def runs(condition: Condition) -> list[CleanRun]:
    """Every run in a condition."""
    return [part for part in walk(condition) if isinstance(part, CleanRun)]


def check_runs(reader: Reader, gates: Mapping[str, Condition]) -> None:
    """What a run follows must be one run, and following must come to an end; evaluation rests on both."""
    found = {name: runs(gate) for name, gate in gates.items()}
    sound: set[str] = set()  # what leads to an end
    for node, path, first in reader.follows:
        chain = {first: None}
        last, before = first, len(reader.problems)
        while last not in sound:
            inner = found.get(last, [])
            if last in found and len(inner) != 1:
                what = "no run" if not inner else f"{len(inner)} runs"
                reader.problem("value", node, path, f"the when of {last} has {what}, and needs exactly one")
            if len(inner) != 1 or inner[0].follows is None:
                break
            last = inner[0].follows
            if last in chain:
                named = " after ".join([*list(chain)[:SHOWN], last])
                reader.problem("value", node, path, f"a run would come after itself: {named}")
                break
            chain[last] = None
        if len(reader.problems) == before:
            sound |= chain.keys()
        elif len(reader.problems) > CYCLES:
            break


def write_condition(condition: Condition) -> Any:
    """The plain form that `read_condition` reads back to the same condition."""
    match condition:
        case Effective():
            return condition.op
        case AllOf() | AnyOf():
            return {condition.op: [write_condition(part) for part in condition.of]}
        case Not():
            [part] = condition.of
            return {condition.op: write_condition(part)}
        case AtTime():
            return {condition.op: values.write_when(condition.anchor, condition.after)}
        case CleanRun():
            run: dict[str, Any] = {"of": one_or_many(condition.claims), "clean": condition.length}
            return {condition.op: run | ({"after": condition.follows} if condition.follows else {})}
        case Clear():
            return {condition.op: one_or_many(condition.duties)}
        case ClaimIs():
            return _write_about(condition, condition.claim)
        case DutyIs():
            return _write_about(condition, condition.duty)
        case TrancheIs():
            return _write_about(condition, condition.tranche)
        case _:
            assert_never(condition)


def _write_about(condition: ClaimIs | DutyIs | TrancheIs, subject: str) -> dict[str, Any]:
    """A condition on the states of one claim, duty or tranche."""
    for word, meaning in WORDS.items():
        if meaning == (condition.op, condition.states):
            return {word: subject}
    return {condition.op: subject, "is": one_or_many([state.lower() for state in condition.states])}


def one_or_many(names: Sequence[str]) -> str | list[str]:
    """A lone name by itself, several as a list."""
    return names[0] if len(names) == 1 else list(names)
