"""Random plain loop programs, arrays for them, and a comparison of what two programs mean.

A test of a rewrite draws a program, applies the rewrite to one of its loops, and compares:

    @given(plain_programs(), st.data())
    def test_split(program, data):
        loop = data.draw(st.sampled_from(loops_of(program)))
        same_meaning(program, split(program, loop, 4))
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from hypothesis import strategies as st

from graphc.compiler.graph.dim import (
    Size,
    Symbol,
    product,
    symbol,
    symbols,
)
from graphc.compiler.graph.dim import (
    evaluate as evaluated_size,
)
from graphc.compiler.loops.buffer import Buffer, BufferScope, c_strides, new_buffer, view
from graphc.compiler.loops.evaluate import Evaluated, TurnOrder, evaluate
from graphc.compiler.loops.index import Index, IndexLike, LoopVariable, as_index, index_of, position
from graphc.compiler.loops.program import LoopProgram, walk
from graphc.compiler.loops.reduction import NO_PLACE, REDUCTIONS
from graphc.compiler.loops.statement import (
    PARALLEL_KINDS,
    Accumulate,
    Allocate,
    For,
    If,
    Let,
    Statement,
    Store,
)
from graphc.compiler.loops.text import program_text
from graphc.compiler.loops.value import (
    Apply,
    Condition,
    Constant,
    IndexValue,
    Load,
    Local,
    Select,
    Value,
    at_least,
    below,
    is_multiple_of,
)
from graphc.errors import EvaluationError

N, M = symbol("n"), symbol("m")
(_N,), (_M,) = symbols(N), symbols(M)
_MOST = {_N: 20, _M: 6}
_MOST_TURNS = 400

Sizes: TypeAlias = Mapping[Symbol, int]
Axis: TypeAlias = tuple[Index, Size]
"""A loop variable as an index, and what it is below."""

SOME_SIZES: tuple[Sizes, ...] = ({_N: 1, _M: 1}, {_N: 5, _M: 3}, {_N: 16, _M: 4}, {_N: 19, _M: 6})
"""Sizes at which programs are compared: alone, odd, multiples of vectors, and neither."""


def sizes() -> st.SearchStrategy[Sizes]:
    """Return a strategy of sizes for the symbols `N` and `M`."""
    return st.fixed_dictionaries({_N: st.integers(1, _MOST[_N]), _M: st.integers(1, _MOST[_M])})


def loops_of(program: LoopProgram) -> list[str]:
    """Return the names of a program's loops, outer ones first."""
    return [one.variable.name for one in walk(program.body) if isinstance(one, For)]


# ---- arrays, comparisons ------------------------------------------------------------------------


def arrays_for(program: LoopProgram, sizes: Sizes, seed: int = 0) -> dict[str, np.ndarray]:
    """Return an array for the memory of each input: floats with some NaN, infinities and zeros of
    both signs, small integers, bools."""
    generator = np.random.default_rng(seed)
    arrays: dict[str, np.ndarray] = {}
    for name in dict.fromkeys(buffer.memory for buffer in program.inputs):
        buffers = [buffer for buffer in program.inputs if buffer.memory == name]
        whole = next((one for one in buffers if one.name == name and one.is_contiguous), None)
        if whole is not None:
            shape = tuple(evaluated_size(extent, sizes) for extent in whole.shape)
        else:
            shape = (max(_elements_to(buffer, sizes) for buffer in buffers),)
        arrays[name] = _random_array(generator, shape, buffers[0].dtype)
    return arrays


def _elements_to(buffer: Buffer, sizes: Sizes) -> int:
    ends = [
        (extent - 1) * stride for extent, stride in zip(buffer.shape, buffer.strides, strict=True)
    ]
    last = evaluated_size(buffer.offset, sizes)
    return last + sum(max(evaluated_size(end, sizes), 0) for end in ends) + 1


def _random_array(generator: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    if dtype == "bool":
        return generator.integers(0, 2, shape).astype(bool)
    if np.dtype(dtype).kind != "f":
        return generator.integers(0 if dtype[0] == "u" else -5, 6, shape).astype(dtype)
    values = np.asarray(generator.standard_normal(shape) * 3).astype(dtype)
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0], dtype)
    chosen = generator.random(shape) < 0.1
    return np.where(chosen, special[generator.integers(0, 5, shape)], values)


