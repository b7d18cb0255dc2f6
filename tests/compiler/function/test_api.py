"""The API `function`: state, aliasing, updates, the learning phase, strict feeds, random draws."""

import numpy as np
import pytest

import graphc
from graphc.compiler import graph as g
from graphc.compiler.function import CallStep, function
from graphc.compiler.function.api import MOST_BOUND
from graphc.compiler.function.report import CompileReports
from graphc.compiler.runtime.gpu.probe import GpuStatus
from graphc.errors import (
    ArgumentError,
    DataError,
    DeviceError,
    DTypeError,
    IndexRangeError,
    KeywordError,
    ShapeError,
    UnknownNameError,
)


def array(*values):
    return np.array(values, "float32")


def test_updates_are_simultaneous():
    a, b = g.shared(array(1, 2), "a"), g.shared(array(3, 4), "b")
    swap = function([], [a, b], updates=[(a, b), (b, a)])
    before = swap()
    assert [x.tolist() for x in before] == [[1, 2], [3, 4]]
    assert a.get_value().tolist() == [3, 4]
    assert b.get_value().tolist() == [1, 2]
    swap()
    assert a.get_value().tolist() == [1, 2]


def test_a_returned_variable_has_the_value_of_before_its_update():
    w = g.shared(array(1, 2), "w")
    step = function([], w, updates={w: w + 1.0})
    first = step()
    second = step()
    assert first.tolist() == [1, 2]
    assert second.tolist() == [2, 3]


def test_a_weight_read_by_a_gradient_while_it_is_updated():
    w = g.shared(array(3.0), "w")
    loss = g.sum(w * w * w)
    step = function([], [loss, graphc.grad(loss, w)], updates=[(w, w - graphc.grad(loss, w))])
    loss_value, gradient = step()
    assert loss_value == 27
    assert gradient.tolist() == [27]
    assert w.get_value().tolist() == [3 - 27]


def test_outputs_alias_nothing():
    x, w = g.input((3,)), g.shared(array(1, 2, 3))
    f = function([x], [x, g.reshape(x, (3, 1)), w, w])
    fed = array(4, 5, 6)
    outputs = f(fed)
    for output in outputs:
        output[...] = -1
    assert fed.tolist() == [4, 5, 6]
    assert w.get_value().tolist() == [1, 2, 3]
    assert not np.shares_memory(outputs[2], outputs[3])


def test_an_update_does_not_alias_another_variable():
    a, b = g.shared(array(1.0)), g.shared(array(2.0))
    function([], updates=[(a, b)])()
    b.attrs["state"].buffer[0] = 9
    assert a.get_value().tolist() == [2]


def test_an_error_leaves_the_variables_as_they_were():
    w, table = g.shared(array(1.0)), g.shared(np.zeros((3, 2), "float32"), "table")
    rows = g.input((None,), "int32", name="rows")
    f = function([rows], g.take(table, rows), updates=[(w, w + 1.0)])
    with pytest.raises(IndexRangeError, match="3"):
        f(np.array([0, 3], "int32"))
    assert w.get_value().tolist() == [1]
    assert f(np.array([0, 2], "int32")).shape == (2, 2)
    assert w.get_value().tolist() == [2]


@pytest.mark.parametrize("mode", ["FAST_RUN", "FAST_COMPILE", "DebugMode", "NanGuardMode"])
def test_the_learning_phase_picks_a_specialisation(mode):
    x, w = g.input((2,)), g.shared(array(10, 20))
    y = g.where(g.learning_phase(), x + w, x - w)
    f = function([x, g.learning_phase()], y, mode=mode)
    assert f(array(1, 1), 1).tolist() == [11, 21]
    assert f(array(1, 1), 0).tolist() == [-9, -19]
    w.set_value(array(0, 0))
    assert f(array(1, 1), True).tolist() == [1, 1]
    assert function([x], y, givens=[(g.learning_phase(), False)])(array(1, 1)).tolist() == [1, 1]
    with pytest.raises(ArgumentError, match="learning_phase"):
        function([x], y)
    trained = [node.op for node in g.toposort(f.graph(training=True))]
    if mode != "FAST_COMPILE":
        assert "where" not in trained
        assert "sub" not in trained


def test_one_preparation_serves_all_sizes():
    x, y = g.input((g.BATCH, 3), name="x"), g.input((g.BATCH,), name="y")
    f = function([x, y], g.sum(x, 1) + y)
    for batch in (1, 7, 128):
        assert (
            f(np.ones((batch, 3), "float32"), np.ones(batch, "float32")).tolist() == [4.0] * batch
        )
    with pytest.raises(ShapeError, match="batch"):
        f(np.ones((4, 3), "float32"), np.ones(5, "float32"))


