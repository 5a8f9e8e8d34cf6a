"""The tree of RFC 9162: known roots, proofs of every leaf and size, and nothing else that verifies."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree  # type: ignore[import-untyped]  # it has no types
from pymerkle import verify_consistency as their_consistency
from pymerkle import verify_inclusion as their_inclusion

from zaigang_shared import merkle
from zaigang_shared.errors import ProofError
from zaigang_shared.merkle import Frontier

# The reference tree of RFC 6962's test data, as certificate logs use it.
LEAVES = [
    bytes.fromhex(one)
    for one in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
HASHES = [merkle.leaf_hash(one) for one in LEAVES]


def nodes(hashes: list[bytes]) -> merkle.Node:
    """Perfect subtrees, computed the slow way."""

    def node(level: int, index: int) -> bytes:
        start, end = index << level, (index + 1) << level
        assert end <= len(hashes), "asked for a subtree that the tree does not have"
        if level == 0:
            return hashes[start]
        return merkle.node_hash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1))

    return node


def some_hashes(count: int) -> list[bytes]:
    return [merkle.leaf_hash(number.to_bytes(4, "big")) for number in range(count)]


@pytest.mark.parametrize(("size", "root"), ROOTS.items())
def test_the_roots_are_those_of_the_reference_tree(size: int, root: str) -> None:
    assert merkle.root_of(HASHES[:size]).hex() == root
    assert merkle.root_at(size, nodes(HASHES)).hex() == root


def test_the_empty_root_is_the_hash_of_nothing() -> None:
    assert hashlib.sha256(b"").digest() == merkle.EMPTY_ROOT == Frontier().root()


@pytest.mark.parametrize("size", [*range(1, 34), 64, 100, 257])
def test_every_leaf_of_every_size_is_proved_and_no_other_place_is(size: int) -> None:
    hashes = some_hashes(size)
    node, root = nodes(hashes), merkle.root_of(hashes)
    for index in range(size):
        proof = merkle.inclusion_proof(index, size, node)
        merkle.verify_inclusion(hashes[index], index, size, proof, root)
        for other in {(index + 1) % size, (index + size // 2) % size, size - 1} - {index}:
            with pytest.raises(ProofError):
                merkle.verify_inclusion(hashes[index], other, size, proof, root)


@pytest.mark.parametrize("new", [*range(1, 34), 100])
def test_every_size_is_the_beginning_of_every_later_one(new: int) -> None:
    hashes = some_hashes(new)
    node, root = nodes(hashes), merkle.root_of(hashes)
    for old in range(1, new + 1):
        old_root = merkle.root_of(hashes[:old])
        proof = merkle.consistency_proof(old, new, node)
        merkle.verify_consistency(old, old_root, new, root, proof)
        with pytest.raises(ProofError):
            merkle.verify_consistency(old, merkle.leaf_hash(b"other"), new, root, proof)
        with pytest.raises(ProofError):
            merkle.verify_consistency(old, old_root, new, merkle.leaf_hash(b"other"), proof)


@given(st.integers(1, 300), st.data())
def test_another_implementation_agrees(size: int, data: st.DataObject) -> None:
    theirs = InmemoryTree(algorithm="sha256")
    content = [number.to_bytes(4, "big") for number in range(size)]
    for one in content:
        theirs.append_entry(one)
    hashes = [merkle.leaf_hash(one) for one in content]
    node, root = nodes(hashes), merkle.root_of(hashes)
    assert theirs.get_root() == root
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    their_inclusion(hashes[index], root, theirs.prove_inclusion(index + 1))
    their_consistency(merkle.root_of(hashes[:old]), root, theirs.prove_consistency(old, size))
    path = theirs.prove_inclusion(index + 1).path
    assert path[1:] == merkle.inclusion_proof(index, size, node)  # theirs begins with the leaf


@given(st.integers(1, 200), st.data())
def test_a_proof_with_any_hash_changed_left_out_or_added_is_refused(
    size: int, data: st.DataObject
) -> None:
    hashes = some_hashes(size)
    node, root = nodes(hashes), merkle.root_of(hashes)
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(index, size, node)
    spoilt = [[*proof, root], proof[:-1] if proof else [root]]
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        bit = data.draw(st.integers(0, 255))
        changed = (int.from_bytes(proof[at], "big") ^ (1 << bit)).to_bytes(32, "big")
        spoilt.append([*proof[:at], changed, *proof[at + 1 :]])
    for one in spoilt:
        with pytest.raises(ProofError):
            merkle.verify_inclusion(hashes[index], index, size, one, root)


@given(
    st.integers(-2, 40),
    st.integers(-2, 40),
    st.lists(st.binary(min_size=31, max_size=33), max_size=8),
)
def test_whatever_is_shown_as_a_proof_gives_nothing_or_our_error(
    first: int, second: int, proof: list[bytes]
) -> None:
    leaf, root = bytes(32), bytes([1]) * 32
    with pytest.raises(ProofError):
        merkle.verify_inclusion(leaf, first, second, proof, root)
    with pytest.raises(ProofError):
        merkle.verify_consistency(first, leaf, second, root, proof)


def test_a_tree_of_nothing_proves_nothing() -> None:
    with pytest.raises(ProofError):
        merkle.verify_consistency(0, merkle.EMPTY_ROOT, 1, merkle.leaf_hash(b""), [])
    with pytest.raises(ProofError):
        merkle.consistency_proof(0, 1, nodes(HASHES))
    with pytest.raises(ProofError):
        merkle.inclusion_proof(0, 0, nodes([]))


@given(st.integers(0, 500))
def test_an_edge_that_was_put_down_goes_on_as_if_it_had_not_been(size: int) -> None:
    hashes = some_hashes(size + 3)
    edge = Frontier()
    for one in hashes[:size]:
        edge.append(one)
    again = Frontier(edge.size, tuple(edge.stack))
    for one in hashes[size:]:
        edge.append(one)
        again.append(one)
    assert again.root() == edge.root() == merkle.root_at(size + 3, nodes(hashes))


def test_an_edge_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="2 hashes"):
        Frontier(3, [bytes(32)])
