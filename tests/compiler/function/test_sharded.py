"""Functions that take their batch in shards, beside those that take it whole."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.function import CallStep, Function, function, sharded_function
from graphc.compiler.function.shard_calls import ShardCalls
from graphc.compiler.grad import grad
from graphc.config import config
from graphc.errors import (
    ArgumentError,
    DTypeError,
    IndexRangeError,
    NotFiniteError,
    ShapeError,
)
from graphc.parallel.transport import OneRank
from tests.compiler.function.large_weights import MOST_ROWS, large_weights
from tests.native.graph_programs import needs_compiler

F = "float64"


@pytest.fixture(autouse=True)
def interpreted():
    with config.changed(cpu="numpy", floatX=F):
        yield


def rows(count, *shape):
    return np.random.default_rng(count).uniform(-1, 1, (count, *shape))


def batch(*shape, name=None, dtype=F):
    return g.input((g.BATCH, *shape), dtype, name)


@pytest.mark.parametrize("count", [1, 2, 7, 8, 10])
@pytest.mark.parametrize("shards", [1, 2, 3, 5, 8])
def test_sums_means_and_rows(count, shards):
    """Sums are added, means weighed by rows, and rows put one behind another."""
    x, t = batch(3), g.input((4,), F)
    outputs = [g.sum(x, 0), g.mean(x), g.dot(x, g.reshape(t[:3], (3, 1))), t * 2.0, g.sum(x * x)]
    of_shards = sharded_function([x, t], outputs, shards=shards)
    a, b = rows(count, 3), np.arange(4.0)
    total, mean, products, twice, squares = of_shards(a, b)
    np.testing.assert_allclose(total, a.sum(0), rtol=0, atol=1e-15)
    np.testing.assert_allclose(mean, a.sum() / (3 * count), rtol=0, atol=1e-16)
    np.testing.assert_allclose(products, a @ b[:3, None], rtol=0, atol=1e-15)
    assert twice.tolist() == [0, 2, 4, 6]
    np.testing.assert_allclose(squares, (a * a).sum(), rtol=1e-15)


def test_a_single_output_is_an_array_alone():
    x = batch(2)
    assert sharded_function([x], g.sum(x), shards=2)(np.ones((3, 2))) == 6.0
    assert sharded_function([x], x * 2.0, shards=2)(np.ones((3, 2))).tolist() == [[2, 2]] * 3


def test_a_step_of_training_is_that_of_the_whole_batch():
    """Of weights of which some are 0: rows of the gradient read a count over the whole batch."""
    x, y, weights = batch(3, name="x"), batch(2, name="y"), batch(name="weights")
    w, velocity = g.shared(rows(3, 2), "w"), g.shared(np.zeros((3, 2)), "velocity")
    scores = g.mean(g.square(g.tanh(g.dot(x, w)) - y), 1)
    counted = g.cast(g.maximum(g.sum(g.not_equal(weights, 0)), 1), F)
    loss = g.sum(scores * weights) / counted + 0.01 * g.sum(g.square(w))
    gradient = grad(loss, w)
    clipped = gradient / g.maximum(g.sqrt(g.sum(g.square(gradient))), 0.1)
    moved = 0.9 * velocity - 0.1 * clipped
    updates = [(velocity, moved), (w, w + moved)]
    step = sharded_function([x, y, weights], loss, updates, shards=4)
    whole = function([x, y, weights], loss, updates)
    a, b, c = rows(10, 3), rows(10, 2), np.array([1, 0, 2, 0, 0, 1, 1, 0, 3, 1.0])
    before = w.get_value()
    losses = [float(step(a, b, c)) for _ in range(3)]
    found = w.get_value(), velocity.get_value()
    g.set_values([(w, before), (velocity, np.zeros((3, 2)))])
    assert [float(whole(a, b, c)) for _ in range(3)] == pytest.approx(losses, rel=1e-14)
    np.testing.assert_allclose(found[0], w.get_value(), rtol=0, atol=1e-15)
    np.testing.assert_allclose(found[1], velocity.get_value(), rtol=0, atol=1e-15)


def test_a_loss_that_is_the_root_of_a_mean():
    """Its gradient reads the mean, so that each shard runs twice."""
    x, w = batch(3), g.shared(rows(3, 2), "w")
    loss = g.sqrt(g.mean(g.square(g.dot(x, w))))
    found = sharded_function([x], [loss, grad(loss, w)], shards=3)(rows(8, 3))
    expected = function([x], [loss, grad(loss, w)])(rows(8, 3))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-14)


def test_what_mixes_rows_gets_all_of_them_where_no_shard_reads_it():
    """As a metric does: the largest of the batch, its order reversed."""
    x, w = batch(3), g.shared(rows(3, 2), "w")
    y = g.dot(x, w)
    outputs = [g.max(y, 0), g.flip(y, 0), g.mean(y)]
    found = sharded_function([x], outputs, shards=3)(rows(7, 3))
    for one, other in zip(found, function([x], outputs)(rows(7, 3)), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-15)


def test_outputs_that_no_shard_computes():
    """Described for the whole batch that is given, or for any where nothing reads it."""
    x, t = batch(3), g.input((4,), F)
    whole = sharded_function([x], g.flip(x, 0), shards=2)
    without = sharded_function([x, t], t * 2.0, shards=2, on_unused_input="ignore")
    a = rows(8, 3)
    np.testing.assert_array_equal(whole(a), a[::-1])
    assert without(a, np.arange(4.0)).tolist() == [0, 2, 4, 6]
    assert "(batch 8)" in str(whole.kernels(8, target="cpu"))
    assert str(without.kernels(8, target="cpu")) == str(without.kernels(target="cpu"))
    reports = [str(without.memory_report(size, target="cpu")) for size in (8, None)]
    assert reports[0] == reports[1]


def test_the_memory_is_that_of_a_shard_or_of_what_has_the_rows_of_all():
    """A metric that compares each row with each other one is computed for the whole batch."""
    x = g.input((g.BATCH, None, 3), F)
    series, each = x.shape[1], g.sum(g.tanh(x), 1)
    pairs = g.tanh(g.dot(each, g.transpose(each, (1, 0))))
    for outputs, rows_of_arena in (([g.sum(each)], 8), ([g.sum(each), pairs + g.exp(pairs)], 32)):
        step = sharded_function([x], outputs, shards=4)
        report = step.memory_report(32, {str(series): 5}, target="cpu")
        assert report.sizes["batch"] == rows_of_arena
    with pytest.raises(ArgumentError, match="no input has a size 'other'"):
        step.memory_report(32, {"other": 5}, target="cpu")


def test_time_major_rows():
    """The batch is the second axis, behind that of a loop."""
    series, w = g.input((None, g.BATCH, 3), F), g.shared(rows(3, 2), "w")
    steps = series.shape[0]
    merged = g.dot(g.reshape(series, (steps * g.BATCH, 3)), w)
    (final,), (stack,) = g.scan(
        lambda c, s: ((0.5 * c[0] + s[0],), (c[0] * s[0],)),
        init=[g.zeros((g.BATCH, 2), F)],
        sequences=[g.reshape(merged, (steps, g.BATCH, 2))],
    )
    loss = g.mean(final) + g.sum(g.square(stack))
    outputs = [loss, grad(loss, w), merged, stack]
    a = rows(4, 7, 3)
    found = sharded_function([series], outputs, shards=3)(a)
    for one, other in zip(found, function([series], outputs)(a), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-13)


def test_a_statistic_of_a_shards_own():
    """Normalised rows of each shard have the mean 0; the mean of the shards' means counts rows."""
    x = batch(2)
    own = g.own_batch(g.sum(x, 0)) / g.own_batch(g.cast(g.as_node(g.BATCH), F))
    mean = g.rows_mean(own, g.BATCH)
    centred, mean = sharded_function([x], [x - own, g.sqrt(g.square(mean))], shards=3)(rows(7, 2))
    parts = [rows(7, 2)[:3], rows(7, 2)[3:6], rows(7, 2)[6:]]
    expected = np.concatenate([part - part.mean(0) for part in parts])
    np.testing.assert_allclose(centred, expected, rtol=0, atol=1e-15)
    weighted = sum(len(part) / 7 * part.mean(0) for part in parts)
    np.testing.assert_allclose(mean, np.abs(weighted), rtol=0, atol=1e-15)