def test_sizes_that_have_to_agree_are_checked_at_the_call():
    x, y = g.input((None,), name="x"), g.input((None,), name="y")
    f = function([x, y], x + y)
    assert f(array(1, 2), array(3, 4)).tolist() == [4, 6]
    with pytest.raises(ShapeError, match="x_0 = 2 and y_0 = 1"):
        f(array(1, 2), array(1))


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (np.zeros((2, 3)), DTypeError, r"'x'.*expected dtype float32, received float64.*astype"),
        (np.zeros((2, 4), "float32"), ShapeError, "axis 1 of 'x'.*expected 3, received 4"),
        (np.zeros(3, "float32"), ShapeError, "expected 2 axes"),
        (np.zeros((0, 3), "float32"), DataError, "axis 0 of 'x'.*empty"),
    ],
)
def test_feeds_are_strict(value, error, message):
    x = g.input((g.BATCH, 3), name="x")
    f = function([x], g.sum(x))
    with pytest.raises(error, match=message):
        f(value)


def test_python_numbers_are_weak_but_no_float_becomes_an_int():
    x, n = g.input(()), g.input((), "int32")
    f = function([x, n], x * n)
    assert f(2, 3) == 6
    assert f(2.5, 3).dtype == np.float32
    with pytest.raises(DTypeError, match="int32"):
        f(2.5, 3.5)
    with pytest.raises(ArgumentError, match="takes 2 arguments"):
        f(2.5)


def test_errors_of_the_door():
    x, w = g.input((2,), name="x"), g.shared(array(1, 2), "w")
    for make, error, message in [
        (lambda: function([], x), ArgumentError, "needs 'x'"),
        (lambda: function([x], w), ArgumentError, "'x'.*not needed"),
        (lambda: function([x, x], x), ArgumentError, "twice"),
        (lambda: function([w], w), ArgumentError, "not an input"),
        (lambda: function([], w, updates=[(w, w), (w, w)]), ArgumentError, "two updates"),
        (lambda: function([x], x, updates=[(x, x)]), DTypeError, "not a shared variable"),
        (lambda: function([], w, updates=[(w, array(1, 2, 3))]), ShapeError, "update of 'w'"),
        (lambda: function([], w, updates=[(w, np.zeros(2))]), DTypeError, "float64"),
        (lambda: function([x], x, mode="FAST"), UnknownNameError, "FAST_RUN"),
    ]:
        with pytest.raises(error, match=message):
            make()
    function([x], w, on_unused_input="ignore")(array(1, 2))


def test_a_gpu_that_cannot_be_used_is_an_error_with_the_reason(monkeypatch, caplog):
    missing = GpuStatus(False, "no CUDA driver", "install it", ())
    monkeypatch.setattr("graphc.compiler.runtime.device.gpu_status", lambda: missing)
    graphc.config.device = "gpu"
    with pytest.raises(DeviceError, match=r"device=gpu.*no CUDA driver.*install it"):
        function([], g.shared(1.0))
    graphc.config.device = "auto"
    monkeypatch.setattr("graphc.compiler.runtime.device._logged", set())
    assert function([], g.shared(1.0))() == 1
    function([], g.shared(1.0))
    assert len(caplog.records) == 1


def test_auto_takes_the_cpu_where_the_gpu_fails_at_its_first_use(monkeypatch, caplog):
    def broken():
        raise DeviceError("pycuda cannot be imported (libcurand.so.10 not found)")

    there = GpuStatus(True, "", "", ("a card",))
    monkeypatch.setattr("graphc.compiler.runtime.device.gpu_status", lambda: there)
    monkeypatch.setattr("graphc.compiler.runtime.device.cuda.device", broken)
    monkeypatch.setattr("graphc.compiler.runtime.device._logged", set())
    graphc.config.device = "auto"
    for _ in range(2):
        assert function([], g.shared(1.0))() == 1
    (record,) = caplog.records
    assert record.getMessage().startswith("device=auto: running on the CPU; no GPU is usable: pycu")
    graphc.config.device = "gpu"
    with pytest.raises(DeviceError, match="libcurand"):
        function([], g.shared(1.0))


def test_random_draws_differ_by_call_and_repeat_by_step():
    words = g.random.bits((5,), seed=3)
    step = CallStep()
    f = function([], words, call_step=step)
    first, second = f(), f()
    assert step.value == 2
    assert first.tolist() != second.tolist()
    assert function([], words)().tolist() == first.tolist()
    assert function([], g.random.bits((5,), seed=3, stream=1))().tolist() != first.tolist()
    nothing_drawn = CallStep()
    function([], g.shared(1.0), call_step=nothing_drawn)()
    assert nothing_drawn.value == 0


def test_the_report_lists_the_passes():
    x = g.input((g.BATCH, 3))
    report = function([x], g.log(g.softmax(x)), name="predict").report
    assert report.name == "predict"
    assert [row.name for row in report.passes]
    assert report.passes[0].nodes_before > report.passes[-1].nodes_after
    assert "predict: device=cpu, mode=FAST_RUN" in str(report)


