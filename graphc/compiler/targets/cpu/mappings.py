"""The mappings of a CPU by kinds of kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from graphc.compiler.targets.cpu.convolutions.pooled_gradients import PLACES_OF_POOLINGS
from graphc.compiler.targets.cpu.convolutions.pooled_windows import POOLED
from graphc.compiler.targets.cpu.convolutions.weight_blocks import BLOCKS_OF_WEIGHTS
from graphc.compiler.targets.cpu.convolutions.windows import CONVOLUTIONS
from graphc.compiler.targets.cpu.convolutions.winograd import WINOGRAD
from graphc.compiler.targets.cpu.in_order import IN_ORDER, IN_ORDER_ROWS
from graphc.compiler.targets.cpu.parts import with_parts, with_parts_of_teams
from graphc.compiler.targets.cpu.pointwise import AS_ELEMENTS, POINTWISE, POINTWISE_ROWS
from graphc.compiler.targets.cpu.products.column_blocks import BLOCKS_OF_COLUMNS
from graphc.compiler.targets.cpu.products.few_rows import FEW_ROWS
from graphc.compiler.targets.cpu.products.long_sums import PARTS_OF_SUMS
from graphc.compiler.targets.cpu.products.rows_by_panels import BATCHED, MANY_PANELS
from graphc.compiler.targets.cpu.products.rows_of_loops import STRIPS_OF_ROWS
from graphc.compiler.targets.cpu.products.strips import STRIPS
from graphc.compiler.targets.cpu.products.tiny_sides import (
    AS_REDUCTIONS,
    FEW_COLUMNS,
    ONE_COLUMN,
    SHORT_SUMS,
)
from graphc.compiler.targets.cpu.products.transposed import FEW_ROWS_BY_COLUMNS
from graphc.compiler.targets.cpu.products.unknown_columns import UNKNOWN_COLUMNS
from graphc.compiler.targets.cpu.reductions.rows import REDUCTIONS
from graphc.compiler.targets.cpu.reductions.rows_of_windows import ROWS_OF_WINDOWS
from graphc.compiler.targets.cpu.reductions.windows_in_vectors import WINDOWS_IN_VECTORS
from graphc.compiler.targets.cpu.scatter import SCATTER
from graphc.compiler.targets.cpu.thread_arrays import with_blocks_for_all
from graphc.compiler.targets.mapping import Mapping as TargetMapping
from graphc.compiler.targets.mapping import finished, prepared
from graphc.compiler.targets.product_loops import with_separate_factors, with_values_at_sums

_Tables: TypeAlias = Mapping[str, Sequence[TargetMapping]]

_PRODUCTS = (
    ONE_COLUMN,
    FEW_COLUMNS,
    SHORT_SUMS,
    FEW_ROWS,
    BATCHED,
    FEW_ROWS_BY_COLUMNS,
    PARTS_OF_SUMS,
    MANY_PANELS,
    BLOCKS_OF_COLUMNS,
    STRIPS,
    UNKNOWN_COLUMNS,
)


def _of_sums(mapping: TargetMapping) -> TargetMapping:
    """Return a mapping of products whose values of whole rows are computed at each sum, and whose
    sides are of two buffers."""
    return prepared(prepared(mapping, with_separate_factors), with_values_at_sums)


def _of_parts(mapping: TargetMapping) -> TargetMapping:
    """Return a mapping of reductions in which no vector looks which part of a concatenation the
    turn of a thread is in."""
    return finished(mapping, with_parts_of_teams)


_MAPPINGS: _Tables = {
    "pointwise": (*POINTWISE, IN_ORDER),
    "gather": (*POINTWISE, IN_ORDER),
    "update": (*POINTWISE, IN_ORDER),
    "rows": (*map(_of_parts, REDUCTIONS), IN_ORDER),
    "columns": (*map(_of_parts, REDUCTIONS), IN_ORDER),
    "window": (WINDOWS_IN_VECTORS, ROWS_OF_WINDOWS, *REDUCTIONS, IN_ORDER),
    "conv": (
        PLACES_OF_POOLINGS,
        BLOCKS_OF_WEIGHTS,
        *WINOGRAD,
        *CONVOLUTIONS,
        *POOLED,
        *AS_ELEMENTS,
        IN_ORDER,
    ),
    "scatter": (*SCATTER, IN_ORDER),
    "matmul": (*map(_of_sums, _PRODUCTS), *AS_ELEMENTS, *AS_REDUCTIONS, IN_ORDER),
}

_MAPPINGS_OF_ROWS: _Tables = {
    "pointwise": (*POINTWISE_ROWS, IN_ORDER_ROWS),
    "gather": (*POINTWISE_ROWS, IN_ORDER_ROWS),
    "window": (IN_ORDER_ROWS,),
    "matmul": (_of_sums(STRIPS_OF_ROWS), IN_ORDER_ROWS),
}


def _with_blocks(mappings: _Tables) -> _Tables:
    """Return mappings whose loops around vectors are cut into the parts that these read, and that
    do not apply where a thread has no blocks for all arrays."""

    def with_blocks(mapping: TargetMapping) -> TargetMapping:
        return finished(finished(mapping, with_parts), with_blocks_for_all)

    return {kind: tuple(map(with_blocks, table)) for kind, table in mappings.items()}


CPU_MAPPINGS = _with_blocks(_MAPPINGS)
"""The mappings of each kind of kernel."""

CPU_MAPPINGS_OF_ROWS = _with_blocks(_MAPPINGS_OF_ROWS)
"""The mappings of kernels in a loop whose rows threads divide, of which each computes its own."""
