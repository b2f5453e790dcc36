"""The people and the texts of the terms: sections that may lie in files of their own.

An identity card or a clause's text in a file is read through the reader's `load`; problems in a card name its file.
"""

from __future__ import annotations

from typing import Any

from armslength.core.arrangement.terms import Actor, ActorKeys, Clause
from armslength.core.canonical import digest
from armslength.errors import ArmslengthError, Malformed
from armslength.wire import terms_values as values
from armslength.wire.place import address_of, did_of
from armslength.wire.terms_fields import ENTRIES, MOST, Reader, join
from armslength.wire.terms_tree import BadTerms, YamlNode, lines_of
from armslength.wire.terms_yaml import parse

MAX_CLAUSE_BYTES = 256 * 1024


def entries(reader: Reader, top: dict[str, YamlNode], section: str) -> list[tuple[str, YamlNode]]:
    """The entries of a section whose ids are well formed."""
    if section not in top:
        return []
    found = []
    if len(reader.mapping(top[section], section)) > MOST:
        reader.problem("size", top[section], section, f"has more than {MOST} entries")
        return []
    for id_, node in reader.mapping(top[section], section).items():
        # C1.A is how the terms name the duty of A under C1; T1.release is every tranche's own.
        stem, dot, debtor = id_.partition(".")
        dotted = dot and section == "duties" and debtor != "release" and values.ID.fullmatch(debtor)
        reader.simple(values.read_id, YamlNode(stem if dotted else id_, node.line), join(section, id_))
        found.append((id_, node))
    return found


def read_actors(reader: Reader, top: dict[str, YamlNode]) -> dict[str, Actor]:
    found: dict[str, Actor] = {}
    first: dict[str, str] = {}
    for section in ("parties", "third_parties", "monitors", "neutrals"):
        for id_, node in entries(reader, top, section):
            path = f"{section}.{id_}"
            if id_ in first:
                # A party or neutral that also monitors is declared once and only gets its group here.
                second = section == "monitors" and first[id_] == "parties"
                extra = [key for key in reader.mapping(node, path) if key != "group"]
                if not second or extra:
                    hint = "to make a party a monitor too, give its id here with at most a group"
                    reader.problem("duplicate", node, path, f"{id_} is already one of {first[id_]}", hint)
                elif (again := reader.section("monitor", node, path)) and id_ in found:
                    was = found[id_]
                    found[id_] = Actor(
                        name=was.name, did=was.did, keys=was.keys, address=was.address, group=again["group"]
                    )
                continue
            first[id_] = section
            actor = _actor(reader, ENTRIES[section], node, path)
            if actor is not None:
                found[id_] = actor
    return found


def _actor(reader: Reader, kind: str, node: YamlNode, path: str) -> Actor | None:
    if kind == "third party" and isinstance(node.value, str):
        name = reader.simple(values.read_line, node, path)
        return None if name is None else Actor(name=name)
    given = reader.section(kind, node, path)
    if given is None:
        return None
    if kind == "third party":
        return Actor(name=given["name"])
    card = dict(given)
    if given["card"] is not None:
        both = [key for key in ("did", "address", "keys") if given[key] is not None]
        for key in both:
            reader.problem("conflict", node, join(path, key), "stands beside a card", "give the card or the fields")
        loaded = _card(reader, given["card"], node, join(path, "card"))
        if loaded is None or both:
            return None
        card = loaded | {"name": given["name"] or loaded["name"]}
    missing = [key for key in ("name", "did", "keys") if card[key] is None]
    for key in missing:
        hint = "paste the identity card that armslength init prints, or give card: FILE" if key != "name" else None
        reader.problem("missing", node, join(path, key), "is required", hint)
    if missing:
        return None
    if not _is_at_home(reader, card, node, path):
        return None
    keys = ActorKeys(**card["keys"])
    return Actor(name=card["name"], did=card["did"], keys=keys, address=card["address"], group=given.get("group"))


def _is_at_home(reader: Reader, card: dict[str, Any], node: YamlNode, path: str) -> bool:
    """Whether the address, where there is one, is the place that the DID names (rule 10.4b)."""
    if card["address"] is None or card["did"] == did_of(card["address"]):
        return True
    try:
        hint = f"write {address_of(card['did'])}, or give the DID of this address"
    except Malformed:
        hint = "only a did:web has a node"
    reader.problem("value", node, join(path, "address"), f"is not where {card['did']} is", hint)
    return False


def _card(reader: Reader, file: str, node: YamlNode, path: str) -> dict[str, Any] | None:
    """The fields of an identity card in its own file; its problems name that file (rule 8.2a)."""
    data = _load(reader, file, node, path)
    if data is None:
        return None
    try:
        root = parse(data, file)
    except BadTerms as error:
        reader.problems.extend(error.problems)
        return None
    inner = Reader(file, None, lines=lines_of(root))
    card = inner.section("card", root, "")
    reader.problems.extend(inner.problems)
    return card


def _load(reader: Reader, file: str, node: YamlNode, path: str) -> bytes | None:
    if reader.load is None:
        reader.problem("file", node, path, f"{file} cannot be read here", "write its content into the terms")
        return None
    try:
        return reader.load(file)
    except (OSError, ArmslengthError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        reader.problem("file", node, path, f"{file} cannot be read: {reason}")
        return None


def read_clauses(reader: Reader, top: dict[str, YamlNode]) -> tuple[dict[str, str], dict[str, Clause]]:
    texts: dict[str, str] = {}
    clauses: dict[str, Clause] = {}
    for id_, node in entries(reader, top, "clauses"):
        path = f"clauses.{id_}"
        given = reader.section("clause", node, path)
        if given is None:
            continue
        if (given["text"] is None) == (given["file"] is None):
            reader.problem(
                "missing", node, join(path, "text"), "a clause has its text inline or in a file", "one of them"
            )
            continue
        text = given["text"] or _clause_file(reader, given["file"], node, join(path, "file"))
        if text is None:
            continue
        if len(text.encode()) > MAX_CLAUSE_BYTES:
            reader.problem("size", node, path, f"the text is longer than {MAX_CLAUSE_BYTES // 1024} KiB")
            continue
        texts[id_] = text
        clauses[id_] = Clause(title=given["title"], sha256=digest(text.encode()))
    return texts, clauses


def _clause_file(reader: Reader, file: str, node: YamlNode, path: str) -> str | None:
    """A clause's text from its file, with line ends as in YAML, so that a checkout's line ends change no hash."""
    data = _load(reader, file, node, path)
    if data is None:
        return None
    try:
        return values.read_text(data.decode("utf-8-sig").replace("\r\n", "\n"))
    except UnicodeDecodeError:
        reader.problem("file", node, path, f"{file} is not UTF-8 text")
    except values.BadValue as error:
        reader.problem("file", node, path, f"{file}: {error.reason}", error.hint)
    return None