def test_an_update_keeps_the_shape_of_its_variable_whatever_the_call():
    s, x = g.shared(array(0, 0, 0), "s"), g.input((None,), name="x")
    step = function([x], updates=[(s, x)])
    step(array(1, 2, 3))
    with pytest.raises(ShapeError, match=r"the update of 's'.*axis 0.*needs x_0 == 3.*x_0 = 2"):
        step(array(1, 2))
    assert s.get_value().tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("dtype", "value"), [("int32", 2**31), ("int32", [-(2**31) - 1]), ("uint32", -1)]
)
def test_an_int_that_the_input_cannot_hold_is_refused(dtype, value):
    x = g.input(np.shape(value), dtype, "x")
    with pytest.raises(DTypeError, match="'x'.*expected numbers from .* received"):
        function([x], x)(value)


def test_an_output_may_be_a_number():
    assert function([], 3.0)() == 3


def test_outputs_have_the_order_of_bytes_of_this_machine():
    x = g.input((2,))
    fed = function([x], x)(np.array([1, 2], ">f4"))
    assert fed.dtype == np.dtype("float32")
    assert fed.dtype.isnative
    assert fed.tolist() == [1, 2]


def test_with_warn_an_input_that_nothing_needs_is_logged(caplog):
    x, y = g.input((2,), name="x"), g.input((2,), name="y")
    function([x, y], x + y, on_unused_input="warn")
    assert caplog.records == []
    f = function([x, y], x * 2.0, name="step", on_unused_input="warn")
    [message] = caplog.messages
    assert message.startswith("step: the input 'y', <input: float32[2]> is not needed by any")
    assert f(array(1, 2), array(3, 4)).tolist() == [2, 4]
    with pytest.raises(KeywordError, match="'raise', 'warn' or 'ignore', received 'no'"):
        function([x], x, on_unused_input="no")


def test_a_call_may_be_started_and_fetched_later():
    x, w = g.input((2,)), g.shared(array(1, 2), "w")
    for single in (False, True):
        f = function([x], x + w if single else [x + w, x * w], [(w, w * 2.0)])
        w.set_value(array(1, 2))
        pending = f.start(array(10, 20))
        assert w.get_value().tolist() == [2, 4]
        found = pending.get()
        assert found[0].tolist() == [11, 22]
        assert len(found) == 2 - single
        assert pending.get() is not None


@pytest.mark.parametrize("mode", ["FAST_RUN", "NanGuardMode", "DebugMode"])
def test_what_is_printed_comes_in_order_at_each_call(mode, capsys):
    x = g.input((2,))
    y = g.print_tensor(x * 2.0, "y = ")
    f = function([x], [g.print_tensor(y + 1.0, "z = "), y], mode=mode)
    for start in (f, lambda value: f.start(value).get()):
        found = start(array(1, 2))
        assert [one.tolist() for one in found] == [[3, 5], [2, 4]]
        assert capsys.readouterr().out == "y = [2. 4.]\nz = [3. 5.]\n"


def test_the_step_of_a_loop_prints_nothing():
    x = g.input((3,))
    (last,), _ = g.scan(
        lambda c, s: ((g.print_tensor(c[0] + s[0], "inside "),), ()), [g.constant(0.0)], [x]
    )
    with pytest.raises(ArgumentError, match="step: print_tensor 'inside ' is within the step of"):
        function([x], last, name="step")


def test_a_caller_may_look_at_each_node():
    x = g.input((2,))
    seen = {}
    f = function([x], g.exp(x) + 1.0)
    found = f.profile(lambda node, value, seconds: seen.update({node.op: value}), array(0, 1))
    np.testing.assert_allclose(found, np.exp([0, 1]) + 1, rtol=1e-6)
    np.testing.assert_allclose(seen["exp"], np.exp([0, 1]), rtol=1e-6)


def test_reports_of_a_function_and_of_several():
    x, phase = g.input((2,)), g.learning_phase()
    f = function([x, phase], g.where(phase, x * 2.0, x), name="step")
    assert f.reports == (f.report,)
    head = str(f.report).splitlines()[0]
    assert head.startswith("step (testing): device=cpu, mode=FAST_RUN, ")
    both = CompileReports("model", (f.report, f.report))
    assert str(both) == f"{f.report}\n\n{f.report}"
    assert repr(both) == str(both)
    assert str(CompileReports("model", ())).startswith("model: no function is made yet; fit,")


def test_sizes_of_many_calls_are_not_all_kept():
    x = g.input((g.BATCH, 2))
    f = function([x], g.sum(x, 1))
    for batch in range(1, 40):
        assert f(np.ones((batch, 2), "float32")).shape == (batch,)
        assert 1 <= len(f._bound) <= MOST_BOUND
