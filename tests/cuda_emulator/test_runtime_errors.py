"""The CUDA executor where things go wrong: checks, observers that raise, failing launches."""

from __future__ import annotations

import gc
import re
import threading
import traceback
from collections.abc import Callable

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.compiler.function.guards import FiniteGuard
from graphc.compiler.graph import BATCH, Node, state_of
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.program.launch import (
    DeviceBuffer,
    DeviceCheck,
    Pointer,
    SizeArgument,
    StatusPointer,
)
from graphc.compiler.runtime.gpu import cuda
from graphc.compiler.runtime.gpu.executor import CudaExecutor
from graphc.compiler.runtime.gpu.workspace import PendingFetch
from graphc.config import config
from graphc.errors import DeviceError, IndexRangeError, NotFiniteError, OutOfMemoryError
from tests.cuda_emulator.hand_made import (
    BATCH_SYMBOL,
    accumulator,
    adder,
    floats,
    kernel_of,
    launch,
    program,
)


def in_another_thread(run: Callable[[], object]) -> None:
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


@pytest.fixture(scope="module", name="adder")
def _adder() -> tuple[Node, Node, CudaExecutor]:
    return adder()


def table_reader() -> tuple[Node, Node, Node, CudaExecutor]:
    """rows of a table, and a count of the calls, which is stored while the indices are fine."""
    rows = g.input((BATCH,), "int32", name="rows")
    table, count = g.shared(np.arange(8, dtype="float32"), "table"), g.shared(0.0, "count")
    with g.origin("embedding_1"):
        read = g.take(table, rows)
    fed = DeviceBuffer("rows", (BATCH,), "int32", rows)
    held = DeviceBuffer("table", (8,), "float32", state_of(table))
    counted = DeviceBuffer("count", (), "float32", state_of(count))
    made = DeviceBuffer("y", (BATCH,), "float32", node=read)
    gather = launch(
        "k0_gather",
        "if (i < n) y[i] = table[gc_check_index(status, 1, i, rows[i], 8)];",
        "gc_uint64* status, float* y, const float* table, const int* rows, int n",
        (StatusPointer(), Pointer(made), Pointer(held), Pointer(fed), SizeArgument(BATCH)),
        kernel_of(read),
        (held, fed),
        (made,),
    )
    advance = launch(
        "k1_update",
        "if (i == 0 && gc_ok(status)) count[0] += 1;",
        "gc_uint64* status, float* count",
        (StatusPointer(), Pointer(counted)),
        kernel_of(count + 1.0),
        (counted,),
        (counted,),
    )
    checks = [DeviceCheck(count, "no test"), DeviceCheck(read, "an index is outside of its axis")]
    made_program = program([gather, advance], [gather, advance], [made], checks)
    outputs = [read, count + 1.0]
    return rows, table, count, CudaExecutor(made_program, outputs, [state_of(count)], "reader")


def test_an_index_out_of_range_is_the_interpreters_error_and_changes_no_variable() -> None:
    rows, _, count, executor = table_reader()
    good, bad = np.array([1, 7], "int32"), np.array([2, 9, -1], "int32")
    assert executor.run({rows: good}, {BATCH_SYMBOL: 2}, g.CallStep())[0].tolist() == [1, 7]
    assert count.get_value() == 1
    expected = "embedding_1: gather: index 9 at position .1,. of the indices is outside of axis 0"
    with pytest.raises(IndexRangeError, match=expected):
        executor.run({rows: bad}, {BATCH_SYMBOL: 3}, g.CallStep())
    assert count.get_value() == 1
    assert executor.run({rows: good}, {BATCH_SYMBOL: 2}, g.CallStep())[0].tolist() == [1, 7]
    assert count.get_value() == 2


def test_a_variable_that_is_computed_before_an_index_fails_stays() -> None:
    config.device = "gpu"
    w, table = g.shared(np.zeros((2, 2), "float32"), "w"), g.shared(floats(1, 2, 3), "table")
    x, rows = g.input((2, 2), "float32", name="x"), g.input((2,), "int32", name="rows")
    changed = g.tanh(g.exp(w) + x)  # read by several kernels, so one stores it before them
    nothing = g.sum(g.dot(changed, x)) + g.sum(g.dot(x, changed)) + g.sum(changed, 0)[0]
    indices = rows + g.cast(nothing * 0.0, "int32")
    f = function([rows, x], g.take(table, indices), updates=[(w, changed)])
    fed = np.ones((2, 2), "float32")
    assert f(np.array([0, 2], "int32"), fed).tolist() == [1, 3]
    before = w.get_value()
    with pytest.raises(IndexRangeError, match="index 3 at position .0,."):
        f(np.array([3, 1], "int32"), fed)
    np.testing.assert_array_equal(w.get_value(), before)
    assert f(np.array([0, 1], "int32"), fed).tolist() == [1, 2]
    assert (w.get_value() != before).all()


