"""Index maps as strides: each element is where the interpreter finds it."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import Node
from graphc.compiler.interpret import evaluate
from graphc.compiler.schedule.strides import Strided, strided

MAPS: dict[str, Callable[[Node], Node]] = {
    "itself": lambda x: x,
    "transposed": lambda x: g.transpose(x, (2, 0, 1)),
    "sliced": lambda x: x[1:3, ::2, 1:],
    "a row": lambda x: x[2],
    "spread": lambda x: g.broadcast_to(g.reshape(x, (4, 1, 6, 5)), (4, 3, 6, 5)),
    "joined": lambda x: g.reshape(x, (24, 5)),
    "split": lambda x: g.reshape(x, (2, 2, 3, 2, 5)),
    "joined and split": lambda x: g.reshape(x, (8, 3, 5)),
    "axes of size 1": lambda x: g.reshape(x, (1, 4, 6, 1, 5, 1)),
    "a slice, split": lambda x: g.reshape(x[:, 1:5], (2, 2, 2, 2, 5)),
    "a slice, its inner axes joined": lambda x: g.reshape(x[1:3], (2, 30)),
    "transposed, split": lambda x: g.reshape(g.transpose(x, (1, 0, 2)), (3, 2, 2, 2, 5)),
}


@pytest.mark.parametrize("name", MAPS)
def test_elements_are_at_their_strides(name: str) -> None:
    x = g.input((4, 6, 5), "int32")
    node = MAPS[name](x)
    view = strided(node, [x], [])
    assert isinstance(view, Strided)
    (positions,) = evaluate([node], {x: np.arange(120, dtype="int32").reshape(4, 6, 5)})
    for coords in itertools.product(*map(range, node.shape)):
        steps = zip(coords, view.strides, strict=True)
        assert view.offset + sum(coord * stride for coord, stride in steps) == positions[coords]


@pytest.mark.parametrize(
    "make",
    [
        lambda x: g.flip(x, 0),
        lambda x: g.pad(x, [(1, 0), (0, 0), (0, 0)]),
        lambda x: -x,
        lambda x: g.reshape(g.transpose(x), (30, 4)),
        lambda x: g.reshape(x[:, 1:5], (16, 5)),
        lambda x: g.concat([x, x], 0),
    ],
)
def test_other_maps_have_no_strides(make: Callable[[Node], Node]) -> None:
    x = g.input((4, 6, 5), "int32")
    assert strided(make(x), [x], []) is None


def test_a_matrix_has_neighbours_along_one_of_its_axes() -> None:
    x = g.input((4, 6, 5), "int32")
    for node, expected in (
        (x[1], True),
        (g.transpose(x[1]), True),
        (x[:, 2], True),
        (x[:, :, 2], False),
        (x[:, :1, 2], True),
        (x[1][:, ::2], False),
    ):
        view = strided(node, [x], [])
        assert view is not None
        assert view.is_matrix is expected


def test_symbolic_sizes_are_split_and_joined() -> None:
    n = g.symbol("n")
    x = g.input((g.BATCH, n, 6), "float32")
    view = strided(g.reshape(x, (g.BATCH * n, 2, 3)), [x], [])
    assert view is not None
    assert view.strides == (6, 3, 1)
    back = strided(g.transpose(g.reshape(x, (g.BATCH, n * 6))), [x], [])
    assert back is not None
    assert back.strides == (1, n * 6)


def test_a_slice_of_a_loops_sequence_moves_with_its_step() -> None:
    x, step = g.input((7, g.BATCH, 6), "float32"), g.input((), "int32")
    view = strided(g.transpose(g.take(x, step)), [x], [step])
    assert view is not None
    assert view.strides == (1, 6)
    assert view.steps == ((step, g.BATCH * 6),)
