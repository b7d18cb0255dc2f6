"""The mappings of CUDA by kinds of kernels, and of loops that one launch runs whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphc.compiler.targets.cuda.convolutions.pooled import POOLED
from graphc.compiler.targets.cuda.convolutions.windows import CONVOLUTIONS
from graphc.compiler.targets.cuda.pointwise import POINTWISE
from graphc.compiler.targets.cuda.products.blocks import PRODUCTS
from graphc.compiler.targets.cuda.reductions.columns import COLUMNS
from graphc.compiler.targets.cuda.reductions.rows import ROWS
from graphc.compiler.targets.cuda.scans import SCANS
from graphc.compiler.targets.cuda.scatter import SCATTER
from graphc.compiler.targets.mapping import Mapping as TargetMapping

CUDA_MAPPINGS: Mapping[str, Sequence[TargetMapping]] = {
    "pointwise": POINTWISE,
    "window": POINTWISE,
    "gather": POINTWISE,
    "update": POINTWISE,
    "rows": ROWS,
    "columns": COLUMNS,
    "matmul": PRODUCTS,
    "conv": (*CONVOLUTIONS, *POOLED),
    "scan": SCANS,
    "scatter": SCATTER,
}
