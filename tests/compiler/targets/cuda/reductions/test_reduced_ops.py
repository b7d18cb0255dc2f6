"""Reductions of the op table as a GPU's threads run them, against the interpreter."""

from __future__ import annotations

import pytest

from graphc.compiler.targets.cuda.reductions.columns import COLUMNS
from graphc.compiler.targets.cuda.reductions.rows import ROWS
from tests.compiler.targets.cuda.reductions.reduced import GPU
from tests.compiler.targets.mapped_ops import check_mapped


@pytest.mark.parametrize("arrangement", ["symbolic", "fused"])
def test_rows_of_the_table(arrangement: str) -> None:
    check_mapped("reduce", arrangement, GPU, {"rows": ROWS, "columns": COLUMNS})
