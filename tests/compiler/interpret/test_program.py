"""Programs: feeds, aliasing, observers, sizes worked out once, loops, depth."""

from __future__ import annotations

import gc
import threading
import tracemalloc
import weakref

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import dim as dims
from graphc.compiler.graph.binding import bind
from graphc.compiler.interpret import Program, evaluate
from graphc.compiler.interpret.table import NUMPY
from graphc.errors import DataError, DTypeError, GraphcError, OutOfMemoryError, ShapeError


def run(outputs, feeds, **options):
    nodes = list(feeds)
    return Program(outputs).run(feeds, bind(nodes, [feeds[x] for x in nodes]), 0, **options)


def test_a_missing_feed_is_named():
    x = g.input((2,), "float32", name="images")
    with pytest.raises(GraphcError, match="'images', <input: float32.2.> is read and not fed"):
        Program([x + 1]).run({}, {}, 0)


def test_a_size_that_no_feed_has_is_named():
    node = g.zeros((g.symbol("width"),), "float32")
    with pytest.raises(ShapeError, match="the size width of <broadcast"):
        Program([node]).run({}, {}, 0)


def test_evaluate_checks_what_it_is_fed():
    x = g.input((None, 2), "float32", name="x")
    with pytest.raises(DTypeError, match="'x'.*expected dtype float32, received float64"):
        evaluate([x], {x: np.zeros((1, 2))})
    with pytest.raises(ShapeError, match="axis 1 of 'x'"):
        evaluate([x], {x: np.zeros((1, 3), "float32")})
    with pytest.raises(DataError, match="empty"):
        evaluate([x], {x: np.zeros((0, 2), "float32")})


def test_the_node_without_memory_for_its_value_is_named():
    def without_memory(attrs, x):
        raise MemoryError("no 8 bytes")

    x = g.input((2,), "float32")
    program = Program([g.exp(x)], table={**NUMPY, "exp": without_memory})
    with pytest.raises(OutOfMemoryError, match="^<exp: .*>: no 8 bytes$"):
        program.run({x: np.zeros(2, "float32")}, {}, 0)


def no_memory_shared(results, others):
    for k, result in enumerate(results):
        assert type(result) is np.ndarray
        assert result.flags.c_contiguous
        assert result.flags.writeable
        for other in [*results[:k], *others]:
            assert not np.may_share_memory(result, other)


def test_outputs_alias_neither_feeds_nor_states_nor_constants_nor_each_other():
    x = g.input((3, 3), "float64")
    w = g.shared(np.ones((3, 3)))
    c = g.constant(np.full((3, 3), 2.0))
    y = g.exp(x)
    h = g.input((3,), "float64")
    finals, stacks = g.scan(lambda carries, slices: (carries, (slices[0],)), [h], [x])
    outputs = [
        x, x.T, x[1:], w, w.T, c, g.broadcast_to(h, (2, 3)), g.broadcast_to(y[0], (2, 3)),
        y, y, y.T, g.flip(y, 0), y[:1], g.reshape(y, (9,)), g.matmul(x, w).T,
        *finals, *stacks, stacks[0][0], g.sum(y), g.mean(h),
    ]  # fmt: skip
    feeds = {x: np.arange(9.0).reshape(3, 3), h: np.arange(3.0)}
    results = run(outputs, feeds)
    no_memory_shared(results, [*feeds.values(), w.attrs["state"].buffer, c.attrs["value"]])
    fed, exp = feeds[x], np.exp(feeds[x])
    expected = [
        fed, fed.T, fed[1:], np.ones((3, 3)), np.ones((3, 3)), np.full((3, 3), 2.0),
        [feeds[h]] * 2, [exp[0]] * 2, exp, exp, exp.T, exp[::-1], exp[:1], exp.reshape(9),
        (fed @ np.ones((3, 3))).T, feeds[h], fed, fed[0], exp.sum(), 1.0,
    ]  # fmt: skip
    for result, value in zip(results, expected, strict=True):
        np.testing.assert_allclose(result, value, rtol=1e-15)


def test_a_result_of_its_own_is_not_copied():
    """An output that nothing else holds is handed out as computed, a whole array in C order."""
    made = []
    x = g.input((4,), "float64")
    (result,) = run([g.exp(x)], {x: np.zeros(4)}, observer=lambda n, v, s: made.append(v))
    assert result is made[-1]


def test_a_result_keeps_no_larger_array_alive():
    x = g.input((1000,), "float64")
    (result,) = run([g.exp(x)[:2]], {x: np.zeros(1000)})
    assert result.base is None or result.base.size == 2


def test_a_state_is_read_at_each_call():
    w = g.shared(np.zeros(2), name="w")
    program = Program([w + 1])
    assert program.run({}, {}, 0)[0].tolist() == [1, 1]
    w.set_value([5, 6])
    assert program.run({}, {}, 0)[0].tolist() == [6, 7]


def test_the_observer_sees_inputs_states_and_each_computed_node_once():
    x, w = g.input((2,), "float64"), g.shared(np.ones(2))
    y = g.exp(x * w)
    total = g.sum(y) + g.sum(y * 2.0)
    seen: dict[g.Node, object] = {}

    def observe(node, value, seconds):
        assert node not in seen
        assert seconds >= 0
        seen[node] = value

    run([total], {x: np.zeros(2)}, observer=observe)
    assert {node for node in g.toposort([total]) if node.op != "constant"} == set(seen)
    assert seen[y].tolist() == [1, 1]
    assert list(seen)[-1] is total


