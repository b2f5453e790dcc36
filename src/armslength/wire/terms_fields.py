"""The fields of the terms language, as tables, and the reader that applies them.

A section is a mapping with a table of fields; a field has a type and perhaps a default. Types are named here as the
reference manual names them (docs/terms.md holds the same tables, and a test compares the two). Problems are
collected, so that one run reports all of them.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from armslength.wire import terms_values as values
from armslength.wire.terms_tree import Problem, YamlNode
from armslength.wire.terms_values import BadValue

MOST = 1000  # entries of a section, and items of a list
NEAR = 0.7  # how alike two names are, of 1, before one is taken for the other …
COMPARED, LONG = 500, 64  # … of so many names, of so many characters …
SUGGESTED = 50  # … for so many problems

REQUIRED = object()
OPTIONAL = object()


@dataclass(frozen=True, slots=True)
class Computed:
    """A default that depends on the rest of the terms; `words` say what it is."""

    words: str


@dataclass(frozen=True, slots=True)
class Field:
    """One field: the name of its type, and REQUIRED, OPTIONAL, a default as one would write it, or Computed."""

    type: str
    default: Any = REQUIRED


SEMANTICS = "armslength/arrangement/1"

_CLAIM = {
    "kind": Field("state | event"),
    "clause": Field("clause id"),
    "statement": Field("line of text"),
    "monitors": Field("monitor ids"),
    "support": Field("count"),
    "refute": Field("count", Computed("the same as support")),
    "groups": Field("counts by group", {}),
    "including": Field("monitor ids", []),
    "offset": Field("duration or 0s", "0s"),
}
_DUTY = {
    "kind": Field("maintain | achieve"),
    "clause": Field("clause id"),
    "statement": Field("line of text"),
    "debtor": Field("party id", OPTIONAL),
    "claim": Field("claim id", OPTIONAL),
    "debtors": Field("claims by debtor", OPTIONAL),
    "creditors": Field("party ids", Computed("every party but the debtor")),
    "performer": Field("party or third party id", Computed("the debtor")),
    "trigger": Field("condition", "effective"),
    "consequence": Field("suspend | withhold | record"),
    "surviving": Field("true or false", False),
    "weight": Field("whole number", OPTIONAL),
}
_IDENTITY = {
    "did": Field("DID", OPTIONAL),
    "address": Field("address", OPTIONAL),
    "keys": Field("keys", OPTIONAL),
}

SECTIONS: dict[str, dict[str, Field]] = {
    "arrangement": {
        "semantics": Field(SEMANTICS, SEMANTICS),
        "title": Field("line of text"),
        "clock": Field("utc | simulated", "utc"),
        "start": Field("instant"),
        "term": Field("duration", OPTIONAL),
        "end": Field("instant", OPTIONAL),
        "entry_by": Field("instant or after start"),
        "grace": Field("duration or 0s", "1h"),
        "parties": Field("parties"),
        "third_parties": Field("third parties", {}),
        "monitors": Field("monitors", {}),
        "neutrals": Field("neutrals", {}),
        "keeper": Field("signer id"),
        "fallback_keepers": Field("signer ids in order", []),
        "timekeepers": Field("timekeepers", Computed("all the parties, all of them needed")),
        "allegations": Field("allegations"),
        "suspension": Field("suspension", {}),
        "withdrawal": Field("withdrawal", {}),
        "clauses": Field("clauses"),
        "claims": Field("claims", {}),
        "duties": Field("duties", {}),
        "tranches": Field("tranches", {}),
    },
    "party": {"name": Field("line of text", Computed("the card's name")), **_IDENTITY, "card": Field("path", OPTIONAL)},
    "monitor": {
        "name": Field("line of text", Computed("the card's name")),
        **_IDENTITY,
        "card": Field("path", OPTIONAL),
        "group": Field("group", OPTIONAL),
    },
    "third party": {"name": Field("line of text")},
    "card": {
        "name": Field("line of text", OPTIONAL),
        "did": Field("DID"),
        "address": Field("address", OPTIONAL),
        "keys": Field("keys"),
    },
    "keys": {"entries": Field("key"), "checkpoints": Field("key", OPTIONAL), "tokens": Field("key", OPTIONAL)},
    "timekeepers": {"quorum": Field("count"), "of": Field("signer ids")},
    "determiners": {
        "quorum": Field("count"),
        "of": Field("signer ids"),
        "groups": Field("counts by group", {}),
        "including": Field("signer ids", []),
    },
    "allegations": {
        "reply": Field("duration", "24h"),
        "determination": Field("duration", "72h"),
        "hold": Field("duration", "72h"),
        "holds_per_party": Field("count or 0", 3),
        "determiners": Field("determiners"),
        "default": Field("dismissed | upheld", "dismissed"),
    },
    "suspension": {"limit": Field("duration", "14d")},
    "withdrawal": {"notice": Field("duration or 0s", "5d")},
    "clause": {"title": Field("line of text"), "text": Field("text", OPTIONAL), "file": Field("path", OPTIONAL)},
    "state claim": {
        **_CLAIM,
        "period": Field("duration"),
        "report_by": Field("duration"),
        "excuse": Field("excuse", OPTIONAL),
    },
    "event claim": {**_CLAIM, "report_by": Field("duration", OPTIONAL)},
    "excuse": {"claim": Field("claim id"), "lead": Field("duration or 0s")},
    "maintain duty": {**_DUTY, "cure": Field("count or 0"), "remedy_run": Field("count")},
    "achieve duty": {
        **_DUTY,
        "due": Field("when"),
        "cure": Field("duration or 0s"),
        "still_owed": Field("true or false", True),
    },
    "tranche": {
        "clause": Field("clause id"),
        "title": Field("line of text"),
        "provider": Field("party id"),
        "recipient": Field("party id"),
        "media_types": Field("media types", ["application/octet-stream"]),
        "max_size": Field("size", "64 MiB"),
        "when": Field("condition", "effective"),
        "while": Field("condition", "effective"),
        "deliver_by": Field("duration", "48h"),
        "release_by": Field("duration", "48h"),
        "release_cure": Field("duration or 0s", "24h"),
        "key_by": Field("duration", "1h"),
        "ack_by": Field("duration", "24h"),
        "weight": Field("whole number", OPTIONAL),
    },
    "run": {"of": Field("claim ids"), "clean": Field("count"), "after": Field("tranche id", OPTIONAL)},
}

# Sections that hold one entry per id, and the section each entry is read as.
ENTRIES = {
    "parties": "party",
    "third_parties": "third party",
    "monitors": "monitor",
    "neutrals": "party",
    "clauses": "clause",
    "claims": "claim",
    "duties": "duty",
    "tranches": "tranche",
}


@dataclass(slots=True)
class DeclaredNames:
    """What the file declares, gathered before any reference is read."""

    sets: Mapping[str, Counter[str]]  # kind of id → ids, and how often each is declared
    claim_kinds: dict[str, str] = field(default_factory=dict)
    families: dict[str, tuple[str, ...]] = field(default_factory=dict)  # C1 → C1.A, C1.B

    def known(self, kind: str, name: str) -> bool:
        return name in self.sets[kind]


@dataclass(slots=True)
class Reader:
    """Reads nodes by the tables, collecting problems. `names` is set once the declarations are known."""

    file: str
    load: Callable[[str], bytes] | None
    problems: list[Problem] = field(default_factory=list)
    names: DeclaredNames = field(default_factory=lambda: DeclaredNames({}))
    lines: dict[str, int] = field(default_factory=dict)
    suggesting: bool = True  # whether problems say what may have been meant: to authors, never to whoever sends terms
    forms: Mapping[str, Callable[[Reader, YamlNode, str], Any]] = field(default_factory=dict)  # types read elsewhere
    follows: list[tuple[YamlNode, str, str]] = field(default_factory=list)  # each `after` of a run: node, path, tranche

    def problem(self, code: str, node: YamlNode, path: str, reason: str, hint: str | None = None) -> None:
        """Note one problem at a path, or where the file lacks it, at the node around it."""
        self.problems.append(Problem(code, self.file, self.lines.get(path, node.line), path, reason, hint))

    def mapping(self, node: YamlNode, path: str) -> dict[str, YamlNode]:
        """The entries of a mapping; an absent value reads as an empty one."""
        if isinstance(node.value, dict):
            return node.value
        if node.value is not None:
            self.problem("type", node, path, "must be a mapping of names to values")
        return {}

    def section(self, name: str, node: YamlNode, path: str) -> dict[str, Any] | None:
        """The values of a section, defaults filled in; None (after noting why) if any field is wrong."""
        before = len(self.problems)
        fields = SECTIONS[name]
        if not isinstance(node.value, dict) and node.value is not None:
            self.problem("type", node, path, f"must be a mapping with the fields {', '.join(fields)}")
            return None
        given = node.value or {}
        for key, child in given.items():
            if key not in fields:
                what = "" if name == "arrangement" else f" of {_article(name)}"
                self.problem("unknown-field", child, join(path, key), f"is no field{what}", self.suggest(key, fields))
        found: dict[str, Any] = {}
        for key, rule in fields.items():
            if key in given:
                found[key] = self.value(rule.type, given[key], join(path, key))
            elif rule.default is REQUIRED:
                self.problem("missing", node, join(path, key), "is required", _describe(rule.type))
            elif rule.default is OPTIONAL or isinstance(rule.default, Computed):
                found[key] = None
            else:
                found[key] = self.value(rule.type, _plain(rule.default, node.line), join(path, key))
        return found if len(self.problems) == before else None

    def value(self, kind: str, node: YamlNode, path: str) -> Any:
        """The value of one field by the name of its type; None after a problem."""
        if kind in SIMPLE:
            return self.simple(SIMPLE[kind], node, path)
        if " | " in kind or kind == SEMANTICS:
            return self.choice(kind.split(" | "), node, path)
        if kind in REFERENCES:
            return self.reference(REFERENCES[kind], node, path)
        if kind.endswith("s") and kind[:-1] in REFERENCES:
            return self.listed(node, path, lambda item, place: self.reference(REFERENCES[kind[:-1]], item, place))
        if kind == "signer ids in order":
            return self.listed(node, path, lambda item, place: self.reference("signer", item, place), ordered=True)
        if kind == "media types":
            return self.listed(node, path, lambda item, place: self.simple(values.read_media_type, item, place))
        if kind == "counts by group":
            return self.group_counts(node, path)
        if kind == "claims by debtor":
            return self.claims_by_debtor(node, path)
        if kind in SECTIONS:
            return self.section(kind, node, path)
        return self.forms[kind](self, node, path) if kind in self.forms else node

    def suggest(self, name: str, known: Collection[str]) -> str | None:
        """What may have been meant by a name that is not known, for the first problems only."""
        return suggest(name, known) if self.suggesting and len(self.problems) < SUGGESTED else None

    def simple(self, read: Callable[[Any], Any], node: YamlNode, path: str) -> Any:
        """A scalar by its own reader."""
        if isinstance(node.value, (dict, list)):
            self.problem("type", node, path, "must be a single value")
            return None
        try:
            return read(node.value)
        except BadValue as error:
            self.problem("value", node, path, error.reason, error.hint)
            return None

    def choice(self, options: list[str], node: YamlNode, path: str) -> str | None:
        """One of a few words."""
        if isinstance(node.value, str) and node.value in options:
            return node.value
        shown = "one of " + ", ".join(options) if len(options) > 1 else options[0]
        hint = self.suggest(node.value, options) if isinstance(node.value, str) else None
        self.problem("value", node, path, f"must be {shown}", hint)
        return None

    def reference(self, kind: str, node: YamlNode, path: str) -> str | None:
        """The id of something that the file declares."""
        if not isinstance(node.value, str):
            self.problem("type", node, path, f"must be the id of {_article(kind)}")
            return None
        known = self.names.sets[kind]
        if node.value in known:
            return node.value
        self.problem("reference", node, path, f"there is no {kind} {node.value}", self.suggest(node.value, known))
        return None

    def items(self, node: YamlNode, path: str) -> list[tuple[YamlNode, str]]:
        """The items of a list with their paths; a lone value counts as a list of one."""
        if isinstance(node.value, list) and len(node.value) > MOST:
            self.problem("size", node, path, f"has more than {MOST} items")
            return []
        if isinstance(node.value, list):
            return [(item, f"{path}[{i}]") for i, item in enumerate(node.value)]
        return [] if node.value is None else [(node, path)]

    def listed(
        self, node: YamlNode, path: str, read: Callable[[YamlNode, str], Any], *, ordered: bool = False
    ) -> tuple[str, ...]:
        """A list in which nothing may stand twice, sorted unless its order means something."""
        found: dict[str, None] = {}
        for item, place in self.items(node, path):
            value = read(item, place)
            if value in found:
                self.problem("duplicate", item, place, f"{value} is listed twice", "remove one")
            elif value is not None:
                found[value] = None
        return tuple(found if ordered else sorted(found))

    def group_counts(self, node: YamlNode, path: str) -> dict[str, int]:
        """How many of each group, by group."""
        found: dict[str, int] = {}
        for group, child in self.mapping(node, path).items():
            place = join(path, group)
            if group not in self.names.sets["group"]:
                hint = self.suggest(group, self.names.sets["group"])
                self.problem("reference", child, place, f"no monitor is in a group {group}", hint)
            count = self.simple(_count, child, place)
            if count is not None:
                found[group] = count
        return found

    def claims_by_debtor(self, node: YamlNode, path: str) -> dict[str, str] | None:
        """Which claim shows the duty, by debtor."""
        found: dict[str, str] = {}
        for party, child in self.mapping(node, path).items():
            place = join(path, party)
            self.reference("party", YamlNode(party, child.line), place)
            claim = self.reference("claim", child, place)
            if claim is not None:
                found[party] = claim
        return found


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadValue("must be a whole number")
    if abs(value) >= 2**53:
        raise BadValue("is too large")
    return value


def _count(value: Any) -> int:
    if _whole(value) < 1:
        raise BadValue("must be at least 1")
    return _limited(value)


def _count_or_none(value: Any) -> int:
    if _whole(value) < 0:
        raise BadValue("must not be negative")
    return _limited(value)


def _limited(value: int) -> int:
    if value > 10_000:
        raise BadValue("is more than 10000")
    return value


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadValue("must be true or false")
    return value


def _duration(value: Any) -> int:
    seconds = values.read_duration(value)
    if seconds == 0:
        raise BadValue("must be longer than 0s")
    return seconds


SIMPLE: dict[str, Callable[[Any], Any]] = {
    "line of text": values.read_line,
    "text": values.read_text,
    "true or false": _bool,
    "whole number": _whole,
    "count": _count,
    "count or 0": _count_or_none,
    "duration": _duration,
    "duration or 0s": values.read_duration,
    "instant": values.read_instant,
    "size": values.read_size,
    "DID": values.read_did,
    "address": values.read_address,
    "key": values.read_key,
    "path": values.read_path,
    "group": values.read_id,
}

# Types that name something declared elsewhere in the file → the set of ids it must be in.
REFERENCES = {
    "party id": "party",
    "monitor id": "monitor",
    "signer id": "signer",
    "party or third party id": "party or third party",
    "claim id": "claim",
    "clause id": "clause",
    "tranche id": "tranche",
}


def join(path: str, key: str) -> str:
    """The path of a field within a section."""
    return f"{path}.{key}" if path else key


def suggest(name: str, known: Collection[str]) -> str | None:
    """A name that is really near, as a question, or all of a few. Not all of many names are looked at, no long ones."""
    options = sorted(islice(known, COMPARED))
    folded = {option.casefold(): option for option in options if len(option) <= LONG}
    close = difflib.get_close_matches(name.casefold(), folded, 1, NEAR) if len(name) <= LONG else []
    if close:
        return f"did you mean {folded[close[0]]}?"
    return f"one of {', '.join(options)}" if 0 < len(options) <= 8 and all(len(o) <= LONG for o in options) else None


def _plain(value: Any, line: int) -> YamlNode:
    if isinstance(value, Mapping):
        return YamlNode({key: _plain(item, line) for key, item in value.items()}, line)
    if isinstance(value, list):
        return YamlNode([_plain(item, line) for item in value], line)
    return YamlNode(value, line)


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _describe(kind: str) -> str:
    if kind in SECTIONS:
        needed = [key for key, rule in SECTIONS[kind].items() if rule.default is REQUIRED]
        return f"a mapping with {', '.join(needed)}"
    if kind in ENTRIES:
        return f"{_article(ENTRIES[kind])} for each id"
    return f"one of {kind.replace(' | ', ', ')}" if " | " in kind else _article(kind)
