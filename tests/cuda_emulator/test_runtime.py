"""The CUDA executor on programs written by hand: arguments, memory, states, loops, checks."""

from __future__ import annotations

import re
from collections.abc import Sequence

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
    Launch,
    LoopStep,
    Pointer,
    StatusWord,
    Word,
)
from graphc.compiler.graph import BATCH, Node, State
from graphc.compiler.graph.dim import ceil_divide
from graphc.compiler.runtime import cuda
from graphc.compiler.runtime.cuda_executor import CudaExecutor
from graphc.compiler.runtime.device_array import DeviceArray
from graphc.errors import DeviceError, IndexRangeError
from tests.cuda_emulator.hand_made import kernel_of, launch, program

ADD = "if (i < n) y[i] = gc_add(x[i], w[i % 3]);"


def floats(*values: float) -> np.ndarray:
    return np.array(values, "float32")


def add_program(x: Node, w: Node, out: Node) -> DeviceProgram:
    """out = x + w: x is fed, batch x 3; w is a shared variable."""
    fed = Buffer("x", x.shape, "float32", x)
    held = Buffer("w", (3,), "float32", w.attrs["state"])
    made = Buffer("y", out.shape, "float32", node=out)
    step = launch(
        "k0_add",
        ADD,
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


def test_inputs_and_sizes_reach_the_kernel_and_its_result_comes_back(adder) -> None:
    x, w, executor = adder
    w.set_value(floats(1, 2, 3))
    for batch in (1, 70, 2, 70):
        fed = np.random.default_rng(batch).standard_normal((batch, 3)).astype("float32")
        (result,) = executor.run({x: fed}, {g.dim.symbols(BATCH)[0]: batch}, 0)
        np.testing.assert_array_equal(result, fed + floats(1, 2, 3))
        assert result.flags.owndata


def test_a_shared_variable_moves_to_where_it_is_used(adder) -> None:
    x, w, executor = adder
    state: State = w.attrs["state"]
    fed, sizes = np.zeros((1, 3), "float32"), {g.dim.symbols(BATCH)[0]: 1}
    w.set_value(floats(4, 5, 6))
    assert isinstance(state.value, np.ndarray)
    executor.run({x: fed}, sizes, 0)
    assert isinstance(state.value, DeviceArray)
    assert w.get_value().tolist() == [4, 5, 6]
    assert isinstance(state.value, DeviceArray)  # to look at it moves nothing
    state.buffer[0] = 7  # the interpreter reads it like this: it is at home now
    assert executor.run({x: fed}, sizes, 0)[0].tolist() == [[7, 5, 6]]
