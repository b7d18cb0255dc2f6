"""DebugMode finds a pass that lies; NanGuardMode names the first value that is not finite."""

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler import passes
from graphc.compiler.function import function
from graphc.compiler.function.guards import own_rounding
from graphc.compiler.grad import grad
from graphc.compiler.interpret import evaluate
from graphc.config import config
from graphc.errors import NotFiniteError, PassError
from tests.native.graph_programs import needs_compiler


def wrong_pass(outputs):
    return g.sweep(outputs, lambda node: g.abs(node.inputs[0]) if node.op == "neg" else node)


def test_debug_mode_names_the_pass_that_changed_a_value(monkeypatch):
    pipeline = (*passes.PIPELINE, ("wrong", wrong_pass))
    monkeypatch.setitem(passes.pipeline._PASSES_OF_MODE, "FAST_RUN", pipeline)
    x = g.input((3,))
    f = function([x], -x, mode="DebugMode")
    f(np.array([-1, -2, 0], "float32"))
    with pytest.raises(PassError, match=r"pass 'wrong'.*output 0 at \(1,\).*-5.*5"):
        f(np.array([-1, 5, 0], "float32"))


def test_debug_mode_agrees_on_a_training_step():
    np.random.seed(0)
    x, w = g.input((g.BATCH, 3)), g.shared(np.random.randn(3, 4).astype("float32"), "w")
    mask = g.random.bernoulli((g.BATCH, 4), 0.5, seed=1)
    p = g.softmax(g.where(mask, g.dot(x, w), 0.0))
    loss = -g.mean(g.log(g.clip(p / g.sum(p, -1, keepdims=True), 1e-7, 1 - 1e-7)))
    from_debug = function([x], loss, updates=[(w, w * 0.5)], mode="DebugMode")
    value = np.random.randn(5, 3).astype("float32")
    expected = function([x], loss)(value)
    np.testing.assert_allclose(from_debug(value), expected, rtol=1e-6)


def test_the_nan_guard_names_node_layer_and_index_and_keeps_parameters():
    x, w = g.input((2, 2), name="x"), g.shared(np.ones((2, 2), "float32"), "w")
    with g.origin("dense_7"):
        y = g.sqrt(x * w)
    f = function([x], g.sum(y), updates=[(w, w + 1.0)], mode="NanGuardMode")
    assert f(np.ones((2, 2), "float32")) == 4
    with pytest.raises(NotFiniteError, match=r"nan.*index \(1, 0\) of .*sqrt.*dense_7"):
        f(np.array([[1, 1], [-1, 1]], "float32"))
    assert w.get_value().tolist() == [[2, 2], [2, 2]]


def test_the_nan_guard_says_when_the_gradient_did_it():
    x = g.input((2,), name="x")
    with g.origin(g.Origin("dense_2", backward=True)):
        y = 1.0 / x
    with pytest.raises(NotFiniteError, match="inf.*gradient of dense_2"):
        function([x], y, mode="NanGuardMode")(np.array([1, 0], "float32"))


def loop_of_roots(reverse=False):
    """h + sqrt(x) at each step, which no pass moves out of the loop; starts and sequences."""
    h, x = g.input((g.BATCH, 2), name="h"), g.input((None, g.BATCH, 2), name="x")
    with g.origin("gru_1"):
        (last,), _ = g.scan(
            lambda carries, slices: ([g.sqrt(carries[0] * slices[0]) + 1.0], []),
            [h],
            [x],
            reverse=reverse,
        )
    return [h, x], last


