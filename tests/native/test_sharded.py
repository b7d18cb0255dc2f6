"""A step in shards as native code."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.function import CallStep, function, sharded_function
from graphc.compiler.function.roots import Root
from graphc.compiler.function.shard_calls import ShardCalls
from graphc.compiler.grad import grad
from graphc.compiler.shards import FIRST, RowDivision
from graphc.config import config
from graphc.errors import IndexRangeError
from graphc.parallel.transport import OneRank
from tests.compiler.function.large_weights import large_weights
from tests.native.graph_programs import needs_compiler
from tests.parallel.threads import run_ranks

pytestmark = needs_compiler


def test_a_step_with_draws_is_that_of_the_whole_batch():
    """A mask, normal noise and a count that the first pass finds; the last shard has a row less."""
    x, weights = g.input((g.BATCH, 5)), g.input((g.BATCH,))
    w = g.shared(np.random.default_rng(1).normal(size=(5, 3)).astype("float32"), "w")
    kept = g.random.bernoulli((g.BATCH, 3), 0.5, seed=1)
    noise = g.random.normal((g.BATCH, 3), seed=2)
    hidden = g.where(kept, g.tanh(g.dot(x, w)) * 2.0, 0.0) + noise
    counted = g.cast(g.maximum(g.sum(g.not_equal(weights, 0)), 1), "float32")
    loss = g.sum(g.mean(g.square(hidden), 1) * weights) / counted
    updates, before = [(w, w - 0.1 * grad(loss, w))], w.get_value()
    a = np.random.default_rng(2).normal(size=(11, 5)).astype("float32")
    b = (np.arange(11) % 3).astype("float32")
    results = []
    with config.changed(cpu="native"):
        for step in (
            sharded_function([x, weights], [loss, hidden], updates, shards=4),
            function([x, weights], [loss, hidden], updates),
        ):
            assert step.target() == "cpu"
            w.set_value(before)
            results.append([*step(a, b), *step(a, b), w.get_value()])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-6, atol=1e-6)


def added(values):
    """Add in the tree over their numbers, tree(n) = tree(2^k) + tree(n - 2^k)."""
    if len(values) == 1:
        return values[0]
    half = 1 << (len(values) - 1).bit_length() - 1
    return added(values[:half]) + added(values[half:])


def test_sums_over_parts_are_those_of_calls_added_in_the_tree():
    """Of several types, of arrays that threads divide, of one value that is wanted twice; the last
    part is smaller, and values of single parts stay apart."""
    x = g.input((g.BATCH, 183), "float32")
    total = g.sum(x)
    outputs = [
        g.dot(g.transpose(x, (1, 0)), x),
        g.sum(g.cast(x, "float64"), 0),
        g.sum(g.cast(x > 0, "int64"), 0),
        g.sum(g.cast(x * 10, "int32"), 0),
        total,
        total,
        g.sum(x, 1),
    ]
    with config.changed(cpu="native"):
        step = function([x], outputs)
        assert step.target() == "cpu"
        for count in (1, 2, 3, 4, 7, 6):
            draw = np.random.default_rng(count)
            whole = draw.normal(size=(5 * count - 2, 183)).astype("float32")
            calls = [step(whole[first : first + 5]) for first in range(0, len(whole), 5)]
            run = ShardCalls(step, RowDivision((0,), 5, len(whole)), 6)
            sums, others = run([whole])
            for number, found in enumerate(sums):
                expected = np.asarray(added([values[number] for values in calls]))
                assert found.dtype == expected.dtype
                assert found.tobytes() == expected.tobytes()
            for found, values in zip(others, calls, strict=True):
                assert [one.tolist() for one in found] == [values[6].tolist()]


def test_a_value_that_is_summed_and_wanted_of_each_part():
    x = g.input((g.BATCH, 3), "float32")
    total = g.sum(x, 0)
    with config.changed(cpu="native"):
        step = function([x], [total, total])
        sums, others = ShardCalls(step, RowDivision((0,), 2, 6), 1)([np.ones((6, 3), "float32")])
    assert sums[0].tolist() == [6, 6, 6]
    assert [one.tolist() for (one,) in others] == [[2, 2, 2]] * 3


def test_arguments_of_shards_whose_rows_are_not_contiguous():
    """Rows along the second axis, in columns, in every other row; an argument that shards share,
    and one of which each reads the element of its first row. Values at a call's own addresses."""
    across, rows = g.input((2, g.BATCH), "float32"), g.input((g.BATCH, 3), "float32")
    shared, first = g.input((3,), "float32"), g.input((), "int64")
    total = g.sum(g.sum(across, 0) * g.sum(rows * shared, 1)) * g.cast(first + 1, "float32")
    draw = np.random.default_rng(5)
    with config.changed(cpu="native"):
        step = function([across, rows, shared, first], [total, g.sum(shared)])
        run = ShardCalls(step, RowDivision((1, 0, None, FIRST), 2, 5), 2)
        for order in ("C", "F", "other"):
            a, w = draw.integers(-4, 4, (2, 5)), draw.integers(-4, 4, 6).astype("float32")[::2]
            b = draw.integers(-4, 4, (10, 3)).astype(
                "float32", order=order[0] if order != "other" else "C"
            )
            b = b[::2] if order == "other" else b[:5]
            (found, _), _ = run([a.astype("float32"), b, w, np.arange(5)])
            assert found == sum(
                (first + 1) * (a[:, r].sum() * (b[r] * w).sum())
                for first in (0, 2, 4)
                for r in range(first, min(first + 2, 5))
            )


