"""The reports to an observer of native code: kernels' results, their times, the first NaN, and
differences from the interpreter."""

from __future__ import annotations

import gc
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.compiler.function.guards import FiniteGuard
from graphc.compiler.interpret import evaluate
from graphc.compiler.lowering.cpu import NativeProgram, lower_native
from graphc.compiler.runtime import programs
from graphc.compiler.runtime.cpu.executor import NativeExecutor
from graphc.config import config
from graphc.errors import IndexRangeError, KernelError, NotFiniteError
from graphc.layers.core import Dense
from graphc.models import Sequential
from tests.campaigns.interrupts import Counted
from tests.native.graph_programs import needs_compiler

pytestmark = needs_compiler


@pytest.fixture(autouse=True)
def _native() -> None:
    config.cpu = "native"


def floats(*values: float) -> np.ndarray:
    return np.array(values, "float32")


def test_a_profile_has_the_value_and_the_time_of_what_each_kernel_stores() -> None:
    x, w = g.input((g.BATCH, 4), name="x"), g.shared(np.eye(4, dtype="float32"), "w")
    total = g.sum(g.exp(g.dot(x, w)), axis=0)
    step = function([x], total, updates=[(w, w * 2.0)])
    seen: dict[g.Node, np.ndarray] = {}
    seconds = []

    def observe(node: g.Node, value: np.ndarray, spent: float) -> None:
        seen[node] = value
        seconds.append(spent)

    data = np.arange(8, dtype="float32").reshape(2, 4)
    fetched = step.profile(observe, data)
    before = {x: data, **{node: np.eye(4, dtype="float32") for node in (w,)}}
    np.testing.assert_array_equal(seen[x], data)
    np.testing.assert_array_equal(seen[w], np.eye(4))  # the old value
    np.testing.assert_array_equal(w.get_value(), 2 * np.eye(4))
    named = {node.op: value for node, value in seen.items()}
    np.testing.assert_array_equal(named["mul"], 2 * np.eye(4))  # the new one
    np.testing.assert_allclose(named["sum"], np.exp(before[x]).sum(0), rtol=1e-5)
    np.testing.assert_array_equal(fetched, named["sum"])
    assert max(seconds) > 0
    assert min(seconds) >= 0


@pytest.mark.parametrize("rows", [2, 7])
def test_of_two_launches_of_a_kernel_the_one_that_runs_is_observed(rows: int) -> None:
    """A large product has one for few rows and one for more."""
    x, w = g.input((g.BATCH, 400), name="x"), g.shared(np.eye(400, dtype="float32") * 2, "w")
    seen: list[tuple[g.Node, np.ndarray]] = []
    data = np.random.default_rng(rows).standard_normal((rows, 400)).astype("float32")
    run = function([x], g.dot(x, w))
    run.profile(lambda node, value, _: seen.append((node, value)), data)
    products = [value for node, value in seen if node.op == "matmul"]
    assert len(products) == 1
    np.testing.assert_array_equal(products[0], data * 2)


def test_steps_of_a_loop_are_observed_when_it_is_over() -> None:
    start, xs = g.input((g.BATCH, 4), name="start"), g.input((5, g.BATCH, 4), name="xs")
    (last,), (stack,) = g.scan(
        lambda h, x: ((new := g.tanh(h[0] + x[0]),), (new * 2.0,)), [start], [xs]
    )
    outputs = [last, stack]
    random = np.random.default_rng(5)
    feeds = {
        start: random.standard_normal((3, 4)).astype("float32"),
        xs: random.standard_normal((5, 3, 4)).astype("float32"),
    }
    seen: dict[g.Node, np.ndarray] = {}
    run = function([start, xs], outputs)
    run.profile(lambda node, value, _: seen.setdefault(node, value), *feeds.values())
    for node, expected in zip(run.graph(), evaluate(outputs, feeds), strict=True):
        np.testing.assert_allclose(seen[node], expected, rtol=1e-5, atol=1e-6)


def test_an_observer_that_raises_ends_the_step_and_changes_nothing() -> None:
    a, b = g.shared(floats(1, 2), "a"), g.shared(floats(3, 4), "b")
    x = g.input((2, 2), name="x")
    product = g.dot(a, x)
    step = function([x], product, updates=[(a, a + 1.0), (b, b + product)])
    observed = 0

    def stop(node: g.Node, value: np.ndarray, seconds: float) -> None:
        nonlocal observed
        observed += node.op not in ("input", "shared")
        if observed == 2:
            raise ZeroDivisionError("enough")

    with pytest.raises(ZeroDivisionError, match="enough"):
        step.profile(stop, np.eye(2, dtype="float32"))
    assert observed == 2
    np.testing.assert_array_equal(a.get_value(), [1, 2])
    np.testing.assert_array_equal(b.get_value(), [3, 4])
    np.testing.assert_array_equal(step(np.eye(2, dtype="float32")), [1, 2])
    np.testing.assert_array_equal(b.get_value(), [4, 6])