def test_values_are_dropped_after_their_last_reader():
    x = g.input((1000,), "float64")
    first = g.exp(x)
    second = g.exp(first)
    alive: list[weakref.ref] = []
    still_there = []

    def observe(node, value, seconds):
        if node is first:
            alive.append(weakref.ref(value))
        elif node.op == "sum":
            gc.collect()
            still_there.append(alive[0]() is not None)

    run([g.sum(second)], {x: np.zeros(1000)}, observer=observe)
    assert still_there == [False]


def test_a_long_chain_needs_the_memory_of_a_few_values():
    x = g.input((100_000,), "float64")
    node = x
    for _ in range(50):
        node = g.tanh(node)
    program, feeds = Program([node]), {x: np.zeros(100_000)}
    tracemalloc.start()
    program.run(feeds, {}, 0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * feeds[x].nbytes


def test_sizes_are_worked_out_once_for_each_set_of_bindings(monkeypatch):
    x = g.input((None, 2), "float64")
    program = Program([g.mean(x), g.reshape(x, (-1,))])
    calls = []
    work_out = dims.evaluate
    monkeypatch.setattr(dims, "evaluate", lambda *args: calls.append(1) or work_out(*args))

    def step(size):
        array = np.full((size, 2), 3.0)
        mean, flat = program.run({x: array}, bind([x], [array]), 0)
        assert (mean, flat.shape) == (3.0, (2 * size,))

    step(4)
    first = len(calls)
    assert first > 0
    step(4)
    assert len(calls) == first
    step(5)
    assert len(calls) == 2 * first


def test_threads_with_different_sizes_do_not_mix():
    x = g.input((None,), "float64")
    program = Program([g.sum(g.broadcast_to(g.sum(x), (3,)) * g.cast(x.shape[0], "float64"))])
    wrong = []

    def work(size):
        array = np.ones(size)
        for _ in range(200):
            (result,) = program.run({x: array}, bind([x], [array]), 0)
            if result != 3 * size * size:
                wrong.append((size, float(result)))

    threads = [threading.Thread(target=work, args=(size,)) for size in (1, 2, 3, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_chain_of_10_000_nodes():
    x = g.input((), "float64")
    node = x
    for k in range(10_000):
        node = node + 1.0 if k % 2 else g.sin(node)
    expected = np.float64(0.3)
    for k in range(10_000):
        expected = expected + 1.0 if k % 2 else np.sin(expected)
    assert evaluate([node], {x: np.array(0.3)})[0] == expected


def test_no_warning_leaves_a_program():
    x = g.input((3,), "float32")
    values = np.array([0.0, -1.0, np.inf], "float32")
    overflow = g.constant(np.int32(2**31 - 1)) + g.constant(np.int32(1))
    nodes = [g.log(x), g.sqrt(x), x / 0.0, g.cast(x, "int32"), g.exp(x * 1e30), overflow]
    results = evaluate(nodes, {x: values})  # warnings are errors in the tests
    assert results[3].tolist() == [0, -1, 2**31 - 1]
    assert results[5] == -(2**31)


def test_a_loop_over_symbolic_steps_with_a_loop_inside():
    rows = g.input((None, None), "float64")

    def outer(carries, slices):
        finals, stacks = g.scan(
            lambda inner, items: ((inner[0] + items[0] * carries[0],), (inner[0],)),
            [carries[0]],
            [slices[0]],
        )
        return (finals[0],), (g.sum(stacks[0]),)

    finals, stacks = g.scan(outer, [g.constant(1.0, "float64")], [rows])
    for shape in ((2, 3), (4, 2)):
        array = np.arange(np.prod(shape), dtype="float64").reshape(shape) / 7
        total, sums = 1.0, []
        for row in array:
            inner, before = total, []
            for value in row:
                before.append(inner)
                inner = inner + value * total
            total = inner
            sums.append(sum(before))
        result, stacked = evaluate([finals[0], stacks[0]], {rows: array})
        np.testing.assert_allclose(result, total, rtol=1e-14)
        np.testing.assert_allclose(stacked, sums, rtol=1e-14)


def test_sizes_inside_of_a_body_are_compared_at_the_call():
    x, y = g.input((3, None), "float64"), g.input((None,), "float64")
    _, (added,) = g.scan(lambda carries, slices: ((), (slices[0] + y,)), [], [x])
    with pytest.raises(ShapeError, match="add: axis 0.*2 and .*1"):
        evaluate([added], {x: np.zeros((3, 2)), y: np.zeros(1)})


def test_a_wide_program_rounds_as_the_next_floats_do() -> None:
    """Inputs, states and constants are those of float32; casts to it round nothing."""
    x, w = g.input((g.BATCH,), name="x"), g.shared(np.float32(0.1), "w")
    loop, _ = g.scan(
        lambda carries, slices: ([carries[0] + g.cast(slices[0], "float32") / 3.0], []),
        [g.sum(x) * w],
        [g.iota(5)],
    )
    drawn = g.random.uniform((4,), seed=3)
    value = np.array([0.1, 1e8, -1e8], "float32")
    sizes = dict.fromkeys(dims.symbols(g.BATCH), 3)
    run = ({x: value}, sizes, 0)
    result, wide_draws = Program([loop[0], drawn], wide=True).run(*run)
    exact = value.astype("float64").sum() * np.float64(np.float32(0.1)) + sum(range(5)) / 3
    assert result.dtype == "float64"
    np.testing.assert_allclose(result, exact, rtol=1e-15)
    narrow, draws = Program([loop[0], drawn]).run(*run)
    assert narrow.dtype == "float32"
    assert abs(narrow - exact) > 1e-9
    np.testing.assert_array_equal(wide_draws, draws)


def test_a_wide_program_of_float64() -> None:
    x = g.input((2,), "float64")
    (result,) = Program([g.exp(x)], wide=True).run({x: np.ones(2)}, {}, 0)
    assert result.dtype == np.longdouble