def same_meaning(
    before: LoopProgram,
    after: LoopProgram,
    *sizes: Sizes,
    seed: int = 0,
    rtol: float | None = None,
    is_finite: bool = False,
    **given: Any,
) -> None:
    """Assert that two programs mean the same: the outputs' bits, which of their elements have
    values, the status, or that both raise. Each runs in all three orders.

    Args:
        before, after: the programs.
        sizes: to compare them at; by default at each of `SOME_SIZES`.
        seed: of the inputs.
        rtol: if given, floats have to agree to it instead of to the bit.
        is_finite: True if no input is infinite or NaN.
        given: arguments, indices and the status for `evaluate`.
    """
    for some in sizes or SOME_SIZES:
        arrays = arrays_for(before, some, seed)
        if is_finite:
            arrays = {name: _finite(array) for name, array in arrays.items()}
        expected = _result(before, arrays, some, TurnOrder.FORWARD, given)
        for program, order in itertools.product((before, after), TurnOrder):
            if order is not TurnOrder.FORWARD and not _has_parallel_loops(program):
                continue
            found = _result(program, arrays, some, order, given)
            try:
                _assert_equal(found, expected, rtol)
            except AssertionError as error:
                where = f"at {dict(some)}, in {order.value} order"
                raise AssertionError(f"{where}: {error}\n{program_text(program)}") from None


