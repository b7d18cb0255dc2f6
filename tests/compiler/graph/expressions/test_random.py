"""Random numbers as formulas of the words that the generator draws."""

from __future__ import annotations

import math

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph.expressions import random
from graphc.compiler.interpret import evaluate
from graphc.config import config
from graphc.errors import ArgumentError

KEY = {"seed": 5, "stream": 7}


def words(*shape: int, seed: int = 5, stream: int = 7, step: int = 0) -> np.ndarray:
    return evaluate([random.bits(shape, seed, stream, step)], {})[0].astype("uint64")


def unit(*shape: int) -> np.ndarray:
    return (words(*shape) // 256) / 2**24


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-2.0, 3.0), (0.0, 4.0), (-1.0, 1.0)])
def test_uniform(low: float, high: float) -> None:
    [found] = evaluate([random.uniform((40,), low, high, "float64", **KEY)], {})
    assert found.dtype == "float64"
    np.testing.assert_allclose(found, unit(40) * (high - low) + low, rtol=1e-15)


def test_normal() -> None:
    [found] = evaluate([random.normal((30,), 3.0, 0.5, "float64", **KEY)], {})
    u, v = unit(2, 30)
    expected = 3.0 + 0.5 * np.sqrt(-2 * np.log(1 - u)) * np.cos(2 * math.pi * v)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("p", [0.0, 0.25, 1.0])
def test_bernoulli(p: float) -> None:
    [found] = evaluate([random.bernoulli((50,), p, **KEY)], {})
    assert found.dtype == bool
    assert np.array_equal(found, words(50) < p * 2**32)


def test_defaults() -> None:
    uniform, normal = random.uniform((2, 3), **KEY), random.normal((2, 3), **KEY)
    assert [uniform.dtype, normal.dtype] == [config.floatX] * 2
    found = evaluate([uniform, normal], {})
    written = [random.uniform((2, 3), 0.0, 1.0, **KEY), random.normal((2, 3), 0.0, 1.0, **KEY)]
    assert np.array_equal(found[0], evaluate(written, {})[0])
    assert np.array_equal(found[1], evaluate(written, {})[1])
    [bits] = [random.bits((2,), 3)]
    assert (bits.attrs["seed"], bits.attrs["stream"], bits.attrs["axis"]) == (3, 0, None)


def test_a_seed_comes_from_numpys_generator_and_keys_have_32_bits() -> None:
    np.random.seed(3)
    seeds = [random.bits((1,)).attrs["seed"] for _ in range(2)]
    np.random.seed(3)
    assert seeds == [int(np.random.randint(1, 10**7)) for _ in range(2)]
    wide = random.bits((1,), 2**32 + 5, 2**32 + 7)
    assert (wide.attrs["seed"], wide.attrs["stream"]) == (5, 7)
    assert np.array_equal(words(9), words(9, seed=2**33 + 5))


def test_each_part_of_a_key_and_each_step_has_words_of_its_own() -> None:
    drawn = [words(8), words(8, seed=6), words(8, stream=8), words(8, step=1)]
    assert len({tuple(one) for one in drawn}) == 4


def test_a_draw_with_another_key_is_the_draw_of_that_key() -> None:
    with g.origin("dropout_1"):
        drawn = random.bits((8,), 1, 2)
    other = random.with_key(drawn, 2**32 + 5, 2**32 + 7)
    assert np.array_equal(evaluate([other], {})[0], words(8))
    assert str(g.origin_of(other)) == "dropout_1"
    assert other.attrs["serial"] == drawn.attrs["serial"]


@pytest.mark.parametrize("axis", [0, 1])
def test_a_part_of_a_draw_has_the_words_of_its_place(axis: int) -> None:
    shape, whole = [3, 4], [6, 8]
    part = random.range_of_draw(random.bits(shape, 5, 7), axis, whole[axis], 2)
    full = [whole[k] if k == axis else shape[k] for k in range(2)]
    place = tuple(slice(2, 2 + shape[k]) if k == axis else slice(None) for k in range(2))
    assert np.array_equal(evaluate([part], {})[0], words(*full)[place])


def test_only_a_whole_draw_is_placed() -> None:
    drawn = random.bits((3,), 5, 7)
    part = random.range_of_draw(drawn, 0, 6, 2)
    for wrong in (part, drawn + 1, g.input((3,), "uint32")):
        with pytest.raises(ArgumentError, match="range_of_draw: expected a draw of `bits`"):
            random.range_of_draw(wrong, 0, 6, 2)
