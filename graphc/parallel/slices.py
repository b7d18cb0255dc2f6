"""The assignment of parameters to the ranks that update them, and the transfers that this takes.

The parameters of a model are one line of elements. It is cut into blocks that do not depend on the
number of ranks, and each rank owns consecutive blocks: its slice. A rank receives the partial
gradients of its slice from all, adds them in the tree's order and updates the slice; then all
gather the new values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from graphc.parallel.tree import Interval, complete_subtrees, shards_of_rank

BLOCK_ELEMENTS = 4096
"""Elements of a block: 16 KiB of float32, so that 1,024 ranks share 4 million parameters evenly,
and the table of blocks is small beside them."""


@dataclass(frozen=True)
class Parameter:
    """A parameter: its number of elements, and whether its update needs all of them together, as
    constraints on norms do, which makes it one block."""

    elements: int
    is_whole: bool = False


@dataclass(frozen=True)
class Piece:
    """Elements of a parameter, from `start` up to, not including, `stop`."""

    parameter: int
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


def blocks(parameters: Sequence[Parameter]) -> list[Piece]:
    """Return the blocks of the parameters, in their order. A block lies in one parameter."""
    pieces = []
    for number, parameter in enumerate(parameters):
        each = max(1, parameter.elements) if parameter.is_whole else BLOCK_ELEMENTS
        pieces += [
            Piece(number, start, min(start + each, parameter.elements))
            for start in range(0, parameter.elements, each)
        ]
    return pieces


def slices(parameters: Sequence[Parameter], ranks: int) -> list[list[Piece]]:
    """Return the blocks that each rank owns, consecutive ones joined.

    A block belongs to the rank in whose even share of all elements its middle lies.
    """
    every = blocks(parameters)
    total = sum(map(len, every))
    owned: list[list[Piece]] = [[] for _ in range(ranks)]
    for piece, end in zip(every, accumulate(map(len, every)), strict=True):
        mine = owned[(2 * end - len(piece)) * ranks // (2 * total)]
        if mine and (mine[-1].parameter, mine[-1].stop) == (piece.parameter, piece.start):
            piece = Piece(piece.parameter, mine.pop().start, piece.stop)
        mine.append(piece)
    return owned


def count_elements(owned: Sequence[Piece]) -> int:
    """Return the number of elements of a slice."""
    return sum(map(len, owned))


@lru_cache(maxsize=64)  # each step has those of the step before
def rounds(filled: int, shards: int, ranks: int) -> list[list[Interval | None]]:
    """Return the transfers of a step: for each one, the node of the tree whose value each rank
    sends, or None from a rank that has no further one.

    A rank has a transfer for each complete subtree of its shards, in the order in which it computes
    them.
    """
    of_ranks = [
        complete_subtrees(filled, shards_of_rank(shards, ranks, rank)) for rank in range(ranks)
    ]
    return [
        [nodes[k] if k < len(nodes) else None for nodes in of_ranks]
        for k in range(max(map(len, of_ranks)))
    ]


def bytes_sent(
    sizes: Sequence[int],
    filled: int,
    shards: int,
    rank: int,
    itemsize: int = 4,
    everywhere: int = 0,
) -> tuple[int, int]:
    """Return the bytes that a rank sends to others in a step: of partial gradients, and of new
    values.

    Args:
        sizes: the elements of each rank's slice.
        filled: the number of shards that have rows.
        shards: the number of shards.
        rank: which sends.
        itemsize: bytes of an element.
        everywhere: elements of sums that every rank needs whole.
    """
    partials = sum(nodes[rank] is not None for nodes in rounds(filled, shards, len(sizes)))
    others = sum(sizes) - sizes[rank] + everywhere * (len(sizes) - 1)
    return (
        partials * others * itemsize,
        sizes[rank] * (len(sizes) - 1) * itemsize,
    )
