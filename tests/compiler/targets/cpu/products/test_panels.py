"""The intrinsics of products: compiled, beside their meanings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer
from graphc.compiler.loops.evaluate import evaluate
from graphc.compiler.loops.index import Index, as_index, variable
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.statement import (
    Allocate,
    BufferWindow,
    For,
    Intrinsic,
    Store,
    UseIntrinsic,
)
from graphc.compiler.targets.cpu.products.panels import (
    PANEL_ROWS,
    PanelFunction,
    PanelSums,
    call_columns,
    panel_product,
    panel_product_add,
)
from graphc.compiler.targets.cpu.products.pieces import DEPTH
from tests.compiler.loops import written as w
from tests.compiler.targets.cpu.compiled_programs import CompiledPrograms

GLOBAL, THREAD = BufferScope.GLOBAL, BufferScope.THREAD
ROWS = (1, 2, 3, 7, 8, 9, 12)
WIDE = 64
"""Columns of the right operand: whole vectors are read beyond those of a panel."""


def cases() -> list[tuple[int, int, int, str, PanelFunction, PanelSums]]:
    found = []
    functions = [one for one in PanelFunction if one is not PanelFunction.TRANSPOSED]
    kept, stored, added = PanelSums.KEPT, PanelSums.STORED, PanelSums.ADDED
    for dtype in ("float32", "float64"):
        width = call_columns(dtype)
        for number, rows in enumerate(ROWS):
            columns = (1, width // 4 + 1, width // 2, width // 2 + 3, width - 1, width)
            count = columns[rows % len(columns)]
            function = functions[number % len(functions)]
            found.append((rows, count, rows % 4 + 1, dtype, function, tuple(PanelSums)[rows % 3]))
        for end in (kept, added):
            found.append((PANEL_ROWS + 5, width + 9, 2, dtype, functions[0], end))
        for end in (stored, added):
            found.append((2, width // 2, DEPTH + 9, dtype, functions[0], end))
        for depth in (32, 34):
            function = PanelFunction.COLUMNS_AND_FETCH
            end = stored if depth > 32 else kept
            found.append((37, width // 4 * 3, depth, dtype, function, end))
        for count in range(1, width + 1, 5):
            function = functions[count % len(functions)]
            found += [(9, count, 3, dtype, function, end) for end in (stored, added)]
        sides = ((1, 5), (7, 40), (width // 2, 33), (width - 1, 128), (width, 131))
        for number, (rows, columns) in enumerate(sides):
            end = tuple(PanelSums)[number % 3]
            found.append((rows, columns, 5, dtype, PanelFunction.TRANSPOSED, end))
    return found


CASES = cases()


LIMITED = [
    (rows, columns, 4, dtype, function, end, most)
    for dtype, function, end, most in (
        ("float32", PanelFunction.ROWS, PanelSums.KEPT, (5, None)),
        ("float32", PanelFunction.COLUMNS, PanelSums.STORED, (None, 7)),
        ("float64", PanelFunction.ROWS_AND_FETCH, PanelSums.ADDED, (6, 4)),
    )
    for rows, columns in ((3, 2), (9, 11))
]
"""With the most rows and columns of a call, of which there may be more."""


def called(
    name: str,
    rows: int,
    columns: int,
    depth: int,
    dtype: str,
    function: PanelFunction,
    end: PanelSums,
    limits: tuple[int | None, int | None] = (None, None),
) -> LoopProgram:
    """Return a program that calls the intrinsic for a part of each buffer, which begins nowhere
    near a multiple of a vector; sums that are kept, or added to
    what is there, are in an array of the call's own size."""
    defaults = (PANEL_ROWS, call_columns(dtype))
    most = tuple(one or other for one, other in zip(limits, defaults, strict=True))
    is_transposed = function is PanelFunction.TRANSPOSED
    by_columns = is_transposed or "columns" in function.value
    if is_transposed:
        most = most[::-1]
    sums = (min(rows, most[0]), min(columns, most[1]))
    intrinsic = panel_product(
        function,
        dtype,
        end,
        (GLOBAL if end is PanelSums.STORED else THREAD, GLOBAL, GLOBAL),
        sums=sums,
        terms=DEPTH if depth > DEPTH else None,
        most=limits,
    )
    height = most[0] if is_transposed else rows
    shape = (depth + 3, height + 2) if by_columns else (height + 2, depth + 3)
    left = new_buffer("x0", dtype, shape)
    shape = (columns + 6, depth + 2) if is_transposed else (depth + 2, WIDE + 7)
    right = new_buffer("x1", dtype, shape)
    result = new_buffer("y0", dtype, (rows + 1, columns + 5))
    kept = new_buffer("kept", dtype, sums, THREAD)
    corner = (as_index(5), as_index(1)) if is_transposed else (as_index(1), as_index(5))
    windows = (
        BufferWindow(result, (as_index(1), as_index(3)), (0, 1))
        if end is PanelSums.STORED
        else BufferWindow(kept, (as_index(0), as_index(0)), (0, 1)),
        BufferWindow(left, (as_index(1), as_index(1)), (1, 0) if by_columns else (0, 1)),
        BufferWindow(right, corner, (1, 0) if is_transposed else (0, 1)),
    )
    sizes = {"rows": rows, "columns": columns, "depth": depth}
    call = UseIntrinsic(intrinsic, windows, bound(intrinsic, sizes))
    if end is PanelSums.STORED:
        return LoopProgram(name, (left, right), (result,), (), (call,))

    def each(label: str, made: Callable[[Index, Index], Store]) -> For:
        row, column = variable(f"{label}_row"), variable(f"{label}_column")
        return w.loop(row, sums[0], w.loop(column, sums[1], made(row, column)))

    def started(row: Index, column: Index) -> Store:
        return Store(w.at(kept, row, column), w.count(row * 7 + column, dtype))

    def copied(row: Index, column: Index) -> Store:
        return Store(w.at(result, row + 1, column + 3), w.at(kept, row, column))

    start = (each("started", started),) if end is PanelSums.ADDED else ()
    body = (Allocate(kept), *start, call, each("copied", copied))
    return LoopProgram(name, (left, right), (result,), (), body)


