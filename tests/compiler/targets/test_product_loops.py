"""Products among the loops of plain programs."""

from __future__ import annotations

from graphc.compiler import graph as g
from graphc.compiler.loops.build import buffers_of, plain_program
from graphc.compiler.schedule import kernels, make_schedule
from graphc.compiler.targets.product_loops import product_of


def test_a_computed_factor_of_each_row_and_column_is_no_side_of_a_product() -> None:
    """The rows of each matrix are one, and its columns too: what goes on is a vector of each."""
    n = g.symbol("n")
    x = g.input((6, n, 5), "float64")
    vectors = g.transpose(g.reshape(g.maximum(x, x), (6, n, 5, 1)), (0, 1, 3, 2))
    output = g.matmul(vectors, g.broadcast_to(g.input((), "float64"), (6, n, 5, 1)))
    (kernel,) = kernels(make_schedule([output], most_shared=0))
    found = product_of(plain_program(kernel, "k0", buffers_of(kernel)))
    assert isinstance(found, str)
    assert "is another one for each" in found
