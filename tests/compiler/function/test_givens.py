"""The values that givens put for nodes, and the open sizes that the nodes had."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.config import config
from graphc.errors import DTypeError, ShapeError
from tests.native.graph_programs import needs_compiler

CPU = ["numpy", pytest.param("native", marks=needs_compiler)]


def array(*values: object) -> np.ndarray:
    return np.array(values, "float32")


def test_givens_replace_before_anything_else() -> None:
    x, y = g.input((2,)), g.input((2,))
    assert function([y], g.exp(x) + 1.0, givens=[(x, y * 2.0)])(array(0, 0)).tolist() == [2, 2]
    with pytest.raises(ShapeError, match="givens"):
        function([], x, givens=[(x, array(1, 2, 3))])


def running(x: g.Node) -> list[g.Node]:
    """Values that read x's sizes: as a loop's, in its body, as numbers, in a shape."""
    _, (sums,) = g.scan(
        lambda carries, slices: ((total := carries[0] + slices[0] * g.mean(slices[0]),), (total,)),
        init=[g.zeros(x.shape[1:], "float32")],
        sequences=[x],
    )
    return [sums, g.mean(x), g.flip(g.reshape(x, (-1,)), (0,)), g.concat([x, x], 0)]


def running_of(x: np.ndarray) -> list[np.ndarray]:
    sums = np.cumsum(x * x.mean(axis=1, keepdims=True), axis=0)
    return [sums, x.mean(), x.reshape(-1)[::-1], np.concatenate([x, x])]


def check(received: list[np.ndarray], x: np.ndarray) -> None:
    for value, expected in zip(received, running_of(x), strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-6)


@pytest.mark.parametrize("cpu", CPU)
@pytest.mark.parametrize("mode", ["FAST_RUN", "FAST_COMPILE", "DebugMode"])
def test_open_sizes_are_those_of_what_givens_put(cpu: str, mode: str) -> None:
    config.cpu = cpu
    x = g.input((None, None), name="x")
    known, other = g.input((3, 2), name="known"), g.input((None, 2), name="other")
    values = np.random.default_rng(0).normal(size=(3, 2)).astype("float32")
    check(function([known], running(x), givens=[(x, known)], mode=mode)(values), values)
    check(function([], running(x), givens=[(x, values)], mode=mode)(), values)
    twice = g.concat([other, other], 0)  # of a size that no symbol is alone
    step = function([other], running(x), givens=[(x, twice)], mode=mode)
    for rows in (1, 3):
        check(step(values[:rows]), np.concatenate([values[:rows]] * 2))


@pytest.mark.parametrize("cpu", CPU)
def test_sizes_of_another_input_stay_that_inputs(cpu: str) -> None:
    config.cpu = cpu
    n = g.symbol("n")
    x, y = g.input((n, 2), name="x"), g.input((3, 2), name="y")
    z = g.input((n, 2), name="z")
    values = np.random.default_rng(0).normal(size=(3, 2)).astype("float32")
    step = function([y, z], running(x * z), givens=[(x, y)])
    check(step(values, values + 1), values * (values + 1))
    with pytest.raises(ShapeError, match="what givens put .*needs 3 == n, received 3 and n = 2"):
        step(values, values[:2])


def test_a_nodes_own_sizes_may_be_no_symbol() -> None:
    x, y = g.input((2, None), name="x"), g.input((2, None), name="y")
    half = g.exp(x)[:, ::2]
    step = function([y], g.sum(half, 1), givens=[(half, y)])  # nothing is known of x
    assert step(np.ones((2, 5), "float32")).tolist() == [5, 5]
    loop = function([x, y], [*running(half), g.sum(x)], givens=[(half, y)])
    values = np.random.default_rng(0).normal(size=(2, 2)).astype("float32")
    *received, total = loop(np.ones((2, 3), "float32"), values)
    check(received, values)
    assert total == 6


def test_one_size_given_twice_is_one() -> None:
    n = g.symbol("n")
    x, y = g.input((n,), name="x"), g.input((n,), name="y")
    with pytest.raises(ShapeError, match="what givens put for 'y'.*needs 3 == n.* n = 2"):
        function([], g.sum(x) + g.sum(y), givens=[(x, array(1, 2)), (y, array(3, 4, 5))])


def test_what_is_shown_of_the_kernels_knows_the_sizes() -> None:
    x, y, z = (g.input((None,), name=name) for name in "xyz")
    known = g.shared(array(1, 2, 3))
    (kernel,) = function([], g.exp(x), givens=[(x, known)]).kernels(target="cuda")
    assert kernel.bytes == 2 * 3 * 4
    open_size = function([z], g.exp(y), givens=[(y, g.concat([z, z], 0))])
    assert "24" in str(open_size.memory_report(sizes={"z_0": 3}, target="cuda"))


def test_what_givens_put_has_the_size_of_what_it_replaces() -> None:
    n, m = g.symbol("n"), g.symbol("m")
    x, y, z = g.input((n,)), g.input((m,)), g.input((n,))
    total = function([y, z], [g.sum(x), g.sum(z)], givens=[(x, y)])
    assert [float(v) for v in total(array(1, 2), array(3, 4))] == [3, 7]
    with pytest.raises(
        ShapeError, match="what givens put .*needs m == n, received m = 1 and n = 2"
    ):
        total(array(1), array(3, 4))
    with pytest.raises(ShapeError, match=r"what givens put .*needs 0 == n, which holds for no"):
        function([], g.sum(x), givens=[(x, array())])
    with pytest.raises(DTypeError, match="givens replace nodes, received 3"):
        function([x], g.sum(x), givens=[(3, x)])