def test_parts_draw_at_one_call():
    x, counter = g.input((g.BATCH, 4), "float32"), CallStep()
    drawn = x + g.random.uniform((4,), seed=1)
    with config.changed(cpu="native"):
        step = function([x], g.sum(drawn, 0), call_step=counter)
        single = function([x], g.sum(drawn, 0))
        run = ShardCalls(step, RowDivision((0,), 1, 2), 1)
        for number in range(2):
            counter.value, zeros = number, np.zeros((2, 4), "float32")
            (found,), _ = run([zeros])
            assert found.tolist() == (single(zeros[:1]) * 2).tolist()
            assert counter.value == number


def test_an_error_in_a_shard_or_behind_them_leaves_variables_and_counts_as_they_were(monkeypatch):
    indices, table = g.input((g.BATCH,), "int32"), g.shared(np.arange(4, dtype="float32"))
    counter = CallStep()
    total = g.sum(g.take(table, indices) * g.random.bernoulli((g.BATCH,), 1.0, seed=1))
    update = [(table, table + total)]
    with config.changed(cpu="native"):
        step = sharded_function([indices], total, update, call_step=counter, shards=3)
        with pytest.raises(IndexRangeError, match="index 4"):
            step(np.array([0, 1, 2, 3, 4, 0], "int32"))
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Root, "__call__", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            step(np.array([0, 1, 2, 3, 3, 0], "int32"))
        assert table.get_value().tolist() == [0, 1, 2, 3]
        assert counter.value == 0
        assert step(np.array([0, 1, 2, 3, 3, 0], "int32")) == 9
    assert table.get_value().tolist() == [9, 10, 11, 12]
    assert counter.value == 1


def test_outputs_that_come_to_the_same_value_are_added_once_each():
    x, ones = g.input((g.BATCH, 3), "float32"), np.ones((4, 3), "float32")
    outputs = [g.sum(x, 0), g.sum(x * 1.0, 0)]
    with config.changed(cpu="native"):
        step = sharded_function([x], outputs, shards=4)
        found, _ = step(ones), step(ones * 2)  # the next call leaves what this one fetched
        whole = function([x], outputs)(ones)
    assert [one.tolist() for one in (*found, *whole)] == [[4, 4, 4]] * 4
    assert whole[0] is not whole[1]


def test_threads_that_call_one_function_get_the_sums_of_their_own_calls():
    """Sums are kept where the next call makes its own."""
    x, threads = g.input((g.BATCH, 40_000), "float32"), 3
    with config.changed(cpu="native"):
        step = sharded_function([x], g.sum(x, 0), shards=4)
        step(np.zeros((4, 40_000), "float32"))

        def wrong(value: int) -> int:
            fed = np.full((4, 40_000), value, "float32")
            return sum((step(fed) != 4 * value).any() for _ in range(100))

        with ThreadPoolExecutor(threads) as pool:
            assert list(pool.map(wrong, range(threads))) == [0] * threads


def test_gradients_that_are_computed_from_rows_have_the_bits_of_any_number_of_ranks():
    """A rank has a piece of the weight that begins and ends within rows."""

    def program(ranks):
        with config.changed(cpu="native"):
            return [one.tobytes() for one in large_weights(ranks, 4, [21, 3])]

    assert run_ranks(3, program) == [program(OneRank())] * 3


def test_rows_are_written_where_those_of_all_shards_lie():
    """Those that kernels write, an argument as it is given, and one value twice."""
    x, twice = g.input((g.BATCH, 3), "float32"), np.arange(12, dtype="float32").reshape(4, 3)
    with config.changed(cpu="native"):
        step = function([x], [g.sum(x, 0), x * 2.0, x, x * 2.0])
        wholes = [np.zeros((4, 3), "float32") for _ in range(3)]
        assert ShardCalls(step, RowDivision((0,), 3, 4), 1)([twice], wholes)[1] == []
        assert [whole.tolist() for whole in wholes] == [
            (2 * twice).tolist(),
            twice.tolist(),
            (2 * twice).tolist(),
        ]
        fetched = sharded_function([x], [x * 2.0, g.sum(x)], shards=2)
        first, _ = fetched(twice)
        fetched(np.zeros((4, 3), "float32"))
    assert first.tolist() == (2 * twice).tolist()  # the next call writes elsewhere
