"""S01: whether the terms are well formed: references, texts, and the identities that they pin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from armslength.analysis.finding import ERROR, WARNING, Finding
from armslength.core.arrangement.terms import Actor, Arrangement
from armslength.core.record.keys import from_base64, public_key
from armslength.errors import Malformed
from armslength.wire.terms import faults

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_ED25519 = b"\xed\x01"  # the multicodec prefix of an Ed25519 public key in a did:key


def well_formed(terms: Arrangement, texts: Mapping[str, str]) -> Iterator[Finding]:
    """Everything that the language itself asks; nothing else is checked while any of this fails."""
    for problem in faults(terms, texts):
        message = problem.reason + (f" ({problem.hint})" if problem.hint else "")
        yield Finding("S01", ERROR, problem.path, message)


def identities(terms: Arrangement) -> Iterator[Finding]:
    """Keys, DIDs and addresses: usable, one owner each, and what each role needs."""
    owners: dict[str, str] = {}
    dids: dict[str, str] = {}
    for id_, actor in sorted(terms.actors.items()):
        place = actor_place(terms, id_)
        if actor.did is not None:
            if actor.did in dids:
                yield Finding("S01", ERROR, f"{place}.did", f"is also the DID of {dids[actor.did]}")
            dids[actor.did] = id_
        if actor.keys is None:
            continue
        for role in ("entries", "checkpoints", "tokens"):
            key = getattr(actor.keys, role)
            if key is None:
                continue
            where = f"{place}.keys.{role}"
            try:
                public_key(key, where)
            except Malformed as error:
                yield Finding("S01", ERROR, where, error.reason)
            if key in owners:
                yield Finding(
                    "S01", ERROR, where, f"is the same key as {owners[key]}; every key has one owner and role"
                )
            owners[key] = where
        yield from _did(actor, place)
        yield from _address(terms, actor, place)
    yield from _roles(terms)


def actor_place(terms: Arrangement, id_: str) -> str:
    """Where an actor stands in the authored terms."""
    for section in ("parties", "third_parties", "monitors"):
        if id_ in getattr(terms, section):
            return f"{section}.{id_}"
    return f"neutrals.{id_}"


def named_for_nothing(terms: Arrangement) -> list[str]:
    """Actors for whom nothing in the terms follows: they owe, get, attest, decide and keep nothing."""
    busy = {terms.keeper, *terms.fallback_keepers, *terms.timekeepers.of, *terms.allegations.determiners.of}
    busy.update(*(claim.monitors for claim in terms.claims.values()))
    busy.update(*((duty.debtor, duty.performer, *duty.creditors) for duty in terms.duties.values()))
    busy.update(*((tranche.provider, tranche.recipient) for tranche in terms.tranches.values()))
    return sorted(terms.actors.keys() - busy)


def _roles(terms: Arrangement) -> Iterator[Finding]:
    keepers = terms.timekeepers
    if terms.keeper not in keepers.of:
        yield Finding("S01", ERROR, "keeper", f"{terms.keeper} must also be a timekeeper")
    if 2 * keepers.count <= len(keepers.of):  # rule 2.1a
        text = f"{keepers.count} of {len(keepers.of)} is no majority: two halves could tell different times"
        yield Finding("S01", ERROR, "timekeepers.quorum", text)
    nodes = {terms.keeper, *terms.fallback_keepers, *keepers.of, *terms.parties}
    for id_ in sorted(nodes):
        actor, place = terms.actors[id_], actor_place(terms, id_)
        if actor.address is None:
            yield Finding("S01", ERROR, f"{place}.address", f"{id_} runs a node and needs an address")
        if actor.keys is None or actor.keys.tokens is None:
            yield Finding("S01", ERROR, f"{place}.keys.tokens", f"{id_} runs a node and needs a key for tokens")
        keeps_time = id_ in keepers.of or id_ in (terms.keeper, *terms.fallback_keepers)
        if keeps_time and (actor.keys is None or actor.keys.checkpoints is None):
            yield Finding("S01", ERROR, f"{place}.keys.checkpoints", f"{id_} keeps time and needs a checkpoint key")
        if not (actor.did or "").startswith("did:web:"):
            yield Finding("S01", ERROR, f"{place}.did", f"{id_} runs a node and needs a did:web")


def _did(actor: Actor, place: str) -> Iterator[Finding]:  # rule 8.2a
    did = actor.did or ""
    if did.startswith("did:key:") and actor.keys is not None:
        keys = [key for key in (actor.keys.tokens, actor.keys.entries) if key is not None]
        try:
            expected = ["did:key:z" + base58(_ED25519 + from_base64(key, place, 32)) for key in keys]
        except Malformed:
            return  # said of the key itself
        if did not in expected:
            yield Finding("S01", WARNING, f"{place}.did", "names a key that is none of this actor's")


def _address(terms: Arrangement, actor: Actor, place: str) -> Iterator[Finding]:
    if (actor.address or "").startswith("http:") and terms.clock != "simulated":
        yield Finding("S01", WARNING, f"{place}.address", "is this machine itself; good for trying out only")


def base58(data: bytes) -> str:
    """Base58 in the Bitcoin alphabet, without leading zeros, which no multicodec prefix begins with."""
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    return text
