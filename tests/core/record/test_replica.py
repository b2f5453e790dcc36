"""What the fold over leaves accepts and refuses, and that a refusal changes nothing."""

from __future__ import annotations

import base64
import dataclasses
import re
from typing import Any

import pytest

from armslength.core.arrangement.bodies import Ack, Attest, Commit, Evidence, Seal, Sign, Withdraw
from armslength.core.canonical import canonical
from armslength.core.record import entry as entries
from armslength.core.record.entry import (
    MAX_LEAF,
    MAX_QUOTED,
    Head,
    Leaf,
    entry_hash,
    leaf_bytes,
    leaf_of,
    quoted,
)
from armslength.core.record.evidence import refuses
from armslength.core.record.keys import to_base64
from armslength.core.record.merkle import leaf_hash, verify_consistency, verify_inclusion
from armslength.core.record.replica import AT_LEAST, Placed, Replica, allowance
from armslength.errors import Malformed, Refused, Repeat
from tests.golden.terms import at
from tests.record_builder import Builder, golden_record, keyed_terms, keys_of, signer

START = at(-3)
ATTEST = Attest(claim="k1a", period=0, value=False)


PLACES = {
    "no-stamp": "stamps",
    "bad-stamp": r"stamps\[0\]",
    "bad-order": r"stamps\[1\]",
    "unknown-author": r"entry\.author",
    "bad-signature": "sig",
    "wrong-arrangement": r"entry\.arrangement",
    "gap": r"entry\.author_seq",
    "not-next": r"entry\.author_seq",
    "limit": r"entry\.author_seq",
    "bad-prev": r"entry\.author_prev",
    "seen-mismatch": r"entry\.seen",
    "bad-refusal": r"entry\.refused\[0\]",
}


def started() -> Builder:
    """A record in which both parties have signed, sealed once."""
    made = Builder()
    made.enter("A", Sign(), START)
    made.enter("B", Sign(), START)
    made.seal(START)
    return made


@pytest.fixture
def builder() -> Builder:
    """A record of one's own."""
    return started()


def everything(replica: Replica) -> bytes:
    """All that a replica holds, to see whether it has changed."""
    return canonical(replica.snapshot(), whole=True) + replica.hashes().encode()


def refused(builder: Builder, leaf: Leaf, code: str, kind: type[Exception] = Refused) -> Any:
    """Place a leaf that must be refused with this code and must change nothing."""
    before = everything(builder.replica)
    with pytest.raises(kind) as caught:
        builder.replica.place(leaf)
    assert caught.value.code == code  # type: ignore[attr-defined]
    if code in PLACES:
        assert re.fullmatch(PLACES[code], caught.value.place)  # type: ignore[attr-defined]
    assert everything(builder.replica) == before
    return caught.value


def test_a_valid_entry_takes_its_place(builder: Builder) -> None:
    """Placing grows the tree by the leaf and moves the author's link."""
    made = builder.entry("m1", ATTEST)
    seen = builder.replica.preview(builder.submit(made), at(0, 1))
    assert builder.place(builder.leaf(made, at(0, 1))) == Placed(3, entry_hash(made), at(0, 1), seen.changes)
    assert builder.replica.next_link("m1") == (1, entry_hash(made))
    assert builder.replica.index_of(entry_hash(made)) == 3
    leaf = builder.replica.inclusion(3)
    assert verify_inclusion(entries_leaf(builder, 3), 3, 4, leaf, bytes.fromhex(builder.replica.tree_root))


def entries_leaf(builder: Builder, index: int) -> bytes:
    """The leaf hash of the bytes at this index."""
    return leaf_hash(builder.leaves[index])


def test_an_exact_repeat_is_told_apart(builder: Builder) -> None:
    """The same entry again, even with other stamps, is a repeat of the first's index (rule 1.2c)."""
    made = builder.entry("m1", ATTEST)
    builder.place(builder.leaf(made, at(0, 1)))
    again = refused(builder, builder.leaf(made, at(0, 2), by=("A",)), "repeat", Repeat)
    assert again.index == 3


def test_an_unknown_author_is_refused(builder: Builder) -> None:
    """Neither a stranger nor a third party without keys may enter."""
    for author in ("x", "C"):
        made = dataclasses.replace(builder.entry("m1", ATTEST), author=author)
        refused(builder, builder.leaf(made, at(0, 1)), "unknown-author")


