"""Random graphs for a code generator have the interpreter's values, at two sizes of one program.

$GRAPHC_RANDOM_GRAPHS is the number of programs for each test, 3 by default; a program gathers
several graphs, so that there are fewer compiler runs than graphs.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.compiler import graph as g
from graphc.compiler.graph import Node, state_of
from graphc.compiler.interpret import evaluate
from graphc.compiler.passes import optimize
from tests.compiler.passes.test_random_graphs import STEPS, build, feeds

PROGRAMS = int(os.environ.get("GRAPHC_RANDOM_GRAPHS", "3"))


def narrowed(outputs: list[Node]) -> tuple[list[Node], dict[Node, Node]]:
    """The graph in float32; and its inputs, by those that they stand for."""
    new: dict[Node, Node] = {}
    for node in g.every_node(outputs):
        attrs = dict(node.attrs)
        if attrs.get("dtype") == "float64":
            attrs["dtype"] = "float32"
        if node.op == "constant" and node.dtype == "float64":
            new[node] = g.constant(attrs["value"].astype("float32"))
        elif node.op == "input":
            new[node] = g.input(node.shape, "float32")
        else:
            new[node] = g.make(node.op, *(new[x] for x in node.inputs), **attrs)
    return [new[node] for node in outputs], {x: y for x, y in new.items() if x.op == "input"}


# ---- updates of shared variables ----------------------------------------------------------------

SIZE = 6
ORDER = g.constant(np.array([4, 0, 5, 1, 1, 2], "int32"))

# Of two values of SIZE elements and an input of (batch, SIZE), in exact arithmetic of ints.
OPS = [
    lambda x, y, data: x + y,
    lambda x, y, data: x - 3 * y,
    lambda x, y, data: g.maximum(x, y),
    lambda x, y, data: g.flip(x, 0),
    lambda x, y, data: g.concat([x[2:], y[:2]], 0),
    lambda x, y, data: g.take(x, ORDER),
    lambda x, y, data: x + g.broadcast_to(g.sum(y), x.shape),
    lambda x, y, data: x + g.sum(data, 0),
    lambda x, y, data: g.where(x > y, y, x),
    lambda x, y, data: g.make("scatter_add", ORDER, x, axis=0, size=SIZE),
    lambda x, y, data: g.reshape(g.transpose(g.reshape(x, (2, 3))), (SIZE,)),
]
CHOICE = st.integers(0, 59)
UPDATES = st.tuples(
    st.lists(st.tuples(CHOICE, CHOICE, CHOICE), min_size=1, max_size=7),
    st.lists(CHOICE, min_size=4, max_size=4),  # a new value for each variable
    st.lists(CHOICE, min_size=1, max_size=3),  # what is fetched
)


def updating(
    number: int, steps: list, chosen: list, fetched: list, data: Node
) -> tuple[list[Node], list[Node], list[Node]]:
    """Four variables, their new values (often each other), and what is fetched."""
    start = [100 * number + 10 * k + np.arange(SIZE) for k in range(4)]
    variables = [g.shared(value.astype("int32"), f"v{number}_{k}") for k, value in enumerate(start)]
    values = list(variables)
    for op, first, second in steps:
        x, y = values[first % len(values)], values[second % len(values)]
        values.append(OPS[op % len(OPS)](x, y, data))
    new, wanted = ([values[k % len(values)] for k in picks] for picks in (chosen, fetched))
    return variables, new, wanted


class RandomPrograms:
    """The tests of a code generator.

    Attributes:
        compiled: from outputs, and the states that the last of them are for, to a function of
            feeds that gives what is fetched and sets the states.
    """

    compiled: Callable[..., Any]

    @pytest.mark.parametrize("passes", [False, True])
    @given(graphs=st.lists(STEPS, min_size=12, max_size=12))
    @settings(max_examples=PROGRAMS)
    def test_values(self, passes: bool, graphs: list) -> None:
        outputs = [node for steps in graphs for node in build(steps)]
        if passes:
            outputs, _ = optimize(outputs)
        compiled = self.compiled(outputs)
        for batch in (3, 1):
            fed = feeds(batch)
            for ours, theirs in zip(compiled(fed), evaluate(outputs, fed), strict=True):
                assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
                finite = np.isfinite(theirs)
                np.testing.assert_allclose(ours[finite], theirs[finite], rtol=1e-8, atol=1e-8)

    @given(graphs=st.lists(STEPS, min_size=12, max_size=12))
    @settings(max_examples=PROGRAMS)
    def test_values_in_float32(self, graphs: list) -> None:
        """As near to the values in float64 as the interpreter is, within a factor."""
        wide = [node for steps in graphs for node in build(steps)]
        outputs, inputs = narrowed(wide)
        compiled = self.compiled(outputs)
        for batch in (5, 1):
            fed = feeds(batch)
            small = {inputs[x]: array.astype("float32") for x, array in fed.items() if x in inputs}
            exact = evaluate(
                wide, {x: array.astype("float32").astype(float) for x, array in fed.items()}
            )
            near = evaluate(outputs, small)
            for ours, theirs, best in zip(compiled(small), near, exact, strict=True):
                assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
                finite = np.isfinite(theirs) & np.isfinite(best)
                if finite.any():
                    scale = np.abs(best[finite]).max()
                    allowed = 1e-5 * scale + 30 * np.abs(theirs - best)[finite].max()
                    np.testing.assert_allclose(ours[finite], theirs[finite], rtol=0, atol=allowed)

    @given(programs=st.lists(UPDATES, min_size=10, max_size=10))
    @settings(max_examples=PROGRAMS)
    def test_updates_are_simultaneous(self, programs: list) -> None:
        """All right sides read old values, whichever variables read each other."""
        data = g.input((g.BATCH, SIZE), "int32")
        variables, new, fetched = [], [], []
        for number, parts in enumerate(programs):
            for all_, some in zip(
                (variables, new, fetched), updating(number, *parts, data), strict=True
            ):
                all_ += some
        # The graph reads the data whatever was drawn, so that a call knows the batch.
        fetched.append(g.sum(data))
        compiled = self.compiled([*fetched, *new], [state_of(x) for x in variables])
        for batch in (3, 1):
            fed = {data: np.arange(batch * SIZE, dtype="int32").reshape(batch, SIZE)}
            expected = evaluate([*fetched, *new], fed)
            received = [*compiled(fed), *(x.get_value() for x in variables)]
            for k, (ours, theirs) in enumerate(zip(received, expected, strict=True)):
                np.testing.assert_array_equal(ours, theirs, err_msg=f"output {k}")
