"""Plain programs as their readers see them."""

from __future__ import annotations

import re

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.loops.buffer import new_buffer
from graphc.compiler.loops.build import KernelBuffers, Storage, buffers_of, build, plain_program
from graphc.compiler.loops.index import LoopVariable
from graphc.compiler.loops.program import walk
from graphc.compiler.loops.statement import Let, Store
from graphc.compiler.loops.text import program_text
from graphc.compiler.schedule import Kernel, make_schedule


def scheduled(*outputs: Node) -> Kernel:
    """Return the only kernel of a program."""
    (kernel,) = make_schedule(outputs, most_shared=0)
    assert isinstance(kernel, Kernel)
    return kernel


def printed(kernel: Kernel, buffers: KernelBuffers | None = None) -> list[str]:
    """Return the lines of a kernel's plain program, without its head."""
    text = program_text(plain_program(kernel, "k0", buffers or buffers_of(kernel)))
    return [re.sub("  +# ", "  # ", line[2:]) for line in text.splitlines()[1:]]


def lines(text: str) -> list[str]:
    """Return the lines of an expected program."""
    return [line[8:] for line in text.strip("\n").splitlines() if line.strip()]


def test_movement_is_arithmetic_on_indices() -> None:
    n = g.symbol("n")
    x = g.input((n, 6))
    moved = g.make("flip", g.transpose(g.reshape(x, (n, 2, 3)), (1, 0, 2)), axes=(2,))[:, 1:]
    assert printed(scheduled(moved)) == lines("""
        for i0 < 2:
          for i1 < n - 1:
            for i2 < 3:
              y0[i0, i1, i2] = x0[i1 + 1, 3*i0 - i2 + 2]
    """)


def test_a_border_and_a_joint_are_selects() -> None:
    n = g.symbol("n")
    x, y = g.input((n, 5)), g.input((n, 3))
    padded = g.make("pad", x, low=(1, 2), high=(0, 1), interior=(0, 1), value=2.0)
    assert printed(scheduled(padded)) == lines("""
        for i0 < n + 1:
          for i1 < 12:
            t0 = (x0[i0 - 1, i1 // 2 - 1] if i0 >= 1 and i1 >= 2 and i1 % 2 == 0 else 2.0)
            y0[i0, i1] = t0
    """)
    assert printed(scheduled(g.concat([x, y, x], 1))) == lines("""
        for i0 < n:
          for i1 < 13:
            t0 = (x0[i0, i1] if i1 < 5 else (x1[i0, i1 - 5] if i1 < 8 else x0[i0, i1 - 8]))
            y0[i0, i1] = t0
    """)


def test_what_is_computed_within_a_border_stands_in_a_condition() -> None:
    padded = g.make("pad", g.exp(g.input((4,))), low=(1,), high=(0,), interior=(0,), value=0.0)
    assert printed(scheduled(padded)) == lines("""
        for i0 < 5:
          allocate c0: float32[] in register
          if i0 >= 1:
            t0 = exp(x0[i0 - 1])
            c0[] = t0
          else:
            c0[] = 0.0
          y0[i0] = c0[]
    """)


def test_a_value_stands_in_the_outermost_loop_that_has_its_coordinates() -> None:
    """Also outside of a condition, if its coordinates are inside of its shape without that."""
    x, scale = g.input((BATCH, 3)), g.input((BATCH,))
    factor = g.exp(scale)[:, None]
    padded = g.make("pad", x * factor, low=(0, 1), high=(0, 0), interior=(0, 0), value=0.0)
    kernel = Kernel("pointwise", (x, scale), (padded,), padded.shape)
    assert printed(kernel) == lines("""
        for i0 < batch:
          t0 = exp(x1[i0])
          for i1 < 4:
            allocate c0: float32[] in register
            if i1 >= 1:
              t1 = mul(x0[i0, i1 - 1], t0)
              c0[] = t1
            else:
              c0[] = 0.0
            y0[i0, i1] = c0[]
    """)


def test_a_value_stands_inside_of_the_loops_of_its_coordinates() -> None:
    """Also if these are inside of its shape wherever the loop is."""
    n, x = g.symbol("n"), g.input((4,))
    tiled = g.reshape(g.broadcast_to(g.exp(x), (n, 4)), (4 * n,))
    kernel = Kernel("pointwise", (x,), (tiled,), tiled.shape)
    assert printed(kernel) == lines("""
        for i0 < 4*n:
          t0 = exp(x0[i0 % 4])
          y0[i0] = t0
    """)