def test_a_forged_monitor_is_refused(builder: Builder) -> None:
    """An attestation in m1's name under B's key does not count (rule 1.1a)."""
    made = builder.entry("m1", ATTEST)
    forged = entries.sign_entry(made, signer("B"))
    refused(builder, leaf_of(forged, builder.leaf(made, at(0, 1)).stamps), "bad-signature")


def test_the_wrong_role_s_key_is_refused(builder: Builder) -> None:
    """An entry signed with the author's checkpoint key does not count."""
    made = builder.entry("A", Withdraw())
    forged = entries.sign_entry(made, signer("A", "checkpoints"))
    refused(builder, leaf_of(forged, builder.leaf(made, at(0, 1)).stamps), "bad-signature")


def test_another_arrangement_s_entry_is_refused(builder: Builder) -> None:
    """A signed entry cannot be carried over to another record (rule 1.1a)."""
    made = builder.entry("m1", ATTEST, arrangement="0" * 64)
    refused(builder, builder.leaf(made, at(0, 1)), "wrong-arrangement")


def test_the_author_s_numbers_have_no_gap(builder: Builder) -> None:
    """A later number, a taken number and a wrong predecessor are told apart (rule 1.2b)."""
    refused(builder, builder.leaf(builder.entry("m1", ATTEST, author_seq=1), at(0, 1)), "gap")
    refused(builder, builder.leaf(builder.entry("A", Withdraw(), author_seq=0), at(0, 1)), "not-next")
    refused(builder, builder.leaf(builder.entry("A", Withdraw(), author_prev="0" * 64), at(0, 1)), "bad-prev")
    refused(builder, builder.leaf(builder.entry("A", Withdraw(), author_prev=""), at(0, 1)), "bad-prev")


def test_seen_names_any_earlier_head_and_no_other(builder: Builder) -> None:
    """Every head that was is accepted; one that never was, or is not yet, is refused (rule 1.2a)."""
    heads = [builder.replica.head_at(size) for size in range(builder.replica.size + 1)]
    for head in heads:
        trial = builder.replica.copy()
        trial.place(builder.leaf(builder.entry("m1", ATTEST, seen=head), at(0, 1)))
    last = heads[-1]
    for wrong in (
        dataclasses.replace(last, size=2),
        dataclasses.replace(last, size=9),
        dataclasses.replace(last, tree_root="0" * 64),
        dataclasses.replace(last, state_root="0" * 64),
    ):
        refused(builder, builder.leaf(builder.entry("m1", ATTEST, seen=wrong), at(0, 1)), "seen-mismatch")


def test_every_entry_needs_another_s_stamp(builder: Builder) -> None:
    """No stamp, the author's own, a stranger's, a forged or a repeated one: refused (rule 2.2b)."""
    made = builder.entry("A", Withdraw())
    submission = builder.submit(made)
    good = builder.stamp(made, "B", at(0, 1))
    refused(builder, leaf_of(submission, []), "no-stamp")
    refused(builder, leaf_of(submission, [builder.stamp(made, "A", at(0, 1))]), "bad-stamp")
    refused(builder, leaf_of(submission, [builder.stamp(made, "A", at(0, 1)), good]), "bad-stamp")
    refused(builder, leaf_of(submission, [builder.stamp(made, "m1", at(0, 1))]), "bad-stamp")
    refused(builder, leaf_of(submission, [dataclasses.replace(good, sig=to_base64(bytes(64)))]), "bad-stamp")
    refused(builder, leaf_of(submission, [builder.stamp(made, "B", -1)]), "bad-stamp")
    refused(builder, leaf_of(submission, [good, good]), "bad-order", Malformed)
    both = (good, builder.stamp(made, "m5", at(0, 1)))
    refused(builder, Leaf(entry=made, sig=submission.sig, stamps=both[::-1]), "bad-order", Malformed)


def test_a_stamp_cannot_be_backdated_or_moved(builder: Builder) -> None:
    """A stamp's signature holds its time and its entry (rule 2.2a)."""
    made = builder.entry("m1", ATTEST)
    leaf = builder.leaf(made, at(0, 2), by=("B",))
    backdated = dataclasses.replace(leaf.stamps[0], time=at(0, 1))
    refused(builder, dataclasses.replace(leaf, stamps=(backdated,)), "bad-stamp")
    other = builder.stamp(builder.entry("m2", ATTEST), "B", at(0, 2))
    refused(builder, dataclasses.replace(leaf, stamps=(other,)), "bad-stamp")