def test_the_marks_of_a_shards_own_are_gone_from_other_functions():
    x = batch(2)
    count = g.cast(g.as_node(g.BATCH), F)
    own = g.rows_mean(g.own_batch(g.sum(x, 0)) / g.own_batch(count), g.BATCH)
    assert function([x], own).graph() == function([x], g.sum(x, 0) / count).graph()


# ---- calls --------------------------------------------------------------------------------------


def test_what_is_fed_is_checked_once_and_for_the_whole_batch():
    x, y = batch(3, name="x"), batch(3, name="y")
    step = sharded_function([x, y], g.sum(x * y), shards=3)
    with pytest.raises(ShapeError, match=r"'y'.*expected batch = 8 by axis 0 of 'x'.*received 7"):
        step(rows(8, 3), rows(7, 3))
    with pytest.raises(DTypeError, match="'x'.*expected dtype float64, received float32"):
        step(rows(8, 3).astype("float32"), rows(8, 3))
    with pytest.raises(ArgumentError, match="takes 2 arguments"):
        step(rows(8, 3))


def test_an_error_in_a_shard_leaves_all_variables_as_they_were():
    indices, table = batch(dtype="int32"), g.shared(np.arange(4.0), "table")
    count = g.shared(0, "count", "int64")
    total = g.sum(g.take(table, indices))
    step = sharded_function(
        [indices], total, [(table, table + total), (count, count + 1)], shards=3
    )
    with pytest.raises(IndexRangeError):
        step(np.array([0, 1, 2, 3, 4, 0], "int32"))
    assert table.get_value().tolist() == [0, 1, 2, 3]
    assert count.get_value() == 0
    assert step(np.array([0, 1, 2, 3, 3, 0], "int32")) == 9
    assert count.get_value() == 1


