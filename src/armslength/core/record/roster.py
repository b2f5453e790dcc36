"""Whose keys count: the raw public keys of everyone the terms name, admitted once."""

from __future__ import annotations

from dataclasses import dataclass, field

from armslength.core.arrangement.terms import Arrangement
from armslength.core.canonical import canonical, digest
from armslength.core.record.checkpoint import origin
from armslength.core.record.keys import PublicKey, Verify, is_signed, public_key, verify
from armslength.core.record.note import COSIGNATURE, ED25519, is_name, vkey
from armslength.errors import Malformed


@dataclass(frozen=True, slots=True)
class Roster:
    """The terms' keys. `entries` and `checkpoints` map an actor to its key; `names` to its DID. `verify` judges every
    signature under them."""

    arrangement: str
    keeper: str
    entries: dict[str, PublicKey]
    checkpoints: dict[str, PublicKey]
    names: dict[str, str]
    timekeepers: tuple[str, ...]
    verify: Verify = field(compare=False, repr=False)

    def is_signed(self, key: bytes, message: bytes, signature: str) -> bool:
        """Whether `signature`, in strict base64, is `key`'s on `message`. Never raises."""
        return is_signed(key, message, signature, self.verify)

    @property
    def origin(self) -> str:
        """The record's origin, and the name of the keeper's log key."""
        return origin(self.arrangement)

    def vkeys(self) -> tuple[str, ...]:
        """The verifier keys of the record: the keeper's log key, then every timekeeper's cosigning key by actor."""
        cosigners = (vkey(self.names[actor], COSIGNATURE, self.checkpoints[actor]) for actor in self.timekeepers)
        return (vkey(self.origin, ED25519, self.checkpoints[self.keeper]), *cosigners)


def roster(terms: Arrangement, verify: Verify = verify) -> Roster:
    """The keys that these terms pin. Raises Malformed for a key or name that must not be used.

    Every key has one owner and one role: a cosignature does not name its signer, so a shared key would count twice.
    """
    owners: dict[str, str] = {}
    entries: dict[str, PublicKey] = {}
    checkpoints: dict[str, PublicKey] = {}
    names: dict[str, str] = {}
    for actor, named in sorted(terms.actors.items()):
        if named.did is not None:
            if not is_name(named.did) or named.did in names.values():
                raise Malformed("bad-did", "not usable as a key name, or used twice", f"actors.{actor}.did")
            names[actor] = named.did
        if named.keys is None:
            continue
        for role, text in (("entries", named.keys.entries), ("checkpoints", named.keys.checkpoints),
                           ("tokens", named.keys.tokens)):  # fmt: skip
            if text is None:
                continue
            place = f"actors.{actor}.keys.{role}"
            key = public_key(text, place)
            if text in owners:
                raise Malformed("shared-key", f"is also {owners[text]}", place)
            owners[text] = place
            if role == "entries":
                entries[actor] = key
            elif role == "checkpoints":
                checkpoints[actor] = key
    timekeepers = tuple(sorted(set(terms.timekeepers.of)))
    for actor in (terms.keeper, *timekeepers):
        if actor not in names or actor not in checkpoints:
            raise Malformed("no-key", "keeps the record's time without a DID and a checkpoint key", f"actors.{actor}")
    if terms.keeper not in timekeepers:
        raise Malformed("bad-keeper", "the keeper is not a timekeeper", "keeper")
    return Roster(digest(canonical(terms)), terms.keeper, entries, checkpoints, names, timekeepers, verify)
