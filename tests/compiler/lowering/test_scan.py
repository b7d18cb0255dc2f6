"""Loops as CUDA: the text of a persistent one, what the compiler makes of it, what loops cost."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.lowering.unit import INCLUDES, unit
from graphc.compiler.passes import optimize
from graphc.compiler.program.launch import DeviceLoop, Launch, launches
from graphc.compiler.schedule import Loop
from graphc.compiler.targets.cuda.mappings import CUDA_MAPPINGS
from graphc.compiler.targets.cuda.scans import ROWS_BY_THREADS, ROWS_IN_ORDER
from graphc.compiler.targets.mapping import never
from graphc.reference_models import gru_ae, lstm
from graphc.reference_models.step import TrainingStep
from tests.compiler.lowering.golden_text import check_golden
from tests.nvcc import gate

NVCC = shutil.which("nvcc")


def gru(units: int, name: str = "gru_1") -> list[g.Node]:
    """h <- z * h + (1 - z) * tanh(x_h + (r * h) . U_h), returning the last h."""
    U_z, U_r, U_h = (
        g.shared(np.zeros((units, units), "float32"), f"{name}_U_{gate}") for gate in "zrh"
    )
    time = g.symbol("time")
    x_z, x_r, x_h = (
        g.set_name(g.input((time, g.BATCH, units), "float32"), f"x_{gate}") for gate in "zrh"
    )

    def step(carries: tuple[g.Node, ...], slices: tuple[g.Node, ...]) -> tuple:
        (h,), (a_z, a_r, a_h) = carries, slices
        z = g.sigmoid(a_z + g.dot(h, U_z))
        r = g.sigmoid(a_r + g.dot(h, U_r))
        return (z * h + (1.0 - z) * g.tanh(a_h + g.dot(r * h, U_h)),), ()

    with g.origin(name):
        (h,), _ = g.scan(step, [g.zeros((g.BATCH, units), "float32")], [x_z, x_r, x_h])
    loss = g.sum(h * h)
    outputs, _ = optimize([h, *grad(loss, [U_z, U_r, U_h, x_z, x_r, x_h])])
    return outputs


def texts(outputs: list[g.Node]) -> list[str]:
    return [x.text for x in launches(lower(outputs).steps) if isinstance(x.kernel, Loop)]


def test_golden_text() -> None:
    (text,) = texts(gru(20)[:1])
    check_golden("scan", text)


def normalised(units: int) -> list[g.Node]:
    """Two carries: h <- tanh(a / max|a|), a = x + h . U + c . V, and c <- c + s . W for a short
    carry s: products of several rows at once, one of them short, and a reduction over a row."""
    U, V = (g.shared(np.zeros((units, units), "float32"), name) for name in "UV")
    W = g.shared(np.zeros((3, units), "float32"), "W")
    x = g.set_name(g.input((g.symbol("time"), g.BATCH, units), "float32"), "x")

    def step(carries: tuple[g.Node, ...], slices: tuple[g.Node, ...]) -> tuple:
        h, c, s = carries
        a = slices[0] + g.dot(h, U) + g.dot(c, V)
        largest = g.max(g.abs(a), 1, keepdims=True)
        return (g.tanh(a / largest), c + g.dot(s, W), s * 0.5), ()

    start = g.zeros((g.BATCH, units), "float32")
    with g.origin("normalised_1"):
        finals, _ = g.scan(step, [start, start, g.zeros((g.BATCH, 3), "float32") + 1.0], [x])
    return optimize(finals[:2])[0]


def test_golden_text_of_several_rows() -> None:
    (text,) = texts(normalised(20))
    check_golden("scan_of_several_rows", text)


def test_names_reach_comments_alone() -> None:
    one, another = (re.sub(r"//.*", "", "".join(texts(gru(20, name)))) for name in ("a", "*/ b"))
    assert one == another


@pytest.mark.skipif(NVCC is None, reason="nvcc is not on PATH")
def test_nothing_leaves_the_registers() -> None:
    """All columns fit registers, nearly 160; and two of three matrices do."""
    named = [text for units in (53, 72) for text in texts(gru(units, f"gru_{units}"))]
    assert len(named) == 4
    renamed = [re.sub(r"\bk\d+_scan\b", f"scan_{k}", text) for k, text in enumerate(named)]
    kernels, said = gate.assembled(NVCC, unit(renamed, INCLUDES), "sm_75")
    assert said == []
    assert len(kernels) == 4
    assert gate.problems_of("loops", "sm_75", kernels) == []


def test_the_loops_of_gru_ae_are_one_launch_each() -> None:
    whole, loops = loops_of(gru_ae.build())
    assert (len(whole), len(loops)) == (4, 0)
    # What the arrays of a block take it has unasked.
    assert [x.shared for x in whole] == [0] * 4


def test_a_loop_without_threads_for_its_elements_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = replace(ROWS_BY_THREADS, when=lambda program, target: never("it is a test"))
    monkeypatch.setitem(CUDA_MAPPINGS, "scan", (refused, ROWS_IN_ORDER))
    found = [one for one in launches(lower(gru(5)[:1]).steps) if isinstance(one.kernel, Loop)]
    assert [one.notes for one in found] == [
        ("one thread computes a row at all steps: it is a test",)
    ]


def test_the_loops_of_lstm_are_one_launch_a_step() -> None:
    """The matrices of 128 units take 256 KiB."""
    whole, loops = loops_of(lstm.build(vocabulary=9))
    assert [len(loop.steps) for loop in loops] == [1, 1]
    assert not whole
    (launch,) = loops[0].steps
    assert isinstance(launch, Launch)
    assert any("262144 bytes" in reason for reason in launch.kernel.reasons)


def by_step(value: g.Node) -> g.Node:
    """Return a value that reads other rows, so that a loop with it is launches a step."""
    return g.tanh(value - g.mean(value, 0))


def test_a_loop_that_begins_and_ends_at_another_ones_carry_has_copies_around() -> None:
    """The outer loop's carry lies in two buffers by turns, and the inner one needs one."""
    xs = g.input((g.symbol("time"), 3, g.BATCH, 5), "float32")

    def outer(carries: tuple[g.Node, ...], slices: tuple[g.Node, ...]) -> tuple:
        inner = lambda c, s: ((by_step(c[0] + s[0]),), ())  # noqa: E731
        return tuple(g.scan(inner, [carries[0]], [slices[0]])[0]), ()

    outputs = g.scan(outer, [g.zeros((g.BATCH, 5), "float32")], [xs])[0]
    (whole,) = (x for x in lower(optimize(outputs)[0]).steps if isinstance(x, DeviceLoop))
    before, inner, after = whole.steps
    assert isinstance(inner, DeviceLoop)
    (carry,) = inner.carries
    assert carry.initial not in whole.carries[0].buffers
    assert carry.final not in whole.carries[0].buffers
    assert copy_of(before) is inner.scan.inputs[0]
    assert copy_of(after).inputs == (inner.scan,)


def copy_of(launch: Launch) -> g.Node:
    """The value that a launch copies, and computes nothing."""
    assert launch.kernel.body == ()
    assert launch.kernel.inputs == launch.kernel.outputs
    (node,) = launch.kernel.outputs
    return node


def loops_of(step: TrainingStep) -> tuple[list[Launch], list[DeviceLoop]]:
    """Of a training step, the loops that are one launch, and those that are launches a step."""
    outputs, _ = optimize([step.loss, *step.metrics, *(value for _, value in step.updates)])
    program = lower(outputs)
    whole = [x for x in launches(program.steps) if isinstance(x.kernel, Loop)]
    return whole, [x for x in program.steps if isinstance(x, DeviceLoop)]
