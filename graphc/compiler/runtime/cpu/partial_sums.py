"""The memory in which a native call adds what it computes for the shards of a batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.compiler.program.memory import ALIGNMENT, aligned
from graphc.compiler.runtime.cpu.arrays import address_of, aligned_array

TYPES = {"float32": 0, "float64": 1, "int32": 2, "uint32": 2, "int64": 3, "bool": 4}
"""``gc_summed`` of kernels/tree_sum.h, by which arrays are added."""

Shapes = Sequence[tuple[int, ...]]


class PartialSums:
    """Partial sums that are kept from call to call: rows of arrays, as ``gc_tree_sum`` has them.

    Attributes:
        shapes, dtypes: of the arrays of a row.
        rows, addresses: the arrays; those of the first row hold the sums when a call is done.
        at, summands_at: the addresses of the two tables, of the arrays and of what is added.
    """

    def __init__(self, shapes: Shapes, dtypes: Sequence[np.dtype], shards: int):
        """`shards`: how many there are in a call at most."""
        self.shapes, self.dtypes = list(shapes), list(dtypes)
        starts, nbytes = [], 0
        for shape, dtype in zip(shapes, dtypes, strict=True):
            starts.append(nbytes)
            nbytes += aligned(int(np.prod(shape)) * dtype.itemsize)
        nbytes += ALIGNMENT  # so that strides of rows are no multiple of a page
        count = shards.bit_length()
        memory = aligned_array([count * nbytes], np.uint8)
        self.rows = [
            [
                np.ndarray(shape, dtype, memory.data, row * nbytes + start)
                for shape, dtype, start in zip(shapes, dtypes, starts, strict=True)
            ]
            for row in range(count)
        ]
        base = address_of(memory)
        self.addresses = [[base + row * nbytes + start for start in starts] for row in range(count)]
        self._table = np.array(self.addresses, np.uintp)
        self._summands = np.array(
            [
                (int(np.prod(shape)), TYPES[dtype.name])
                for shape, dtype in zip(shapes, dtypes, strict=True)
            ],
            np.int64,
        )
        self.at, self.summands_at = address_of(self._table), address_of(self._summands)

    def serve(self, shapes: Shapes, shards: int) -> bool:
        """Return whether they have room for so many shards of these shapes."""
        return len(self.rows) >= shards.bit_length() and self.shapes == list(shapes)


def row_of(shard: int) -> int:
    """Return the row that a shard is computed into."""
    return shard.bit_count()
