"""What a counter-proposal changes, field by field, in words."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from armslength.core.arrangement.terms import Arrangement
from armslength.report import english
from armslength.wire.terms_fields import ENTRIES
from armslength.wire.terms_write import to_plain

CONDITIONS = ("when", "while", "trigger")
_RENDERERS = {"claims": english.claim, "duties": english.duty, "tranches": english.tranche}


@dataclass(frozen=True, slots=True)
class Difference:
    """One change at a path of the authored terms. `before` and `after` are as one would write them; None: not there."""

    path: str
    before: object
    after: object
    sentence: str


def differences(
    old: Arrangement, new: Arrangement, old_texts: Mapping[str, str], new_texts: Mapping[str, str]
) -> list[Difference]:
    """Every change from one set of terms to another, in the order of the document. Raises KeyError without the text
    of a clause."""
    before, after = to_plain(old, old_texts, expanded=True), to_plain(new, new_texts, expanded=True)
    found: list[Difference] = []
    for section in dict.fromkeys([*before, *after]):
        one, other = before.get(section), after.get(section)
        if section in ENTRIES:
            found += _entries(section, one or {}, other or {}, old, new)
        else:
            found += [Difference(*change) for change in _changes(section, one, other, section, old, new)]
    return found


def _entries(
    section: str, before: Mapping[str, object], after: Mapping[str, object], old: Arrangement, new: Arrangement
) -> Iterator[Difference]:
    kind = ENTRIES[section].capitalize()
    for id_ in dict.fromkeys([*before, *after]):
        path = f"{section}.{id_}"
        if id_ not in after:
            yield Difference(path, before[id_], None, f"{kind} {id_} is removed.{_told(section, id_, old)}")
        elif id_ not in before:
            yield Difference(path, None, after[id_], f"{kind} {id_} is added.{_told(section, id_, new)}")
        else:
            for place, one, other, sentence in _changes(path, before[id_], after[id_], "", old, new):
                yield Difference(place, one, other, f"{kind} {id_}: {sentence}")


def _told(section: str, id_: str, terms: Arrangement) -> str:
    return f" {_RENDERERS[section](terms, id_)}" if section in _RENDERERS else ""


def _changes(
    path: str, before: object, after: object, label: str, old: Arrangement, new: Arrangement
) -> Iterator[tuple[str, object, object, str]]:
    """The changed fields at and below a path; `label` is what the sentence calls the place."""
    if before == after:
        return
    name = path.rpartition(".")[2]
    if name not in CONDITIONS and isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            inner = f"{label}.{key}" if label else key
            yield from _changes(f"{path}.{key}", before.get(key), after.get(key), inner, old, new)
        return
    yield path, before, after, _sentence(path, label.replace("_", " "), before, after, old, new)


def _sentence(path: str, label: str, before: object, after: object, old: Arrangement, new: Arrangement) -> str:
    name = path.rpartition(".")[2]
    if name in CONDITIONS and path.startswith(("duties.", "tranches.")):
        return f"{label} changes from “{_condition(path, old)}” to “{_condition(path, new)}”."
    if name == "text" and isinstance(before, str) and isinstance(after, str):
        return "the text changes:\n" + text_difference(before, after)
    if isinstance(before, list) and isinstance(after, list):
        gone, come = [x for x in before if x not in after], [x for x in after if x not in before]
        parts = [f"without {', '.join(map(str, gone))}"] if gone else []
        parts += [f"with {', '.join(map(str, come))}"] if come else []
        return f"{label} is now {' and '.join(parts)}." if parts else f"{label} changes its order."
    if before is None:
        return f"{label} is now {_shown(after)}; before, nothing was said."
    if after is None:
        return f"{label} was {_shown(before)}; now nothing is said."
    return f"{label} changes from {_shown(before)} to {_shown(after)}."


def _condition(path: str, terms: Arrangement) -> str:
    section, rest = path.split(".", 1)
    id_, _, name = rest.rpartition(".")
    if section == "duties":
        return english.condition(terms, terms.duties[id_].trigger)
    tranche = terms.tranches[id_]
    return english.condition(terms, tranche.gate if name == "when" else tranche.continuous)


def text_difference(before: str, after: str) -> str:
    """The lines that change, marked - and +, with a line around them."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=1, lineterm="")
    return "\n".join(line for line in list(lines)[2:] if not line.startswith("@@"))


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(_shown, value)) or "nobody"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_shown(item)}" for key, item in value.items()) or "nothing"
    return str(value)
