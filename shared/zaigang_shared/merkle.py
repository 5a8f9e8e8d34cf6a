"""The Merkle tree of RFC 9162 section 2.1 over SHA-256: roots, proofs, and growing at the right edge.

Hashes in, hashes out. A node is named by (level, index): it covers the leaves from `index << level`
up to `(index + 1) << level`. Only perfect subtrees have names; whoever builds proofs hands in a
function that knows them, wherever they are kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from zaigang_shared.errors import ProofError

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
"""The root of no leaves at all (RFC 9162 section 2.1.1)."""
_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"

Node: TypeAlias = Callable[[int, int], bytes]
"""(level, index) -> the hash of that perfect subtree, which the tree must have."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf that holds `data`."""
    return hashlib.sha256(_LEAF + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of the node above two."""
    return hashlib.sha256(_NODE + left + right).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes."""
    tree = Frontier()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


class Frontier:
    """The right edge of a tree, which is all that growing it takes: one hash for each 1 bit of its
    size, the largest subtree first."""

    def __init__(self, size: int = 0, stack: Sequence[bytes] = ()) -> None:
        """Raises ValueError when the stack is not that of a tree of this size."""
        if len(stack) != size.bit_count() or any(len(one) != HASH_BYTES for one in stack):
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} hashes at its edge")
        self.size = size
        self.stack = list(stack)

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        full = self.size
        self.stack.append(leaf)
        while full & 1:
            right = self.stack.pop()
            self.stack[-1] = node_hash(self.stack[-1], right)
            full >>= 1
        self.size += 1

    def root(self) -> bytes:
        """The root of the tree as it is now."""
        if not self.stack:
            return EMPTY_ROOT
        root = self.stack[-1]
        for left in reversed(self.stack[:-1]):
            root = node_hash(left, root)
        return root


@dataclass(frozen=True, slots=True)
class _Span:
    """Leaves [start, end) below one node of a tree."""

    start: int
    end: int

    @property
    def split(self) -> int:
        """Where the left child ends: the largest power of two that is smaller than the size."""
        return self.start + (1 << (self.end - self.start - 1).bit_length() - 1)


def subtree_root(start: int, end: int, node: Node) -> bytes:
    """The root over leaves [start, end), where `start` is a multiple of the power of two below."""
    size = end - start
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return node(level, start >> level)
    split = _Span(start, end).split
    return node_hash(subtree_root(start, split, node), subtree_root(split, end, node))


def root_at(size: int, node: Node) -> bytes:
    """The root that the tree had at `size` leaves."""
    return EMPTY_ROOT if size == 0 else subtree_root(0, size, node)


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """PATH(index, D_size) of RFC 9162 section 2.1.3.1. Raises ProofError when there is no such leaf."""
    if not 0 <= index < size:
        raise ProofError(f"a tree of {size} leaves has no leaf {index}")
    path = []
    span = _Span(0, size)
    while span.end - span.start > 1:
        split = span.split
        if index < split:
            path.append(subtree_root(split, span.end, node))
            span = _Span(span.start, split)
        else:
            path.append(subtree_root(span.start, split, node))
            span = _Span(split, span.end)
    path.reverse()
    return path


def consistency_proof(old: int, new: int, node: Node) -> list[bytes]:
    """PROOF(old, D_new) of RFC 9162 section 2.1.4.1. Raises ProofError unless 0 < old <= new."""
    if not 0 < old <= new:
        raise ProofError(f"no proof from size {old} to size {new}")
    path = []
    span, is_whole = _Span(0, new), True
    while span.end != old:
        split = span.split
        if old <= split:
            path.append(subtree_root(split, span.end, node))
            span = _Span(span.start, split)
        else:
            path.append(subtree_root(span.start, split, node))
            span, is_whole = _Span(split, span.end), False
    if not is_whole:
        path.append(subtree_root(span.start, span.end, node))
    path.reverse()
    return path


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Raise ProofError unless `leaf` (its hash) is number `index` of the tree with this size and root.

    RFC 9162 section 2.1.3.2.
    """
    _check_hashes([leaf, root, *proof])
    if not 0 <= index < size:
        raise ProofError(f"a tree of {size} leaves has no leaf {index}")
    at, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError("the inclusion proof is too long")
        if at & 1 or at == last:
            found = node_hash(sibling, found)
            while at & 1 == 0 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        at, last = at >> 1, last >> 1
    if last != 0:
        raise ProofError("the inclusion proof is too short")
    if found != root:
        raise ProofError(f"leaf {index} leads to root {found.hex()}, expected {root.hex()}")


def verify_consistency(
    old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Raise ProofError unless the tree (old, old_root) is the beginning of (new, new_root).

    RFC 9162 section 2.1.4.2. A tree of no leaves proves nothing and is refused.
    """
    _check_hashes([old_root, new_root, *proof])
    if not 0 < old <= new:
        raise ProofError(f"no consistency from size {old} to size {new}")
    if old == new:
        if proof or old_root != new_root:
            raise ProofError(f"two different trees of {old} leaves")
        return
    path = list(proof)
    if old & (old - 1) == 0:  # a perfect tree is its own first hash
        path.insert(0, old_root)
    if not path:
        raise ProofError("the consistency proof is empty")
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    found_old = found_new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofError("the consistency proof is too long")
        if at & 1 or at == last:
            found_old, found_new = node_hash(sibling, found_old), node_hash(sibling, found_new)
            while at & 1 == 0 and at:
                at, last = at >> 1, last >> 1
        else:
            found_new = node_hash(found_new, sibling)
        at, last = at >> 1, last >> 1
    if last != 0:
        raise ProofError("the consistency proof is too short")
    if found_old != old_root:
        raise ProofError(f"the proof is not of the tree of {old} leaves: {found_old.hex()}")
    if found_new != new_root:
        raise ProofError(f"the proof is not of the tree of {new} leaves: {found_new.hex()}")


def _check_hashes(hashes: Sequence[bytes]) -> None:
    for one in hashes:
        if type(one) is not bytes or len(one) != HASH_BYTES:
            raise ProofError(f"a hash has {HASH_BYTES} bytes")
