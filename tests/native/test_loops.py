"""Loops as native code: divided over threads where rows of the batch are independent."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.lowering.cpu import NativeProgram, lower_native
from graphc.compiler.lowering.cpu.loop import SharedLoop
from graphc.compiler.passes import optimize
from graphc.compiler.program.launch import DeviceLoop, ShareLimit, launches
from graphc.compiler.runtime.cpu import compiler as native_compiler
from tests.native.graph_programs import (
    Compiled,
    assembly,
    assembly_of_source,
    check_on_threads,
    needs_compiler,
    needs_gcc,
)

TIME = g.symbol("time")
FEATURES = 5
draws = np.random.default_rng(0)


def weight(*shape: int, dtype: str = "float32") -> Node:
    return g.shared((draws.normal(size=shape) / 4).astype(dtype))


def sequence(dtype: str = "float32") -> Node:
    return g.input((TIME, BATCH, FEATURES), dtype)


def zeros(units: int, dtype: str = "float32") -> Node:
    return g.broadcast_to(np.zeros((), dtype), (BATCH, units))


def gru(xs: Node, units: int, reverse: bool = False, start: Node | None = None) -> list[Node]:
    """Last state and all states; its step has two products that wait for another."""
    dtype, depth = xs.dtype, xs.shape[-1]
    inner = [weight(depth, units, dtype=dtype) for _ in range(3)]
    own = [weight(units, units, dtype=dtype) for _ in range(3)]

    def step(carries: Sequence[Node], slices: Sequence[Node]) -> tuple[list[Node], list[Node]]:
        (h,), (x,) = carries, slices
        z, r = (g.sigmoid(g.dot(x, inner[k]) + g.dot(h, own[k])) for k in (0, 1))
        new = z * h + (1.0 - z) * g.tanh(g.dot(x, inner[2]) + g.dot(r * h, own[2]))
        return [new], [new]

    first = zeros(units, dtype) if start is None else start
    finals, stacks = g.scan(step, [first], [xs], reverse=reverse)
    return [*finals, *stacks]


def trained(outputs: Sequence[Node], xs: Node) -> list[Node]:
    """Outputs with the gradients of their squares."""
    loss = sum((g.sum(x * x) for x in outputs[1:]), g.sum(outputs[0] * outputs[0]))
    roots = [xs, *(x for x in g.every_node(outputs) if x.op == "shared")]
    return [*outputs, *grad(loss, roots)]


def masked(xs: Node) -> list[Node]:
    """A padded step keeps the state that was there."""
    own, inner = weight(17, 17), weight(FEATURES, 17)

    def step(carries: Sequence[Node], slices: Sequence[Node]) -> tuple[list[Node], list[Node]]:
        (h,), (x, kept) = carries, slices
        new = g.tanh(g.dot(x, inner) + g.dot(h, own))
        new = g.where(g.broadcast_to(kept, new.shape), new, h)
        return [new], [new]

    mask = g.less(g.sum(xs, 2, keepdims=True), 0.5)
    finals, stacks = g.scan(step, [zeros(17)], [xs, mask])
    return [*finals, *stacks]


def assembled(xs: Node) -> list[Node]:
    """Right factors of which one is made of two, one is a slice, one lies the other way round."""
    inner, parts = weight(FEATURES, 17), g.concat([weight(17, 9), weight(17, 8)[::-1]], 1)
    sliced, transposed = weight(20, 40)[2:19, 3:20], g.transpose(weight(17, 17), (1, 0))

    def step(carries: Sequence[Node], slices: Sequence[Node]) -> tuple[list[Node], list[Node]]:
        (h,), (x,) = carries, slices
        new = g.dot(x, inner) + g.dot(h, parts) + g.sigmoid(g.dot(h, sliced))
        new = g.tanh(new) * g.dot(h + 1.0, transposed)
        return [new], [new]

    finals, stacks = g.scan(step, [zeros(17)], [xs])
    return [*finals, *stacks]


def with_dropout(xs: Node) -> list[Node]:
    """A mask that is the same at each step."""
    words = g.random.bits((BATCH, FEATURES), seed=3, stream=1)
    kept = g.cast(words < g.as_node(2**31, "uint32"), "float32")
    return gru(xs * kept, 16)


SPLIT: dict[str, Callable[[Node], list[Node]]] = {
    "gru": lambda xs: trained(gru(xs, 50), xs),
    "narrow": lambda xs: trained(gru(xs, 3), xs),
    "reverse": lambda xs: trained(gru(xs, 33, reverse=True), xs),
    "deep sums": lambda xs: gru(xs, 300),
    "two layers": lambda xs: trained(gru(gru(xs, 20)[1], 36), xs),
    "masked": lambda xs: trained(masked(xs), xs),
    "dropout": lambda xs: trained(with_dropout(xs), xs),
    "assembled": assembled,
}


def shared_loops(program: NativeProgram) -> list[SharedLoop]:
    return [step for step in program.program.steps if isinstance(step, SharedLoop)]


@needs_compiler
@pytest.mark.parametrize("name", SPLIT)
def test_a_loop_whose_rows_are_independent_is_divided(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the interpreter, at any batch, and the same bits for any number of threads."""
    monkeypatch.setattr("graphc.compiler.lowering.cpu.step.LEAST", 1)  # small loops too
    xs = sequence()
    outputs = list(optimize(SPLIT[name](xs))[0])
    program = lower_native(outputs)
    loops = [node for node in g.every_node(program.program.outputs) if node.op == "scan"]
    assert len(shared_loops(program)) == len(loops) >= 1
    for batch in (1, 7, 16, 33):
        feeds = {xs: draws.normal(size=(4, batch, FEATURES)).astype("float32")}
        check_on_threads(program, outputs, feeds)
    check_on_threads(program, outputs, {xs: draws.normal(size=(1, 2, FEATURES)).astype("float32")})