@pytest.mark.parametrize("cpu", ["numpy", "native"])
def test_an_error_in_a_shard_says_which_rows_of_the_batch_it_has(cpu):
    indices, table = batch(2, dtype="int32"), g.shared(np.arange(4.0), "table")
    fed = np.zeros((7, 2), "int32")
    fed[5, 1] = 4
    with config.changed(cpu=cpu):
        step = sharded_function([indices], g.sum(g.take(table, indices)), shards=4)
        message = r"index 4 at position \(1, 1\) .*\n.*its row 0 is row 4 of the batch"
        with pytest.raises(IndexRangeError, match=message):
            step(fed)


def test_an_error_about_a_value_that_is_not_finite_says_which_rows_its_shard_has():
    x, fed = batch(3), np.ones((7, 3))
    fed[6, 2] = 0
    step = sharded_function([x], g.sum(g.log(x)), mode="NanGuardMode", shards=3)
    message = r"-inf appeared first at index \(0, 2\) (.|\n)*its row 0 is row 6 of the batch"
    with pytest.raises(NotFiniteError, match=message):
        step(fed)


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_interrupt_between_shards_leaves_variables_and_counts_as_they_were(monkeypatch, error):
    x, w, counter = batch(3), g.shared(rows(3, 2), "w"), CallStep()
    loss = g.mean(g.square(g.dot(x * g.random.uniform((g.BATCH, 3), seed=1), w)))
    step = sharded_function([x], loss, [(w, w - grad(loss, w))], call_step=counter, shards=3)
    before, calls = w.get_value(), []
    whole = Function.__call__

    def interrupted(function, *arrays):
        calls.append(function.name)
        if len(calls) == 3:
            raise error
        return whole(function, *arrays)

    with monkeypatch.context() as patch:
        patch.setattr(Function, "__call__", interrupted)
        with pytest.raises(error):
            step(rows(7, 3))
    assert len(calls) == 3
    assert counter.value == 0
    assert w.get_value().tolist() == before.tolist()
    step(rows(7, 3))
    assert counter.value == 1