def test_an_observer_may_call_functions() -> None:
    x = g.input((g.BATCH, 300), name="x")
    inner = function([x], g.exp(x) * 2.0)
    step = function([x], g.sum(g.tanh(g.dot(g.exp(x), g.constant(np.eye(300, dtype="float32"))))))
    data = np.full((20, 300), 0.1, "float32")
    expected = step(data)

    def observe(node: g.Node, value: np.ndarray, seconds: float) -> None:
        inner(np.zeros((50, 300), "float32"))
        step(data * 0)

    assert step.profile(observe, data) == expected


def test_a_watched_step_that_fails_takes_back_no_step_of_another_thread() -> None:
    w, x = g.shared(floats(1, 2), "w"), g.input((2,), name="x")
    step = function([x], g.exp(w), updates=[(w, w + x)])
    others: list[threading.Thread] = []

    def stop(node: g.Node, value: np.ndarray, seconds: float) -> None:
        if node.op in ("input", "shared"):
            return  # nothing runs yet
        others.append(threading.Thread(target=step, args=(floats(3, 3),)))
        others[0].start()
        others[0].join(0.2)  # it has to wait for this step
        raise ZeroDivisionError("enough")

    with pytest.raises(ZeroDivisionError, match="enough"):
        step.profile(stop, floats(5, 5))
    others[0].join()
    np.testing.assert_array_equal(w.get_value(), [4, 5])


def test_an_index_out_of_range_is_the_same_error_as_without_an_observer() -> None:
    rows, table = g.input((g.BATCH,), "int32", name="rows"), g.shared(np.ones(4, "float32"), "t")
    step = function([rows], g.sum(g.take(table, rows)), updates=[(table, table * 2.0)])
    with pytest.raises(IndexRangeError, match="7"):
        step.profile(lambda *_: None, np.array([1, 7], "int32"))
    np.testing.assert_array_equal(table.get_value(), np.ones(4))


def test_the_guard_sees_what_kernels_store_and_the_interpreter_names_the_node() -> None:
    x = g.input((3,), name="x")
    with g.origin("dense_7"):
        outputs = [g.sum(g.sqrt(x))]
    program = lower_native(outputs)
    guard = FiniteGuard(outputs)
    run = NativeExecutor(program).run
    assert run({x: floats(1, 4, 9)}, {}, g.CallStep(), guard)[0] == 6
    with pytest.raises(
        NotFiniteError, match=r"nan appeared first at index .1,. of .*sqrt.*dense_7"
    ):
        run({x: floats(1, -4, 9)}, {}, g.CallStep(), guard)
    # It is the kernels that are watched: these make a NaN that the interpreter does not know.
    with pytest.raises(NotFiniteError, match="nan appeared first at index .* of .*sum"):
        NativeExecutor(with_text(program, r"gc_sqrt\(", "gc_sqrt(-")).run(
            {x: floats(1, 4, 9)}, {}, g.CallStep(), guard
        )


def test_a_parameter_that_becomes_infinite_is_found_in_the_step_that_does_it() -> None:
    """No other value of the kernel is stored than the parameter itself."""
    w, x = g.shared(floats(1, 1), "w"), g.input((2,), name="x")
    step = function([x], [], updates=[(w, w * x)], mode="NanGuardMode")
    step(floats(2, 3e38))
    with pytest.raises(NotFiniteError, match="inf appeared first at index .1,. of .*mul"):
        step(floats(2, 3e38))
    np.testing.assert_allclose(w.get_value(), [2, 3e38])


def with_text(program: NativeProgram, old: str, new: str) -> NativeProgram:
    """Plant an error: return a program whose code has `new` for each match of a pattern."""
    source, count = re.subn(old, new, program.program.source)
    assert count
    return replace(program, program=replace(program.program, source=source, code=""))


def test_debug_mode_names_the_kernel_that_differs_from_the_interpreter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x, w = g.input((g.BATCH, 4), name="x"), g.shared(np.ones((4, 2), "float32"), "w")
    with g.origin("dense_1"):
        y = g.tanh(g.dot(g.exp(x - 3.0), w))
    monkeypatch.setattr(
        programs,
        "lower_native",
        lambda *given, **names: with_text(
            lower_native(*given, **names), r"gc_tanh\(", "gc_tanh(1.01f * "
        ),
    )
    step = function([x], y, updates=[(w, w + 1.0)], mode="DebugMode", name="step")
    by_op = {op: one.name for one in step.kernels(3, target="cpu") for op in one.ops}
    wrong, right = by_op["tanh"], by_op["exp"]
    data = np.random.default_rng(3).standard_normal((3, 4)).astype("float32")
    with pytest.raises(
        KernelError, match=rf"(?s)step: .*{wrong} \(dense_1.*tanh.*of its largest element"
    ) as raised:
        step(data)
    assert wrong != right
    assert right not in str(raised.value)
    np.testing.assert_array_equal(w.get_value(), np.ones((4, 2)))
    monkeypatch.undo()
    config.cpu = "native"
    function([x], y, updates=[(w, w + 1.0)], mode="DebugMode")(data)
    np.testing.assert_array_equal(w.get_value(), np.full((4, 2), 2))


