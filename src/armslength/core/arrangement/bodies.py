"""The bodies of entries: what an author states. One frozen class per type; field names are the JSON names (rule 1.5a).

Later types (`amend`, `exercise`, `escrow`) only need a class here, named as the type, in `Body`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """A party signs the terms; the entry's `arrangement` field is what is signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """The provider pins a tranche's content. Roots are RFC 6962 over 16 KiB chunks, hex (see delivery/sealing)."""

    tranche: str
    agreement: str  # the DSP agreement's id, urn:uuid:…
    media_type: str
    size: int  # plaintext bytes
    plain_root: str
    cipher_size: int
    cipher_root: str
    header: str  # the cipher's header with its key commitment, base64


@dataclass(frozen=True, slots=True, kw_only=True)
class Perform:
    """The debtor states that it has performed. Starts nothing and proves nothing; readers see it."""

    duty: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attest:
    """A monitor says whether `claim` held in `period` (0 for an event)."""

    claim: str
    period: int
    value: bool
    supersedes: str | None = None  # entry hash of the author's earlier attestation on the same claim and period


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """The debtor notifies an exception to `claim` in [start, end) before it happens."""

    claim: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Allege:
    """A party alleges a violation: of `claim` in `period`, or of `tranche` (not DELIVERED within deliver_by)."""

    claim: str | None = None
    period: int | None = None
    tranche: str | None = None
    hold: bool = False
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Respond:
    """The debtor answers an allegation: ADMITTED or DENIED."""

    allegation: str
    answer: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Determine:
    """A determiner votes on an allegation, or on the complaint about a tranche: uphold or dismiss."""

    uphold: bool
    allegation: str | None = None
    tranche: str | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Signed statements that contradict each other. kind "equivocation": two {entry, sig} of one author and
    author_seq; "fork": two signed checkpoints of one size with different roots. Or "refusals", `first` and `second`
    empty: the entry itself carries refusals, puts them on record and so uses up their number."""

    kind: str
    first: str  # canonical JSON of {entry, sig}, or the note's text
    second: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """The recipient answers. stage "cipher": the ciphertext is here and matches; `key` is its one-time HPKE public
    key (base64). stage "plain": `ok` or, with the hash of its evidence, a complaint."""

    tranche: str
    stage: str
    key: str | None = None
    ok: bool | None = None
    evidence: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The provider releases: `wrapped` is the SHA-256 (hex) of the HPKE-wrapped key that follows."""

    tranche: str
    wrapped: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """The wrapped key itself (HPKE to the recipient's one-time key), base64."""

    tranche: str
    wrapped: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """A party, or a determiner, agrees to end the current suspension."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw:
    """A party gives notice of withdrawal."""

    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waive:
    """A creditor waives a duty; it is discharged once every creditor has."""

    duty: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """A checkpoint of the leaves before this one, cosigned by a quorum of timekeepers, and the state root there."""

    checkpoint: str  # C2SP signed note with the keeper's signature and the cosignatures
    state_root: str


Body = (
    Sign | Commit | Perform | Attest | Notice | Allege | Respond | Determine | Evidence
    | Ack | Release | Key | Resume | Withdraw | Waive | Seal
)  # fmt: skip

BODIES: dict[str, type[Body]] = {kind.__name__.lower(): kind for kind in get_args(Body)}
