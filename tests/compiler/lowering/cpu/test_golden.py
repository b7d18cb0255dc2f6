"""One kernel of each kind as native text; and the function that calls them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH
from graphc.compiler.lowering.cpu import kernels, lower_native
from graphc.compiler.passes import optimize
from graphc.compiler.program.launch import Launch
from graphc.compiler.targets.target import Target
from tests.compiler.lowering import kinds
from tests.compiler.lowering.golden_text import check_golden

FOLDER = Path(__file__).parent / "golden"
NAMES = (
    *(
        "pointwise",
        "update",
        "gather",
        "embedding_step",
        "window",
        "unpooled",
        "overlapping",
        "conv",
        "pooled_conv",
    ),
    *("rows", "columns", "spread_columns", "matmul", "batched_matmul"),
)

CPU = Target("cpu", 64, 32, (32 << 10, 1 << 20), 2)


@pytest.mark.parametrize("name", NAMES)
def test_text_of_a_kind(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "this_machine", lambda: CPU)
    kind, outputs, states = getattr(kinds, name)()
    program = lower_native(optimize(outputs)[0], states).program
    (text,) = (
        step.text for step in program.steps if isinstance(step, Launch) and step.kernel.kind == kind
    )
    check_golden(name, text, FOLDER / f"{name}.cpp")


def test_the_step_of_a_recurrent_layer() -> None:
    """A loop is a loop of calls; its carries lie in two buffers by turns."""
    x = g.input((g.symbol("time"), BATCH, 8), name="x")
    weights = g.shared(np.zeros((8, 8), "float32"), "U")
    with g.origin("simplernn_1"):
        last = g.scan(
            lambda carries, xs: ([g.tanh(xs[0] + g.dot(carries[0], weights))], []),
            [g.broadcast_to(np.float32(0), (BATCH, 8))],
            [x],
        )[0][0]
    source = lower_native(optimize([last])[0]).program.source
    check_golden("step", source[source.index('extern "C"') :], FOLDER / "step.cpp")