def test_an_honestly_signed_backdated_stamp_gains_at_most_grace(builder: Builder) -> None:
    """A colluding timekeeper's early stamp is raised to logical time less grace."""
    builder.seal(at(2))
    made = builder.entry("m1", ATTEST)
    outcome = builder.replica.preview(builder.submit(made), at(-1))
    assert outcome.at == at(2) - builder.terms.grace


def test_a_sole_timekeeper_stamps_its_own() -> None:
    """With one timekeeper, its own entries carry its own stamp, and still need it (rule 2.2b)."""
    terms = keyed_terms(keeper="A")
    alone = dataclasses.replace(terms.timekeepers, of=("A",), count=1)
    builder = Builder(dataclasses.replace(terms, timekeepers=alone))
    made = builder.entry("A", Sign())
    refused(builder, builder.leaf(made, START), "no-stamp")
    builder.place(builder.leaf(made, START, by=("A",)))
    builder.seal(START)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"v": 2}, "bad-version"),
        ({"type": "resume"}, "unknown-type"),
        ({"type": "amend"}, "unknown-type"),
        ({"author_seq": -1}, "bad-number"),
        ({"author_prev": "x"}, "bad-hash"),
        ({"seen": Head(size=-1, tree_root="0" * 64, state_root="0" * 64)}, "bad-number"),
        ({"seen": Head(size=0, tree_root="", state_root="0" * 64)}, "bad-hash"),
        ({"refused": ()}, "not-canonical"),
        ({"body": Attest(claim="k1a", period=-1, value=True)}, "bad-number"),
        ({"body": Attest(claim="k1a", period=0, value=True, supersedes="x")}, "bad-hash"),
    ],
)
def test_the_form_of_an_entry_is_checked(builder: Builder, change: dict[str, Any], code: str) -> None:
    """Fields whose type alone does not pin them are held to their form."""
    made = dataclasses.replace(builder.entry("m1", ATTEST), **change)
    refused(builder, builder.leaf(made, at(0, 1)), code, Malformed)


def test_an_entry_is_at_most_64_kib(builder: Builder) -> None:
    """A larger leaf is refused (rule 1.1c)."""
    made = builder.entry("A", Withdraw(text="x" * 64 * 1024))
    refused(builder, builder.leaf(made, at(0, 1)), "too-large")
    assert (MAX_QUOTED, MAX_LEAF) == (28 * 1024, 64 * 1024)


@pytest.mark.parametrize("spare", [0, 1])
def test_size_of_an_entry_to_the_byte(builder: Builder, spare: int) -> None:
    """As evidence quotes it; and, for evidence, of the leaf (rule 1.1c)."""
    made = builder.entry("A", Withdraw(text="x"))
    larger = Withdraw(text="x" * (MAX_QUOTED - quoted(canonical(made)) + 1 + spare))
    leaf = builder.leaf(dataclasses.replace(made, body=larger), at(0, 1))
    if spare:
        refused(builder, leaf, "too-large")
    else:
        builder.replica.copy().place(leaf)
    told = Evidence(kind="", first="", second="")
    room = MAX_LEAF - len(leaf_bytes(builder.leaf(builder.entry("A", told), at(0, 1)))) + spare
    leaf = builder.leaf(builder.entry("A", dataclasses.replace(told, first="x" * room)), at(0, 1))
    refused(builder, leaf, "too-large" if spare else "unknown-evidence")


@pytest.mark.parametrize(
    "key",
    [
        bytes(32),
        (1).to_bytes(32, "little"),
        (2**255 - 20).to_bytes(32, "little"),
        (2**255 - 19).to_bytes(32, "little"),
        bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    ],
)
def test_one_time_keys_of_small_order_are_refused(builder: Builder, key: bytes) -> None:
    """Nothing can be wrapped to such a key: accepted, it would force the provider into breach."""
    made = builder.entry("B", Ack(tranche="T1", stage="cipher", key=base64.b64encode(key).decode()))
    with pytest.raises(Malformed, match="small order"):
        builder.replica.copy().place(builder.leaf(made, at(0)))


