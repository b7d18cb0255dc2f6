"""The movement and the contractions of the expression surface, against NumPy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.interpret import evaluate
from graphc.errors import GraphcError

X = np.arange(24.0).reshape(2, 3, 4)
rng = np.random.default_rng(0)


def value(function, *arrays: np.ndarray) -> np.ndarray:
    inputs = [g.input(x.shape, x.dtype.name) for x in arrays]
    return evaluate([function(*inputs)], dict(zip(inputs, arrays, strict=True)))[0]


def check(function, numpys, *arrays: np.ndarray) -> None:
    found, expected = value(function, *arrays), numpys(*arrays)
    assert found.shape == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


MOVEMENT = {
    "reshape": (lambda x: g.reshape(x, (6, -1)), lambda x: x.reshape(6, 4)),
    "reversed axes": (lambda x: g.transpose(x), lambda x: x.T),
    "ordered axes": (lambda x: g.transpose(x, (2, 0, 1)), lambda x: x.transpose(2, 0, 1)),
    "negative axes": (lambda x: g.transpose(x, (-1, 0, -2)), lambda x: x.transpose(2, 0, 1)),
    "swapped": (lambda x: g.swap_axes(x, 0, -1), lambda x: x.swapaxes(0, -1)),
    "new first axis": (lambda x: g.expand_dims(x, 0), lambda x: x[None]),
    "new last axis": (lambda x: g.expand_dims(x, -1), lambda x: x[..., None]),
    "new inner axis": (lambda x: g.expand_dims(x, 2), lambda x: x[:, :, None]),
    "squeeze": (lambda x: g.squeeze(g.reshape(x, (1, 6, 1, 4)), 0), lambda x: x.reshape(6, 1, 4)),
    "several squeezed": (
        lambda x: g.squeeze(g.reshape(x, (1, 6, 1, 4)), (0, -2)),
        lambda x: x.reshape(6, 4),
    ),
    "flip": (lambda x: g.flip(x, 1), lambda x: np.flip(x, 1)),
    "several flipped": (lambda x: g.flip(x, (0, -1)), lambda x: np.flip(x, (0, -1))),
    "concat": (lambda x: g.concat([x, x[:, :, :1]]), lambda x: np.concatenate([x, x[:, :, :1]], 2)),
    "concat in front": (lambda x: g.concat([x, x[:1]], 0), lambda x: np.concatenate([x, x[:1]])),
    "stack": (lambda x: g.stack([x, x + 1.0]), lambda x: np.stack([x, x + 1])),
    "stack behind": (lambda x: g.stack([x, x + 1.0], -1), lambda x: np.stack([x, x + 1], -1)),
    "pad": (
        lambda x: g.pad(x, [(0, 1), (2, 0), (0, 0)], 7.0),
        lambda x: np.pad(x, [(0, 1), (2, 0), (0, 0)], constant_values=7),
    ),
    "repeat": (lambda x: g.repeat(x, 3, 1), lambda x: x.repeat(3, 1)),
    "repeat behind": (lambda x: g.repeat(x, 2, -1), lambda x: x.repeat(2, -1)),
    "tile": (lambda x: g.tile(x, (1, 2, 3)), lambda x: np.tile(x, (1, 2, 3))),
}


@pytest.mark.parametrize("case", MOVEMENT)
def test_movement(case: str) -> None:
    check(*MOVEMENT[case], X)


ORDER = ("bool", "int32", "uint32", "int64", "float32", "float64")


@pytest.mark.parametrize(("one", "other"), [*itertools.product(ORDER, repeat=2)])
def test_values_of_two_dtypes_are_joined_in_the_later_one(one: str, other: str) -> None:
    """A float stays one of its size beside ints; int64 holds all numbers of int32 and uint32."""
    joined = g.concat([g.input((2,), one), g.input((3,), other)])
    later = ORDER[max(ORDER.index(one), ORDER.index(other))]
    assert joined.dtype == ("int64" if {one, other} == {"int32", "uint32"} else later)


def test_what_moves_nothing_is_the_node_itself() -> None:
    x = g.input((2, 3, 4), "float64")
    same = [
        g.concat([x], 1),
        g.flip(x, ()),
        g.reshape(x, (2, 3, 4)),
        g.reshape(x, (2, -1, 4)),
        g.transpose(x, (0, 1, 2)),
        g.swap_axes(x, 1, -2),
        g.squeeze(x, ()),
    ]
    assert same == [x] * len(same)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("shape", [(), (3,), (2, 2)])
def test_take(axis: int, shape: tuple[int, ...]) -> None:
    indices = rng.integers(0, 2, shape).astype("int32")
    check(lambda x, i: g.take(x, i, axis), lambda x, i: np.take(x, i, axis), X, indices)


@pytest.mark.parametrize("axis", [0, 1])
def test_scatter_add(axis: int) -> None:
    indices = np.array([3, 0, 3], "int32")
    updates = rng.normal(size=(3, 2) if axis == 0 else (2, 3))

    def numpys(indices, updates):
        result = np.zeros((5, 2) if axis == 0 else (2, 5))
        np.add.at(result, (slice(None),) * axis + (indices,), updates)
        return result

    check(lambda i, u: g.scatter_add(i, u, 5, axis), numpys, indices, updates)


@pytest.mark.parametrize("step", [None, 1, 2, 3, 7, -1, -2, -3, -7])
def test_slices_as_numpy_has_them(step: int | None) -> None:
    x = np.arange(5.0)
    bounds = [None, *range(-6, 7)]
    node = g.input((5,), "float64")
    keys = [slice(start, stop, step) for start, stop in itertools.product(bounds, bounds)]
    for found, key in zip(evaluate([node[key] for key in keys], {node: x}), keys, strict=True):
        assert found.tolist() == x[key].tolist(), key


@pytest.mark.parametrize(
    "key",
    [
        0,
        -1,
        (1, 2),
        (slice(None), -3),
        (..., 1),
        (0, ..., slice(1, None, 2)),
        (None, 1),
        (slice(None), None, slice(None, None, -1)),
        (..., None),
        np.int64(1),
        (slice(np.int32(1), None), slice(None), slice(None, None, -2)),
    ],
    ids=str,
)
def test_keys_as_numpy_has_them(key: object) -> None:
    check(lambda x: x[key], lambda x: x[key], X)


@pytest.mark.parametrize(
    "key", [2, -3, (0, 3), (0, 0, 0, 0), 1.5, "a", (..., ...), [0, 1.5]], ids=str
)
def test_keys_that_fit_no_axis(key: object) -> None:
    with pytest.raises(GraphcError):
        g.input((2, 3, 4))[key]


def test_numbers_everywhere() -> None:
    for node, expected in ((g.zeros((2, 3), "int32"), 0), (g.full((2, 3), 2.5, "float64"), 2.5)):
        (found,) = evaluate([node], {})
        assert (found.dtype, found.shape) == (node.dtype, (2, 3))
        assert (found == expected).all()


CONTRACTIONS = {
    "vectors": (g.dot, np.dot, (4,), (4,)),
    "matrix, vector": (g.dot, np.dot, (3, 4), (4,)),
    "vector, matrix": (g.dot, np.dot, (4,), (4, 3)),
    "dot of more axes": (g.dot, np.dot, (2, 3, 4), (5, 4, 6)),
    "matmul": (g.matmul, np.matmul, (3, 4), (4, 5)),
    "matmul of stacks": (g.matmul, np.matmul, (2, 3, 4), (2, 4, 5)),
    "matmul that broadcasts": (g.matmul, np.matmul, (2, 1, 3, 4), (6, 4, 5)),
    "one pair of axes": (
        lambda x, y: g.tensordot(x, y, ([1], [0])),
        lambda x, y: np.tensordot(x, y, ([1], [0])),
        (2, 3, 4),
        (3, 5),
    ),
    "two pairs of axes": (
        lambda x, y: g.tensordot(x, y, ([0, -1], [2, 0])),
        lambda x, y: np.tensordot(x, y, ([0, -1], [2, 0])),
        (2, 3, 4),
        (4, 5, 2),
    ),
    "for each sample": (
        lambda x, y: g.batch_dot(x, y, (2, 1)),
        lambda x, y: np.einsum("bij,bjk->bik", x, y),
        (2, 3, 4),
        (2, 4, 5),
    ),
    "for each sample, of vectors": (
        lambda x, y: g.batch_dot(x, y, (1, 1)),
        lambda x, y: np.einsum("bi,bi->b", x, y),
        (2, 4),
        (2, 4),
    ),
    "for each sample, other axes": (
        lambda x, y: g.batch_dot(x, y, (1, 2)),
        lambda x, y: np.einsum("bji,bkj->bik", x, y),
        (2, 4, 3),
        (2, 5, 4),
    ),
}


@pytest.mark.parametrize("case", CONTRACTIONS)
def test_contractions(case: str) -> None:
    function, numpys, *shapes = CONTRACTIONS[case]
    check(function, numpys, *(rng.normal(size=shape) for shape in shapes))
