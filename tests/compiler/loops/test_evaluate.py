"""The meaning of each statement and value of a loop program, compared with NumPy by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from graphc.compiler.graph.dim import Size, symbol, symbols
from graphc.compiler.interpret import NUMPY
from graphc.compiler.loops.buffer import Buffer, new_buffer, view
from graphc.compiler.loops.evaluate import Evaluated, FailedCheck, TurnOrder, evaluate
from graphc.compiler.loops.index import LoopVariable, as_index, index_of, variable
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.reduction import NO_PLACE, REDUCTIONS
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    AsyncCopy,
    BufferWindow,
    Check,
    If,
    Intrinsic,
    Let,
    Prefetch,
    Store,
    UseIntrinsic,
    Wait,
)
from graphc.compiler.loops.text import program_text
from graphc.compiler.loops.value import (
    Argument,
    Bit,
    RandomWord,
    Select,
    at_least,
    below,
    is_multiple_of,
)
from graphc.errors import EvaluationError
from tests.compiler.loops.written import (
    EMPTY,
    SIZES,
    I,
    J,
    K,
    M,
    N,
    at,
    cast,
    count,
    floats,
    given,
    ints,
    local,
    loop,
    number,
    op,
    program,
    register,
)

P, Q = variable("p"), variable("q")
X, Y = floats("x", N, M), floats("y", N, M)
ROW = floats("row", N)


def array(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype("float32")


def run(made: LoopProgram, arrays: Mapping[str, np.ndarray] = EMPTY, **more: Any) -> Evaluated:
    """Return the result, which has to be the same in each order."""
    found = [evaluate(made, arrays, SIZES, order=order, **more) for order in TurnOrder]
    for other in found[1:]:
        assert other.status == found[0].status
        for name, values in found[0].outputs.items():
            assert values.tobytes() == other.outputs[name].tobytes()
    return found[0]


def copy_of(value: Any, *inputs: Any, out: Any = Y) -> LoopProgram:
    """Return a program that stores a value at each (i, j)."""
    return program(inputs, (out,), loop(I, N, loop(J, M, Store(at(out, I, J), value))))


def test_elementwise() -> None:
    x = array(5, 3)
    value = op("add", op("exp", at(X, I, J)), number(1.5))
    assert np.array_equal(run(copy_of(value, X), {"x": x}).outputs["y"], np.exp(x) + 1.5)


def test_inputs_stay_as_they_are() -> None:
    x = array(5, 3)
    before = x.copy()
    in_place = copy_of(op("neg", at(X, I, J)), X, out=X)
    assert np.array_equal(run(in_place, {"x": x}).outputs["x"], -before)
    assert np.array_equal(x, before)


def test_a_transposed_and_shifted_read_under_a_select() -> None:
    x = array(5, 3)
    moved = Select((at_least(I - 1), below(I - 1, N)), at(X, I - 1, J), number(0))
    expected = np.concatenate([np.zeros((1, 3)), x[:-1]])
    assert np.array_equal(run(copy_of(moved, X), {"x": x}).outputs["y"], expected)
    columns, values = floats("t", M, N), array(3, 5)
    found = run(copy_of(at(columns, J, I), columns), {"t": values})
    assert np.array_equal(found.outputs["y"], values.T)


def test_quotients_and_remainders_of_an_index() -> None:
    flat = floats("f", N * M)
    values = array(15)
    made = program((flat,), (Y,), loop(K, N * M, Store(at(Y, K // M, K % M), at(flat, K))))
    assert np.array_equal(run(made, {"f": values}).outputs["y"], values.reshape(5, 3))


def test_a_reduction_in_a_register() -> None:
    x, total = array(5, 3), register("s")
    made = program(
        (X,),
        (ROW,),
        loop(
            I,
            N,
            Allocate(total),
            Store(at(total), number(0)),
            loop(J, M, Accumulate("sum", (at(total),), (at(X, I, J),))),
            Store(at(ROW, I), at(total)),
        ),
    )
    expected = (x[:, 0] + x[:, 1]) + x[:, 2]
    assert np.array_equal(run(made, {"x": x}).outputs["row"], expected)


def test_a_sum_of_no_elements() -> None:
    empty, total = new_buffer("empty", "float32", (0, 3)), new_buffer("total", "float32", (3,))
    made = program(
        (empty,),
        (total,),
        loop(
            I,
            3,
            Store(at(total, I), number(0)),
            loop(J, 0, Accumulate("sum", (at(total, I),), (at(empty, J, I),))),
        ),
    )
    found = run(made, {"empty": np.zeros((0, 3), "float32")}).outputs["total"]
    assert np.array_equal(found, [0, 0, 0])


def test_an_output_without_elements() -> None:
    empty = new_buffer("empty", "float32", (0, 3))
    found = run(program((), (empty,), loop(J, 0, Store(at(empty, J, 0), number(0)))))
    assert found.outputs["empty"].shape == found.stored["empty"].shape == (0, 3)


@pytest.mark.parametrize("name", [name for name, row in REDUCTIONS.items() if not row.others])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "bool"])
def test_each_reduction_is_that_of_the_interpreter(name: str, dtype: str) -> None:
    if (dtype == "bool") != (name in ("any", "all")):
        return
    values = np.array([3, -2, 7, 7, 0, 1], dtype)
    if dtype == "float32":
        values[2] = np.nan
    x, total = given("x", dtype, 6), given("y", dtype)
    identity = REDUCTIONS[name].identity(dtype)
    made = program(
        (x,),
        (total,),
        Store(at(total), number(identity, dtype)),
        loop(I, 6, Accumulate(name, (at(total),), (at(x, I),))),
    )
    expected = NUMPY[name]({"axes": (0,)}, values)
    found = run(made, {"x": values}).outputs["y"]
    assert found.dtype == dtype
    assert found.tobytes() == np.asarray(expected).tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "values", [[3, -2, 7, 7, 0, 1], [1e30, -np.inf, 5.0], [100.25, 101.75, 99.5], [4.0]]
)
def test_what_goes_along_is_as_if_the_largest_or_the_mean_were_known(
    values: list[float], dtype: str
) -> None:
    numbers = np.array(values, dtype)
    x = given("x", dtype, len(values))
    found = {}
    for name in ("exp_sum", "moments"):
        carried = [given(f"y{k}", dtype) for k in range(len(REDUCTIONS[name].names))]
        starts = REDUCTIONS[name].starts(dtype)
        terms = (at(x, I), number(1, dtype))
        if name == "moments":
            terms = (number(1, dtype), at(x, I), number(0, dtype))
        made = program(
            (x,),
            tuple(carried),
            *(Store(at(y), number(start, dtype)) for y, start in zip(carried, starts, strict=True)),
            loop(I, len(values), Accumulate(name, tuple(map(at, carried)), terms)),
        )
        outputs = run(made, {"x": numbers}).outputs
        found[name] = [float(outputs[y.name]) for y in carried]
    exact = np.array(values, "float64")
    tolerance = 1e-6 if dtype == "float32" else 1e-14
    largest, total = found["exp_sum"]
    assert largest == numbers.max()
    np.testing.assert_allclose(total, np.exp(exact - exact.max()).sum(), rtol=tolerance)
    if np.isfinite(exact).all():
        count, mean, squares = found["moments"]
        assert count == len(values)
        np.testing.assert_allclose(mean, exact.mean(), rtol=tolerance)
        np.testing.assert_allclose(squares, exact.var() * len(values), rtol=tolerance * 10)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize(
    "values",
    [
        [1.0, 5.0, -2.0, 5.0, -2.0],
        [0.0, -0.0, 0.0],
        [2.0, np.nan, 9.0, np.nan],
        [-np.inf, -np.inf],
        [np.inf, np.inf],
    ],
)
def test_positions_are_those_of_the_interpreter(name: str, values: list[float]) -> None:
    numbers = np.array(values, "float32")
    x, best, place = floats("x", len(values)), register("b"), ints("y")
    made = program(
        (x,),
        (place,),
        Allocate(best),
        Store(at(best), number(REDUCTIONS[name].identity("float32"))),
        Store(at(place), number(NO_PLACE, "int32")),
        loop(
            I, len(values), Accumulate(name, (at(best), at(place)), (at(x, I), count(I, "int32")))
        ),
    )
    backwards = len(values) - 1 - I
    reversed_made = program(
        (x,),
        (place,),
        *made.body[:3],
        loop(
            I,
            len(values),
            Accumulate(name, (at(best), at(place)), (at(x, backwards), count(backwards, "int32"))),
        ),
    )
    expected = NUMPY[name]({"axes": (0,)}, numbers)
    assert run(made, {"x": numbers}).outputs["y"] == expected
    assert run(reversed_made, {"x": numbers}).outputs["y"] == expected


def test_the_trip_count_is_the_least_end_or_none() -> None:
    flat, tile = floats("f", N), 2
    tiled = program(
        (flat,),
        (ROW,),
        loop(
            I,
            (N + 1) // tile,
            loop(J, (tile, N - I * tile), Store(at(ROW, I * tile + J), at(flat, I * tile + J))),
        ),
    )
    values = array(5)
    assert np.array_equal(run(tiled, {"f": values}).outputs["row"], values)
    never = program((), (ROW,), loop(I, (N, M - N), Store(at(ROW, I), number(1))))
    assert not run(never).stored["row"].any()


def test_branches() -> None:
    made = program(
        (),
        (ROW,),
        loop(
            I,
            N,
            If(
                (is_multiple_of(I, 2),),
                (Store(at(ROW, I), number(1)),),
                (Store(at(ROW, I), number(2)),),
            ),
        ),
    )
    assert run(made).outputs["row"].tolist() == [1, 2, 1, 2, 1]


def test_stores_where_conditions_hold() -> None:
    made = program(
        (), (ROW,), loop(I, N, Store(at(ROW, I), count(I * 10), (below(I, M), at_least(I, 1))))
    )
    found = run(made)
    assert found.stored["row"].tolist() == [False, True, True, False, False]
    assert found.outputs["row"][1:3].tolist() == [10, 20]
    assert np.isnan(found.outputs["row"][[0, 3, 4]]).all()


def test_locals_name_values() -> None:
    x, named = array(5, 3), local("t0")
    made = program(
        (X,),
        (X,),
        loop(
            I,
            N,
            loop(
                J,
                M,
                Let(named, op("mul", at(X, I, J), at(X, I, J))),
                Store(at(X, I, J), op("add", named, named)),
            ),
        ),
    )
    assert np.array_equal(run(made, {"x": x}).outputs["x"], x * x + x * x)


def test_what_a_call_gives() -> None:
    step, seed = K, Argument("seed", "uint32")
    made = program(
        (),
        (ROW,),
        loop(
            I,
            N,
            Store(at(ROW, I), op("add", count(I + K), cast(seed, "float32"))),
        ),
        arguments=(seed,),
        indices=((step, N),),
    )
    found = run(made, arguments={"seed": 7}, indices={"k": 2})
    assert found.outputs["row"].tolist() == [9, 10, 11, 12, 13]


def test_bits_of_a_byte() -> None:
    packed, bools = given("p", "uint8"), given("y", "bool", 3)
    made = program(
        (packed,), (bools,), *(Store(at(bools, k), Bit(at(packed), k)) for k in range(3))
    )
    byte = np.asarray(0b101, "uint8")
    assert run(made, {"p": byte}).outputs["y"].tolist() == [True, False, True]


def test_random_words_are_those_of_the_interpreter() -> None:
    draw = {"shape": (11,), "axis": None, "call_step": 2**32 + 5, "seed": 3, "stream": 8}
    words = NUMPY["random"](draw, np.int32(6))
    out = given("y", "uint32", 9)
    word = RandomWord(
        I,
        number(2, "int64"),
        number(6, "int32"),
        number(2**32 + 5, "uint64"),
        number(3, "uint32"),
        number(8, "uint32"),
    )
    made = program((), (out,), loop(I, 9, Store(at(out, I), word)))
    assert np.array_equal(run(made).outputs["y"], words[2:])


def test_a_check_clamps_and_reports_the_first_failure() -> None:
    where, table, checked = ints("i0", N), floats("t", M), LoopVariable("at")
    made = program(
        (where, table),
        (ROW, floats("kept", N)),
        loop(
            I,
            N,
            Check(checked, at(where, I), M, 4, I * 100),
            Store(at(ROW, I), at(table, index_of(checked))),
        ),
        loop(J, N, Store(at(floats("kept", N), J), number(1), guarded=True)),
    )
    values = array(3)
    good = run(made, {"i0": np.array([2, 0, 1, 1, 2], "int32"), "t": values})
    assert good.status is None
    assert np.array_equal(good.outputs["row"], values[[2, 0, 1, 1, 2]])
    assert good.stored["kept"].all()
    bad = run(made, {"i0": np.array([2, -1, 3, 1, 9], "int32"), "t": values})
    assert bad.status == FailedCheck(4, 100)
    assert np.array_equal(bad.outputs["row"], values[[2, 0, 2, 1, 2]])
    assert not bad.stored["kept"].any()
    before = run(
        made,
        {"i0": np.array([9, 0, 0, 0, 0], "int32"), "t": values},
        status=FailedCheck(2, 50),
    )
    assert before.status == FailedCheck(2, 50)


def test_a_repeated_check_fails_where_an_earlier_launch_has_said_so() -> None:
    where, checked = ints("i0", N), LoopVariable("at")
    check = Check(checked, at(where, I), M, 4, I, is_repeated=True)
    store = Store(at(ROW, I), count(index_of(checked)), guarded=True)
    made = program((where,), (ROW,), loop(I, N, check, store))
    assert "at = check 4 again: i0[i] below m" in program_text(made)
    good = run(made, {"i0": np.array([2, 0, 1, 1, 2], "int32")})
    assert good.outputs["row"].tolist() == [2, 0, 1, 1, 2]
    bad = {"i0": np.array([2, 0, 3, 1, 2], "int32")}
    assert not run(made, bad, status=FailedCheck(2, 2)).stored["row"].any()
    with pytest.raises(EvaluationError, match="the value is 3, and no earlier launch has said so"):
        run(made, bad)


def test_parts_of_a_concatenation() -> None:
    whole = floats("y", N + M)
    left, right = view(whole, "left", (N,)), view(whole, "right", (M,), offset=N)
    a, b = floats("a", N), floats("b", M)
    made = program(
        (a, b),
        (left, right),
        loop(I, N, Store(at(left, I), at(a, I))),
        loop(J, M, Store(at(right, J), at(b, J))),
    )
    x, y = array(5), array(3)
    found = run(made, {"a": x, "b": y})
    assert np.array_equal(found.outputs["y"], np.concatenate([x, y]))


def test_an_output_with_other_strides_is_all_of_its_memory() -> None:
    columns = view(floats("y", N, M), "y", (N, M), (1, N))
    x = array(5, 3)
    found = run(copy_of(at(X, I, J), X, out=columns), {"x": x})
    assert np.array_equal(found.outputs["y"], x.T.ravel())


def test_an_output_that_is_read_is_given() -> None:
    values = array(5)
    made = program((), (ROW,), loop(I, N, Accumulate("sum", (at(ROW, I),), (number(1),))))
    assert np.array_equal(run(made, {"row": values}).outputs["row"], values + 1)


def test_copies_are_there_after_their_wait() -> None:
    x, tile = floats("x", 8), register("tile", 8)
    made = program(
        (x,),
        (floats("y", 8),),
        Allocate(tile),
        AsyncCopy(at(tile, 0), at(x, 0), 4),
        Wait(1),
        AsyncCopy(at(tile, 4), at(x, 4), 4),
        Wait(1),
        loop(I, 4, Store(at(floats("y", 8), I), at(tile, I))),
        Wait(),
        loop(J, 4, Store(at(floats("y", 8), J + 4), at(tile, J + 4))),
    )
    values = array(8)
    assert np.array_equal(run(made, {"x": values}).outputs["y"], values)


def test_a_prefetch_does_nothing() -> None:
    made = program((ROW,), (floats("y"),), Prefetch(at(ROW, 99)), Store(at(floats("y")), number(1)))
    assert run(made, {"row": array(5)}).outputs["y"] == 1


ROWS, COLUMNS = symbol("rows"), symbol("columns")


def strided(name: str, *shape: Size) -> Buffer:
    """Return a parameter that has the strides of what it stands for."""
    return view(floats(name, *shape), name, shape, tuple(symbol("step") for _ in shape))


A, B = strided("a", ROWS, COLUMNS), strided("b", COLUMNS, ROWS)
TRANSPOSE = Intrinsic(
    "gc_transpose",
    (A, B),
    (loop(I, ROWS, loop(J, COLUMNS, Store(at(B, J, I), at(A, I, J)))),),
    "transpose.h",
)


def test_an_intrinsic_is_its_body_within_windows() -> None:
    (rows,), (columns,) = symbols(ROWS), symbols(COLUMNS)
    x, tile = floats("x", N, M, 4), register("tile", 4, 2)
    y = floats("y", N, 4, 2)
    made = program(
        (x,),
        (y,),
        loop(
            K,
            N,
            Allocate(tile),
            UseIntrinsic(
                TRANSPOSE,
                (
                    BufferWindow(x, (K, as_index(1), as_index(0)), (1, 2)),
                    BufferWindow(tile, (as_index(0), as_index(0)), (0, 1)),
                ),
                {rows: as_index(2), columns: as_index(4)},
            ),
            loop(
                P,
                4,
                loop(
                    Q,
                    2,
                    Store(
                        at(y, K, P, Q),
                        at(tile, P, Q),
                    ),
                ),
            ),
        ),
    )
    values = array(5, 3, 4)
    found = run(made, {"x": values}).outputs["y"]
    assert np.array_equal(found, values[:, 1:3, :].transpose(0, 2, 1))


def test_an_intrinsic_may_use_another_one() -> None:
    (rows,), (columns,) = symbols(ROWS), symbols(COLUMNS)
    whole, back = strided("w", M, N), strided("v", N, M)
    zero = as_index(0)
    (m,), (n,) = symbols(M), symbols(N)
    inner = UseIntrinsic(
        TRANSPOSE,
        (
            BufferWindow(whole, (as_index(1), zero), (0, 1)),
            BufferWindow(back, (zero, as_index(1)), (0, 1)),
        ),
        {rows: as_index(M - 1), columns: as_index(N)},
    )
    outer = Intrinsic("gc_most", (whole, back), (inner,), "most.h")
    x, y = floats("x", 6, 7), floats("y", 5, 4)
    made = program(
        (x,),
        (y,),
        UseIntrinsic(
            outer,
            (
                BufferWindow(x, (as_index(2), as_index(1)), (0, 1)),
                BufferWindow(y, (as_index(1), zero), (0, 1)),
            ),
            {m: as_index(4), n: as_index(3)},
        ),
    )
    values = array(6, 7)
    found = run(made, {"x": values})
    assert np.array_equal(found.outputs["y"][1:4, 1:4], values[3:6, 1:4].T)
    assert found.stored["y"].sum() == 9


def test_windows_of_windows_along_other_axes() -> None:
    (rows,), (columns,), (m,), (n,) = map(symbols, (ROWS, COLUMNS, M, N))
    whole, back = strided("w", M, N), strided("v", N, M)
    corner = (as_index(0), as_index(0))
    inner = UseIntrinsic(
        TRANSPOSE,
        (BufferWindow(whole, corner, (1, 0)), BufferWindow(back, corner, (1, 0))),
        {rows: as_index(N), columns: as_index(M)},
    )
    outer = Intrinsic("gc_twice", (whole, back), (inner,), "twice.h")
    x, y = floats("x", 3, 5, 4), floats("y", 5, 4, 2)
    made = program(
        (x,),
        (y,),
        UseIntrinsic(
            outer,
            (
                BufferWindow(x, (as_index(2), as_index(0), as_index(0)), (2, 1)),
                BufferWindow(y, (as_index(0), as_index(0), as_index(1)), (0, 1)),
            ),
            {m: as_index(4), n: as_index(5)},
        ),
    )
    values = array(3, 5, 4)
    found = run(made, {"x": values})
    assert np.array_equal(found.outputs["y"][..., 1], values[2])
    assert not found.stored["y"][..., 0].any()


def test_a_part_without_elements_changes_no_position() -> None:
    best, place = floats("best"), ints("place")
    made = program(
        (best, place),
        (best, place),
        Accumulate(
            "argmax",
            (at(best), at(place)),
            (number(REDUCTIONS["argmax"].identity("float32")), number(NO_PLACE, "int32")),
        ),
    )
    lowest = np.asarray(-np.inf, "float32")
    found = run(made, {"best": lowest, "place": np.asarray(3, "int32")})
    assert found.outputs["place"] == 3
