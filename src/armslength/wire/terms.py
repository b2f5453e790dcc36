"""The authored language of terms: YAML ↔ the terms as values. docs/terms.md is its reference.

    compile_terms(data, load)    YAML → terms, clause texts and the lines things stand on
    decompile_terms(terms, ...)  terms → YAML, with compile(decompile(c)) = c byte for byte
    read_terms(data, texts)      canonical JSON → terms, held to the same rules as YAML

Order, comments and spelling are not terms: lists whose order means nothing come out sorted, defaults come out written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from armslength.core.arrangement.terms import Arrangement
from armslength.core.canonical import canonical, digest
from armslength.errors import Malformed
from armslength.wire.strict import check_size
from armslength.wire.terms_build import build
from armslength.wire.terms_fields import Reader
from armslength.wire.terms_json import MAX_TERMS, decode_terms
from armslength.wire.terms_tree import BadTerms, Problem, from_plain, lines_of
from armslength.wire.terms_write import to_plain, to_yaml
from armslength.wire.terms_yaml import parse

__all__ = ["BadTerms", "Compiled", "Problem", "compile_terms", "decompile_terms", "faults", "read_terms"]

_NO_FILE = "terms"  # what problems name where there is no file


@dataclass(frozen=True, slots=True)
class Compiled:
    """Terms with their clause texts by id, and the line of every path of the file they came from."""

    terms: Arrangement
    texts: dict[str, str]
    lines: dict[str, int]

    def line(self, place: str) -> int | None:
        """The line of a dotted path, or of the nearest thing around it that the file holds."""
        while place:
            if place in self.lines:
                return self.lines[place]
            place = place[: max(place.rfind("."), place.rfind("["), 0)]
        return None


def compile_terms(
    data: bytes, load: Callable[[str], bytes] | None = None, *, file: str = "arrangement.yaml"
) -> Compiled:
    """Compile YAML. `load` reads a file beside it by its relative path, for `card:` and `file:`; it raises OSError.

    Raises BadTerms with every problem that could be found.
    """
    root = parse(data, file)
    reader = Reader(file, load, lines=lines_of(root))
    found = build(reader, root)
    if found is None or reader.problems:
        raise BadTerms(reader.problems)
    terms, texts = found
    try:
        check_size(canonical(terms), MAX_TERMS)
    except Malformed as error:  # what others would refuse to read is no terms to sign
        raise BadTerms([Problem("size", file, 1, "", f"in canonical form: {error.reason}")]) from None
    return Compiled(terms, texts, reader.lines)


def decompile_terms(terms: Arrangement, texts: Mapping[str, str]) -> str:
    """The YAML of the terms, with clause texts inline; raises KeyError if a clause's text is missing."""
    return to_yaml(to_plain(terms, texts))


def read_terms(data: bytes, texts: Mapping[str, str]) -> Arrangement:
    """Terms from their canonical JSON, as another party sends them, with the clause texts that travel beside.

    Whatever the language could not have produced is refused: other bytes than the canonical ones, unsorted lists,
    dangling references, texts that do not match their hash. Raises Malformed.
    """
    terms = decode_terms(data)
    problems = faults(terms, texts)
    if problems:
        raise BadTerms(problems)
    return terms


def faults(terms: Arrangement, texts: Mapping[str, str]) -> list[Problem]:
    """What keeps these terms from being what the language makes: dangling references, values out of range, other
    order or names, texts that do not match their hash. Empty for everything that `compile_terms` returns."""
    problems = text_faults(terms, texts)
    if problems:
        return problems
    try:
        plain = to_plain(terms, texts)
    except (KeyError, ValueError, AttributeError, TypeError, IndexError, OverflowError, RecursionError) as error:
        return [_fault("", f"the language cannot express it: {error!r}")]
    reader = Reader(_NO_FILE, None, suggesting=False)
    found = build(reader, from_plain(plain))
    if found is None or reader.problems:
        return reader.problems
    if found[0] != terms:
        return [_fault(difference(found[0], terms), "is not in the form that the language gives it (order, defaults)")]
    return []


def text_faults(terms: Arrangement, texts: Mapping[str, str]) -> list[Problem]:
    """Which texts are missing, too many, or not those that these terms name by their hashes."""
    problems = [_fault(f"clauses.{id_}", "a text without a clause") for id_ in texts if id_ not in terms.clauses]
    for id_, clause in terms.clauses.items():
        if id_ not in texts:
            problems.append(_fault(f"clauses.{id_}", "its text is missing"))
        elif digest(texts[id_].encode("utf-8", "surrogatepass")) != clause.sha256:
            problems.append(_fault(f"clauses.{id_}", "its text does not match its hash"))
    return problems


def _fault(place: str, reason: str) -> Problem:
    return Problem("value", _NO_FILE, 0, place, reason)


def difference(left: Any, right: Any) -> str:
    """The dotted path of the first difference between two values of canonical form."""
    place: list[str] = []
    one, other = msgspec.to_builtins(left), msgspec.to_builtins(right)
    while isinstance(one, dict) and isinstance(other, dict):
        key = next(key for key in sorted({*one, *other}) if one.get(key) != other.get(key))
        place.append(key)
        one, other = one.get(key), other.get(key)
    return ".".join(place)