def test_a_call_whose_fed_indices_fit_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, table = g.input((2,), "int32", name="rows"), g.shared(floats(0, 0, 0), "table")
    change = g.scatter_add(rows, g.broadcast_to(1.0, (2,)), 3)
    fed, held = (
        DeviceBuffer("rows", (2,), "int32", rows),
        DeviceBuffer("t", (3,), "float32", state_of(table)),
    )
    # Two launches, as of generated programs: what stores a variable tests nothing new.
    test = launch(
        "k0_check",
        "if (i < 2) gc_check_index(status, 0, i, rows[i], 3);",
        "gc_uint64* status, const int* rows",
        (StatusPointer(), Pointer(fed)),
        kernel_of(change),
        (fed,),
    )
    step = launch(
        "k1_scatter",
        "if (i < 3) { float sum = t[i]; for (int k = 0; k < 2; ++k) sum += rows[k] == i;"
        " if (gc_ok(status)) t[i] = sum; }",
        "gc_uint64* status, float* t, const int* rows",
        (StatusPointer(), Pointer(held), Pointer(fed)),
        kernel_of(change),
        (held, fed),
        (held,),
    )
    made = program([test, step], [test, step], [], [DeviceCheck(change, "index")])
    executor = CudaExecutor(made, [table + change], [state_of(table)])
    # The first call uploads the table.
    executor.run({rows: np.array([0, 1], "int32")}, {}, g.CallStep())
    waits: list[PendingFetch] = []
    wait = PendingFetch.wait
    monkeypatch.setattr(PendingFetch, "wait", lambda fetch: (waits.append(fetch), wait(fetch))[1])
    executor.run({rows: np.array([2, 2], "int32")}, {}, g.CallStep())
    assert waits == []
    with pytest.raises(IndexRangeError, match="scatter_add: index 3 at position .1,."):
        executor.run({rows: np.array([2, 3], "int32")}, {}, g.CallStep())
    assert len(waits) == 1
    assert table.get_value().tolist() == [1, 1, 2]


def test_a_check_that_only_the_device_makes_is_an_error_in_its_own_words() -> None:
    made, out = DeviceBuffer("y", (), "float32"), g.input((), "float32", name="fed")
    step = launch(
        "k0_fail",
        "if (i == 0) y[0] = 0; if (i == 40 || i == 3) gc_fail(status, 0, i);",
        "gc_uint64* status, float* y",
        (StatusPointer(), Pointer(made)),
        kernel_of(out),
        writes=(made,),
    )
    checks = [DeviceCheck(out, "it does not hold")]
    executor = CudaExecutor(program([step], [step], [made], checks), [out], name="checked")
    with pytest.raises(IndexRangeError, match="'fed'.*: it does not hold, at element 3;.*checked"):
        executor.run({out: np.zeros((), "float32")}, {}, g.CallStep())


def test_an_observer_receives_inputs_variables_and_each_value_written(adder) -> None:
    x, w, executor = adder
    w.set_value(floats(1, 2, 3))
    observed: list[tuple[str, list, bool]] = []
    fed, call_step = np.zeros((1, 3), "float32"), g.CallStep(6)
    (result,) = executor.run(
        {x: fed},
        {BATCH_SYMBOL: 1},
        call_step,
        lambda node, value, seconds: observed.append((node.op, value.tolist(), seconds > 0)),
    )
    assert observed == [
        ("input", [[0, 0, 0]], False),
        ("shared", [1, 2, 3], False),
        ("add", [[1, 2, 3]], True),
    ]
    assert result.tolist() == [[1, 2, 3]]
    assert call_step.value == 7


def test_an_observer_that_raises_leaves_the_variables_as_they_were() -> None:
    x, total, executor = accumulator()
    executor.run({x: floats(1, 1, 1)}, {}, g.CallStep())
    value = total + x
    made = DeviceBuffer("seen", (3,), "float32", node=value)
    held = DeviceBuffer("total", (3,), "float32", state_of(total))
    step = launch(
        "k0_change",
        "if (i < 3) { total[i] = 7; seen[i] = 8; }",
        "float* total, float* seen",
        (Pointer(held), Pointer(made)),
        kernel_of(value),
        writes=(held, made),
    )
    guarded = CudaExecutor(program([step], [step], []), [value], [state_of(total)])

    def refuse(node: Node, value: np.ndarray, seconds: float) -> None:
        if value.tolist() == [8, 8, 8]:
            raise NotFiniteError("no")

    with pytest.raises(NotFiniteError) as caught:
        guarded.run({x: floats(0, 0, 0)}, {}, g.CallStep(), refuse)
    assert total.get_value().tolist() == [1, 1, 1]
    caught.value.args = (caught,)  # a circle, so that any thread may free the frames
    del caught
    in_another_thread(gc.collect)


