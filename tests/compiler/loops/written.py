"""Loop programs written by hand, in few words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphc.compiler.graph.dim import Size, Symbol, symbol, symbols
from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer
from graphc.compiler.loops.index import Index, IndexLike, LoopVariable, as_index, variable
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.statement import For, LoopKind, Statement
from graphc.compiler.loops.value import Apply, Argument, Constant, IndexValue, Load, Local, Value

I, J, K = variable("i"), variable("j"), variable("k")  # noqa: E741
N, M = symbol("n"), symbol("m")
(N_SYMBOL,), (M_SYMBOL,) = symbols(N), symbols(M)
SIZES: Mapping[Symbol, int] = {N_SYMBOL: 5, M_SYMBOL: 3}
EMPTY: Mapping[str, Any] = {}


def given(name: str, dtype: str, *shape: Size) -> Buffer:
    """Return a buffer that a caller gives."""
    return new_buffer(name, dtype, shape)


def floats(name: str, *shape: Size) -> Buffer:
    """Return a buffer of float32 that a caller gives."""
    return new_buffer(name, "float32", shape)


def ints(name: str, *shape: Size) -> Buffer:
    """Return a buffer of int32 that a caller gives."""
    return new_buffer(name, "int32", shape)


def register(name: str, *shape: Size, dtype: str = "float32") -> Buffer:
    """Return a buffer in registers."""
    return new_buffer(name, dtype, shape, BufferScope.REGISTER)


def shared(name: str, *shape: Size, dtype: str = "float32") -> Buffer:
    """Return a buffer in shared memory."""
    return new_buffer(name, dtype, shape, BufferScope.SHARED)


def at(buffer: Buffer, *coords: IndexLike) -> Load:
    """Return an element."""
    return Load(buffer, tuple(map(as_index, coords)))


def loop(
    index: Index, ends: IndexLike | tuple[IndexLike, ...], *body: Statement, kind: str = "serial"
) -> For:
    """Return a loop over the variable that an index is."""
    several = ends if isinstance(ends, tuple) else (ends,)
    return For(variable_of(index), tuple(map(as_index, several)), body, LoopKind(kind))


def variable_of(index: Index) -> LoopVariable:
    """Return the variable that an index is."""
    assert isinstance(index.atom, LoopVariable), index
    return index.atom


def op(name: str, *operands: Value, dtype: str = "", **attrs: Any) -> Apply:
    """Return an op of values, of the dtype of the first one if none is given."""
    return Apply(name, operands, dtype or operands[0].dtype, attrs)


def cast(value: Value, dtype: str) -> Apply:
    """Return a value as one of another dtype."""
    return Apply("cast", (value,), dtype, {"dtype": dtype})


def number(value: float, dtype: str = "float32") -> Constant:
    """Return a number."""
    return Constant(value, dtype)


def count(index: IndexLike, dtype: str = "float32") -> IndexValue:
    """Return an index as a number."""
    return IndexValue(as_index(index), dtype)


def local(name: str, dtype: str = "float32") -> Local:
    """Return the name of a value."""
    return Local(name, dtype)


def program(
    inputs: tuple[Buffer, ...],
    outputs: tuple[Buffer, ...],
    *body: Statement,
    arguments: tuple[Argument, ...] = (),
    indices: tuple[tuple[Index, Size], ...] = (),
) -> LoopProgram:
    """Return a program."""
    named = tuple((variable_of(index), end) for index, end in indices)
    return LoopProgram("k0", inputs, outputs, arguments, body, named)