@needs_compiler
def test_one_row_that_programs_have_no_loop_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphc.compiler.lowering.cpu.step.LEAST", 1)
    start, xs = g.input((1, 1)), g.input((5,))

    def step(carries: Sequence[Node], slices: Sequence[Node]) -> tuple[list[Node], list[Node]]:
        return [g.tanh(g.reshape(g.sum(carries[0] ** 2.0), (1, 1)) + carries[0] * 0.5)], []

    outputs = list(optimize(g.scan(step, [start], [xs])[0])[0])
    feeds = {one: draws.normal(size=one.shape).astype("float32") for one in (start, xs)}
    check_on_threads(lower_native(outputs), outputs, feeds)


@needs_compiler
def test_a_product_of_a_carry_reads_it_where_it_was() -> None:
    """Its kernel stores the carry beside, for the way back, and may be lowered by one way after
    another."""
    start, weights = g.input((1, 1, 1)), g.shared(np.array([[[1.5]]], "float32"))

    def step(carries: Sequence[Node], slices: Sequence[Node]) -> tuple[list[Node], list[Node]]:
        (h,) = carries
        return [g.tanh(g.matmul(h, h) + h * 0.5)], [h]

    finals, stacks = g.scan(step, [start * weights], [], length=1)
    outputs = list(optimize([*finals, *stacks, *grad(g.sum(finals[0]), [weights])])[0])
    check_on_threads(lower_native(outputs), outputs, {start: np.full((1, 1, 1), 0.4, "float32")})


@needs_compiler
def test_a_loop_of_float64_from_a_state_of_known_rows() -> None:
    """As a stateful layer's, whose batch is a number."""
    xs = g.input((TIME, 6, FEATURES), "float64")
    start = g.shared(draws.normal(size=(6, 9)))
    outputs = list(optimize(gru(xs, 9, start=start))[0])
    program = lower_native(outputs)
    assert len(shared_loops(program)) == 1
    check_on_threads(program, outputs, {xs: draws.normal(size=(5, 6, FEATURES))})


def mixed_rows(xs: Node) -> list[Node]:
    own = weight(FEATURES, FEATURES)

    def step(carries: Sequence[Node], slices: Sequence[Node]) -> tuple[list[Node], list[Node]]:
        new = g.tanh(slices[0] + g.dot(carries[0], own))
        return [new - g.broadcast_to(g.max(new, 0, keepdims=True), new.shape)], []

    return list(g.scan(step, [zeros(FEATURES)], [xs])[0])


def by_turns(xs: Node) -> list[Node]:
    """The right factor is another one at each step."""
    many = g.input((TIME, FEATURES, FEATURES), name="many")

    def step(carries: Sequence[Node], slices: Sequence[Node]) -> tuple[list[Node], list[Node]]:
        return [g.tanh(slices[0] + g.dot(carries[0], slices[1]))], []

    return list(g.scan(step, [zeros(FEATURES)], [xs, many])[0])


@needs_compiler
@pytest.mark.parametrize(
    ("build", "why"),
    [(mixed_rows, "reads other rows of the batch|kernel of kind"), (by_turns, "changes from step")],
)
def test_other_loops_stay_whole_and_say_why(build: Callable[[Node], list[Node]], why: str) -> None:
    xs = sequence()
    outputs = list(optimize(build(xs))[0])
    program = lower_native(outputs)
    assert not shared_loops(program)
    notes = {note for launch in launches(program.program.steps) for note in launch.notes}
    assert any(re.search(why, note) for note in notes), notes
    inputs = [node for node in g.every_node(outputs) if node.op == "input"]
    feeds = {
        node: draws.normal(size=(4, 7 if node is xs else FEATURES, FEATURES)).astype("float32")
        for node in inputs
    }
    check_on_threads(program, outputs, feeds)


