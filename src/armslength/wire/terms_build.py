"""From nodes to the terms: declarations first, then every section by its table, then the whole.

Each function notes its problems in the reader and returns what it could read; the terms are only put together once
nothing is wrong.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from armslength.core.arrangement.terms import (
    Allegations,
    Arrangement,
    Claim,
    Due,
    Duty,
    Excuse,
    Quorum,
    Tranche,
    release_duty,
)
from armslength.wire import terms_values as values
from armslength.wire.terms_beside import entries, read_actors, read_clauses
from armslength.wire.terms_conditions import check_runs, read_condition
from armslength.wire.terms_fields import DeclaredNames, Reader, join
from armslength.wire.terms_size import oversized
from armslength.wire.terms_tree import YamlNode


def build(reader: Reader, root: YamlNode) -> tuple[Arrangement, dict[str, str]] | None:
    """The terms and their clause texts, or None after noting every problem found (rule 7.2b)."""
    if not isinstance(root.value, dict):
        reader.problem("type", root, "", "must be a mapping", "begin with title: …")
        return None
    reader.names, reader.forms = declared(root.value), FORMS
    if ("term" in root.value) == ("end" in root.value):
        reader.problem("missing", root, "term", "the end is given by term or by end", "one of them")
    top = reader.section("arrangement", root, "") or {}
    # Entries are read even when the top is wrong, so that one run reports everything.
    actors = read_actors(reader, root.value)
    texts, clauses = read_clauses(reader, root.value)
    claims = {id_: _claim(reader, node, f"claims.{id_}") for id_, node in entries(reader, root.value, "claims")}
    duties: dict[str, Duty] = {}
    for id_, node in entries(reader, root.value, "duties"):
        duties.update(_duty(reader, id_, node, f"duties.{id_}"))
    tranches = {id_: _tranche(reader, node, f"tranches.{id_}") for id_, node in entries(reader, root.value, "tranches")}
    check_runs(reader, {id_: tranche.gate for id_, tranche in tranches.items() if tranche})
    if not top or reader.problems:
        return None
    sets = reader.names.sets
    end = _end(reader, root.value, top)
    timekeepers = top["timekeepers"] or {"quorum": len(sets["party"]), "of": tuple(sorted(sets["party"]))}
    _counted(reader, root, "timekeepers", timekeepers["of"], timekeepers["quorum"])
    allegations = _allegations(reader, root.value["allegations"], top["allegations"])
    fallbacks = top["fallback_keepers"]
    if len(sets["party"]) < 2:
        reader.problem("value", root.value["parties"], "parties", "an arrangement has at least two parties")
    if reader.problems:
        return None
    terms = Arrangement(
        semantics=top["semantics"],
        title=top["title"],
        clock=top["clock"],
        actors=actors,
        parties=tuple(sorted(sets["party"])),
        third_parties=tuple(sorted(sets["third party"])),
        monitors=tuple(sorted(sets["monitor"])),
        keeper=top["keeper"],
        fallback_keepers=fallbacks,
        timekeepers=Quorum(of=timekeepers["of"], count=timekeepers["quorum"], groups={}, including=()),
        start=top["start"],
        end=end,
        entry_by=top["entry_by"][1] + (top["start"] if top["entry_by"][0] else 0),
        grace=top["grace"],
        max_suspension=top["suspension"]["limit"],
        withdrawal_notice=top["withdrawal"]["notice"],
        allegations=allegations,
        clauses=clauses,
        claims={id_: claim for id_, claim in claims.items() if claim},
        duties=duties,
        tranches={id_: tranche for id_, tranche in tranches.items() if tranche},
    )
    for place, reason in oversized(terms):
        section = root.value.get(place.partition(".")[0], root)
        reader.problem("value", section, place, reason, "fewer, or longer periods")
    return None if reader.problems else (terms, texts)


def declared(top: dict[str, YamlNode]) -> DeclaredNames:
    """The ids that the file declares, by kind. Reads shapes leniently: what is malformed is reported later."""

    def ids(section: str) -> dict[str, YamlNode]:
        node = top.get(section)
        return node.value if node is not None and isinstance(node.value, dict) else {}

    parties, thirds = list(ids("parties")), list(ids("third_parties"))
    monitors, neutrals = list(ids("monitors")), list(ids("neutrals"))
    families: dict[str, tuple[str, ...]] = {}
    duties: list[str] = []
    for id_, node in ids("duties").items():
        debtors = node.value.get("debtors") if isinstance(node.value, dict) else None
        if debtors is not None and isinstance(debtors.value, dict):
            families[id_] = tuple(f"{id_}.{party}" for party in debtors.value)
            duties += [id_, *families[id_]]
        else:
            duties.append(id_)
    kinds = {}
    for id_, node in ids("claims").items():
        kind = node.value.get("kind") if isinstance(node.value, dict) else None
        if kind is not None and isinstance(kind.value, str):
            kinds[id_] = kind.value
    groups = [
        node.value["group"].value
        for node in ids("monitors").values()
        if isinstance(node.value, dict) and "group" in node.value
    ]
    tranches = list(ids("tranches"))
    sets = {
        "party": parties,
        "third party": thirds,
        "party or third party": parties + thirds,
        "monitor": monitors,
        "signer": list(dict.fromkeys(parties + monitors + neutrals)),
        "group": [group for group in groups if isinstance(group, str)],
        "clause": list(ids("clauses")),
        "claim": list(ids("claims")),
        "duty": duties + [release_duty(id_) for id_ in tranches],
        "tranche": tranches,
    }
    return DeclaredNames({kind: Counter(names) for kind, names in sets.items()}, kinds, families)


def _claim(reader: Reader, node: YamlNode, path: str) -> Claim | None:
    kind = _kind(reader, node, path, ("state", "event"))
    given = reader.section(f"{kind} claim", node, path) if kind else None
    if given is None:
        return None
    if not given["monitors"]:
        reader.problem("missing", node, join(path, "monitors"), "a claim needs at least one monitor")
    if isinstance(given.get("excuse"), dict) and reader.names.claim_kinds.get(given["excuse"]["claim"]) == "event":
        reader.problem("value", node, join(path, "excuse.claim"), "an excuse is a state claim, decided per period")
    excuse = given.get("excuse")
    return Claim(
        kind=given["kind"],
        clause=given["clause"],
        statement=given["statement"],
        monitors=given["monitors"],
        support=given["support"],
        refute=given["refute"] or given["support"],
        groups=given["groups"],
        including=given["including"],
        offset=given["offset"],
        period=given.get("period"),
        report_by=given["report_by"],
        excuse=Excuse(claim=excuse["claim"], lead=excuse["lead"]) if excuse else None,
    )


def _kind(reader: Reader, node: YamlNode, path: str, kinds: tuple[str, str]) -> str | None:
    """Which of two tables an entry follows."""
    given = reader.mapping(node, path)
    if "kind" not in given:
        if isinstance(node.value, dict) or node.value is None:
            reader.problem("missing", node, join(path, "kind"), "is required", f"one of {', '.join(kinds)}")
        return None
    return reader.choice(list(kinds), given["kind"], join(path, "kind"))


def _duty(reader: Reader, id_: str, node: YamlNode, path: str) -> dict[str, Duty]:
    """The duty, or one for each of its debtors. Empty after a problem."""
    kind = _kind(reader, node, path, ("maintain", "achieve"))
    given = reader.section(f"{kind} duty", node, path) if kind else None
    if given is None:
        return {}
    before = len(reader.problems)
    shown_by = _debtors(reader, id_, given, node, path)
    wanted = "event" if kind == "achieve" else "state"
    for claim in shown_by.values():
        if reader.names.claim_kinds.get(claim, wanted) != wanted:
            reason = f"{claim} is no {wanted} claim, and a duty to {kind} is shown by one"
            reader.problem("value", node, join(path, "claim" if given["claim"] else "debtors"), reason)
    if len(reader.problems) > before:
        return {}
    found = {}
    for debtor, claim in shown_by.items():
        others = tuple(sorted(set(reader.names.sets["party"]) - {debtor}))
        if debtor in (given["creditors"] or ()):
            reader.problem("value", node, join(path, "creditors"), f"{debtor} cannot owe itself")
        found[f"{id_}.{debtor}" if given["debtors"] else id_] = Duty(
            kind=given["kind"],
            clause=given["clause"],
            statement=given["statement"],
            debtor=debtor,
            creditors=given["creditors"] or others,
            performer=given["performer"] or debtor,
            claim=claim,
            trigger=given["trigger"],
            consequence=given["consequence"],
            cure=given["cure"],
            due=given.get("due"),
            remedy_run=given.get("remedy_run"),
            still_owed=given.get("still_owed", True),
            surviving=given["surviving"],
            weight=given["weight"],
        )
    return found


def _debtors(reader: Reader, id_: str, given: dict[str, Any], node: YamlNode, path: str) -> dict[str, str]:
    """Debtor → claim, from `debtor` and `claim` or from `debtors` (rule 4.3a)."""
    if given["debtors"] is None:
        missing = [key for key in ("debtor", "claim") if given[key] is None]
        for key in missing:
            reader.problem("missing", node, join(path, key), "is required", "or give debtors: {party: claim, …}")
        return {} if missing else {given["debtor"]: given["claim"]}
    for key in ("debtor", "claim"):
        if given[key] is not None:
            reader.problem("conflict", node, join(path, key), "stands beside debtors", "give one or the other")
    if "." in id_:
        reader.problem("value", node, path, "a duty with several debtors has an id without a dot")
    for name in reader.names.families.get(id_, ()):
        if reader.names.sets["duty"][name] > 1:
            reader.problem("duplicate", node, join(path, "debtors"), f"there is already a duty {name}")
    if not given["debtors"]:
        reader.problem("missing", node, join(path, "debtors"), "must name at least one debtor")
    return dict(given["debtors"])


def _tranche(reader: Reader, node: YamlNode, path: str) -> Tranche | None:
    given = reader.section("tranche", node, path)
    if given is None:
        return None
    if given["provider"] == given["recipient"]:
        reader.problem("value", node, join(path, "recipient"), "is the provider itself")
    if not given["media_types"]:
        reader.problem("missing", node, join(path, "media_types"), "must name at least one media type")
    copied = {key: item for key, item in given.items() if key not in ("when", "while")}
    return Tranche(gate=given["when"], continuous=given["while"], **copied)


def _end(reader: Reader, nodes: dict[str, YamlNode], top: dict[str, Any]) -> int:
    """The end as an instant."""
    end: int = top["end"] if top["term"] is None else top["start"] + top["term"]
    if end <= top["start"]:
        reader.problem("value", nodes["end"], "end", "must lie after start")
    return end


def _entry_by(reader: Reader, node: YamlNode, path: str) -> tuple[bool, int] | None:
    """Whether it is counted from the start, and the seconds after that or the instant."""
    if isinstance(node.value, str) and node.value.endswith("start"):
        when = reader.simple(lambda value: values.read_when(value, ("start",)), node, path)
        return None if when is None else (True, when[1])
    instant = reader.simple(values.read_instant, node, path)
    return None if instant is None else (False, instant)


def _due(reader: Reader, node: YamlNode, path: str) -> Due | None:
    when = reader.simple(lambda value: values.read_when(value, ("trigger", "start", "end")), node, path)
    return None if when is None else Due(anchor=when[0], after=when[1])


# Types of fields that are read by these rules; the tables of fields only name them.
FORMS = {"condition": read_condition, "when": _due, "instant or after start": _entry_by}


def _allegations(reader: Reader, node: YamlNode, given: dict[str, Any]) -> Allegations:
    judges = given["determiners"]
    path = "allegations.determiners"
    _counted(reader, node, path, judges["of"], judges["quorum"])
    for id_ in judges["including"]:
        if id_ not in judges["of"]:
            reader.problem("value", node, f"{path}.including", f"{id_} is not one of those it is taken from")
    return Allegations(
        reply=given["reply"],
        determination=given["determination"],
        hold=given["hold"],
        holds_per_party=given["holds_per_party"],
        determiners=Quorum(
            of=judges["of"], count=judges["quorum"], groups=judges["groups"], including=judges["including"]
        ),
        default=given["default"].upper(),
    )


def _counted(reader: Reader, node: YamlNode, path: str, of: tuple[str, ...], quorum: int) -> None:
    if quorum > len(of):
        reader.problem("value", node, f"{path}.quorum", f"{quorum} of {len(of)} can never be reached")