def test_commitments_are_held_to_their_form(builder: Builder) -> None:
    """Roots are hashes, the header is base64, the agreement a urn:uuid."""
    good = Commit(
        tranche="T1",
        agreement="urn:uuid:00000000-0000-4000-8000-000000000001",
        media_type="text/markdown",
        size=1,
        plain_root="0" * 64,
        cipher_size=56 + 1 + 16,
        cipher_root="0" * 64,
        header=base64.b64encode(bytes(56)).decode(),
    )
    builder.replica.copy().place(builder.leaf(builder.entry("A", good), at(-2)))
    for change in ({"plain_root": "x"}, {"header": "!"}, {"agreement": "urn:uuid:x"}, {"size": -1}, {"size": 2}):
        made = builder.entry("A", dataclasses.replace(good, **change))
        with pytest.raises(Malformed):
            builder.replica.place(builder.leaf(made, at(-2)))


# --- refused numbers, equivocation and forks --------------------------------------------------------------------------


def test_a_refused_number_is_free_again(builder: Builder) -> None:
    """An entry may carry the keeper's refusal of an earlier one with its number; a forged refusal is refused."""
    first = builder.entry("m1", ATTEST)
    refusal = builder.refusal(first)
    second = builder.entry("m1", Attest(claim="k1b", period=0, value=False), refused=(refusal,))
    for wrong in (
        dataclasses.replace(refusal, reason="another"),
        dataclasses.replace(refusal, by="A"),
        dataclasses.replace(refusal, arrangement="0" * 64),
        entries.refuse(refusal, signer("A")),
        entries.refuse(dataclasses.replace(refusal, by="A"), signer("m5")),
        entries.refuse(dataclasses.replace(refusal, arrangement="0" * 64), signer("m5")),
    ):
        made = dataclasses.replace(second, refused=(wrong,))
        refused(builder, builder.leaf(made, at(0, 1)), "bad-refusal")
    builder.place(builder.leaf(second, at(0, 1)))


def test_a_carried_refusal_is_held_to_its_form(builder: Builder) -> None:
    """Even where the keeper has signed it, it names an entry and a head by their hashes."""
    refusal = builder.refusal(builder.entry("m1", ATTEST))
    nowhere = dataclasses.replace(refusal.head, size=-1)
    for wrong, code in (
        (dataclasses.replace(refusal, entry="x"), "bad-hash"),
        (dataclasses.replace(refusal, head=nowhere), "bad-number"),
    ):
        made = builder.entry("m1", ATTEST, refused=(entries.refuse(wrong, signer("m5")),))
        refused(builder, builder.leaf(made, at(0, 1)), code, Malformed)


def test_a_refusal_is_the_keeper_s_of_that_entry_in_this_record(builder: Builder) -> None:
    """Nothing else that looks like one, and no other's signature."""
    first, second = builder.entry("m1", ATTEST), builder.entry("m2", ATTEST)
    roster, refusal = builder.replica.roster, builder.refusal(first)
    assert refuses(roster, refusal, entry_hash(first))
    assert not refuses(roster, refusal, entry_hash(second))
    assert not refuses(roster, entries.refuse(refusal, signer("A")), entry_hash(first))
    assert not refuses(roster, dataclasses.replace(refusal, sig="!"), entry_hash(first))
    for change in ({"by": "A"}, {"arrangement": "0" * 64}):
        other = entries.refuse(dataclasses.replace(refusal, **change), signer("m5"))
        assert not refuses(roster, other, entry_hash(first))


def test_two_entries_of_one_number_are_equivocation(builder: Builder) -> None:
    """Evidence that holds both excludes their author (rule 1.4a)."""
    first = builder.entry("m1", ATTEST)
    second = builder.entry("m1", Attest(claim="k1b", period=0, value=False))
    builder.enter("A", builder.equivocation(first, second), at(0, 1))
    assert set(builder.replica.state.arrangement.excluded) == {"m1"}


