"""From the terms back to what an author writes: the plain form of a document, and its YAML.

Defaults are left out, durations and instants are written as people write them, and duties that differ only in debtor
and claim are drawn together.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from armslength.core.arrangement.terms import Actor, Arrangement, Claim, Duty, Quorum, Tranche
from armslength.wire import terms_values as values
from armslength.wire.terms_conditions import write_condition
from armslength.wire.terms_fields import SECTIONS, Computed

# Written on one line, unless they hold a list of conditions.
_FLOW = {"timekeepers", "determiners", "suspension", "withdrawal", "groups", "excuse", "debtors", "trigger", "when",
         "while", "not", "run"}  # fmt: skip
# Text that needs no quotes in YAML: nothing that begins, ends or reads like something else.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9 _./;'()-]*[A-Za-z0-9.)]|[A-Za-z]|[0-9]+ ?[A-Za-z]+( [A-Za-z0-9]+)*")


def to_plain(terms: Arrangement, texts: Mapping[str, str], *, expanded: bool = False) -> dict[str, Any]:
    """The document as plain data, by the field tables; raises KeyError for a clause without text (rule 7.2a).

    `expanded` writes defaults out and leaves C1.A and C1.B apart, so that two documents compare field by field."""
    parties = {id_: _identity(terms.actors[id_]) for id_ in terms.parties}
    monitors = {
        id_: ({} if id_ in parties else _identity(terms.actors[id_]))
        | ({"group": terms.actors[id_].group} if terms.actors[id_].group is not None else {})
        for id_ in terms.monitors
    }
    named = {*terms.parties, *terms.third_parties, *terms.monitors}
    trim = _without_absent if expanded else _without_defaults
    duties = {id_: _duty(terms, duty) for id_, duty in _ordered(terms.duties).items()} if expanded else _duties(terms)
    document: dict[str, Any] = {
        "semantics": terms.semantics,
        "title": terms.title,
        "clock": terms.clock,
        "start": values.write_instant(terms.start),
        **_end(terms),
        "entry_by": _entry_by(terms),
        "grace": values.write_duration(terms.grace),
        "parties": parties,
        "third_parties": {id_: {"name": terms.actors[id_].name} for id_ in terms.third_parties},
        "monitors": monitors,
        "neutrals": {id_: _identity(actor) for id_, actor in sorted(terms.actors.items()) if id_ not in named},
        "keeper": terms.keeper,
        "fallback_keepers": list(terms.fallback_keepers),
        "timekeepers": {"quorum": terms.timekeepers.count, "of": list(terms.timekeepers.of)},
        "allegations": _allegations(terms),
        "suspension": {"limit": values.write_duration(terms.max_suspension)},
        "withdrawal": {"notice": values.write_duration(terms.withdrawal_notice)},
        "clauses": {
            id_: {"title": clause.title, "text": texts[id_]} for id_, clause in _ordered(terms.clauses).items()
        },
        "claims": {id_: trim(f"{claim.kind} claim", _claim(claim)) for id_, claim in _ordered(terms.claims).items()},
        "duties": {id_: trim(f"{given['kind']} duty", given) for id_, given in duties.items()},
        "tranches": {id_: trim("tranche", _tranche(tranche)) for id_, tranche in _ordered(terms.tranches).items()},
    }
    always = {"semantics", "clock", "grace", "suspension", "withdrawal"}  # good to see, even where they are defaults
    return {key: value for key, value in document.items() if key in always or value not in ({}, [])}


def to_yaml(plain: Mapping[str, Any]) -> str:
    """The YAML text of a document in plain form."""
    yaml = YAML(typ="rt", pure=True)
    yaml.width = 110
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.allow_unicode = True
    stream = io.StringIO()
    yaml.dump(_styled(plain, ""), stream)
    # A blank line before each section, for the reader's eye; no scalar begins at the margin.
    return re.sub(
        r"\n(?=(?:parties|monitors|neutrals|keeper|allegations|clauses|claims|duties|tranches):)",
        "\n\n",
        stream.getvalue(),
    )


def natural(id_: str) -> tuple[Any, ...]:
    """A sort key under which C2 comes before C10."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", id_) if part)


def _ordered(entries: Mapping[str, Any]) -> dict[str, Any]:
    return {id_: entries[id_] for id_ in sorted(entries, key=natural)}


def _end(terms: Arrangement) -> dict[str, str]:
    length = terms.end - terms.start
    if 0 < length <= values.LONGEST:
        return {"term": values.write_duration(length)}
    return {"end": values.write_instant(terms.end)}


def _entry_by(terms: Arrangement) -> str:
    after = terms.entry_by - terms.start
    return values.write_when("start", after) if abs(after) <= values.LONGEST else values.write_instant(terms.entry_by)


def _identity(actor: Actor) -> dict[str, Any]:
    card: dict[str, Any] = {"name": actor.name, "did": actor.did, "address": actor.address}
    if actor.keys is not None:
        card["keys"] = {role: key for role, key in asdict(actor.keys).items() if key is not None}
    return {key: value for key, value in card.items() if value is not None}


def _quorum(quorum: Quorum) -> dict[str, Any]:
    found: dict[str, Any] = {"quorum": quorum.count, "of": list(quorum.of)}
    return found | {key: value for key in ("groups", "including") if (value := _plain(getattr(quorum, key)))}


def _allegations(terms: Arrangement) -> dict[str, Any]:
    rules = terms.allegations
    return {
        "reply": values.write_duration(rules.reply),
        "determination": values.write_duration(rules.determination),
        "hold": values.write_duration(rules.hold),
        "holds_per_party": rules.holds_per_party,
        "determiners": _quorum(rules.determiners),
        "default": rules.default.lower(),
    }