@pytest.mark.parametrize(
    ("reverse", "where"),
    [
        (False, r"in step 3 of <scan: [^>]*> of gru_1\n"),
        (True, r"in step 1 of <scan: [^>]*> of gru_1 \(at 3 of its sequences\)\n"),
    ],
)
@pytest.mark.parametrize("cpu", ["numpy", pytest.param("native", marks=needs_compiler)])
def test_the_nan_guard_names_the_step_of_a_loop(cpu, reverse, where):
    config.cpu = cpu
    inputs, last = loop_of_roots(reverse)
    w = g.shared(np.ones(2, "float32"), "w")
    f = function(inputs, g.sum(last * w), updates=[(w, w + 1.0)], mode="NanGuardMode")
    fine = np.ones((5, 3, 2), "float32")
    wrong = fine.copy()
    wrong[3, 1, 0] = -1
    start = np.ones((3, 2), "float32")
    f(start, fine)
    with pytest.raises(NotFiniteError, match=rf"nan .* index \(1, 0\) of .*sqrt.*, {where}"):
        f(start, wrong)
    assert w.get_value().tolist() == [2, 2]


def test_the_nan_guard_names_the_steps_of_a_loop_within_a_loop():
    rows = g.input((4, 2, 3), name="rows")

    def outer(carries, slices):
        (inner,), _ = g.scan(lambda h, x: ([g.log(x[0] + h[0] * 0.0)], []), carries, slices)
        return [inner], []

    (last,), _ = g.scan(outer, [g.zeros((3,), "float32")], [rows])
    f = function([rows], last, mode="NanGuardMode")
    value = np.ones((4, 2, 3), "float32")
    f(value)
    value[2, 1, 0] = 0
    with pytest.raises(
        NotFiniteError, match=r"-inf .*\(0,\) of .*log.*, in step 1 of .*, in step 2"
    ):
        f(value)


def test_the_nan_guard_names_a_step_of_the_loop_backward():
    """sqrt's gradient at 0, made by the step at which its argument is 0."""
    inputs, last = loop_of_roots()
    with g.origin("loss"):
        loss = g.sum(last)
    gradient = grad(loss, inputs[0])
    f = function(inputs, gradient, mode="NanGuardMode")
    value = np.ones((5, 1, 2), "float32")
    f(np.ones((1, 2), "float32"), value)
    value[3, 0, 1] = 0
    with pytest.raises(
        NotFiniteError, match=r"index \(0, 1\) of .*, in step 1 of .*gru_1 \(at 3 of"
    ):
        f(np.ones((1, 2), "float32"), value)


def test_infinite_bounds_are_no_accident():
    x = g.input((2,))
    f = function([x], g.maximum(x, -np.inf), mode="NanGuardMode")
    assert f(np.array([1, 2], "float32")).tolist() == [1, 2]


def test_the_nan_guard_says_that_what_was_fed_is_not_finite():
    x = g.input((2,), name="x")
    f = function([x], x + 1.0, mode="NanGuardMode")
    with pytest.raises(NotFiniteError, match=r"nan was given at index \(1,\) of 'x'"):
        f(np.array([1, np.nan], "float32"))


def test_debug_mode_distinguishes_cancelling_rounding_from_an_error(monkeypatch):
    x = g.input((50, 1000))
    values = np.random.default_rng(0).standard_normal((50, 1000)).astype("float32")
    noise = g.sum(x) - g.sum(g.sum(x, 0))
    assert function([x], noise, mode="FAST_RUN")(values) == 0
    assert abs(function([x], noise, mode="DebugMode")(values)) < 1e-3

    def shift(outputs):
        return [node + 0.1 for node in outputs]

    pipeline = (*passes.PIPELINE, ("wrong", shift))
    monkeypatch.setitem(passes.pipeline._PASSES_OF_MODE, "FAST_RUN", pipeline)
    with pytest.raises(PassError, match="pass 'wrong' changed"):
        function([x], noise, mode="DebugMode")(values)


def ints() -> tuple[list[g.Node], g.Node, list[np.ndarray], g.Node]:
    """A variance of equal numbers, as the mean of squares less the square of the mean, and as the
    mean of the squared distances. Inputs that are ints round nothing themselves."""
    x = g.input((1000,), "int32")
    values = g.cast(x, "float32") / 3.0
    one = g.mean(values * values) - g.square(g.mean(values))
    other = g.mean(g.square(values - g.mean(values)))
    return [x], one, [np.full(1000, 1001, "int32")], other