def test_the_guard_names_a_node_inside_of_a_kernel() -> None:
    x = g.input((3,), "float32", name="x")
    with g.origin("dense_7"):
        out = g.sum(g.sqrt(x))
    fed, made = DeviceBuffer("x", (3,), "float32", x), DeviceBuffer("y", (), "float32", node=out)
    step = launch(
        "k0_rows",
        "if (i == 0) y[0] = gc_sqrt(x[0]) + gc_sqrt(x[1]) + gc_sqrt(x[2]);",
        "float* y, const float* x",
        (Pointer(made), Pointer(fed)),
        kernel_of(out),
        (fed,),
        (made,),
    )
    executor, guard = CudaExecutor(program([step], [step], [made]), [out]), FiniteGuard([out])
    assert executor.run({x: floats(1, 4, 9)}, {}, g.CallStep(), guard)[0] == 6
    with pytest.raises(
        NotFiniteError, match=r"nan appeared first at index .1,. of .*sqrt.*dense_7"
    ) as raised:
        executor.run({x: floats(1, -4, 9)}, {}, g.CallStep(), guard)
    shown = "".join(traceback.format_exception(raised.value))
    assert shown.count("NotFiniteError: ") == 1  # not what the guard saw of the kernel, too


def test_a_guard_sees_values_of_a_graph_that_was_rewritten_for_the_device() -> None:
    """The transposes meet behind the arithmetic, so what is stored is no node of the user's."""
    x, b = g.input((2, 3), name="x"), g.input((2, 3), name="b")
    transposed = g.transpose(g.sqrt(x * b))
    with g.origin("dense_7"):
        out = g.sum(g.transpose(g.log(transposed)), axis=0)
    outputs = [out, g.transpose(transposed) * 2.0]
    executor, guard = CudaExecutor(lower(outputs), outputs), FiniteGuard(outputs)
    ones = np.ones((2, 3), "float32")
    executor.run({x: ones, b: ones}, {}, g.CallStep(), guard)
    with pytest.raises(NotFiniteError, match="appeared first at index .1, 2. of .*sqrt"):
        executor.run(
            {x: ones, b: ones * np.float32([[1, 1, 1], [1, 1, -1]])}, {}, g.CallStep(), guard
        )


def test_any_thread_may_free_an_event() -> None:
    with cuda.device().current():
        events = [cuda.device().event()]
    in_another_thread(events.clear)
    with cuda.device().current():  # which destroys it
        assert cuda.device().event().query()


def test_a_grid_that_the_card_does_not_take_names_the_kernel_and_the_cuda_error() -> None:
    made = DeviceBuffer("y", (1,), "float32")
    with g.origin("dense_1"):
        out = g.input((1,), "float32") + 1.0
    step = launch(
        "k0_wide",
        "if (i < 0) y[0] = 1;",
        "float* y",
        (Pointer(made),),
        kernel_of(out),
        writes=(made,),
        grid=2**31,
    )
    executor = CudaExecutor(program([step], [step], [made]), [out])
    expected = r"launching the kernel k0_wide \(of dense_1\): CUDA_ERROR_INVALID_VALUE"
    with pytest.raises(DeviceError, match=expected):
        executor.run({}, {}, g.CallStep())


def test_out_of_memory_names_what_is_large_and_the_batch_that_fits(adder) -> None:
    x, _, executor = adder
    out = g.input((BATCH, 2**20), "float32", name="large")
    small, large = (
        DeviceBuffer("dense_1/dot", (BATCH,), "float32"),
        DeviceBuffer("y", out.shape, "float32"),
    )
    larger = DeviceBuffer("dense_2/dot", (2 * BATCH, 2**20), "float32")
    step = launch(
        "k0_large",
        "if (i == 0) y[0] = 1;",
        "float* y",
        (Pointer(small),),
        kernel_of(out),
        writes=(small, large, larger),
    )
    # 12 MB a sample: of the emulated card's 8 GB, fewer than 683 samples fit.
    huge = CudaExecutor(program([step], [step], [small]), [g.input((BATCH,), "float32")])
    assert huge.run({}, {BATCH_SYMBOL: 2}, g.CallStep())[0].shape == (2,)
    with pytest.raises(OutOfMemoryError) as raised:
        huge.run({}, {BATCH_SYMBOL: 800}, g.CallStep())
    said = str(raised.value)
    assert "CUDA_ERROR_OUT_OF_MEMORY" in said
    names = re.findall(r"^ +[0-9,]+  (\S+) float32\[.*arena", said, re.MULTILINE)
    assert names == ["dense_2/dot", "y", "dense_1/dot"]
    fitting = int(re.search(r"largest batch that fits is (\d+)", said)[1])
    assert 600 < fitting < 683
    assert huge.run({}, {BATCH_SYMBOL: 3}, g.CallStep())[0].shape == (3,)
    assert executor.run({x: np.zeros((1, 3), "float32")}, {BATCH_SYMBOL: 1}, g.CallStep())[
        0
    ].shape == (1, 3)