def bound(intrinsic: Intrinsic, sizes: dict[str, int]) -> dict:
    """Return the sizes by the symbols of an intrinsic's loops, in the order of its arguments."""
    found = {}
    for statement in intrinsic.body:
        pending = [statement]
        while pending:
            one = pending.pop(0)
            for end in getattr(one, "ends", ()):
                for symbol in symbols(end.constant):
                    found[symbol] = as_index(sizes[symbol.name])
            pending += getattr(one, "body", ())
    return found


@pytest.fixture(scope="module")
def compiled() -> CompiledPrograms:
    return CompiledPrograms([called(f"k{k}", *case) for k, case in enumerate((*CASES, *LIMITED))])


@pytest.mark.parametrize("number", range(len(CASES) + len(LIMITED)))
def test_a_panel_is_its_meaning_to_the_bit(compiled: CompiledPrograms, number: int) -> None:
    program = called(f"k{number}", *(*CASES, *LIMITED)[number])
    rng = np.random.default_rng(number)
    arrays = {one.name: rng.standard_normal(one.shape).astype(one.dtype) for one in program.inputs}
    expected = evaluate(program, arrays, {})
    found, _ = compiled(program.name, arrays)
    stored = expected.stored["y0"]
    np.testing.assert_array_equal(found["y0"][stored], expected.outputs["y0"][stored])
    assert (found["y0"][~stored] == 77).all()


ADDED = [
    (rows, columns, depth, dtype)
    for dtype in ("float32", "float64")
    for rows, columns, depth in (
        (1, 1, 1),
        (3, call_columns(dtype), 5),
        (8, call_columns(dtype) - 1, 2),
        (13, call_columns(dtype) // 2 + 1, 7),
        (4, call_columns(dtype) // 4 + 2, 40),
        (9, call_columns(dtype) // 2, 3),
    )
]


def added(name: str, rows: int, columns: int, depth: int, dtype: str, more: int) -> LoopProgram:
    """Return a program that adds a product to an array; `more` terms and columns follow those of
    the call."""
    intrinsic = panel_product_add(dtype, GLOBAL, depth, columns)
    left = new_buffer("x0", dtype, (rows, depth + more + 1))
    right = new_buffer("x1", dtype, (depth, columns))
    start = new_buffer("x2", dtype, (rows, columns))
    result = new_buffer("y0", dtype, (rows, columns))
    panel = new_buffer("panel", dtype, (depth, columns), THREAD)
    kept = new_buffer("kept", dtype, (rows, columns), THREAD)

    def copied(target: Buffer, source: Buffer) -> For:
        turn = (variable(f"{target.name}_row"), variable(f"{target.name}_column"))
        store = Store(w.at(target, *turn), w.at(source, *turn))
        height, width = (size for size in target.shape if isinstance(size, int))
        return w.loop(turn[0], height, w.loop(turn[1], width, store))

    corners = ((kept, 0), (left, 1), (panel, 0))
    windows = tuple(
        BufferWindow(buffer, (as_index(0), as_index(corner)), (0, 1)) for buffer, corner in corners
    )
    sizes = {"rows": rows, "columns": columns + more, "depth": depth + more}
    call = UseIntrinsic(intrinsic, windows, bound(intrinsic, sizes))
    body = (
        Allocate(panel),
        copied(panel, right),
        Allocate(kept),
        copied(kept, start),
        call,
        copied(result, kept),
    )
    return LoopProgram(name, (left, right, start), (result,), (), body)


@pytest.fixture(scope="module")
def compiled_additions() -> CompiledPrograms:
    return CompiledPrograms([added(f"k{k}", *case, more=k % 2) for k, case in enumerate(ADDED)])


@pytest.mark.parametrize("number", range(len(ADDED)))
def test_a_panel_is_added_to_the_bit(compiled_additions: CompiledPrograms, number: int) -> None:
    program = added(f"k{number}", *ADDED[number], more=number % 2)
    rng = np.random.default_rng(number)
    arrays = {one.name: rng.standard_normal(one.shape).astype(one.dtype) for one in program.inputs}
    found, _ = compiled_additions(program.name, arrays)
    np.testing.assert_array_equal(found["y0"], evaluate(program, arrays, {}).outputs["y0"])