def test_debug_mode_lets_pass_what_rounding_alone_makes() -> None:
    """A sum whose terms cancel is nothing but rounding, and so are the places of its maxima."""
    x = g.input((50, 1000), name="x")
    centred = g.sum(x - g.mean(x, axis=1, keepdims=True), axis=1)
    noise = [centred, g.argmax(g.reshape(centred, (5, 10)), axis=1)]
    data = np.random.default_rng(0).standard_normal((50, 1000)).astype("float32")
    function([x], noise, mode="DebugMode")(data)


def test_debug_mode_lets_pass_rounding_that_no_input_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ints, which are exact, the rounding of what is made of them is left where it cancels; an
    error beside it is found."""
    x = g.input((1000,), "int32")
    values = g.cast(x, "float32") / 3.0
    variance = g.mean(values * values) - g.square(g.mean(values))
    data = np.full(1000, 1001, "int32")
    function([x], variance, mode="DebugMode")(data)
    monkeypatch.setattr(
        programs,
        "lower_native",
        lambda *given, **names: with_text(
            lower_native(*given, **names), r"(gc_div\(\w+), 1000\.0f\)", r"\1, 1001.0f)"
        ),
    )
    with pytest.raises(KernelError, match="of its largest element"):
        function([x], variance, mode="DebugMode")(data)


def thirds(x: g.Node) -> g.Node:
    """Return a rounded value that is no input: of floats, inputs off by rounding are a measure,
    too."""
    return g.cast(x, "float32") / 3.0


def test_debug_mode_lets_pass_sums_of_equal_terms() -> None:
    """One order may round them all in one direction, another not at all, whatever their number."""
    numbers, inputs, outputs, data = (1001, 1_001_001, 7), [], [], []
    for terms in (1000, 65_536):
        for axis in (0, 1):
            shape = (len(numbers), terms)
            array = np.broadcast_to(np.array(numbers, "int32")[:, None], shape)
            exact = (array[:, 0].astype("float32") / np.float32(3)).astype("float64") * terms
            x = g.input(shape if axis else shape[::-1], "int32")
            inputs.append(x)
            data.append(array if axis else array.T)
            outputs.append(g.sum(thirds(x), axis) - exact.astype("float32"))
    function(inputs, outputs, mode="DebugMode")(*data)


def test_debug_mode_finds_an_error_in_the_last_place_of_a_long_sum(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of terms that cancel, so that their sum is nothing but rounding."""
    random = np.random.default_rng(0)
    halves = random.integers(-999, 1000, 2048)
    data = random.permutation(np.concatenate([halves, -halves])).astype("int32")
    x = g.input((4096,), "int32")
    total = g.sum(thirds(x))
    place = np.spacing(np.abs(data / 3).sum().astype("float32"))
    function([x], total, mode="DebugMode")(data)
    monkeypatch.setattr(
        programs,
        "lower_native",
        lambda *given, **names: with_text(
            lower_native(*given, **names),
            r"(y0\[0\] = s0);",
            rf"\1 + {4 * place}f;",
        ),
    )
    with pytest.raises(KernelError, match="of its largest element"):
        function([x], total, mode="DebugMode")(data)


@pytest.mark.parametrize("mode", ["DebugMode", "NanGuardMode"])
def test_a_model_trains_in_the_modes_that_watch_as_it_does_without(mode: str) -> None:
    random = np.random.default_rng(1)
    x = random.standard_normal((40, 6)).astype("float32")
    y = random.standard_normal((40, 2)).astype("float32")

    def weights(mode: str) -> list[np.ndarray]:
        np.random.seed(5)
        model = Sequential([Dense(8, input_dim=6, activation="relu"), Dense(2)])
        model.compile("adam", "mse", mode=mode)
        model.fit(x, y, batch_size=16, nb_epoch=2, verbose=0)
        return model.get_weights()

    for watched, plain in zip(weights(mode), weights("FAST_RUN"), strict=True):
        np.testing.assert_array_equal(watched, plain)


@pytest.fixture
def _no_finalisers() -> Iterator[None]:
    """No garbage of other tests is collected, in whose finalisers Python drops what is raised."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_finalisers")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_no_interrupt_is_lost_where_native_code_calls_python() -> None:
    w = g.shared(floats(1, 2), "w")
    step = function([], [], updates=[(w, w + 1.0)])
    step.profile(lambda *_: None)
    for at in count(1):
        before, interrupted, moments = w.get_value(), False, Counted(at)
        try:
            with moments:
                step.profile(lambda *_: None)
        except KeyboardInterrupt:
            interrupted = True
        if moments.count < at:
            break
        assert interrupted, f"moment {at}"
        assert (w.get_value() - before).tolist() in ([0, 0], [1, 1])
    assert at > 100
