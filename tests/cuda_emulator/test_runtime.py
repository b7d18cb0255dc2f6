"""The CUDA executor on programs written by hand: arguments, memory, states, loops, checks."""

from __future__ import annotations

import re

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.codegen.launch import (
    Buffer,
    CallStep,
    Carry,
    CarryPointer,
    Check,
    Clamped,
    DeviceLoop,
    DeviceProgram,
    Extent,
    LoopStep,
    Pointer,
    StatusWord,
    Word,
)
from graphc.compiler.function.guards import finite_guard
from graphc.compiler.graph import BATCH, Node, State
from graphc.compiler.graph.dim import ceil_divide
from graphc.compiler.interpret import evaluate
from graphc.compiler.runtime.cuda_executor import CudaExecutor
from graphc.compiler.runtime.device_array import DeviceArray
from graphc.errors import DeviceError, IndexRangeError, NotFiniteError, OutOfMemoryError
from tests.cuda_emulator.hand_made import kernel_of, launch, program

BATCH_SYMBOL = g.dim.symbols(BATCH)[0]


def floats(*values: float) -> np.ndarray:
    return np.array(values, "float32")


def state_of(node: Node) -> State:
    return node.attrs["state"]


def add_program(x: Node, w: Node, out: Node) -> DeviceProgram:
    """out = x + w: x is fed, batch x 3; w is a shared variable."""
    fed = Buffer("x", x.shape, "float32", x)
    held = Buffer("w", (3,), "float32", state_of(w))
    made = Buffer("y", out.shape, "float32", node=out)
    step = launch(
        "k0_add",
        "if (i < n) y[i] = gc_add(x[i], w[i % 3]);",
        "float* y, const float* x, const float* w, int n",
        (Pointer(made), Pointer(fed), Pointer(held), Extent(BATCH * 3)),
        kernel_of(out),
        (fed, held),
        (made,),
        Clamped(ceil_divide(BATCH * 3, 64), 1, 1000),
    )
    return program([step], [step], [made])


@pytest.fixture(scope="module")
def adder() -> tuple[Node, Node, CudaExecutor]:
    x, w = g.input((BATCH, 3), "float32", name="x"), g.shared(floats(1, 2, 3), "w")
    out = x + w
    return x, w, CudaExecutor(add_program(x, w, out), [out], name="adder")


def accumulator() -> tuple[Node, Node, CudaExecutor]:
    """total += x, written in place, nothing fetched."""
    x, total = g.input((3,), "float32", name="x"), g.shared(floats(0, 0, 0), "total")
    value = total + x
    fed = Buffer("x", (3,), "float32", x)
    held = Buffer("total", (3,), "float32", state_of(total))
    step = launch(
        "k0_add",
        "if (i < 3) total[i] = gc_add(total[i], x[i]);",
        "float* total, const float* x",
        (Pointer(held), Pointer(fed)),
        kernel_of(value),
        (held, fed),
        (held,),
    )
    made = program([step], [step], [])
    return x, total, CudaExecutor(made, [value], [state_of(total)], "accumulator")


def test_inputs_and_sizes_reach_the_kernel_and_its_result_comes_back(adder) -> None:
    x, w, executor = adder
    w.set_value(floats(1, 2, 3))
    for batch in (1, 70, 2, 70):
        fed = np.random.default_rng(batch).standard_normal((batch, 3)).astype("float32")
        (result,) = executor.run({x: fed}, {BATCH_SYMBOL: batch}, 0)
        np.testing.assert_array_equal(result, fed + floats(1, 2, 3))
        assert result.flags.owndata


def test_a_shared_variable_moves_to_where_it_is_used(adder) -> None:
    x, w, executor = adder
    fed, sizes = np.zeros((1, 3), "float32"), {BATCH_SYMBOL: 1}
    w.set_value(floats(4, 5, 6))
    assert isinstance(state_of(w).value, np.ndarray)
    executor.run({x: fed}, sizes, 0)
    assert isinstance(state_of(w).value, DeviceArray)
    assert w.get_value().tolist() == [4, 5, 6]
    assert isinstance(state_of(w).value, DeviceArray)  # to look at it moves nothing
    assert evaluate([w * 2.0])[0].tolist() == [8, 10, 12]
    assert isinstance(state_of(w).value, np.ndarray)  # to use it on the CPU does
    w.set_value(floats(7, 5, 6))
    assert executor.run({x: fed}, sizes, 0)[0].tolist() == [[7, 5, 6]]