def test_a_carried_refusal_is_no_equivocation(builder: Builder) -> None:
    """Two entries of one number, linked by the keeper's refusal, prove nothing, in either order (rule 1.4b)."""
    first = builder.entry("m1", ATTEST)
    body = Attest(claim="k1b", period=0, value=False)
    second = builder.entry("m1", body, refused=(builder.refusal(first),))
    for pair in ((first, second), (second, first)):
        refused(builder, builder.leaf(builder.entry("A", builder.equivocation(*pair)), at(0, 1)), "no-evidence")
    forged = dataclasses.replace(builder.refusal(first), reason="forged")
    third = builder.entry("m1", body, refused=(forged,))
    builder.enter("A", builder.equivocation(first, third), at(0, 1))


def test_nobody_speaks_without_end(builder: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Valid entries of one author end at the allowance of the terms, however they are made; the others' do not
    (rule 11.1f)."""
    monkeypatch.setattr("armslength.core.record.replica.FOR_EACH", 0)
    last: str | None = None
    for number in range(AT_LEAST):
        body = Attest(claim="k2", period=0, value=False, supersedes=last)
        last = builder.enter("m1", body, at(0, 1)).entry
        assert number == builder.replica.next_link("m1")[0] - 1
    refused(builder, builder.leaf(builder.entry("m1", Attest(claim="k1a", period=0, value=False)), at(0, 1)), "limit")
    builder.enter("m2", Attest(claim="k2", period=0, value=False), at(0, 1))
    builder.seal(at(0, 1))


def test_the_allowance_grows_with_the_terms() -> None:
    """Eight entries for each period, duty and tranche: far more than the golden scenario's authors need."""
    terms, record = keyed_terms(), golden_record().replica
    events = sum(claim.period is None for claim in terms.claims.values())
    days = sum(claim.period == 86400 for claim in terms.claims.values())
    weeks = sum(claim.period == 7 * 86400 for claim in terms.claims.values())
    named = events + days * 46 + weeks * 7 + len(terms.duties) + len(terms.tranches)
    assert allowance(terms) == 256 + 8 * named
    assert allowance(terms) > 4 * max(record.next_link(name)[0] for name in terms.actors if name != terms.keeper)


def test_refusals_may_be_put_on_record(builder: Builder) -> None:
    """An entry that carries refusals uses up their number, accuses nobody and changes no state; one without is none
    (rule 1.4d)."""
    body = Evidence(kind="refusals", first="", second="")
    first = builder.entry("m1", ATTEST)
    refused(builder, builder.leaf(builder.entry("m1", body), at(0, 1)), "no-evidence")
    carried = (builder.refusal(first),)
    spoken = dataclasses.replace(body, first="x")
    refused(builder, builder.leaf(builder.entry("m1", spoken, refused=carried), at(0, 1)), "no-evidence")
    builder.seal(at(0, 1))
    before = builder.replica.state
    placed = builder.place(builder.leaf(builder.entry("m1", body, refused=carried), at(0, 1)))
    assert placed.changes == ()
    assert builder.replica.state.claims == before.claims
    assert builder.replica.next_link("m1")[0] == first.author_seq + 1


# --- seals ------------------------------------------------------------------------------------------------------------


def seal_of(builder: Builder, body: Seal, author: str = "m5") -> Leaf:
    """A seal of one's own making."""
    return leaf_of(builder.submit(builder.entry(author, body)), ())


def test_a_quorum_may_need_groups_and_members() -> None:
    """Group minima and named members of the timekeepers' quorum are held."""
    terms = keyed_terms()
    rule = dataclasses.replace(terms.timekeepers, including=("m5",), groups={"neutral": 1})
    builder = Builder(dataclasses.replace(terms, timekeepers=rule))
    parties = Seal(
        checkpoint=builder.cosigned({"A": START, "B": START}).encode(), state_root=builder.replica.state_root
    )
    refused(builder, seal_of(builder, parties), "bad-seal-quorum")
    builder.place(seal_of(builder, builder.seal_body(START, by=("A", "m5"))))


def test_a_keeper_that_drops_an_entry_is_seen(builder: Builder) -> None:
    """A checkpoint over a record without an entry that is here is a fork; one over more leaves is ahead."""
    shorter = builder.replica.copy()
    builder.enter("m1", ATTEST, at(0, 1))
    builder.enter("m2", ATTEST, at(0, 1))
    dropped = Builder()
    dropped.replica = shorter
    dropped.enter("m2", ATTEST, at(0, 1))
    dropped.enter("m3", ATTEST, at(0, 1))
    head = dropped.cosigned({"m5": at(0, 2)}).encode()
    with pytest.raises(Refused) as caught:
        builder.replica.open_checkpoint(head)
    assert caught.value.code == "fork"
    dropped.enter("m4", ATTEST, at(0, 1))
    with pytest.raises(Refused) as caught:
        builder.replica.open_checkpoint(dropped.cosigned({}).encode())
    assert caught.value.code == "ahead"
    opened = builder.replica.open_checkpoint(builder.cosigned({"A": 5}).encode())
    assert (opened.checkpoint.size, opened.times) == (5, {"A": 5})


def test_reordered_leaves_do_not_seal(builder: Builder) -> None:
    """The same entries in another order have another root, which the old cosignatures do not cover."""
    other = builder.replica.copy()
    first, second = (builder.leaf(builder.entry(each, ATTEST), at(0, 1)) for each in ("m1", "m2"))
    builder.place(first)
    builder.place(second)
    other.place(second)
    other.place(first)
    assert other.tree_root != builder.replica.tree_root
    sealed = seal_of(builder, builder.seal_body(at(0, 2)))
    with pytest.raises(Refused) as caught:
        other.place(sealed)
    assert caught.value.code == "bad-seal-root"


def test_consistency_proofs_link_the_heads(builder: Builder) -> None:
    """What a timekeeper cosigned before is shown to be extended."""
    before = builder.replica.head
    builder.enter("m1", ATTEST, at(0, 1))
    after = builder.replica.head
    proof = builder.replica.consistency(before.size)
    roots = bytes.fromhex(before.tree_root), bytes.fromhex(after.tree_root)
    assert verify_consistency(before.size, after.size, *roots, proof)


# --- copies and snapshots ---------------------------------------------------------------------------------------------


def test_a_copy_is_independent(builder: Builder) -> None:
    """Placing in a copy leaves the first as it was."""
    before = everything(builder.replica)
    builder.replica.copy().place(builder.leaf(builder.entry("m1", ATTEST), at(0, 1)))
    assert everything(builder.replica) == before


def test_a_preview_changes_nothing(builder: Builder) -> None:
    """It judges like place, without stamps."""
    before = everything(builder.replica)
    made = builder.entry("m1", ATTEST)
    assert builder.replica.preview(builder.submit(made), at(0, 1)).at == at(0, 1)
    with pytest.raises(Refused):
        builder.replica.preview(entries.sign_entry(made, signer("B")), at(0, 1))
    assert everything(builder.replica) == before


# --- keys -------------------------------------------------------------------------------------------------------------


PINNED = {
    "bad-key": "actors.A.keys.entries",
    "shared-key": "actors.B.keys.entries",
    "no-key": "actors.A",
    "bad-did": "actors.A.did",
}


def test_terms_with_unusable_keys_start_no_record() -> None:
    """Small-order, shared and missing keys and unusable names are refused before anything is placed."""
    terms = keyed_terms()
    a = terms.actors["A"]
    assert a.keys is not None
    small = to_base64((1).to_bytes(32, "little"))
    wrong = {
        "bad-key": dataclasses.replace(a, keys=dataclasses.replace(a.keys, entries=small)),
        "shared-key": dataclasses.replace(a, keys=keys_of("B", node=True)),
        "no-key": dataclasses.replace(a, keys=keys_of("A", node=False)),
        "bad-did": dataclasses.replace(a, did="did:web:a b"),
    }
    for code, actor in wrong.items():
        with pytest.raises(Malformed) as caught:
            Replica.start(dataclasses.replace(terms, actors={**terms.actors, "A": actor}))
        assert (caught.value.code, caught.value.place) == (code, PINNED[code])
    with pytest.raises(Malformed) as caught:
        Replica.start(dataclasses.replace(terms, keeper="m1"))
    assert (caught.value.code, caught.value.place) == ("no-key", "actors.m1")
    keepers = dataclasses.replace(terms.timekeepers, of=("B", "m5"), count=2)
    with pytest.raises(Malformed) as caught:
        Replica.start(dataclasses.replace(terms, keeper="A", timekeepers=keepers))
    assert (caught.value.code, caught.value.place) == ("bad-keeper", "keeper")