@pytest.mark.parametrize("mode", ["FAST_COMPILE", "DebugMode", "NanGuardMode"])
def test_modes(mode):
    x, w = batch(3), g.shared(rows(3, 2), "w")
    loss = g.mean(g.log(g.square(g.dot(x, w))))
    step = sharded_function([x], [loss, grad(loss, w)], mode=mode, shards=3)
    for one, other in zip(
        step(rows(7, 3)), function([x], [loss, grad(loss, w)])(rows(7, 3)), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    if mode == "NanGuardMode":
        with pytest.raises(NotFiniteError, match="the value -inf appeared first"):
            step(np.zeros((7, 3)))


def test_draws_without_the_batch_are_those_of_one_call():
    x, counter = batch(3), CallStep()
    noise = g.random.uniform((3,), seed=5)
    outputs = [g.sum(x * noise), noise * 1.0]
    step = sharded_function([x], outputs, call_step=counter, shards=3)
    whole = function([x], outputs)
    for call in range(3):
        assert counter.value == call
        for one, other in zip(step(rows(7, 3)), whole(rows(7, 3)), strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-14)
    predict = sharded_function([x], x * noise, call_step=counter, shards=3)
    np.testing.assert_array_equal(predict(rows(7, 3)), rows(7, 3) * whole(rows(7, 3))[1])
    assert counter.value == 4


@pytest.mark.parametrize("shards", [2, 3, 5])
def test_draws_are_those_rows_of_the_whole_draw(shards):
    """Masks, time-major masks, pairs of normals, numbers for merged axes, drawn in a loop."""
    x, w = batch(4), g.shared(rows(4, 3), "w")
    steps = g.input((6, g.BATCH, 3), F)
    mask = g.random.bernoulli((g.BATCH, 4), 0.5, seed=1)
    normal = g.random.normal((g.BATCH, 3), seed=2)
    timed = steps * g.random.uniform((6, g.BATCH, 3), seed=3)
    merged = g.reshape(g.random.uniform((g.BATCH * 3, 2), seed=4), (g.BATCH, 3, 2))

    def step(carries, slices):
        h, number = carries
        drawn = g.random.uniform((g.BATCH, 3), seed=5, scan_step=number)
        return (h + slices[0] * drawn, number + 1), ()

    (final, _), _ = g.scan(step, [g.zeros((g.BATCH, 3), F), g.as_node(0, "int32")], [timed])
    y = g.dot(g.where(mask, x * 2.0, 0.0), w) + normal + final
    outputs = [y, g.mean(y), grad(g.mean(y * y), w), timed, merged]
    counters = CallStep(), CallStep()
    of_shards = sharded_function([x, steps], outputs, call_step=counters[0], shards=shards)
    whole = function([x, steps], outputs, call_step=counters[1])
    for _ in range(2):
        fed = rows(7, 4), np.stack([rows(7, 3) + k for k in range(6)])
        for one, other in zip(of_shards(*fed), whole(*fed), strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-13)
    assert [counter.value for counter in counters] == [2, 2]


def test_a_call_counts_where_a_call_of_the_whole_batch_does():
    """In testing too, where the branch that draws is not taken."""
    x, counters = batch(3), (CallStep(), CallStep())
    noisy = g.where(g.learning_phase(), x + g.random.uniform((g.BATCH, 3), seed=1), x)
    phase = {"givens": [(g.learning_phase(), False)]}
    function([x], g.mean(noisy), call_step=counters[0], **phase)(rows(4, 3))
    sharded_function([x], g.mean(noisy), call_step=counters[1], shards=2, **phase)(rows(4, 3))
    assert [counter.value for counter in counters] == [1, 1]


# ---- what cannot be divided ---------------------------------------------------------------------


def refused(output, inputs, match, updates=None, **options):
    with pytest.raises(ArgumentError, match=match):
        sharded_function(inputs, output, updates, name="step", shards=2, **options)


def test_a_mean_over_the_batch_within_rows_is_refused_where_a_gradient_reads_it():
    x, w = batch(3), g.shared(rows(3, 2), "w")
    with g.origin("centre"):
        y = g.dot(x, w)
        centred = y - g.mean(y, 0)
    loss = g.mean(g.square(centred))
    refused(
        grad(loss, w),
        [x],
        r"step: shards: .*centre reads, for each row, the sum over the whole batch .*centre.*"
        r"depends on another such sum.*Train with shards=1.*BatchNormalization",
    )
    (found, expected) = (
        made(rows(7, 3)) for made in (sharded_function([x], loss, shards=2), function([x], loss))
    )
    assert found == pytest.approx(expected, rel=1e-14)  # without a gradient one pass is enough


def test_an_update_that_reads_what_mixes_rows_is_refused():
    x = batch(3)
    with g.origin("ranking"):
        best = g.max(x, 0)
    w = g.shared(np.ones(3), "w")
    loss = g.mean((x - best) * w)
    refused(
        loss,
        [x],
        r"step: shards: .*ranking cannot be computed shard by shard: it takes the max over the "
        r"rows of the batch; and a new value of a variable depends on it.*shards=1",
        updates=[(w, w - grad(loss, w))],
    )


def test_a_value_of_a_shards_own_is_refused_as_an_output():
    x = batch(3)
    refused(g.own_batch(g.sum(x)), [x], "another value in each shard.*rows_mean")


def test_a_batch_that_the_graph_knows_is_refused():
    x = g.input((8, 3), F)
    refused(g.sum(x), [x], "has a number for it.*no batch_input_shape.*shards=1")
    open_ = batch(3)
    refused(open_ + np.ones((8, 3)), [open_], r"has a number for it.*random draws")


def test_a_learning_phase_among_the_inputs_is_refused():
    x = batch(3)
    refused(
        g.where(g.learning_phase(), x, 0.0),
        [x, g.learning_phase()],
        "learning phase is an input; fix it",
    )


@pytest.mark.parametrize("count", [9, MOST_ROWS, MOST_ROWS + 1])
def test_large_weights_are_updated_as_by_the_whole_batch(count):
    """From its rows, or from the sums of shards where it is large; then from a small one's."""
    found = large_weights(OneRank(), 4, [count, 5])
    for one, other in zip(found, large_weights(None, 1, [count, 5]), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("cpu", ["numpy", pytest.param("native", marks=needs_compiler)])
def test_rows_whose_axis_is_merged_with_others_are_fetched_in_order(cpu):
    """Behind the batch, where a row has several lines; ahead of it, where its lines are apart."""
    x = batch(3, 2)
    behind = g.reshape(x * 2.0, (g.BATCH * 3, 2))
    ahead = g.reshape(g.transpose(x, (1, 0, 2)), (3 * g.BATCH, 2))
    a = rows(5, 3, 2)
    with config.changed(cpu=cpu):
        for outputs in ([behind, g.reshape(x, (g.BATCH * 6,))], [ahead, behind]):
            found = sharded_function([x], outputs, shards=2)(a)
            for one, expected in zip(found, function([x], outputs)(a), strict=True):
                assert one.tolist() == expected.tolist()


def test_counts_that_rows_read_are_taken_of_all_shards_at_once(monkeypatch):
    """Of int64; a sum of floats is added in the tree."""
    x, weights, w = batch(3), batch(), g.shared(rows(3, 2), "w")
    seen, run = [], ShardCalls.__call__

    def watched(self, *arguments):
        seen.append(self.division.shards)
        return run(self, *arguments)

    monkeypatch.setattr(ShardCalls, "__call__", watched)
    a, b = rows(7, 3), np.array([0, 1, 2, 0, 0, 1, 1.0])
    for total in (g.cast(g.sum(g.not_equal(weights, 0)), F), g.sum(weights * 2.0)):
        loss = g.sum(g.sum(g.tanh(g.dot(x, w)), 1) * weights / total)
        found = sharded_function([x, weights], [loss, grad(loss, w)], shards=3)(a, b)
        for one, other in zip(
            found, function([x, weights], [loss, grad(loss, w)])(a, b), strict=True
        ):
            np.testing.assert_allclose(one, other, rtol=1e-13)
    assert seen == [1, 3, 3, 3]