def test_calls_that_fetch_nothing_follow_each_other_without_mixing_their_inputs() -> None:
    """The emulated driver does all work at the wait: a slot that is filled too early shows."""
    x, total, executor = accumulator()
    fed = [floats(k, 10 * k, 100 * k) for k in range(1, 8)]
    for value in fed:
        executor.run({x: value}, {}, 0)
        value[:] = -1  # the caller's array is not read after the call
    assert total.get_value().tolist() == [28, 280, 2800]
    total.set_value(floats(1, 1, 1))
    executor.run({x: floats(1, 2, 3)}, {}, 0)
    assert total.get_value().tolist() == [2, 3, 4]


def test_two_functions_share_a_variable_and_the_arena(adder) -> None:
    x, w, executor = adder
    y = g.input((BATCH, 3), "float32", name="y")
    other = CudaExecutor(add_program(y, w, y + w), [y + w], name="other")
    w.set_value(floats(1, 1, 1))
    zeros = np.zeros((1, 3), "float32")
    for batch in (1, 500):  # the second needs a larger arena
        (many,) = other.run({y: np.ones((batch, 3), "float32")}, {BATCH_SYMBOL: batch}, 0)
        (few,) = executor.run({x: zeros}, {BATCH_SYMBOL: 1}, 0)
        assert (many == 2).all()
        assert few.tolist() == [[1, 1, 1]]


def test_words_and_the_number_of_the_call_are_arguments_not_text() -> None:
    made = Buffer("y", (3,), "int64")
    out = g.input((3,), "int64")
    step = launch(
        "k0_words",
        "if (i == 0) { y[0] = (gc_int64)call; y[1] = seed; y[2] = stream; }",
        "unsigned int seed, gc_uint64 call, unsigned int stream, gc_int64* y",
        (Word(2**32 - 1), CallStep(), Word(7), Pointer(made)),
        kernel_of(out),
        writes=(made,),
    )
    executor = CudaExecutor(program([step], [step], [made]), [out])
    for call in (0, 2**40 + 1, 5):
        assert executor.run({}, {}, call)[0].tolist() == [call, 2**32 - 1, 7]


def test_a_constant_is_uploaded_and_an_empty_grid_is_not_launched() -> None:
    values = np.arange(3, dtype="float32")
    constant, made = Buffer("c", (3,), "float32", values), Buffer("y", (3,), "float32")
    out = g.input((3,), "float32")
    body, parameters = "if (i < 3) y[i] = x[i];", "float* y, const float* x"
    arguments = (Pointer(made), Pointer(constant))
    step = launch("k0_copy", body, parameters, arguments, kernel_of(out), (constant,), (made,))
    empty = launch(
        "k1_zero", "y[i] = x[0] - 9;", parameters, arguments, kernel_of(out), grid=0, writes=(made,)
    )
    executor = CudaExecutor(program([step, empty], [step, empty], [made]), [out])
    assert executor.run({}, {}, 0)[0].tolist() == [0, 1, 2]


