"""The RFC 6962 tree, held to proofs that another implementation made and to the recursive definition."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from armslength.core.record.merkle import (
    EMPTY_ROOT,
    Tree,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "merkle.json").read_text())
LEAVES = [leaf_hash(text.encode()) for text in VECTORS["Leaves"]]
ROOTS = [base64.b64decode(root) for root in VECTORS["Roots"]]


def reference_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1, word for word, over leaf hashes."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(reference_root(leaves[:split]), reference_root(leaves[split:]))


def some(count: int) -> list[bytes]:
    return [leaf_hash(str(index).encode()) for index in range(count)]


def test_roots_are_those_of_another_implementation() -> None:
    """Every size up to 17."""
    tree = Tree(LEAVES)
    assert [tree.root(size) for size in range(len(LEAVES) + 1)] == ROOTS
    assert ROOTS[0] == EMPTY_ROOT


def test_proofs_are_those_of_another_implementation() -> None:
    """Every inclusion and consistency proof up to 17 leaves is built alike and verifies."""
    tree = Tree(LEAVES)
    for vector in VECTORS["Inclusion"]:
        index, size, proof = vector["Index"], vector["Size"], [base64.b64decode(node) for node in vector["Proof"]]
        assert tree.inclusion(index, size) == proof
        assert verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size])
    for vector in VECTORS["Consistency"]:
        first, second = vector["First"], vector["Second"]
        proof = [base64.b64decode(node) for node in vector["Proof"]]
        assert tree.consistency(first, second) == proof
        assert verify_consistency(first, second, ROOTS[first], ROOTS[second], proof)


@given(st.integers(0, 150))
def test_the_root_is_the_recursive_definition(count: int) -> None:
    """Appending leaf by leaf, and copying on the way, yields RFC 6962's root."""
    leaves = some(count)
    tree = Tree(leaves[: count // 2]).copy()
    for leaf in leaves[count // 2 :]:
        tree.append(leaf)
    assert tree.root() == reference_root(leaves)
    assert tree.size == count
    assert list(tree.leaves) == leaves


@given(st.data())
def test_proofs_verify_at_any_size(data: st.DataObject) -> None:
    """Inclusion and consistency proofs of random trees and sizes hold."""
    tree = Tree(some(data.draw(st.integers(1, 200))))
    size = data.draw(st.integers(1, tree.size))
    index = data.draw(st.integers(0, size - 1))
    proof = tree.inclusion(index, size)
    assert verify_inclusion(tree.leaves[index], index, size, proof, tree.root(size))
    first = data.draw(st.integers(1, size))
    assert verify_consistency(first, size, tree.root(first), tree.root(size), tree.consistency(first, size))


@given(st.data())
def test_altered_proofs_do_not_verify(data: st.DataObject) -> None:
    """A changed node, root, index or size, a missing or a spare node: none of it verifies."""
    tree = Tree(some(data.draw(st.integers(2, 64))))
    size = tree.size
    index = data.draw(st.integers(0, size - 1))
    leaf, root, proof = tree.leaves[index], tree.root(), tree.inclusion(index)
    spot = data.draw(st.integers(0, len(proof) - 1))
    changed = [*proof[:spot], bytes(32), *proof[spot + 1 :]]
    wrong = [
        (leaf, index, size, changed, root),
        (leaf, index, size, proof[:-1], root),
        (leaf, index, size, [*proof, proof[0]], root),
        (leaf, index, size, [bytes(31), *proof[1:]], root),
        (leaf, index ^ 1, size, proof, root),
        (leaf, size, size, proof, root),
        (leaf, -1, size, proof, root),
        (leaf[:31], index, size, proof, root),
        (leaf, index, size, proof, bytes(32)),
        (leaf, index, 0, proof, root),
    ]
    assert not any(verify_inclusion(*case) for case in wrong)


@given(st.data())
def test_altered_consistency_proofs_do_not_verify(data: st.DataObject) -> None:
    """Nor does a consistency proof with a wrong root, size or node, or of a tree with another history."""
    second = data.draw(st.integers(2, 64))
    first = data.draw(st.integers(1, second - 1))
    tree = Tree(some(second))
    old, new, proof = tree.root(first), tree.root(), tree.consistency(first)
    rewritten = Tree([leaf_hash(b"other"), *list(tree.leaves)[1:]])
    wrong = [
        (first, second, bytes(32), new, proof),
        (first, second, old, bytes(32), proof),
        (first, second, old, new, proof[:-1]),
        (first, second, old, new, [*proof, bytes(32)]),
        (first, second, old, new, [proof[0][:31], *proof[1:]]),
        (first, second, old, rewritten.root(), rewritten.consistency(first)),
        (second, first, new, old, proof),
        (0, second, EMPTY_ROOT, new, []),
        (first, first, old, old, proof),
        (second, second, new, rewritten.root(), []),
    ]
    assert not any(verify_consistency(*case) for case in wrong)


def test_sizes_and_indices_that_are_not_there_are_errors() -> None:
    """Asking a tree for what it does not hold raises ValueError."""
    tree = Tree(some(5))
    for ask in (
        lambda: tree.root(6),
        lambda: tree.root(-1),
        lambda: tree.inclusion(5),
        lambda: tree.inclusion(-1),
        lambda: tree.inclusion(3, 3),
        lambda: tree.consistency(4, 3),
        lambda: tree.consistency(1, 6),
    ):
        with pytest.raises(ValueError, match=r"no |out of order"):
            ask()


def test_proof_with_more_than_the_tree_has_does_not_verify() -> None:
    """Whatever root it is made for: each further hash would make it the proof of another leaf or tree."""
    leaves = [leaf_hash(bytes([number])) for number in range(4)]
    other = leaf_hash(b"other")
    assert verify_inclusion(leaves[0], 0, 1, [], leaves[0])
    assert not verify_inclusion(leaves[0], 0, 1, [other], node_hash(other, leaves[0]))
    whole, part = Tree(leaves), Tree(leaves[:3])
    proof = whole.consistency(3)
    assert verify_consistency(3, 4, part.root(), whole.root(), proof)
    above = [node_hash(other, each.root()) for each in (part, whole)]
    assert not verify_consistency(3, 4, above[0], above[1], [*proof, other])
    assert not verify_consistency(4, 4, whole.root(), whole.root(), [other])
    assert not verify_consistency(2, 3, part.root(), part.root(), [])
    assert not verify_consistency(3, 4, part.root(), part.root(), [])