def test_one_text_for_every_batch() -> None:
    """Rows are a size of the call; weights are written as panels once, ahead of the loop, and the
    kernels of a step read these."""
    xs = sequence()
    program = lower_native(optimize(gru(xs, 64))[0])
    (loop,) = shared_loops(program)
    weights = [
        [
            buffer
            for launch in launches(steps)
            for buffer in launch.reads
            if buffer.shape == (64, 64)
        ]
        for steps in ([one for one in program.program.steps if one is not loop], loop.steps)
    ]
    assert (len(weights[0]), len(weights[1])) == (3, 0)
    for launch in launches(loop.steps):  # over the rows of one thread
        assert {one.end for one in launch.arguments if isinstance(one, ShareLimit)} == {False, True}


@needs_gcc
def test_the_inner_loops_of_a_loop_call_nothing(tmp_path: Path) -> None:
    """Sums of tiles are loops of their own without a call; gates call no mathematical function."""
    shared = assembly_of_source(native_compiler._PANELS["float32"].source, tmp_path)
    tiles = re.findall(r"^(\w*gc_rows_tile[^:\n]*):\n(.*?)\.cfi_endproc", shared, re.M | re.S)
    assert tiles
    for name, body in tiles:
        assert not re.search(r"\t(call|bl)\w*\s", body), name
    text = assembly(optimize(gru(sequence(), 50))[0], tmp_path)
    called = set(re.findall(r"\tcall\w*\s+(\w+)", text))
    assert {"GOMP_parallel"} < called  # the text is that of a compiler which says ``call``
    memory = {"aligned_alloc", "free", "abort", "memcpy", "memset", "__tls_get_addr"}
    others = {name for name in called if not name.startswith(("GOMP", "omp", "_Z", "__cxa"))}
    assert others - memory <= {"clock_gettime"}


@needs_compiler
def test_a_loop_inside_of_a_loop_is_divided() -> None:
    """Each step of the inner loop reads a value of the outer loop's step."""
    xs, own = g.input((TIME, 3, BATCH, FEATURES), "float32"), weight(FEATURES, FEATURES)

    def inner(carries: Sequence[Node], slices: Sequence[Node]) -> tuple[list[Node], list[Node]]:
        return [g.tanh(slices[0] + g.dot(carries[0], own))], []

    def outer(carries: Sequence[Node], slices: Sequence[Node]) -> tuple[list[Node], list[Node]]:
        return list(g.scan(inner, [carries[0]], [slices[0]])[0]), []

    outputs = list(optimize(g.scan(outer, [zeros(FEATURES)], [xs])[0])[0])
    program = lower_native(outputs)
    (whole,) = (step for step in program.program.steps if isinstance(step, DeviceLoop))
    assert not isinstance(whole, SharedLoop)
    assert any(isinstance(step, SharedLoop) for step in whole.steps)
    check_on_threads(program, outputs, {xs: draws.normal(size=(2, 3, 7, 5)).astype("float32")})


@needs_compiler
def test_a_loop_inside_of_a_loop_starts_from_the_same_number() -> None:
    """It stands in the text of both, though it lies in memory for the outer one."""
    x, one = g.input((3,), "float32"), g.constant(np.array(1, "int32"))

    def inner(carries: Sequence[Node], slices: Sequence[Node]) -> tuple[list[Node], list[Node]]:
        value, count = carries
        return [value * 0.5 + g.cast(count, "float32"), count + 1], []

    def outer(carries: Sequence[Node], slices: Sequence[Node]) -> tuple[list[Node], list[Node]]:
        (value, count), _ = g.scan(inner, [carries[0], one], length=2)
        return [value, carries[1] + count], []

    outputs = list(g.scan(outer, [x, one], length=3)[0])
    feeds = {x: np.array([0, 1, 2], "float32")}
    check_on_threads(lower_native(outputs), outputs, feeds)


@needs_compiler
def test_a_number_that_starts_a_loop_is_a_number_elsewhere() -> None:
    """Random words of step 0, beside a counter that starts at it."""
    x, zero = g.input((4,), "float32"), g.constant(np.array(0, "int32"))
    n = g.symbol("n")
    y = g.input((1, 2 * n), "uint32")

    def step(carries: Sequence[Node], slices: Sequence[Node]) -> tuple[list[Node], list[Node]]:
        return [carries[0] * 0.5, carries[1] + 1], []

    words = g.random.bits((1, n), seed=3, stream=7)
    outputs = [*g.scan(step, [x, zero], length=3)[0], g.concat([words, words], 1) // y]
    feeds = {x: np.ones(4, "float32"), y: np.array([[3, 4, 5, 6]], "uint32")}
    check_on_threads(lower_native(outputs), outputs, feeds)


@needs_compiler
def test_a_concatenation_that_a_variable_becomes_is_fetched_too() -> None:
    """The copy reads the value where it lies, not the parts."""
    x, v = (g.shared(np.arange(start, start + 4, dtype="int32")) for start in (0, 10))
    joined = g.concat([x[1:], v[:1]], 0)
    compiled = Compiled([joined, joined], [g.state_of(v)])
    (fetched,) = compiled({})
    np.testing.assert_array_equal(fetched, [1, 2, 3, 10])
    np.testing.assert_array_equal(v.get_value(), [1, 2, 3, 10])
