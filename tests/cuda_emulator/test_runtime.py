"""The CUDA executor on programs written by hand: arguments, memory, states, loops."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.cards import CARDS, Card
from graphc.compiler.graph import BATCH, Node, state_of
from graphc.compiler.interpret import evaluate
from graphc.compiler.program.launch import (
    CallNumber,
    Carry,
    CarryPointer,
    DeviceBuffer,
    DeviceLoop,
    LoopStep,
    Pointer,
    SizeArgument,
    Word,
)
from graphc.compiler.runtime.gpu.cuda import Device
from graphc.compiler.runtime.gpu.device_array import DeviceArray
from graphc.compiler.runtime.gpu.executor import CudaExecutor
from graphc.errors import DeviceError
from tests.cuda_emulator.emulator import emulated_card
from tests.cuda_emulator.hand_made import (
    BATCH_SYMBOL,
    accumulator,
    add_program,
    adder,
    floats,
    kernel_of,
    launch,
    program,
)


@pytest.fixture(scope="module", name="adder")
def _adder() -> tuple[Node, Node, CudaExecutor]:
    return adder()


def test_inputs_and_sizes_reach_the_kernel_and_its_result_comes_back(adder) -> None:
    x, w, executor = adder
    w.set_value(floats(1, 2, 3))
    for batch in (1, 70, 2, 70):
        fed = np.random.default_rng(batch).standard_normal((batch, 3)).astype("float32")
        (result,) = executor.run({x: fed}, {BATCH_SYMBOL: batch}, g.CallStep())
        np.testing.assert_array_equal(result, fed + floats(1, 2, 3))
        assert result.flags.owndata


def test_kernels_are_loaded_when_the_function_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    load = Device.function

    def recorded(device: Device, module: object, name: str) -> object:
        loaded.append(name)
        return load(device, module, name)

    monkeypatch.setattr(Device, "function", recorded)
    x, _, executor = adder()
    assert loaded == ["k0_add"]
    for batch in (1, 7):
        executor.run({x: np.zeros((batch, 3), "float32")}, {BATCH_SYMBOL: batch}, g.CallStep())
    assert loaded == ["k0_add"]


def test_a_shared_variable_moves_to_where_it_is_used(adder) -> None:
    x, w, executor = adder
    fed, sizes = np.zeros((1, 3), "float32"), {BATCH_SYMBOL: 1}
    w.set_value(floats(4, 5, 6))
    assert isinstance(state_of(w).value, np.ndarray)
    executor.run({x: fed}, sizes, g.CallStep())
    assert isinstance(state_of(w).value, DeviceArray)
    assert w.get_value().tolist() == [4, 5, 6]
    assert isinstance(state_of(w).value, DeviceArray)  # to look at it moves nothing
    assert evaluate([w * 2.0])[0].tolist() == [8, 10, 12]
    assert isinstance(state_of(w).value, np.ndarray)  # to use it on the CPU does
    w.set_value(floats(7, 5, 6))
    assert executor.run({x: fed}, sizes, g.CallStep())[0].tolist() == [[7, 5, 6]]


def test_calls_that_fetch_nothing_follow_each_other_without_mixing_their_inputs() -> None:
    """The emulated driver does all work at the wait: a slot that is filled too early shows."""
    x, total, executor = accumulator()
    fed = [floats(k, 10 * k, 100 * k) for k in range(1, 8)]
    for value in fed:
        executor.run({x: value}, {}, g.CallStep())
        value[:] = -1  # the caller's array is not read after the call
    assert total.get_value().tolist() == [28, 280, 2800]
    total.set_value(floats(1, 1, 1))
    executor.run({x: floats(1, 2, 3)}, {}, g.CallStep())
    assert total.get_value().tolist() == [2, 3, 4]


def test_two_functions_share_a_variable_and_the_arena(adder) -> None:
    x, w, executor = adder
    y = g.input((BATCH, 3), "float32", name="y")
    other = CudaExecutor(add_program(y, w, y + w), [y + w], name="other")
    w.set_value(floats(1, 1, 1))
    zeros = np.zeros((1, 3), "float32")
    for batch in (1, 500):  # the second needs a larger arena
        (many,) = other.run(
            {y: np.ones((batch, 3), "float32")}, {BATCH_SYMBOL: batch}, g.CallStep()
        )
        (few,) = executor.run({x: zeros}, {BATCH_SYMBOL: 1}, g.CallStep())
        assert (many == 2).all()
        assert few.tolist() == [[1, 1, 1]]


def test_words_and_the_number_of_the_call_are_arguments_not_text() -> None:
    made = DeviceBuffer("y", (3,), "int64")
    out = g.input((3,), "int64")
    step = launch(
        "k0_words",
        "if (i == 0) { y[0] = (gc_int64)call; y[1] = seed; y[2] = stream; }",
        "unsigned int seed, gc_uint64 call, unsigned int stream, gc_int64* y",
        (Word(2**32 - 1), CallNumber(), Word(7), Pointer(made)),
        kernel_of(out),
        writes=(made,),
    )
    executor = CudaExecutor(program([step], [step], [made]), [out])
    for call in (0, 2**40 + 1, 5):
        assert executor.run({}, {}, g.CallStep(call))[0].tolist() == [call, 2**32 - 1, 7]


def test_a_constant_is_uploaded_and_an_empty_grid_is_not_launched() -> None:
    values = np.arange(3, dtype="float32")
    constant, made = DeviceBuffer("c", (3,), "float32", values), DeviceBuffer("y", (3,), "float32")
    out = g.input((3,), "float32")
    body, parameters = "if (i < 3) y[i] = x[i];", "float* y, const float* x"
    arguments = (Pointer(made), Pointer(constant))
    step = launch("k0_copy", body, parameters, arguments, kernel_of(out), (constant,), (made,))
    empty = launch(
        "k1_zero", "y[i] = x[0] - 9;", parameters, arguments, kernel_of(out), grid=0, writes=(made,)
    )
    executor = CudaExecutor(program([step, empty], [step, empty], [made]), [out])
    assert executor.run({}, {}, g.CallStep())[0].tolist() == [0, 1, 2]


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_more_shared_memory_than_usual_is_requested_and_too_much_is_refused(card: Card) -> None:
    made, out = DeviceBuffer("y", (1,), "int32"), g.input((1,), "int32")

    def executor(nbytes: int) -> CudaExecutor:
        step = launch(
            "k0_shared",
            "extern __shared__ int words[]; words[n - 1 - i] = i; if (i == 0) y[0] = words[n - 1];",
            "int* y, int n",
            (Pointer(made), SizeArgument(nbytes // 4)),
            kernel_of(out),
            writes=(made,),
            shared=nbytes,
        )
        return CudaExecutor(program([step], [step], [made]), [out])

    most = card.most_shared
    with emulated_card(card):
        assert executor(most).run({}, {}, g.CallStep())[0].tolist() == [0]
        expected = f"k0_shared needs {most + 4:,} bytes of shared memory; .* at most {most:,}"
        with pytest.raises(DeviceError, match=expected):
            executor(most + 4).run({}, {}, g.CallStep())


@pytest.mark.parametrize("reverse", [False, True])
def test_a_loop_hands_its_carry_from_step_to_step(reverse: bool) -> None:
    """h = 2 h + x[step], over a number of steps that a call settles."""
    x, h0 = g.input((BATCH,), "float32", name="x"), g.input((), "float32", name="h0")
    fed, first = DeviceBuffer("x", (BATCH,), "float32", x), DeviceBuffer("h0", (), "float32", h0)
    pair = (DeviceBuffer("h", (), "float32"), DeviceBuffer("h", (), "float32"))
    final, stacked = DeviceBuffer("h", (), "float32"), DeviceBuffer("hs", (BATCH,), "float32")
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
        last, all_steps = executor.run(feeds, {BATCH_SYMBOL: length}, g.CallStep())
        assert (last.shape, float(last)) == ((), h)
        np.testing.assert_array_equal(all_steps, expected)