def test_an_index_is_tested_where_it_is_known() -> None:
    table, words = g.input((20, 4)), g.input((BATCH, 3), "int32")
    kernel = scheduled(g.take(table, words))
    assert printed(kernel) == lines("""
        for i0 < batch:
          for i1 < 3:
            g0 = check 0: x1[i0, i1] below 20
            for i2 < 4:
              y0[i0, i1, i2] = x0[g0, i2]
    """)
    ((node, what),) = build(kernel, "k0", buffers_of(kernel)).checks
    assert (node, what) == (kernel.outputs[0], "index")


def test_passes_over_a_row() -> None:
    x = g.input((BATCH, 10))
    with g.origin("softmax_1"):
        shifted = g.exp(x - g.max(x, 1, keepdims=True))
        found = shifted / g.sum(shifted, 1, keepdims=True)
    assert printed(scheduled(found)) == lines("""
        for i0 < batch:
          allocate s0: float32[] in register
          s0[] = -inf
          for k0 < 10:  # max
            s0[] = max(s0[], x0[i0, k0])  # softmax_1
          allocate s1: float32[] in register
          s1[] = 0.0
          for k1 < 10:  # sum
            t0 = sub(x0[i0, k1], s0[])  # softmax_1
            t1 = exp(t0)  # softmax_1
            s1[] = sum(s1[], t1)  # softmax_1
          for k2 < 10:
            t2 = sub(x0[i0, k2], s0[])  # softmax_1
            t3 = exp(t2)  # softmax_1
            t4 = div(t3, s1[])  # softmax_1
            y0[i0, k2] = t4
    """)


def test_reductions_of_one_pass_share_its_loops_and_what_it_stores() -> None:
    x = g.input((5, BATCH))
    twice = x * 2.0
    outputs = (twice, g.sum(twice, 0), g.make("argmax", x, axes=(0,)))
    kernel = Kernel("columns", (x,), outputs, x.shape, outputs[1:], (0,))
    assert printed(kernel) == lines("""
        for i0 < batch:
          allocate s0: float32[] in register
          s0[] = 0.0
          allocate s1: float32[] in register
          s1[] = -inf
          allocate s2: int32[] in register
          s2[] = -1
          for k0 < 5:  # sum, argmax
            t0 = mul(x0[k0, i0], 2.0)
            s0[] = sum(s0[], t0)
            s1[], s2[] = argmax(s1[], s2[], x0[k0, i0], int32(k0))
            y0[k0, i0] = t0
          y1[i0] = s0[]
          y2[i0] = s2[]
    """)


def test_a_product_of_transposed_operands_and_what_lies_around_it() -> None:
    x, w, bias = g.input((30, BATCH)), g.input((20, 30)), g.input((20,))
    dense = g.maximum(g.dot(g.transpose(x), g.transpose(w * 2.0)) + bias, 0.0)
    assert printed(scheduled(dense)) == lines("""
        for i0 < batch:
          for i1 < 20:
            allocate s0: float32[] in register
            s0[] = 0.0
            for k0 < 30:  # matmul
              t0 = mul(x1[i1, k0], 2.0)
              s0[] = sum(s0[], mul(x0[k0, i0], t0))
            t1 = add(s0[], x2[i1])
            t2 = maximum(t1, 0.0)
            y0[i0, i1] = t2
    """)


def test_an_element_adds_up_its_windows_from_its_first_tap_on() -> None:
    cotangents = g.input((BATCH, 2, 5))
    pool = {"window": (3,), "strides": (2,), "padding": ((1, 0),)}
    spread = g.make("sum_unpool", cotangents, size=(10,), **pool)
    assert printed(scheduled(spread)) == lines("""
        for i0 < batch:
          for i1 < 2:
            for i2 < 10:
              allocate s0: float32[] in register
              s0[] = 0.0
              for k0 < 2:  # sum_unpool
                if 2*k0 + (i2 + 1) % 2 < 3 and 0 <= (i2 + 1) // 2 - k0 < 5:
                  s0[] = sum(s0[], x0[i0, i1, (i2 + 1) // 2 - k0])
              y0[i0, i1, i2] = s0[]
    """)


# ---- where values lie ---------------------------------------------------------------------------