def zeros() -> tuple[list[g.Node], g.Node, list[np.ndarray], g.Node]:
    """Return a program that adds numbers to zeros and takes them away again."""
    x = g.input((4,))
    big = g.constant(np.array([1e3, 1e5, 3.3, 0.1], "float32"))
    return (
        [x],
        g.sum(x * 7.0 + big / 3.0 - big * 0.5 + big / 6.0),
        [np.zeros(4, "float32")],
        g.sum(x * 7.0),
    )


def weights() -> tuple[list[g.Node], g.Node, list[np.ndarray], g.Node]:
    """Sums of a state alone, in two orders, whose difference is divided by its own size."""
    w = g.shared(np.random.default_rng(0).standard_normal((50, 1000)).astype("float32"), "w")
    x = g.input(())
    noise = x * (g.sum(w) - g.sum(g.sum(w, 0)))
    return [x], noise, [np.float32(2.0)], x * 0.0


def flags() -> tuple[list[g.Node], g.Node, list[np.ndarray], g.Node]:
    """Which of two sums that are equal is the larger, as a bool."""
    x = g.input((300, 100))
    values = np.random.default_rng(1).standard_normal((300, 100)).astype("float32")
    first, second = g.sum(x), g.sum(g.sum(x, 0))
    return [x], g.less(first, second - 1e-9), [values], g.less(second, second - 1e-9)


CANCELLING = [ints, zeros, weights, flags]


def pipeline_with(monkeypatch, rewrite):
    def change(outputs):
        return [rewrite(outputs[0]), *outputs[1:]]

    monkeypatch.setitem(passes.pipeline._PASSES_OF_MODE, "FAST_RUN", (("planted", change),))


@pytest.mark.parametrize("case", CANCELLING)
def test_debug_mode_takes_another_order_of_what_cancels(case, monkeypatch):
    inputs, output, values, other = case()
    pipeline_with(monkeypatch, lambda node: other)
    before, after = evaluate([output, other], dict(zip(inputs, values, strict=True)))
    assert before != after, "nothing is rounded otherwise"
    assert function(inputs, output, mode="DebugMode")(*values) == after


@pytest.mark.parametrize("case", [ints, zeros, weights])
@pytest.mark.parametrize("error", [0.1, -1e-2])
def test_debug_mode_finds_an_error_beside_what_cancels(case, error, monkeypatch):
    inputs, output, values, other = case()
    pipeline_with(monkeypatch, lambda node: other + error)
    with pytest.raises(PassError, match="pass 'planted' changed the value of output 0"):
        function(inputs, output, mode="DebugMode")(*values)


def test_debug_mode_finds_a_flag_that_is_inverted(monkeypatch):
    inputs, _, values, _ = flags()
    output = g.less(g.sum(inputs[0]), 1e6)
    pipeline_with(monkeypatch, g.logical_not)
    with pytest.raises(PassError, match="pass 'planted' changed the value of output 0"):
        function(inputs, output, mode="DebugMode")(*values)


@pytest.mark.parametrize(
    ("value", "running", "exact", "expected"),
    [
        ([1.0, 2.0], [[1.0, 2.0]], [1.0, 2.0], 0.0),
        ([1.0, 2.5], [[1.0, 2.0]], [1.0, 2.0], 30 * 0.5),
        ([1.0, 2.0], [[1.0, 2.0], [0.0, 2.0]], [1.0, 2.0], 4 * 1.0),
        ([1.0, 2.1], [[1.0, 7.0]], [1.0, 2.0], 4 * 5.0),
        ([np.nan, 2.0], [[np.inf, 2.5]], [1.0, 2.0], 4 * 0.5),
        ([1.0], [], [1.25], 30 * 0.25),
    ],
)
def test_how_far_rounding_alone_may_move_a_value(value, running, exact, expected):
    given = np.array(value), [np.array(one) for one in running], np.array(exact)
    assert own_rounding(*given) == pytest.approx(expected)