def test_more_shared_memory_than_usual_is_asked_for_and_too_much_is_refused() -> None:
    made, out = Buffer("y", (1,), "int32"), g.input((1,), "int32")

    def executor(nbytes: int) -> CudaExecutor:
        step = launch(
            "k0_shared",
            "extern __shared__ int words[]; words[n - 1 - i] = i; if (i == 0) y[0] = words[n - 1];",
            "int* y, int n",
            (Pointer(made), Extent(nbytes // 4)),
            kernel_of(out),
            writes=(made,),
            shared=nbytes,
        )
        return CudaExecutor(program([step], [step], [made]), [out])

    assert executor(90 << 10).run({}, {}, 0)[0].tolist() == [0]
    with pytest.raises(DeviceError, match="k0_shared needs 122,880 bytes of shared memory"):
        executor(120 << 10).run({}, {}, 0)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_loop_hands_its_carry_from_step_to_step(reverse: bool) -> None:
    """h = 2 h + x[step], over a number of steps that a call settles."""
    x, h0 = g.input((BATCH,), "float32", name="x"), g.input((), "float32", name="h0")
    fed, first = Buffer("x", (BATCH,), "float32", x), Buffer("h0", (), "float32", h0)
    pair = (Buffer("h", (), "float32"), Buffer("h", (), "float32"))
    final, stacked = Buffer("h", (), "float32"), Buffer("hs", (BATCH,), "float32")
    carry = Carry(first, pair, final)
    scan = h0 + 1.0  # stands for the scan node, which counts the steps
    step = launch(
        "k0_step",
        "if (i == 0) { h[0] = 2 * before[0] + x[step]; hs[step] = h[0]; }",
        "float* h, const float* before, const float* x, float* hs, int step",
        (
            CarryPointer(carry, write=True),
            CarryPointer(carry, write=False),
            Pointer(fed),
            Pointer(stacked),
            LoopStep(scan),
        ),
        kernel_of(scan),
        (fed,),
        (stacked,),
    )
    loop = DeviceLoop(scan, BATCH, reverse, (carry,), (step,))
    made = program([loop], [step], [final, stacked])
    outputs = [g.input((), "float32"), g.input((BATCH,), "float32")]
    executor = CudaExecutor(made, outputs)
    for length in (1, 2, 5):
        values = np.arange(1, length + 1, dtype="float32")
        expected, h = np.zeros(length, "float32"), 3.0
        for k in reversed(range(length)) if reverse else range(length):
            h = expected[k] = 2 * h + values[k]
        feeds = {x: values, h0: np.asarray(3, "float32")}
        last, all_steps = executor.run(feeds, {BATCH_SYMBOL: length}, 0)
        assert (last.shape, float(last)) == ((), h)
        np.testing.assert_array_equal(all_steps, expected)


def table_reader() -> tuple[Node, Node, Node, CudaExecutor]:
    """rows of a table, and a count of the calls, which is stored while the indices are fine."""
    rows = g.input((BATCH,), "int32", name="rows")
    table, count = g.shared(np.arange(8, dtype="float32"), "table"), g.shared(0.0, "count")
    with g.origin("embedding_1"):
        read = g.take(table, rows)
    fed = Buffer("rows", (BATCH,), "int32", rows)
    held = Buffer("table", (8,), "float32", state_of(table))
    counted = Buffer("count", (), "float32", state_of(count))
    made = Buffer("y", (BATCH,), "float32", node=read)
    gather = launch(
        "k0_gather",
        "if (i < n) y[i] = table[gc_check_index(status, 1, i, rows[i], 8)];",
        "gc_uint64* status, float* y, const float* table, const int* rows, int n",
        (StatusWord(), Pointer(made), Pointer(held), Pointer(fed), Extent(BATCH)),
        kernel_of(read),
        (held, fed),
        (made,),
    )
    advance = launch(
        "k1_update",
        "if (i == 0 && gc_ok(status)) count[0] += 1;",
        "gc_uint64* status, float* count",
        (StatusWord(), Pointer(counted)),
        kernel_of(count + 1.0),
        (counted,),
        (counted,),
    )
    checks = [Check(count, "no test"), Check(read, "an index is outside of its axis")]
    made_program = program([gather, advance], [gather, advance], [made], checks)
    outputs = [read, count + 1.0]
    return rows, table, count, CudaExecutor(made_program, outputs, [state_of(count)], "reader")


def test_an_index_out_of_range_is_the_interpreters_error_and_changes_no_variable() -> None:
    rows, _, count, executor = table_reader()
    good, bad = np.array([1, 7], "int32"), np.array([2, 9, -1], "int32")
    assert executor.run({rows: good}, {BATCH_SYMBOL: 2}, 0)[0].tolist() == [1, 7]
    assert count.get_value() == 1
    expected = "embedding_1: gather: index 9 at position .1,. of the indices is outside of axis 0"
    with pytest.raises(IndexRangeError, match=expected):
        executor.run({rows: bad}, {BATCH_SYMBOL: 3}, 0)
    assert count.get_value() == 1
    assert executor.run({rows: good}, {BATCH_SYMBOL: 2}, 0)[0].tolist() == [1, 7]
    assert count.get_value() == 2


def test_a_check_that_the_interpreter_does_not_share_is_told_in_its_own_words() -> None:
    made, out = Buffer("y", (), "float32"), g.input((), "float32", name="fed")
    step = launch(
        "k0_fail",
        "y[0] = 0; if (i == 40 || i == 3) gc_fail(status, 0, i);",
        "gc_uint64* status, float* y",
        (StatusWord(), Pointer(made)),
        kernel_of(out),
        writes=(made,),
    )
    checks = [Check(out, "it does not hold")]
    executor = CudaExecutor(program([step], [step], [made], checks), [out], name="checked")
    with pytest.raises(IndexRangeError, match="'fed'.*: it does not hold, at element 3;.*checked"):
        executor.run({out: np.zeros((), "float32")}, {}, 0)


def test_an_observer_is_told_of_inputs_variables_and_each_value_written(adder) -> None:
    x, w, executor = adder
    w.set_value(floats(1, 2, 3))
    told: list[tuple[str, list, bool]] = []
    fed = np.zeros((1, 3), "float32")
    (result,) = executor.run(
        {x: fed},
        {BATCH_SYMBOL: 1},
        0,
        lambda node, value, seconds: told.append((node.op, value.tolist(), seconds > 0)),
    )
    assert told == [
        ("input", [[0, 0, 0]], False),
        ("shared", [1, 2, 3], False),
        ("add", [[1, 2, 3]], True),
    ]
    assert result.tolist() == [[1, 2, 3]]


def test_an_observer_that_raises_leaves_the_variables_as_they_were() -> None:
    x, total, executor = accumulator()
    executor.run({x: floats(1, 1, 1)}, {}, 0)
    value = total + x
    made = Buffer("seen", (3,), "float32", node=value)
    held = Buffer("total", (3,), "float32", state_of(total))
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

    with pytest.raises(NotFiniteError):
        guarded.run({x: floats(0, 0, 0)}, {}, 0, refuse)
    assert total.get_value().tolist() == [1, 1, 1]


def test_the_guard_names_a_node_inside_of_a_kernel() -> None:
    x = g.input((3,), "float32", name="x")
    with g.origin("dense_7"):
        out = g.sum(g.sqrt(x))
    fed, made = Buffer("x", (3,), "float32", x), Buffer("y", (), "float32", node=out)
    step = launch(
        "k0_rows",
        "if (i == 0) y[0] = gc_sqrt(x[0]) + gc_sqrt(x[1]) + gc_sqrt(x[2]);",
        "float* y, const float* x",
        (Pointer(made), Pointer(fed)),
        kernel_of(out),
        (fed,),
        (made,),
    )
    executor, guard = CudaExecutor(program([step], [step], [made]), [out]), finite_guard([out])
    assert executor.run({x: floats(1, 4, 9)}, {}, 0, guard)[0] == 6
    with pytest.raises(
        NotFiniteError, match=r"nan appeared first at index .1,. of .*sqrt.*dense_7"
    ):
        executor.run({x: floats(1, -4, 9)}, {}, 0, guard)


def test_a_kernel_that_fails_is_named_by_the_error() -> None:
    made, out = Buffer("y", (1,), "float32"), g.input((1,), "float32")
    step = launch(
        "k0_astray", "y[-1] = 1;", "float* y", (Pointer(made),), kernel_of(out), writes=(made,)
    )
    executor = CudaExecutor(program([step], [step], [made]), [out], name="stray")
    with pytest.raises(DeviceError, match="running stray: .*k0_astray.*CUDA_LAUNCH_BLOCKING"):
        executor.run({}, {}, 0)


def test_a_grid_that_the_card_does_not_take_names_the_kernel_and_the_cuda_error() -> None:
    made = Buffer("y", (1,), "float32")
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
        executor.run({}, {}, 0)


def test_out_of_memory_names_what_is_large_and_the_batch_that_fits(adder) -> None:
    x, _, executor = adder
    out = g.input((BATCH, 2**20), "float32", name="large")
    small, large = Buffer("dense_1/dot", (BATCH,), "float32"), Buffer("y", out.shape, "float32")
    larger = Buffer("dense_2/dot", (2 * BATCH, 2**20), "float32")
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
    assert huge.run({}, {BATCH_SYMBOL: 2}, 0)[0].shape == (2,)
    with pytest.raises(OutOfMemoryError) as raised:
        huge.run({}, {BATCH_SYMBOL: 800}, 0)
    said = str(raised.value)
    assert "CUDA_ERROR_OUT_OF_MEMORY" in said
    names = re.findall(r"^ +[0-9,]+  (\S+) float32\[.*arena", said, re.MULTILINE)
    assert names == ["dense_2/dot", "y", "dense_1/dot"]
    fitting = int(re.search(r"largest batch that fits is (\d+)", said)[1])
    assert 600 < fitting < 683
    assert huge.run({}, {BATCH_SYMBOL: 3}, 0)[0].shape == (3,)
    assert executor.run({x: np.zeros((1, 3), "float32")}, {BATCH_SYMBOL: 1}, 0)[0].shape == (1, 3)