def _finite(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind != "f":
        return array
    return np.nan_to_num(array, nan=0.5, posinf=2.0, neginf=-2.0).astype(array.dtype)


def _result(
    program: LoopProgram,
    arrays: Mapping[str, np.ndarray],
    sizes: Sizes,
    order: TurnOrder,
    given: Mapping[str, Any],
) -> Evaluated | EvaluationError:
    try:
        return evaluate(program, arrays, sizes, order=order, **given)
    except EvaluationError as error:
        return error


def _has_parallel_loops(program: LoopProgram) -> bool:
    return any(isinstance(one, For) and one.kind in PARALLEL_KINDS for one in walk(program.body))


def _assert_equal(
    found: Evaluated | EvaluationError, expected: Evaluated | EvaluationError, rtol: float | None
) -> None:
    if isinstance(expected, EvaluationError) or isinstance(found, EvaluationError):
        assert type(found) is type(expected), f"{expected!r} became {found!r}"
        return
    assert found.status == expected.status, f"{expected.status} became {found.status}"
    assert found.outputs.keys() == expected.outputs.keys()
    for name, values in expected.outputs.items():
        stored = expected.stored[name]
        assert np.array_equal(found.stored[name], stored), f"other elements of {name} are stored"
        mine, its = found.outputs[name][stored], values[stored]
        if rtol is None or mine.dtype.kind != "f":
            assert mine.tobytes() == its.tobytes(), f"{name}: {its} became {mine}"
        else:
            np.testing.assert_allclose(mine, its, rtol=rtol, atol=rtol, err_msg=name)


# ---- programs -----------------------------------------------------------------------------------


@st.composite
def plain_programs(
    draw: st.DrawFn, nests: int = 2, rank: int = 3, recurrences: bool = False
) -> LoopProgram:
    """Draw a plain program in the symbols `N` and `M`, which has a meaning at all their sizes.

    It has one or more nests of loops, one after the other; later nests may read what earlier ones
    have stored. In a nest there are reductions with register accumulators, named values, stores to
    one or two outputs (transposed ones, parts of a concatenation, in the place of an input), under
    conditions or not. Elements are read directly, transposed, broadcast, shifted under a select,
    mirrored, strided, through quotients and remainders, and through views.

    Args:
        draw: of hypothesis.
        nests: the most nests.
        rank: the most loops of a nest, without those of reductions.
        recurrences: True if turns of a loop may read what an earlier turn of it has stored.
    """
    return _Builder(draw, rank, recurrences).program(draw(st.integers(1, nests)))


_UNARY = ("neg", "abs", "exp", "tanh", "sign")
_BINARY = ("add", "sub", "mul", "maximum", "minimum")


def _nested(axes: Sequence[Axis], body: tuple[Statement, ...]) -> tuple[Statement, ...]:
    for variable, extent in reversed(axes):
        assert isinstance(variable.atom, LoopVariable)
        body = (For(variable.atom, (as_index(extent),), body),)
    return body


class _Builder:
    def __init__(self, draw: st.DrawFn, rank: int, recurrences: bool) -> None:
        self._draw, self._rank, self._recurrences = draw, rank, recurrences
        self._inputs: list[Buffer] = []
        self._outputs: list[Buffer] = []
        self._whole: list[Buffer] = []  # outputs of which each element has a value by now
        self._counts: dict[str, itertools.count[int]] = {}
        self._body: list[Statement] = []  # of the nest, or of a reduction in it
        self._named: list[Value] = []  # values that the nest has named
        self._in_place: list[Buffer] = []  # inputs that the nest stores to

    def program(self, nests: int) -> LoopProgram:
        body = tuple(self._nest() for _ in range(nests))
        return LoopProgram("random", tuple(self._inputs), tuple(self._outputs), (), body)

    def _name(self, prefix: str) -> str:
        return f"{prefix}{next(self._counts.setdefault(prefix, itertools.count()))}"

    def _one_of(self, choices: Sequence[Any]) -> Any:
        return self._draw(st.sampled_from(choices))

    # ---- loops ----------------------------------------------------------------------------------

    def _axes(self, rank: int, turns: int) -> list[Axis]:
        axes = []
        for _ in range(rank):
            choices = (1, 2, 3, 4, 5, 8, 12, 17, 20, M, N, M + 1, M * 2, N + 1)
            fitting = [n for n in choices if evaluated_size(n, _MOST) <= turns]
            extent = self._one_of(fitting)
            turns //= evaluated_size(extent, _MOST)
            axes.append((index_of(LoopVariable(self._name("i"))), extent))
        return axes

    def _nest(self) -> Statement:
        axes = self._axes(self._draw(st.integers(1, self._rank)), _MOST_TURNS)
        self._body, self._named = [], []
        for _ in range(self._draw(st.integers(0, 1))):
            self._reduction(axes)
        stored = [self._stored(axes) for _ in range(self._draw(st.integers(1, 2)))]
        stores = []
        for target, value in stored:
            stores.append(self._store(axes, target, self._let(value)))
        body = (*self._body, *stores)
        self._inputs += self._in_place
        self._in_place = []
        return _nested(axes, body)[0]

    def _reduction(self, axes: list[Axis]) -> None:
        """Add a reduction to the body of a nest; its result is one of the named values."""
        inner = self._axes(self._draw(st.integers(1, 2)), 6)
        name = self._one_of(("sum", "prod", "max", "min", "argmax"))
        total = new_buffer(self._name("s"), "float32", (), BufferScope.REGISTER)
        targets, starts = [Load(total, ())], [REDUCTIONS[name].identity("float32")]
        around, self._body = self._body, []
        values = [self._value([*axes, *inner], 2)]
        lets, self._body = self._body, around
        if REDUCTIONS[name].is_placed:
            place = new_buffer(self._name("p"), "int32", (), BufferScope.REGISTER)
            targets.append(Load(place, ()))
            starts.append(NO_PLACE)
            number = position([one for one, _ in inner], [extent for _, extent in inner])
            values.append(IndexValue(number, "int32"))
        for target, start in zip(targets, starts, strict=True):
            self._body.append(Allocate(target.buffer))
            self._body.append(Store(target, Constant(start, target.dtype)))
        step = Accumulate(name, tuple(targets), tuple(values), note=name)
        self._body += _nested(inner, (*lets, step))
        self._named += targets

    # ---- stores ---------------------------------------------------------------------------------

    def _stored(self, axes: list[Axis]) -> tuple[Load, Value]:
        """Return an element of an output, and its value."""
        value = self._value(axes, 3)
        variables = tuple(variable for variable, _ in axes)
        shape = tuple(extent for _, extent in axes)
        form = self._one_of(("plain", "plain", "transposed", "part", "in place", "recurrence"))
        if form == "transposed":
            order = self._draw(st.permutations(range(len(axes))))
            variables = tuple(variables[axis] for axis in order)
            shape = tuple(shape[axis] for axis in order)
        name, dtype = self._name("y"), value.dtype
        target = Load(new_buffer(name, dtype, shape), variables)
        if form == "part":
            strides = c_strides(shape)
            part = Buffer(f"{name}_part", dtype, shape, BufferScope.GLOBAL, strides, 3, name)
            target = Load(part, variables)
        elif form == "in place":
            self._in_place.append(target.buffer)
            value = Apply("add", (value, target), dtype, {})
        elif form == "recurrence" and self._recurrences:
            moved = variables[0] - self._draw(st.integers(1, 2))
            earlier = Load(target.buffer, (moved, *variables[1:]))
            sum_of_both = Apply("add", (value, earlier), dtype, {})
            value = Select((at_least(moved),), sum_of_both, value)
        self._outputs.append(target.buffer)
        return target, value

    def _store(self, axes: list[Axis], target: Load, value: Value) -> Statement:
        """Return a store to an output: under a condition if nobody has to find it stored."""
        form = self._one_of(("always", "always", "always", "if", "where"))
        variable, extent = self._one_of(axes)
        if form == "if":
            other = Store(target, Constant(7, value.dtype))
            return If((is_multiple_of(variable, 2),), (Store(target, value),), (other,))
        if form == "where" and not self._recurrences:
            return Store(target, value, (below(variable * 2, extent + 1),))
        self._whole.append(target.buffer)
        return Store(target, value)

    # ---- values ---------------------------------------------------------------------------------

    def _value(self, axes: list[Axis], depth: int) -> Value:
        """Return a value of float32."""
        form = self._one_of(("unary", "binary", "binary", "where", "int") if depth else ("leaf",))
        if form == "unary":
            return self._apply(self._one_of(_UNARY), axes, depth, 1)
        if form == "binary":
            return self._apply(self._one_of(_BINARY), axes, depth, 2)
        if form == "where":
            left, right = (self._value(axes, depth - 1) for _ in range(2))
            is_less = Apply("less", (left, right), "bool", {})
            return Apply("where", (is_less, left, self._leaf(axes, "float32")), "float32", {})
        if form == "int":
            number = Apply("maximum", tuple(self._leaf(axes, "int32") for _ in "ab"), "int32", {})
            return Apply("cast", (number,), "float32", {"dtype": "float32"})
        return self._leaf(axes, "float32")

    def _apply(self, op: str, axes: list[Axis], depth: int, operands: int) -> Value:
        values = tuple(self._value(axes, depth - 1) for _ in range(operands))
        made = Apply(op, values, "float32", {})
        return self._let(made) if self._draw(st.booleans()) else made

    def _let(self, value: Value) -> Local:
        """Name a value, for the statements after it."""
        local = Local(self._name("t"), value.dtype)
        self._body.append(Let(local, value, note=f"layer_{local.name}"))
        return local

    def _leaf(self, axes: list[Axis], dtype: str) -> Value:
        named = [value for value in self._named if value.dtype == dtype]
        form = self._one_of(("constant", "index", *["load"] * 5, *(["named"] * 4 if named else [])))
        if form == "constant":
            return Constant(self._one_of((0, -1, 2, 3)), dtype)
        if form == "index":
            variable, extent = self._one_of(axes)
            return IndexValue(self._one_of((variable, variable * 3 + 1, as_index(extent))), dtype)
        if form == "named":
            return self._one_of(named)
        return self._load(axes, dtype)

    def _load(self, axes: list[Axis], dtype: str) -> Value:
        """Return an element that is there in each turn, or a select of one."""
        earlier = [one for one in self._whole if one.dtype == dtype]
        if earlier and self._draw(st.booleans()):
            buffer = self._one_of(earlier)
            return Load(buffer, tuple(self._any_coord(axes, size) for size in buffer.shape))
        count = self._draw(st.integers(min(1, len(axes)), len(axes)))
        chosen = self._draw(st.permutations(axes))[:count]
        variables: list[IndexLike] = [variable for variable, _ in chosen]
        shape: list[Size] = [extent for _, extent in chosen]
        form = self._one_of(
            ("direct", "shifted", "flat", "mirrored", "strided", "halved", "folded", "view")
        )
        variable, extent = chosen[0]
        if form == "shifted":
            shift = self._one_of((-2, -1, 1, 2))
            moved = variable + shift
            element = Load(self._input(dtype, shape), (moved, *map(as_index, variables[1:])))
            inside: tuple[Condition, ...] = (at_least(moved), below(moved, extent))
            return Select(inside, element, Constant(0, dtype))
        if form == "flat":
            variables, shape = [position(variables, shape)], [product(shape)]
        elif form == "mirrored":
            variables[0] = extent - 1 - variable
        elif form == "strided":
            variables[0], shape[0] = variable * 2 + 1, extent * 2 + 1
        elif form == "halved":
            variables[0], shape[0] = variable // 2, (extent + 1) // 2
        elif form == "folded":
            variables[0], shape[0] = variable % 3, 3
        coords = tuple(map(as_index, variables))
        if form != "view":
            return Load(self._input(dtype, shape), coords)
        whole = new_buffer(self._name("x"), dtype, (extent + 3, *shape[1:]))
        rows = view(whole, f"{whole.name}_rows", tuple(shape), whole.strides, whole.strides[0] * 2)
        self._inputs += [whole, rows]
        return Load(rows, coords)

    def _any_coord(self, axes: list[Axis], size: Size) -> Index:
        fitting = [variable for variable, extent in axes if extent == size]
        variable = self._one_of(fitting or [axes[0][0]])
        return self._one_of(([variable] if fitting else []) + [variable % size, as_index(0)])

    def _input(self, dtype: str, shape: Sequence[Size]) -> Buffer:
        """Return an input of a shape: sometimes one that is there."""
        fitting = [one for one in self._inputs if (one.dtype, one.shape) == (dtype, tuple(shape))]
        if fitting and self._draw(st.booleans()):
            return self._one_of(fitting)
        self._inputs.append(new_buffer(self._name("x"), dtype, tuple(shape)))
        return self._inputs[-1]