def test_values_are_read_ahead_of_stores_that_may_take_their_place() -> None:
    x, y = g.input((4,)), g.input((4,))
    kernel = Kernel("pointwise", (x, y), (y, x), (4,))
    first, second = (
        Storage(new_buffer("a", "float32", (4,))),
        Storage(new_buffer("b", "float32", (4,))),
    )
    swapped = KernelBuffers({x: first, y: second}, {y: (first,), x: (second,)})
    assert printed(kernel, swapped) == lines("""
        for i0 < 4:
          t0 = b[i0]
          t1 = a[i0]
          a[i0] = t0
          b[i0] = t1
    """)
    twice = Kernel("pointwise", (x,), (x,), (4,))
    assert printed(twice, KernelBuffers({x: first}, {x: (first, second)}))[1] == "  t0 = a[i0]"
    program = plain_program(kernel, "k0", swapped)
    assert program.inputs == ()
    assert [one.name for one in program.outputs] == ["a", "b"]


def test_a_slice_of_a_stack_is_at_the_step_of_the_loop() -> None:
    step, x = g.input((), "int32"), g.input((4,))
    table = g.input((7, 4))
    out = g.take(table, step) + x
    kernel = Kernel("pointwise", (table, x), (out,), (4,))
    number = LoopVariable("step")
    stack = Storage(new_buffer("stack", "float32", (7, 4)), step=number)
    buffers = KernelBuffers(
        {table: Storage(new_buffer("table", "float32", (7, 4))), x: stack},
        {out: (stack, Storage(new_buffer("state", "float32", (4,)), guarded=True))},
        {step: (number, 7)},
    )
    assert printed(kernel, buffers) == lines("""
        for i0 < 4:
          t0 = add(table[step, i0], stack[step, i0])
          stack[step, i0] = t0
          state[i0] = t0 where no check has failed
    """)
    assert plain_program(kernel, "k0", buffers).indices == ((number, 7),)


def test_a_packed_bool_is_a_bit() -> None:
    mask, x = g.input((4,), "bool"), g.input((4,))
    kernel = scheduled(g.where(mask, x, 0.0))
    byte = Storage(new_buffer("bits", "uint8", (4,)), bit=3)
    whole = buffers_of(kernel)
    buffers = KernelBuffers({**whole.inputs, mask: byte}, whole.outputs)
    assert printed(kernel, buffers)[1] == "  t0 = where(bit 3 of bits[i0], x1[i0], 0.0)"


def test_seeds_and_streams_are_arguments() -> None:
    """Two even if they are one number, so that the program is that of other numbers."""
    kernels = [scheduled(g.random.bits((BATCH, 4), seed=seed, stream=9)) for seed in (5, 9)]
    built = [build(kernel, "k0", buffers_of(kernel)) for kernel in kernels]
    assert [one.words for one in built] == [{"w0": 5, "w1": 9}, {"w0": 9, "w1": 9}]
    assert built[0].program.body == built[1].program.body
    assert printed(kernels[0])[2] == "    t0 = random(4*i0 + i1, 0, 0, call_step, w0, w1)"


# ---- large graphs -------------------------------------------------------------------------------


@pytest.mark.parametrize("op", ["exp", "reshape", "pad"])
def test_a_chain_may_be_longer_than_the_stack_is_deep(op: str) -> None:
    x = g.input((2, 3))
    value, length = x, {"exp": 10_000, "reshape": 2_000, "pad": 40}[op]
    for k in range(length):
        if op == "exp":
            value = g.make("exp", value)
        elif op == "reshape":
            value = g.reshape(value, (3, 2) if k % 2 == 0 else (6,))
        else:
            sides = {"low": (0, 1), "high": (0, 0), "interior": (0, 0)}
            value = g.make("pad", value, **sides, value=0.0)
    kernel = Kernel("pointwise", (x,), (value,), value.shape)
    program = plain_program(kernel, "k0", buffers_of(kernel))
    lets = [one for one in walk(program.body) if isinstance(one, Let)]
    assert len(lets) == {"exp": length, "reshape": 0, "pad": 1}[op]
    assert len([one for one in walk(program.body) if isinstance(one, Store)]) == 1


def test_a_value_is_computed_once_for_all_its_readers() -> None:
    x = g.input((4,))
    value = x
    for _ in range(100):  # 2**100 paths
        value = value + value
    kernel = Kernel("pointwise", (x,), (value,), (4,))
    program = plain_program(kernel, "k0", buffers_of(kernel))
    assert sum(isinstance(one, Let) for one in walk(program.body)) == 100


def test_a_concatenation_of_many_parts_is_not_nested_deeply() -> None:
    parts = [g.input((2, k + 1)) for k in range(64)]
    joined = g.concat(parts, 1)
    kernel = Kernel("pointwise", tuple(parts), (joined,), joined.shape)
    (let, _) = plain_program(kernel, "k0", buffers_of(kernel)).loop("i1").body
    assert str(let.value).count(" if ") == 63
    assert max(np.cumsum([(c == "(") - (c == ")") for c in str(let.value)])) == 6
