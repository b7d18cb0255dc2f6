"""The mappings of a CPU by kinds of kernels; other kinds do not run as loop programs yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphc.compiler.targets.cpu.in_order import IN_ORDER, IN_ORDER_ROWS
from graphc.compiler.targets.cpu.pointwise import POINTWISE, POINTWISE_ROWS
from graphc.compiler.targets.cpu.products import BATCHED, MANY_PANELS
from graphc.compiler.targets.cpu.products_few_rows import FEW_ROWS
from graphc.compiler.targets.cpu.products_long_sums import PARTS_OF_SUMS
from graphc.compiler.targets.cpu.products_of_rows import STRIPS_OF_ROWS
from graphc.compiler.targets.cpu.products_strips import STRIPS, STRIPS_IN_PARTS
from graphc.compiler.targets.cpu.products_tiny_sides import (
    AS_REDUCTIONS,
    FEW_COLUMNS,
    ONE_COLUMN,
    SHORT_SUMS,
)
from graphc.compiler.targets.cpu.products_transposed import FEW_ROWS_BY_COLUMNS
from graphc.compiler.targets.cpu.products_unknown_columns import UNKNOWN_COLUMNS
from graphc.compiler.targets.cpu.reductions import REDUCTIONS
from graphc.compiler.targets.mapping import Mapping as TargetMapping

CPU_MAPPINGS: Mapping[str, Sequence[TargetMapping]] = {
    "pointwise": (*POINTWISE, IN_ORDER),
    "gather": (*POINTWISE, IN_ORDER),
    "update": (*POINTWISE, IN_ORDER),
    "rows": (*REDUCTIONS, IN_ORDER),
    "columns": (*REDUCTIONS, IN_ORDER),
    "window": (*REDUCTIONS, IN_ORDER),
    "matmul": (
        ONE_COLUMN,
        FEW_COLUMNS,
        SHORT_SUMS,
        FEW_ROWS,
        BATCHED,
        FEW_ROWS_BY_COLUMNS,
        PARTS_OF_SUMS,
        MANY_PANELS,
        STRIPS,
        STRIPS_IN_PARTS,
        UNKNOWN_COLUMNS,
        *AS_REDUCTIONS,
        IN_ORDER,
    ),
}

CPU_MAPPINGS_OF_ROWS: Mapping[str, Sequence[TargetMapping]] = {
    "pointwise": (*POINTWISE_ROWS, IN_ORDER_ROWS),
    "gather": (*POINTWISE_ROWS, IN_ORDER_ROWS),
    "window": (IN_ORDER_ROWS,),
    "matmul": (STRIPS_OF_ROWS, IN_ORDER_ROWS),
}
"""The mappings of kernels in a loop whose rows threads divide, of which each computes its own."""
