"""Programs without a meaning raise; the error names the program, the statement, the variables and
the element."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.buffer import view
from graphc.compiler.loops.evaluate import TurnOrder, evaluate
from graphc.compiler.loops.index import as_index, variable
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    AsyncCopy,
    AtomicAdd,
    BufferWindow,
    Check,
    Intrinsic,
    Let,
    Statement,
    Store,
    UseIntrinsic,
    Wait,
)
from graphc.compiler.loops.value import Argument, Select, at_least
from graphc.errors import EvaluationError, GraphcError
from tests.compiler.loops.written import (
    N_SYMBOL,
    SIZES,
    I,
    J,
    M,
    N,
    at,
    count,
    floats,
    given,
    local,
    loop,
    number,
    op,
    program,
    register,
    variable_of,
)

X, Y = floats("x", N), floats("y", N)
VALUES = np.arange(5, dtype="float32")


def refused(made: LoopProgram, **arrays: np.ndarray) -> str:
    """Return the message of a program that raises in each order."""
    messages = []
    for order in TurnOrder:
        with pytest.raises(EvaluationError) as caught:
            evaluate(made, arrays or {"x": VALUES}, SIZES, order=order)
        messages.append(str(caught.value))
    return messages[0]


def of(*body: Statement) -> LoopProgram:
    return program((X,), (Y,), *body)


def test_the_error_is_graphcs() -> None:
    assert issubclass(EvaluationError, GraphcError)


def test_a_read_without_a_value() -> None:
    made = of(loop(I, N - 1, Store(at(Y, I), at(X, I))), loop(J, N, Store(at(Y, J), at(Y, J))))
    assert refused(made) == (
        "k0: at `y[j] = y[j]` where n = 5, m = 3, j = 4: the element y[4]: it is read and has no "
        "value yet"
    )


def test_an_allocation_is_fresh_in_each_turn() -> None:
    total = register("s")
    body = Accumulate("sum", (at(total),), (at(X, I),))
    made = of(loop(I, N, Allocate(total), body, Store(at(Y, I), at(total))))
    assert "where n = 5, m = 3, i = 0: the element s[]: it is read" in refused(made)
    kept = of(
        Allocate(total),
        Store(at(total), number(0)),
        loop(I, N, body, Store(at(Y, I), at(total))),
    )
    found = evaluate(kept, {"x": VALUES}, SIZES)
    assert found.outputs["y"].tolist() == [0, 1, 3, 6, 10]


@pytest.mark.parametrize(("coord", "at_turn", "element"), [(I + 1, 4, "x[5]"), (I - 1, 0, "x[-1]")])
def test_a_read_outside(coord: object, at_turn: int, element: str) -> None:
    message = refused(of(loop(I, N, Store(at(Y, I), at(X, coord)))))  # type: ignore[arg-type]
    assert f"i = {at_turn}: the element {element}: it is outside of the buffer" in message
    assert message.endswith("whose shape is [5]")


def test_each_axis_is_checked() -> None:
    matrix = floats("x", N, M)
    made = program((matrix,), (Y,), loop(I, N, Store(at(Y, I), at(matrix, 0, I))))
    message = refused(made, x=np.zeros((5, 3), "float32"))
    assert "the element x[0, 3]: it is outside of the buffer, whose shape is [5, 3]" in message


def test_a_view_that_leaves_its_memory() -> None:
    tile = register("tile", 4)
    wide = view(tile, "wide", (4,), (2,))
    made = of(
        Allocate(tile),
        loop(I, 4, Store(at(tile, I), number(0))),
        loop(J, 4, Store(at(Y, J), at(wide, J))),
    )
    assert "j = 2: the element wide[2]: it is number 4 of a memory of 4 elements" in refused(made)


def test_what_a_select_does_not_choose_is_not_read() -> None:
    shifted = Select((at_least(I - 1),), at(X, I - 1), number(7))
    found = evaluate(of(loop(I, N, Store(at(Y, I), shifted))), {"x": VALUES}, SIZES)
    assert found.outputs["y"].tolist() == [7, 0, 1, 2, 3]


def test_dtypes_fit() -> None:
    assert "the value float64(i) is of float64, expected float32" in refused(
        of(loop(I, N, Store(at(Y, I), count(I, "float64"))))
    )
    wrong = op("equal", at(X, I), at(X, I), dtype="float32")
    assert "equal(x[i], x[i]) is of bool, expected float32" in refused(
        of(loop(I, N, Store(at(Y, I), wrong)))
    )
    other = view(X, "other", (N,))
    cast = type(other)("other", "int32", (N,), X.scope, (1,), 0, "x")
    assert "other is of int32, its memory of float32" in refused(
        of(loop(I, N, Let(local("t", "int32"), at(cast, I))))
    )
    assert "expected an integer" in refused(of(Check(variable_of(J), at(X, 0), N, 0, as_index(0))))
    assert "expected int32" in refused(of(AtomicAdd(variable_of(J), at(Y, 0))))


def test_what_is_not_there() -> None:
    assert "j is not bound here" in refused(of(loop(I, N, Store(at(Y, J), number(0)))))
    outside = (loop(I, N, Let(local("t"), at(X, I))), Store(at(Y, 0), local("t")))
    assert "t is not bound here" in refused(of(*outside))
    other = floats("z", N)
    assert "the memory z is neither" in refused(of(loop(I, N, Store(at(Y, I), at(other, I)))))
    assert "there is no op dance" in refused(of(loop(I, N, Store(at(Y, I), op("dance", at(X, I))))))
    assert "there is no reduction mean" in refused(
        of(Accumulate("mean", (at(Y, 0),), (number(0),)))
    )
    assert "argmax has 2 targets" in refused(of(Accumulate("argmax", (at(Y, 0),), (number(0),))))
    assert "the argument seed is not one of the program" in refused(
        of(Store(at(Y, 0), Argument("seed", "float32")))
    )
    assert "x[0, 0] has 2 coordinates, not 1" in refused(of(Store(at(Y, 0), at(X, 0, 0))))


def test_names_differ() -> None:
    twice = loop(I, N, Store(at(Y, I), at(X, I)))
    assert "another statement binds a variable or local i too" in refused(of(twice, twice))


def test_inputs_are_not_stored_to() -> None:
    message = refused(of(loop(I, N, Store(at(X, I), number(0)))))
    assert "x is an input, and no output is in its memory" in message


def test_what_a_call_gives_is_checked() -> None:
    made = program(
        (X,),
        (Y,),
        loop(I, N, Store(at(Y, I), at(X, I))),
        arguments=(Argument("seed", "uint32"),),
        indices=((J, N),),
    )
    arrays, more = {"x": VALUES}, {"arguments": {"seed": 1}, "indices": {"j": 0}}
    assert evaluate(made, arrays, SIZES, **more).stored["y"].all()  # type: ignore[arg-type]
    for message, given_arrays, sizes, changed in (
        ("the input x in the memory x is not given", {}, SIZES, {}),
        ("no input or output in a memory z", {**arrays, "z": VALUES}, SIZES, {}),
        ("is of float64, expected float32", {"x": VALUES.astype(float)}, SIZES, {}),
        ("has the shape (4,), expected (5,)", {"x": VALUES[1:]}, SIZES, {}),
        ("the size n is not given", arrays, {}, {}),
        ("the size n is 0", arrays, {N_SYMBOL: 0}, {}),
        ("each argument: expected ['seed'], received []", arrays, SIZES, {"arguments": {}}),
        ("the index j is 5, expected one below 5", arrays, SIZES, {"indices": {"j": 5}}),
    ):
        with pytest.raises(EvaluationError) as caught:
            evaluate(made, given_arrays, sizes, **{**more, **changed})  # type: ignore[arg-type]
        assert message in str(caught.value)


TILE = register("tile", 4)
COPY = (Allocate(TILE), AsyncCopy(at(TILE, 0), at(X, 0), 4))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ((*COPY, Store(at(Y, 0), at(TILE, 0)), Wait()), "the copy to it has not been waited for"),
        ((*COPY, Wait(1), Store(at(Y, 0), at(TILE, 0))), "the copy to it has not been waited for"),
        ((*COPY, Store(at(TILE, 1), number(0)), Wait()), "it is stored to, and the copy to it"),
        (COPY, "k0: the copy to the element tile[0] by the program has not been waited for"),
        (
            (Allocate(TILE), AsyncCopy(at(TILE, 1), at(X, 0), 4), Wait()),
            "the element tile[4]: it is outside of the buffer",
        ),
    ],
)
def test_copies_take_time(body: tuple[Statement, ...], message: str) -> None:
    assert message in refused(of(*body))


def test_the_source_of_a_copy_stays() -> None:
    made = program(
        (X,),
        (X, Y),
        AsyncCopy(at(Y, 0), at(X, 0), 4),
        Store(at(X, 2), number(0)),
        Wait(),
    )
    assert "x[2]: it is stored to, and the copy from it has not been waited for" in refused(made)


def test_neighbours_of_a_copy_follow_each_other() -> None:
    spread = view(X, "spread", (2,), (2,))
    made = of(AsyncCopy(at(Y, 0), at(spread, 0), 2), Wait())
    assert "the element spread[0] and 1 more do not follow each other in memory" in refused(made)


P = floats("p", M)
DOUBLE = Intrinsic(
    "gc_double",
    (P,),
    (loop(J, M, Store(at(P, J), op("add", at(P, J), at(P, J)))),),
    "double.h",
)


def use(start: object, size: int, buffer: object = Y) -> UseIntrinsic:
    (m,) = symbols(M)
    window = BufferWindow(buffer, (as_index(start),), (0,))  # type: ignore[arg-type]
    return UseIntrinsic(DOUBLE, (window,), {m: as_index(size)})


def test_an_intrinsic_is_checked_like_its_body() -> None:
    fill = loop(I, N, Store(at(Y, I), at(X, I)))
    found = evaluate(of(fill, use(3, 2)), {"x": VALUES}, SIZES)
    assert found.outputs["y"].tolist() == [0, 1, 2, 6, 8]
    assert "the element p[2]: it is y[5], outside of that buffer" in refused(of(fill, use(3, 3)))
    assert "the element p[0]: it is read and has no value" in refused(of(use(3, 2)))
    assert "x is an input, and no output is in its memory" in refused(of(fill, use(3, 2, X)))
    assert "the size m is 0, expected at least 1" in refused(of(fill, use(3, 0)))
    spread = view(Y, "spread", (2,), (2,))
    message = refused(of(fill, use(0, 2, spread)))
    assert "axis 0 of p has the stride 1, that of spread which stands for it 2" in message


def test_an_intrinsic_stays_within_its_parameters() -> None:
    (m,) = symbols(M)
    store = Store(at(P, M), number(0))
    beyond = Intrinsic("gc_beyond", (P,), (store,), "beyond.h")
    call = UseIntrinsic(beyond, (BufferWindow(Y, (as_index(0),), (0,)),), {m: as_index(2)})
    message = refused(of(call))
    assert "at `p[m] = 0.0` where n = 5, m = 2:" in message
    assert "the element p[2]: it is outside of the parameter, whose shape is [2]" in message


def test_a_scope_that_no_caller_reaches() -> None:
    assert "x is in register" in refused(program((register("x", N),), (Y,)))


def test_an_index_does_not_fit_its_dtype() -> None:
    small = given("y", "uint32", N)
    made = program((X,), (small,), loop(I, N, Store(at(small, I), count(I - 1, "uint32"))))
    assert "at `y[i] = uint32(i - 1)` where n = 5, m = 3, i = 0" in refused(made)


def test_a_block_ends_its_names() -> None:
    inner = variable("inner")
    made = of(
        loop(I, N, loop(inner, 1, Allocate(TILE), Store(at(TILE, 0), number(0)))),
        Store(at(Y, 0), at(TILE, 0)),
    )
    assert "the memory tile is neither an input" in refused(made)
