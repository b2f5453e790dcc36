"""One good document of every kind that a parser reads."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path

import msgspec

from armslength.core import negotiation as cn
from armslength.core import transfer as tp
from armslength.core.arrangement.bodies import (
    Ack,
    Allege,
    Body,
    Determine,
    Perform,
    Respond,
    Resume,
    Waive,
    Withdraw,
)
from armslength.core.canonical import canonical
from armslength.core.policy import Agreement, Constraint, Offer, Policy, Rule
from armslength.identity import did
from armslength.wire import dsp, own
from armslength.wire.bundle import build
from armslength.wire.proof import Receipt
from armslength.wire.record import decode_leaf, encode
from armslength.wire.terms_json import encode_terms
from armslength.wire.witness import AddCheckpoint, encode_cosignatures
from tests.golden.terms import golden_script
from tests.record_builder import Builder, clause_texts, keyed_terms, public, signer

YAML = Path(__file__).parents[2] / "examples" / "july-2016" / "arrangement.yaml"


@cache
def short_record() -> Builder:
    """The golden record as far as it holds an entry of most types, with two seals; shared, so copy before changing."""
    builder = Builder(keyed_terms())
    script = list(golden_script())
    builder.run(script[:12])
    builder.seal(max(time for time, _ in script[:12]) + 60)
    return builder


def bodies(builder: Builder) -> list[Body]:
    """A body of every type that the short record does not hold."""
    entry = decode_leaf(builder.leaves[0]).entry
    return [
        Perform(duty="C1.A"),
        Allege(claim="k2", period=14, hold=True, text="a text"),
        Allege(tranche="T2"),
        Respond(allegation="A/k2/14", answer="DENIED"),
        Determine(uphold=True, allegation="A/k2/14"),
        Determine(uphold=False, tranche="T1"),
        builder.equivocation(entry, builder.entry("A", Waive(duty="C9"), author_seq=0)),
        builder.fork(1_467_763_200),
        Ack(tranche="T1", stage="plain", ok=False, evidence="ab" * 32),
        Resume(),
        Withdraw(text="enough"),
        Waive(duty="C9"),
    ]


@cache
def leaves() -> list[bytes]:
    """A leaf of every type, and one that carries a refusal."""
    builder = short_record()
    found = {decode_leaf(data).entry.type: data for data in builder.leaves}
    entry = decode_leaf(found["attest"]).entry
    made = [builder.entry("m1", entry.body, refused=(builder.refusal(entry),))]
    made += [builder.entry("B", body) for body in bodies(builder)]
    return [*found.values(), *(canonical(builder.leaf(each, 1_467_763_200)) for each in made)]


@cache
def parts() -> dict[str, list[bytes]]:
    """Entries, submissions, stamps, refusals: what leaves consist of."""
    read = [decode_leaf(data) for data in leaves()]
    return {
        "entry": [encode(leaf.entry) for leaf in read],
        "submission": [canonical({"entry": leaf.entry, "sig": leaf.sig}) for leaf in read],
        "stamp": [encode(stamp) for leaf in read for stamp in leaf.stamps][:2],
        "refusal": [encode(refusal) for leaf in read for refusal in leaf.entry.refused or ()],
    }


@cache
def notes() -> dict[str, list[bytes]]:
    """Signed notes, and what carries them."""
    builder = short_record()
    checkpoint = builder.replica.checkpoint
    assert checkpoint is not None
    note = builder.cosigned({"A": 1_467_763_200, "B": 1_467_763_201, "m5": 1_467_763_202})
    size = builder.replica.size
    receipt = Receipt(3, tuple(builder.replica.inclusion(3, size)), note)
    proof = tuple(builder.replica.consistency(2, size))
    return {
        "note": [note.encode().encode(), checkpoint.encode()],
        "checkpoint": [note.text.encode()],
        "receipt": [receipt.encode().encode()],
        "add-checkpoint": [AddCheckpoint(2, proof, note).encode().encode()],
        "cosignatures": [encode_cosignatures(note.signatures[1:]).encode()],
        "vkey": [line.encode() for line in builder.replica.roster.vkeys()],
    }


@cache
def between_nodes() -> dict[str, list[bytes]]:
    """Our own messages."""
    builder = short_record()
    read = [decode_leaf(data) for data in leaves()]
    refusal = next(refusal for leaf in read for refusal in leaf.entry.refused or ())
    answers = [
        own.SubmissionAnswer(entry="ab" * 32, stamp=next(leaf.stamps[0] for leaf in read if leaf.stamps)),
        own.SubmissionAnswer(entry="ab" * 32, refusal=refusal),
        own.SubmissionAnswer(entry="ab" * 32, code="not-yet", reason="why"),
    ]
    terms = encode_terms(builder.terms).decode()
    proposal = own.Proposal(document=terms, texts=clause_texts(), replaces="cd" * 32, note="a note")
    small = own.Proposal(document="{}", texts={"c": "text"})
    note = notes()["note"][0].decode()
    return {
        "answers": [own.encode_answers(answers), own.encode_answers([])],
        "synced": [canonical(own.SyncAnswer(sealed=1, size=2, missing=("a", "b")))],
        "proposal": [canonical(small), canonical(proposal)],
        "sealed": [canonical(own.SealedHead(head=builder.replica.head, checkpoint=note, time=5))],
        "arrangements": [canonical(own.Arrangements(arrangements=(small,)))],
        "lines": [own.encode_leaves(read[:3]), b""],
    }


@cache
def messages() -> list[bytes]:
    """One DSP message of every kind."""
    rule = Rule("use", (Constraint("a", "eq", "b"), Constraint("c", "lt", "d")))
    policy = Policy(permissions=(rule,), prohibitions=(Rule("sell", ()),), obligations=(), profiles=("p", "q"))
    offer = Offer(id="o", policy=policy, target="t", assigner="did:web:a", assignee="did:web:b")
    agreement = Agreement(
        id="urn:uuid:1", policy=policy, target="t", assigner="a", assignee="b", timestamp="2026-01-01T00:00:00Z"
    )
    address = tp.DataAddress(
        endpoint_type=dsp.ENDPOINT_TYPE,
        endpoint="https://a.example/data/1",
        authorization="token",
        auth_type="bearer",
        properties=(("root", "ab"),),
    )
    both = {"id": "m", "consumer_pid": "c", "provider_pid": "p"}
    found = [
        cn.ContractRequest(id="m", consumer_pid="c", provider_pid=None, offer=offer, callback="https://b.example"),
        cn.ContractRequest(**both, offer=offer, callback=None),
        cn.ContractOffer(**both, offer=offer, callback=None),
        cn.OfferAccepted(**both),
        cn.ContractAgreed(**both, agreement=agreement),
        cn.AgreementVerified(**both),
        cn.AgreementFinalized(**both),
        cn.NegotiationTerminated(**both, code="1", reason=("why", "more")),
        tp.TransferRequest(
            id="m", consumer_pid="c", agreement="urn:uuid:1", format="HttpData-PULL", callback="https://b", address=None
        ),
        tp.TransferStart(**both, address=address),
        tp.TransferSuspension(**both, code="1", reason=("why",)),
        tp.TransferCompletion(**both),
        tp.TransferTermination(**both, code=None, reason=()),
    ]
    return [dsp.write(message) for message in found]  # type: ignore[arg-type]


@cache
def catalog_requests() -> list[bytes]:
    """Catalogue requests, ours and EDC's."""
    plain = {"@context": [dsp.CONTEXT], "@type": "CatalogRequestMessage"}
    paged = {**plain, "filter": {"@type": "QuerySpec", "filterExpression": [], "offset": 0}}
    return [msgspec.json.encode(plain), msgspec.json.encode(paged)]


@cache
def bundle() -> dict[str, bytes]:
    """A small bundle."""
    builder = short_record()
    return build(builder.replica, builder.leaves, clause_texts(), "A", signer("A"))


def did_document() -> bytes:
    """A node's DID document."""
    keys = {role: builder_key(role) for role in ("entries", "tokens")}
    return did.document("did:web:a.example", keys, {"Armslength": "https://a.example"})


def builder_key(role: str) -> str:
    """A public key of A in base64."""
    from armslength.core.record.keys import to_base64

    return to_base64(public("A", role))


def done(work: object) -> object:
    """The result of a coroutine that waits for nothing."""
    return asyncio.run(work)  # type: ignore[arg-type]