def _claim(claim: Claim) -> dict[str, Any]:
    found: dict[str, Any] = {
        "kind": claim.kind,
        "clause": claim.clause,
        "statement": claim.statement,
        "monitors": list(claim.monitors),
        "support": claim.support,
        "refute": None if claim.refute == claim.support else claim.refute,
        "groups": dict(claim.groups),
        "including": list(claim.including),
        "offset": values.write_duration(claim.offset),
        "period": None if claim.period is None else values.write_duration(claim.period),
        "report_by": None if claim.report_by is None else values.write_duration(claim.report_by),
    }
    if claim.excuse is not None:
        found["excuse"] = {"claim": claim.excuse.claim, "lead": values.write_duration(claim.excuse.lead)}
    return found


def _duties(terms: Arrangement) -> dict[str, Any]:
    """Duties by id; C1.A, C1.B … become one C1 with its debtors where nothing else tells them apart."""
    found: dict[str, Any] = {}
    families: dict[str, dict[str, Duty]] = {}
    for id_, duty in _ordered(terms.duties).items():
        stem, dot, debtor = id_.partition(".")
        if dot and debtor == duty.debtor:
            families.setdefault(stem, {})[debtor] = duty
    for id_, duty in _ordered(terms.duties).items():
        stem, _, debtor = id_.partition(".")
        family = families.get(stem, {})
        if debtor in family and stem not in terms.duties and _alike(terms, list(family.values())):
            if stem not in found:
                shared = _duty(terms, duty)
                debtors = {"debtors": {name: member.claim for name, member in family.items()}}
                found[stem] = {
                    key: value
                    for field, given in shared.items()
                    for key, value in ((debtors if field == "debtor" else {field: given}).items())
                    if field != "claim"
                }
        else:
            found[id_] = _duty(terms, duty)
    return found


def _alike(terms: Arrangement, family: list[Duty]) -> bool:
    """Whether duties differ in debtor and claim alone, each with the default creditors and performer."""
    first = family[0]
    return len(family) > 1 and all(
        duty.creditors == _others(terms, duty.debtor)
        and duty.performer == duty.debtor
        and replace(duty, debtor=first.debtor, claim=first.claim, creditors=first.creditors, performer=first.performer)
        == first
        for duty in family
    )


def _others(terms: Arrangement, debtor: str) -> tuple[str, ...]:
    return tuple(sorted(set(terms.parties) - {debtor}))


def _duty(terms: Arrangement, duty: Duty) -> dict[str, Any]:
    achieve = duty.kind == "achieve"
    found: dict[str, Any] = {
        "kind": duty.kind,
        "clause": duty.clause,
        "statement": duty.statement,
        "debtor": duty.debtor,
        "claim": duty.claim,
        "creditors": None if duty.creditors == _others(terms, duty.debtor) else list(duty.creditors),
        "performer": None if duty.performer == duty.debtor else duty.performer,
        "trigger": write_condition(duty.trigger),
        "due": values.write_when(duty.due.anchor, duty.due.after) if duty.due is not None else None,
        "cure": values.write_duration(duty.cure) if achieve else duty.cure,
        "remedy_run": duty.remedy_run,
        "consequence": duty.consequence,
        "still_owed": duty.still_owed if achieve or not duty.still_owed else None,
        "surviving": duty.surviving,
        "weight": duty.weight,
    }
    return found


def _tranche(tranche: Tranche) -> dict[str, Any]:
    found: dict[str, Any] = {
        "clause": tranche.clause,
        "title": tranche.title,
        "provider": tranche.provider,
        "recipient": tranche.recipient,
        "media_types": list(tranche.media_types),
        "max_size": values.write_size(tranche.max_size),
        "when": write_condition(tranche.gate),
        "while": write_condition(tranche.continuous),
    }
    for key in ("deliver_by", "release_by", "release_cure", "key_by", "ack_by"):
        found[key] = values.write_duration(getattr(tranche, key))
    found["weight"] = tranche.weight
    return found


def _without_defaults(section: str, found: dict[str, Any]) -> dict[str, Any]:
    fields = SECTIONS[section]
    return {
        key: value
        for key, value in found.items()
        if value is not None
        and not (key in fields and not isinstance(fields[key].default, Computed) and value == fields[key].default)
    }


def _without_absent(_section: str, found: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if value is not None}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else dict(value)


def _styled(value: Any, key: str) -> Any:
    """Plain data dressed for the YAML writer: short lists and conditions on one line, clause texts as blocks."""
    if isinstance(value, Mapping):
        mapped = CommentedMap((name, _styled(item, name)) for name, item in value.items())
        if key in _FLOW and not any(name in ("all", "any") for name in value):
            mapped.fa.set_flow_style()
        return mapped
    if isinstance(value, list):
        listed = CommentedSeq(_styled(item, "") for item in value)
        if all(isinstance(item, str) for item in value):
            listed.fa.set_flow_style()
        return listed
    if isinstance(value, str) and key == "text" and _fits_block(value):
        return LiteralScalarString(value)
    if isinstance(value, str) and not _PLAIN.fullmatch(value):
        return DoubleQuotedScalarString(value)
    return value


def _fits_block(text: str) -> bool:
    """Whether a literal block holds the text exactly and legibly: not if it ends in blank lines, for one more follows
    the last block of a section."""
    return bool(re.fullmatch(r"\S([^\r\t\x85\u2028\u2029\ufeff]*\S)?\n", text)) and " \n" not in text
