"""Value expressions: what is computed of elements, by the names of the ops of the graph.

Values are frozen and interned. An op means what `graphc.compiler.interpret` does with arrays of one
element; there is no other table of meanings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from graphc.compiler.graph.dim import Dim, Size
from graphc.compiler.graph.node import attributes_key
from graphc.compiler.loops.buffer import Buffer
from graphc.compiler.loops.index import Index, IndexAtom, IndexLike, as_index, index_of
from graphc.compiler.loops.interned import Interned


@dataclass(frozen=True, eq=False)
class Constant(metaclass=Interned):
    """A number of a dtype."""

    number: bool | int | float
    dtype: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "number", np.asarray(self.number, self.dtype).item())

    @property
    def key(self) -> tuple[Any, ...]:
        return (np.asarray(self.number, self.dtype).tobytes(), self.dtype)

    def __str__(self) -> str:
        return str(np.dtype(self.dtype).type(self.number))


@dataclass(frozen=True, eq=False)
class Load(metaclass=Interned):
    """An element of a buffer."""

    buffer: Buffer
    coords: tuple[Index, ...]

    @property
    def dtype(self) -> str:
        """The dtype of the element."""
        return self.buffer.dtype

    def __str__(self) -> str:
        return f"{self.buffer}[{', '.join(map(str, self.coords))}]"


@dataclass(frozen=True, eq=False)
class IndexValue(metaclass=Interned):
    """An index, or a size, as a number of a dtype."""

    index: Index
    dtype: str

    def __str__(self) -> str:
        return f"{self.dtype}({self.index})"


@dataclass(frozen=True, eq=False)
class Local(metaclass=Interned):
    """The value that a `Let` names.

    Attributes:
        name: its own in the program.
        dtype: of the value.
        copy_of: the name of the local whose statement a rewrite has copied, if it has one.
    """

    name: str
    dtype: str
    copy_of: str = ""

    @property
    def first_name(self) -> str:
        """The name of the local that it is a copy of, or its own."""
        return self.copy_of or self.name

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, eq=False)
class Argument(metaclass=Interned):
    """A number that the caller gives: the number of the call, of a loop's step, a seed."""

    name: str
    dtype: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, eq=False)
class Apply(metaclass=Interned):
    """An op of the graph, of values of one element.

    Attributes:
        op: its name.
        operands: its inputs.
        dtype: the result's.
        attrs: its attributes, by name.
    """

    op: str
    operands: tuple[Value, ...]
    dtype: str
    attrs: Mapping[str, Any]

    @property
    def key(self) -> tuple[Any, ...]:
        return (self.op, self.operands, self.dtype, attributes_key(self.attrs))

    def __str__(self) -> str:
        return f"{self.op}({', '.join(map(str, self.operands))})"


@dataclass(frozen=True, eq=False)
class Bit(metaclass=Interned):
    """A bit of a uint8 that the op `pack_bools` made, as a bool."""

    byte: Value
    number: int

    @property
    def dtype(self) -> str:
        """The dtype of what was packed."""
        return "bool"

    def __str__(self) -> str:
        return f"bit {self.number} of {self.byte}"


@dataclass(frozen=True, eq=False)
class RandomWord(metaclass=Interned):
    """A word of Philox4x32-10: word ``e % 4`` of block ``e // 4``, a uint32, where e is
    ``element + shift``.

    Attributes:
        element: the number of the element in the draw.
        shift: by how many elements the draw is behind the start of the whole one that it is a part
            of, an int64.
        step: of the loop around, an int32.
        call: the number of the call, a uint64.
        seed, stream: the key, uint32.
    """

    element: Index
    shift: Value
    step: Value
    call: Value
    seed: Value
    stream: Value

    @property
    def dtype(self) -> str:
        """The dtype of a word."""
        return "uint32"

    def __str__(self) -> str:
        rest = (self.shift, self.step, self.call, self.seed, self.stream)
        return f"random({self.element}, {', '.join(map(str, rest))})"


@dataclass(frozen=True, eq=False)
class Condition(metaclass=Interned):
    """A test of an index: that it is at least 0, or, if `equal`, that it is 0."""

    index: Index
    equal: bool = False

    def __str__(self) -> str:
        # Each term on the side on which it is not negative: i < n, i + k >= 3.
        left = _sum(term for term in self.index.terms if not _is_negative(term[1]))
        right = _sum((atom, -f) for atom, f in self.index.terms if _is_negative(f))
        constant = self.index.constant
        if self.equal:
            return f"{left} == {right - constant}" if left.terms else f"{right} == {constant}"
        if not right.terms:
            return f"{left} >= {-constant}"
        return f"{right} < {left + constant + 1}"


def _sum(terms: Iterable[tuple[IndexAtom, Size]]) -> Index:
    total = as_index(0)
    for atom, factor in terms:
        total = total + index_of(atom) * factor
    return total


def _is_negative(size: Size) -> bool:
    return size.terms[0][1] < 0 if isinstance(size, Dim) else size < 0


@dataclass(frozen=True, eq=False)
class Select(metaclass=Interned):
    """`value` where all conditions hold, else `otherwise`; the other one is not evaluated, so it
    may read what is not there."""

    conditions: tuple[Condition, ...]
    value: Value
    otherwise: Value

    @property
    def dtype(self) -> str:
        """The dtype of both."""
        return self.value.dtype

    def __str__(self) -> str:
        return f"({self.value} if {conditions_text(self.conditions)} else {self.otherwise})"


Value: TypeAlias = (
    Constant | Load | IndexValue | Local | Argument | Apply | Bit | RandomWord | Select
)
"""A closed set."""


def operands_of(value: Value) -> tuple[Value, ...]:
    """Return the values that a value is made of, in the order of its text."""
    if isinstance(value, Apply):
        return value.operands
    if isinstance(value, Bit):
        return (value.byte,)
    if isinstance(value, Select):
        return value.value, value.otherwise
    if isinstance(value, RandomWord):
        return value.shift, value.step, value.call, value.seed, value.stream
    return ()


def conditions_text(conditions: Iterable[Condition]) -> str:
    """Return conditions as text; two that hold an index inside of a range are one there:
    ``0 <= i - 2 < n``."""
    left, found = list(conditions), []
    while left:
        one = left.pop(0)
        pairs = ((other, one.index + other.index) for other in left if not other.equal)
        other, last = next((pair for pair in pairs if not pair[1].terms), (None, None))
        if one.equal or other is None or last is None or not one.index.terms:
            found.append(str(one))
            continue
        left.remove(other)
        is_mirrored = one.index.constant != 0 and _is_negative(one.index.terms[0][1])
        index = other.index if is_mirrored else one.index
        found.append(f"0 <= {index} < {last + 1}")
    return " and ".join(found)


def below(index: IndexLike, end: IndexLike) -> Condition:
    """Return the condition that an index is less than `end`."""
    return Condition(as_index(end) - index - 1)


def at_least(index: IndexLike, start: IndexLike = 0) -> Condition:
    """Return the condition that an index is at least `start`."""
    return Condition(as_index(index) - start)


def is_multiple_of(index: IndexLike, divisor: int) -> Condition:
    """Return the condition that a number divides an index."""
    return Condition(as_index(index) % divisor, equal=True)
