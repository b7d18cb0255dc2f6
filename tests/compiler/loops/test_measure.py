"""The measure of loop programs: by hand-computed numbers, and by a walk through all turns."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from graphc.compiler.graph.dim import Dim, Size, Symbol, product, symbol, symbols
from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer
from graphc.compiler.loops.index import Index, LoopVariable, as_index, index_of
from graphc.compiler.loops.measure import measure
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.arithmetic.contract import contract
from graphc.compiler.loops.rewrites.arithmetic.use import use
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    AsyncCopy,
    BufferWindow,
    Check,
    For,
    If,
    Intrinsic,
    Let,
    LoopKind,
    Statement,
    Store,
    UseIntrinsic,
    Wait,
)
from graphc.compiler.loops.value import (
    Apply,
    Constant,
    Load,
    Local,
    Select,
    Value,
    at_least,
    below,
    is_multiple_of,
)
from tests.compiler.loops.counting import count
from tests.compiler.loops.random_loops import plain_programs
from tests.compiler.loops.random_loops import sizes as random_sizes
from tests.compiler.loops.rewrites.arithmetic.test_use import TILE_PRODUCT
from tests.compiler.loops.rewrites.arithmetic.test_use import product as product_in_tiles

N, M, K = symbol("n"), symbol("m"), symbol("k")
SYMBOLS = [symbols(size)[0] for size in (N, M, K)]
ZERO = Constant(0.0, "float32")


def array(name: str, *shape: Size, scope: BufferScope = BufferScope.GLOBAL) -> Buffer:
    return new_buffer(name, "float32", shape, scope)


def variables(*names: str) -> tuple[Index, ...]:
    return tuple(index_of(LoopVariable(name)) for name in names)


R, C, T, RO, RI, CO, CI = variables(
    "row", "column", "tap", "row_outer", "row_inner", "column_outer", "column_inner"
)


def at(buffer: Buffer, *coords: Index | Size) -> Load:
    return Load(buffer, tuple(map(as_index, coords)))


def loop(
    variable: Index, *parts: Index | Size | Statement, kind: LoopKind = LoopKind.SERIAL
) -> For:
    """Return a loop; its parts are ends, then statements."""
    (atom,) = variable.variables
    ends = tuple(as_index(part) for part in parts if isinstance(part, Index | int | Dim))
    body = tuple(part for part in parts if not isinstance(part, Index | int | Dim))
    return For(atom, ends, body, kind)


def apply(op: str, *operands: Value) -> Apply:
    return Apply(op, operands, "float32", {})


def program(inputs: tuple[Buffer, ...], output: Buffer, *body: Statement) -> LoopProgram:
    return LoopProgram("k0", inputs, (output,), (), body)


# ---- programs -----------------------------------------------------------------------------------


def elementwise() -> LoopProgram:
    x, y = array("x", N, 8), array("y", N, 8)
    square = Let(Local("t0", "float32"), apply("mul", at(x, R, C), at(x, R, C)))
    store = Store(at(y, R, C), apply("exp", Local("t0", "float32")))
    return program((x,), y, loop(R, N, loop(C, 8, square, store)))


def row_sums() -> LoopProgram:
    x, y, s = array("x", N, 10), array("y", N), array("s", scope=BufferScope.REGISTER)
    add = Accumulate("sum", (at(s),), (at(x, R, C),))
    body = (Allocate(s), Store(at(s), ZERO), loop(C, 10, add), Store(at(y, R), at(s)))
    return program((x,), y, loop(R, N, *body))


def matrix_product() -> LoopProgram:
    a, b, c = array("a", M, K), array("b", K, N), array("c", M, N)
    s = array("s", scope=BufferScope.REGISTER)
    add = Accumulate("sum", (at(s),), (apply("mul", at(a, R, T), at(b, T, C)),))
    body = (Allocate(s), Store(at(s), ZERO), loop(T, K, add), Store(at(c, R, C), at(s)))
    return program((a, b), c, loop(R, M, loop(C, N, *body)))


def tiled_product() -> LoopProgram:
    """Tiles of 4 rows and 16 columns; the last ones may be smaller."""
    a, b, c = array("a", M, K), array("b", K, N), array("c", M, N)
    i, j = RO * 4 + RI, CO * 16 + CI
    add = Accumulate("sum", (at(c, i, j),), (apply("mul", at(a, i, T), at(b, T, j)),))
    inner = loop(CI, 16, N - CO * 16, add)
    tile = loop(RI, 4, M - RO * 4, inner)
    body = loop(RO, (M + 3) // 4, loop(CO, (N + 15) // 16, loop(T, K, tile)))
    return program((a, b), c, body)


def guarded_split() -> LoopProgram:
    x, y = array("x", N), array("y", N)
    i = RO * 8 + RI
    guarded = If((below(i, N),), (Store(at(y, i), at(x, i)),))
    return program((x,), y, loop(RO, (N + 7) // 8, loop(RI, 8, guarded)))


def nested_split() -> LoopProgram:
    x, y = array("x", N), array("y", N)
    i = RO * 128 + CO * 8 + CI
    inner = loop(CI, 8, N - RO * 128 - CO * 8, Store(at(y, i), at(x, i)))
    middle = loop(CO, 16, (N - RO * 128 + 7) // 8, inner)
    return program((x,), y, loop(RO, (N + 127) // 128, middle))


def padded() -> LoopProgram:
    x, y = array("x", N), array("y", N + 4)
    inside = (at_least(R, 2), below(R, N + 2))
    value = Select(inside, at(x, R - 2), ZERO)
    return program((x,), y, loop(R, N + 4, Store(at(y, R), value)))


def joined() -> LoopProgram:
    """A concatenation."""
    a, b, y = array("a", N, 3), array("b", N, 5), array("y", N, 8)
    value = Select((below(C, 3),), at(a, R, C), at(b, R, C - 3))
    return program((a, b), y, loop(R, N, loop(C, 8, Store(at(y, R, C), value))))


def padded_convolution() -> LoopProgram:
    x, w, y = array("x", N, 6), array("w", 3), array("y", N, 6)
    inside = (at_least(C + T - 1), below(C + T - 1, 6))
    value = apply("mul", Select(inside, at(x, R, C + T - 1), ZERO), at(w, T))
    add = Accumulate("sum", (at(y, R, C),), (value,))
    return program((x, w), y, loop(R, N, loop(C, 6, loop(T, 3, add))))


def strided_convolution() -> LoopProgram:
    x, w, y = array("x", N, 21), array("w", 3), array("y", N, 10)
    add = Accumulate("sum", (at(y, R, C),), (apply("mul", at(x, R, C * 2 + T), at(w, T)),))
    return program((x, w), y, loop(R, N, loop(C, 10, loop(T, 3, add))))


def pooling_with_gaps() -> LoopProgram:
    x, y = array("x", N, 20), array("y", N, 4)
    add = Accumulate("max", (at(y, R, C),), (at(x, R, C * 5 + T),))
    return program((x,), y, loop(R, N, loop(C, 4, loop(T, 2, add))))


def broadcast() -> LoopProgram:
    b, y = array("b", 8), array("y", N, 8)
    return program((b,), y, loop(R, N, loop(C, 8, Store(at(y, R, C), at(b, C)))))


def transposed() -> LoopProgram:
    x, y = array("x", N, M), array("y", M, N)
    return program((x,), y, loop(R, M, loop(C, N, Store(at(y, R, C), at(x, C, R)))))


def flipped() -> LoopProgram:
    x, y = array("x", N), array("y", N)
    return program((x,), y, loop(R, N, Store(at(y, R), at(x, N - 1 - R))))


def reshaped() -> LoopProgram:
    x, y = array("x", N, 6), array("y", N * 2, 3)
    place = R * 3 + C
    store = Store(at(y, R, C), at(x, place // 6, place % 6))
    return program((x,), y, loop(R, N * 2, loop(C, 3, store)))


def diagonal() -> LoopProgram:
    x, y = array("x", N, N), array("y", N)
    return program((x,), y, loop(R, N, Store(at(y, R), at(x, R, R))))


def triangle() -> LoopProgram:
    x, y = array("x", N, N), array("y", N)
    add = Accumulate("sum", (at(y, R),), (at(x, R, C),))
    return program((x,), y, loop(R, N, loop(C, R + 1, add)))


def gates() -> LoopProgram:
    """Four parts of a row, and a fifth of another place."""
    x, y = array("x", N, 40), array("y", N, 8)
    parts = [at(x, R, C + 8 * part) for part in range(3)]
    value = apply("add", apply("add", parts[0], parts[1]), apply("add", parts[2], at(x, R, C + 32)))
    return program((x,), y, loop(R, N, loop(C, 8, Store(at(y, R, C), value))))


def every_second() -> LoopProgram:
    x, y = array("x", 20), array("y", 20)
    store = Store(at(y, R), at(x, R), (is_multiple_of(R, 2),))
    return program((x,), y, loop(R, 20, store))


def gather() -> LoopProgram:
    ids = new_buffer("ids", "int32", (N,))
    table, y = array("table", 50, 4), array("y", N, 4)
    row = LoopVariable("number")
    check = Check(row, at(ids, R), 50, 0, R)
    store = Store(at(y, R, C), at(table, index_of(row), C))
    return LoopProgram("k0", (ids, table), (y,), (), (loop(R, N, check, loop(C, 4, store)),))


PROGRAMS = [
    elementwise,
    row_sums,
    matrix_product,
    tiled_product,
    guarded_split,
    nested_split,
    padded,
    joined,
    padded_convolution,
    strided_convolution,
    pooling_with_gaps,
    broadcast,
    transposed,
    flipped,
    reshaped,
    diagonal,
    triangle,
    gates,
    every_second,
    gather,
]
SIZES = [(1, 1, 1), (3, 5, 2), (16, 4, 3), (17, 6, 1), (300, 2, 1)]


def bound(sizes: tuple[int, ...]) -> dict[Symbol, int]:
    return dict(zip(SYMBOLS, sizes, strict=True))


# ---- by a walk ----------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("make", PROGRAMS, ids=lambda make: make.__name__)
def test_numbers_are_those_of_a_walk_through_all_turns(
    make: Callable[[], LoopProgram], sizes: tuple[int, ...]
) -> None:
    check_against_a_walk(make(), bound(sizes))


@settings(max_examples=60, deadline=None)
@given(plain_programs(), random_sizes())
def test_numbers_of_random_programs_are_those_of_a_walk(
    program: LoopProgram, sizes: dict[Symbol, int]
) -> None:
    check_against_a_walk(program, sizes)


def check_against_a_walk(program: LoopProgram, sizes: dict[Symbol, int]) -> None:
    random = np.random.default_rng(0)
    walked = count(program, sizes, lambda end: int(random.integers(end)))
    found = measure(program).at(sizes)
    agree(found.flops, walked.flops, found.is_flops_exact)
    for traffic in (*found.inputs, *found.outputs, *found.allocated):
        name, itemsize = traffic.buffer.name, np.dtype(traffic.buffer.dtype).itemsize
        agree(traffic.loaded, walked.loads[name] * itemsize, traffic.is_requested_exact)
        agree(traffic.stored, walked.stores[name] * itemsize, traffic.is_requested_exact)
        is_exact = traffic.is_distinct_exact
        (loaded,), (stored,) = traffic.distinct_loaded, traffic.distinct_stored
        agree(loaded, len(walked.loaded[name]) * itemsize, is_exact)
        agree(stored, len(walked.stored[name]) * itemsize, is_exact)
    for footprint in found.footprints:
        if footprint.loop is not None:
            most = walked.most_touched(footprint.loop.name, footprint.buffer.name)
            agree(math.prod(footprint.extents), most, footprint.is_exact)


def agree(measured: Size, walked: int, is_exact: bool) -> None:
    assert measured == walked if is_exact else measured >= walked


def test_the_walk_notices_a_wrong_count() -> None:
    walked = count(elementwise(), bound((3, 1, 1)))
    assert (walked.flops, walked.loads["x"], len(walked.loaded["x"])) == (48, 24, 24)
    assert walked.most_touched("row", "x") == 8


# ---- by hand ------------------------------------------------------------------------------------


def test_an_elementwise_program() -> None:
    found = measure(elementwise())
    assert found.flops == 2 * 8 * N  # a product, and exp
    assert found.traffic("x").loaded == 4 * 8 * N  # x * x loads x once
    assert found.requested_bytes == found.compulsory_bytes == 64 * N
    assert found.footprint("row", "x").extents == (1, 8)


def test_an_element_that_two_statements_load() -> None:
    x, y = array("x", N), array("y", N)
    (row,) = variables("row")
    stores = (Store(at(y, row), apply(op, at(x, row))) for op in ("exp", "tanh"))
    traffic = measure(program((x,), y, loop(row, N, *stores))).traffic("x")
    assert (traffic.loaded, traffic.loaded_once) == (8 * N, 4 * N)


def test_sums_of_rows() -> None:
    found = measure(row_sums())
    assert found.flops == 10 * N
    assert found.requested_bytes == found.compulsory_bytes == 40 * N + 4 * N
    assert found.traffic("s").stored == 4 * (10 + 1) * N  # the identity, and each addition


def test_a_product_reads_its_operands_again() -> None:
    found = measure(matrix_product())
    assert found.flops == 2 * M * N * K
    assert found.traffic("a").loaded == found.traffic("b").loaded == 4 * M * N * K
    assert found.compulsory_bytes == 4 * (M * K + K * N + M * N)
    assert found.footprint("row", "b").extents == (K, N)
    assert found.footprint("column", "b").extents == (K, 1)
    assert found.at(bound((2, 3, 4))).compulsory_bytes == 4 * (12 + 8 + 6)


def test_tiles_that_are_cut_off_at_the_end_count_exactly() -> None:
    found = measure(tiled_product())
    assert found.flops == 2 * M * N * K
    assert found.is_flops_exact
    assert found.compulsory_bytes == 4 * (M * K + K * N + M * N)
    assert found.footprint("column_outer", "b").extents == (K, 16)
    assert found.footprint("tap", "c").extents == (4, 16)
    assert not found.footprint("tap", "c").is_exact  # the last tile is smaller
    for make in (guarded_split, nested_split):
        assert measure(make()).requested_bytes == 8 * N


def test_padding_reads_what_is_there() -> None:
    found = measure(padded())
    assert found.traffic("x").loaded == 4 * N
    assert found.compulsory_bytes == 4 * N + 4 * (N + 4)
    convolution = measure(padded_convolution())
    assert convolution.traffic("x").distinct_loaded == (4 * 6 * N,)
    assert convolution.traffic("x").is_distinct_exact
    # The conditions hold two loops together; they count as holding.
    assert convolution.traffic("x").loaded == 4 * 6 * 3 * N
    assert not convolution.traffic("x").is_requested_exact


def test_windows_overlap_or_leave_gaps() -> None:
    assert measure(strided_convolution()).footprint("row", "x").extents == (1, 21)
    assert measure(pooling_with_gaps()).traffic("x").distinct_loaded == (4 * 8 * N,)


def test_a_broadcast_value_is_compulsory_once() -> None:
    found = measure(broadcast())
    assert found.traffic("b").loaded == 4 * 8 * N
    assert found.compulsory_bytes == 4 * 8 + 4 * 8 * N


def test_a_transposed_read() -> None:
    found = measure(transposed())
    assert found.requested_bytes == found.compulsory_bytes == 8 * M * N
    assert found.footprint("row", "x").extents == (N, 1)


def test_a_reshape_and_a_diagonal_by_the_place_in_memory() -> None:
    assert measure(reshaped()).compulsory_bytes == 4 * 6 * N * 2
    assert measure(diagonal()).traffic("x").distinct_loaded == (4 * N,)


def test_a_view_is_part_of_the_traffic_of_its_buffer() -> None:
    x, y = array("x", N, 4), array("y", N)
    flat = replace(x, name="x_flat", shape=(N * 4,), strides=(1,))
    row, element = LoopVariable("row"), LoopVariable("element")
    every = For(
        element,
        (as_index(N * 4),),
        (Store(Load(y, (as_index(0),)), Load(flat, (index_of(element),))),),
    )
    first = For(
        row,
        (as_index(N),),
        (Store(Load(y, (index_of(row),)), Load(x, (index_of(row), as_index(0)))),),
    )
    only_view = measure(LoopProgram("k", (x,), (y,), (), (every,))).inputs[0]
    assert (only_view.loaded, only_view.distinct_loaded) == (N * 16, (N * 16,))
    both = measure(LoopProgram("k", (x,), (y,), (), (every, first))).inputs[0]
    assert (both.loaded, both.distinct_loaded[0]) == (N * 20, N * 16)


def test_parts_of_a_row_that_follow_each_other_are_one() -> None:
    x = measure(gates()).traffic("x")
    assert x.distinct_loaded == (4 * 32 * N,)
    assert x.is_distinct_exact


def test_runs_with_a_step_of_a_symbol_that_follow_each_other_are_one() -> None:
    x, y = array("x", N * M * 2), array("y", N)
    both = apply("add", at(x, R * M), at(x, R * M + N * M))
    found = measure(program((x,), y, loop(R, N, Store(at(y, R), both)))).traffic("x")
    assert found.distinct_loaded == (4 * 2 * N,)
    assert found.is_distinct_exact


def test_rows_of_a_table_are_no_more_than_the_table() -> None:
    found = measure(gather())
    assert found.traffic("table").distinct_loaded == (16 * N, 16 * 50)
    assert found.at(bound((3, 1, 1))).compulsory_bytes == 4 * 3 + 16 * 3 + 16 * 3
    assert found.at(bound((90, 1, 1))).compulsory_bytes == 4 * 90 + 16 * 50 + 16 * 90


def test_only_floats_count_as_operations() -> None:
    x, y = new_buffer("x", "int32", (N,)), array("y", N)
    doubled = Apply("add", (at(x, R), at(x, R)), "int32", {})
    kernel = program((x,), y, loop(R, N, Store(at(y, R), apply("cast", doubled))))
    assert measure(kernel).flops == 0


def test_a_fused_multiply_add_is_two_operations() -> None:
    separate = measure(matrix_product())
    fused = measure(contract(matrix_product(), "tap"))
    assert fused.flops == separate.flops == 2 * M * N * K


def test_the_step_of_a_loop_around_reads_its_slice() -> None:
    x, y = array("x", K, N), array("y", N)
    step = LoopVariable("step")
    body = (loop(R, N, Store(at(y, R), at(x, index_of(step), R))),)
    kernel = LoopProgram("k0", (x,), (y,), (), body, ((step, K),))
    assert measure(kernel).compulsory_bytes == 8 * N


def test_a_copy_of_several_neighbours() -> None:
    x, tile, y = array("x", N, 64), array("tile", 64, scope=BufferScope.SHARED), array("y", N, 64)
    copy = AsyncCopy(at(tile, C * 4), at(x, R, C * 4), 4)
    store = loop(CO, 64, Store(at(y, R, CO), at(tile, CO)))
    found = measure(program((x,), y, loop(R, N, Allocate(tile), loop(C, 16, copy), Wait(), store)))
    assert found.traffic("x").loaded == found.traffic("tile").stored == 4 * 64 * N
    assert found.footprint("row", "x").extents == (1, 64)


def test_a_call_of_an_intrinsic_counts_as_its_meaning() -> None:
    """Rows of 64 in parts of 16, each by an intrinsic that adds the double of one to another."""
    width = symbol("width")
    source, target = array("source", width), array("target", width)
    lane = variables("lane")[0]
    add = Accumulate(
        "sum", (at(target, lane),), (apply("mul", at(source, lane), Constant(2.0, "float32")),)
    )
    doubled = Intrinsic("add_double", (source, target), (loop(lane, width, add),), "parts.h")
    x, y = array("x", N, 64), array("y", N, 64)
    windows = tuple(BufferWindow(one, (R, C * 16), (1,)) for one in (x, y))
    known = UseIntrinsic(doubled, windows, {symbols(width)[0]: as_index(16)})
    found = measure(program((x,), y, loop(R, N, loop(C, 4, known))))
    assert (found.flops, found.is_flops_exact) == (2 * 64 * N, True)
    assert found.compulsory_bytes == 2 * 4 * 64 * N
    assert found.footprint("column", "x").extents == (1, 16)
    # The last part of a row is smaller.
    x, y = array("x", N, M), array("y", N, M)
    windows = tuple(BufferWindow(one, (R, C * 16), (1,)) for one in (x, y))
    cut = UseIntrinsic(doubled, windows, {symbols(width)[0]: M - C * 16})
    found = measure(program((x,), y, loop(R, N, loop(C, (M + 15) // 16, cut))))
    assert found.traffic("x").distinct_loaded[-1] == 4 * N * M
    assert not found.is_flops_exact


def test_a_tile_of_a_product_counts_the_same_as_an_intrinsic() -> None:
    """Its last rows are fewer, by a size that the call gives the intrinsic."""
    before = product_in_tiles()
    after = use(before, TILE_PRODUCT, "run")
    expected, found = measure(before), measure(after)
    assert (found.flops, found.is_flops_exact) == (expected.flops, True)
    assert found.flops == 2 * product(before.outputs[0].shape) * before.inputs[0].shape[1]
    assert found.inputs == expected.inputs
    assert found.outputs == expected.outputs


def test_shared_memory_of_blocks_that_follow_each_other_is_that_of_the_largest() -> None:
    shared = [array(f"s{size}", size, scope=BufferScope.SHARED) for size in (16, 8, 32)]
    first, second, third = map(Allocate, shared)
    y = array("y", N)
    body = loop(R, N, first, loop(C, 2, second), loop(T, 2, third), Store(at(y, R), ZERO))
    assert measure(program((), y, body)).shared_bytes == 4 * (16 + 32)


# ---- vectors ------------------------------------------------------------------------------------


def local(name: str, value: Value) -> tuple[Let, Local]:
    name_of = Local(name, "float32")
    return Let(name_of, value), name_of


def test_locals_are_alive_to_their_last_use() -> None:
    x, y = array("x", N, 8), array("y", N, 8)
    first, a = local("a", at(x, R, C))
    second, b = local("b", apply("exp", a))
    third, c = local("c", apply("add", a, b))  # a and b end here
    fourth, d = local("d", apply("exp", c))
    body = (first, second, third, fourth, Store(at(y, R, C), d))
    found = measure(program((x,), y, loop(R, N, loop(C, 8, *body, kind=LoopKind.VECTOR))))
    (use,) = found.vectors
    assert (use.loop.name, use.lanes, use.alive) == ("column", 8, (("float32", 2),))
    assert use.registers(32) == 2
    assert use.registers(16) == 4
    assert use.used(8) == 1.0
    assert use.used(16) == 0.5


def test_a_value_that_a_loop_inside_reads_is_alive_to_its_end() -> None:
    x, y = array("x", N, 8), array("y", N, 8)
    first, a = local("a", at(x, R, C))
    inside, b = local("b", apply("exp", a))
    again, c = local("c", apply("exp", b))
    add = Accumulate("sum", (at(y, R, C),), (c,))
    body = (first, loop(T, K, inside, again, add))
    found = measure(program((x,), y, loop(R, N, loop(C, 8, *body, kind=LoopKind.VECTOR))))
    assert found.vectors[0].alive == (("float32", 2),)  # a, and b or c


def test_a_register_tile_is_alive_from_its_first_store_to_its_last_load() -> None:
    """4 rows of 16 columns, in vectors of 8 lanes."""
    a, b, c = array("a", 4, K), array("b", K, 16), array("c", 4, 16)
    tile = array("tile", 4, 16, scope=BufferScope.REGISTER)
    column = CO * 8 + CI

    def vectors(statement: Statement, row: Index) -> For:
        wide = loop(CI, 8, statement, kind=LoopKind.VECTOR)
        return loop(row, 4, loop(CO, 2, wide))

    add = Accumulate(
        "sum", (at(tile, RI, column),), (apply("mul", at(a, RI, T), at(b, T, column)),)
    )
    body = (
        Allocate(tile),
        vectors(Store(at(tile, R, column), ZERO), R),
        loop(T, K, vectors(add, RI)),
        vectors(Store(at(c, C, column), at(tile, C, column)), C),
    )
    found = measure(program((a, b), c, *body))
    assert [use.alive for use in found.vectors] == [(("float32", 8),)] * 3
    assert found.vectors[1].registers(32) == 8


def test_wide_types_take_more_registers() -> None:
    x, y = new_buffer("x", "float64", (N, 8)), new_buffer("y", "float64", (N, 8))
    name = Local("a", "float64")
    body = (Let(name, at(x, R, C)), Store(at(y, R, C), name))
    found = measure(program((x,), y, loop(R, N, loop(C, 8, *body, kind=LoopKind.VECTOR))))
    assert found.vectors[0].registers(32) == 2


def test_lanes_that_only_a_call_knows_have_to_be_bound() -> None:
    x, y = array("x", N), array("y", N)
    kernel = program((x,), y, loop(R, N, Store(at(y, R), at(x, R)), kind=LoopKind.VECTOR))
    (use,) = measure(kernel).vectors
    with pytest.raises(ValueError, match="lanes: expected an int, received n; bind its symbols"):
        use.registers(32)
    assert measure(kernel).at(bound((12, 1, 1))).vectors[0].used(8) == 0.75
