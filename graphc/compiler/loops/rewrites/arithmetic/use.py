"""Use of an intrinsic in the place of statements that do what its meaning says.

    for k < length:                           tile_product(tile[0:, 0:], x[row:, 0:], w[0:, 0:],
      for row_inner < 4:                          depth=length)
        for column < 8:
          tile[row_inner, column] = sum(tile[row_inner, column], mul(x[...], w[...]))

The statements have to be those of the meaning, but for the names of what they bind, with rectangles
of the program's buffers in the place of its parameters. An end of a loop that is never the least
may be there or not.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from graphc.compiler.graph.dim import Dim, Size, Symbol, symbols
from graphc.compiler.loops.access import sizes_in, with_sizes
from graphc.compiler.loops.buffer import Buffer
from graphc.compiler.loops.index import Index, LoopVariable, as_index, index_of
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    block_of,
    bound_variables,
    buffers_of,
    replaced,
    values_of,
    variables_of,
    walk,
    walk_value,
    written_memories,
)
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.rewrites.refusal import loop_of, ranges_at, refused
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    Barrier,
    BufferWindow,
    Check,
    Fence,
    For,
    If,
    Intrinsic,
    Let,
    LoopKind,
    Statement,
    Store,
    UseIntrinsic,
)
from graphc.compiler.loops.text import head_line
from graphc.compiler.loops.value import (
    Apply,
    Argument,
    Bit,
    Condition,
    Constant,
    IndexValue,
    Load,
    Local,
    RandomWord,
    Select,
    Value,
)

_REWRITE = "use"


def use(program: LoopProgram, intrinsic: Intrinsic, loop: str, note: str = "") -> LoopProgram:
    """Call an intrinsic in the place of a loop, and of the statements around it that its meaning
    has around its first loop.

    Refused with the first difference, or if an element of a rectangle is not proved to be there.

    Args:
        intrinsic: what is to be called.
        loop: the variable of the loop that is its first one.
        note: what the call is for.
    """
    found = loop_of(program, _REWRITE, loop)
    where = f"the loop {loop!r}"
    block, place = block_of(program, found)
    first = next((k for k, one in enumerate(intrinsic.body) if isinstance(one, For)), 0)
    start = place - first
    statements = block[start : start + len(intrinsic.body)] if start >= 0 else ()
    match = _Match(intrinsic, ranges_at(program, found))
    try:
        match.body(intrinsic.body, statements)
        match.check_numbers(statements)
        windows = match.windows(statements)
    except _Difference as difference:
        expected = f"the meaning of {intrinsic.name}: {difference.expected}"
        raise refused(program, _REWRITE, where, expected, difference.found) from None
    for statement in walk(block[start + len(statements) :]):
        names = match.named_in(statement)
        if names:
            expected = "that nothing behind reads what is computed in between"
            raise refused(program, _REWRITE, where, expected, f"a read of {names[0]}")
    numbers = tuple(match.arguments[one] for one in intrinsic.arguments)
    call = UseIntrinsic(intrinsic, windows, dict(match.sizes), note, numbers)
    body = replaced(program.body, statements[0], (call,))
    for statement in statements[1:]:
        body = replaced(body, statement, ())
    return replace(program, body=body)


class _Difference(Exception):
    """The first place where statements are not those of a meaning."""

    def __init__(self, expected: object, found: object):
        super().__init__(f"{expected}, {found}")
        self.expected = str(expected)
        self.found = str(found)


@dataclass
class _Match:
    """The names of an intrinsic's meaning, and for each what it is in a program.

    Attributes:
        intrinsic: the intrinsic.
        ranges: those around the statements.
        variables: its loop variables.
        locals: its named values.
        buffers: what it allocates.
        sizes: its symbols.
        arguments: the numbers that it is given.
        elements: of each parameter, the elements that it accesses, each with the program's.
    """

    intrinsic: Intrinsic
    ranges: Ranges
    variables: dict[LoopVariable, Index] = field(default_factory=dict)
    locals: dict[Local, Local] = field(default_factory=dict)
    buffers: dict[Buffer, Buffer] = field(default_factory=dict)
    sizes: dict[Symbol, Index] = field(default_factory=dict)
    arguments: dict[Argument, Value] = field(default_factory=dict)
    elements: dict[Buffer, list[tuple[Load, Load]]] = field(default_factory=dict)

    # ---- statements -----------------------------------------------------------------------------

    def body(self, meaning: Body, body: Body) -> None:
        """Match statements one by one."""
        for expected, found in itertools.zip_longest(meaning, body):
            if expected is None or found is None:
                lines = [head_line(one) if one else "no more" for one in (expected, found)]
                raise _Difference(*lines)
            try:
                self._statement(expected, found)
            except _Difference as difference:
                if "`" in difference.found:
                    raise
                line = f"{difference.found}, at `{head_line(found)}`"
                raise _Difference(difference.expected, line) from None
            for inner, other in zip(expected.blocks, found.blocks, strict=True):
                self.body(inner, other)

    def _statement(self, expected: Statement, found: Statement) -> None:
        if type(expected) is not type(found):
            raise _Difference(f"`{head_line(expected)}`", type(found).__name__.lower())
        if isinstance(expected, For) and isinstance(found, For):
            self._loop(expected, found)
        elif isinstance(expected, If) and isinstance(found, If):
            self._conditions(expected.conditions, found.conditions)
        elif isinstance(expected, Let) and isinstance(found, Let):
            self.value(expected.value, found.value)
            self.locals[expected.local] = found.local
        elif isinstance(expected, Check) and isinstance(found, Check):
            self._check(expected, found)
        elif isinstance(expected, Store) and isinstance(found, Store):
            self._element(expected.target, found.target)
            self.value(expected.value, found.value)
            self._conditions(expected.conditions, found.conditions)
            _check_equal(expected.guarded, found.guarded)
        elif isinstance(expected, Accumulate) and isinstance(found, Accumulate):
            _check_equal(expected.reduction, found.reduction)
            for one, other in _pairs(expected.targets, found.targets):
                self._element(one, other)
            for one_value, other_value in _pairs(expected.values, found.values):
                self.value(one_value, other_value)
        elif isinstance(expected, Allocate) and isinstance(found, Allocate):
            _check_equal(expected.buffer.dtype, found.buffer.dtype)
            for size, other in _pairs(expected.buffer.shape, found.buffer.shape):
                self._size(size, as_index(other), f"extent of {found.buffer}")
            _check_equal(expected.buffer.scope, found.buffer.scope)
            self.buffers[expected.buffer] = found.buffer
        elif isinstance(expected, Barrier | Fence):
            _check_equal(expected, found)
        else:
            raise _Difference("statements of values and loops", type(found).__name__)

    def _check(self, expected: Check, found: Check) -> None:
        if expected.is_tested or found.is_tested:
            raise _Difference("indices that are known to exist", f"`{head_line(found)}`")
        self.value(expected.value, found.value)
        self._size(expected.end, as_index(found.end), f"end of {found.variable}")
        self.variables[expected.variable] = index_of(found.variable)

    def _loop(self, expected: For, found: For) -> None:
        is_serial = expected.kind is LoopKind.SERIAL and found.kind is LoopKind.UNROLLED
        if not is_serial:
            _check_equal(expected.kind.value, found.kind.value)
        new = [one for one in expected.ends if self._instance(one) is None]
        left = list(found.ends)
        for end in expected.ends:
            instance = self._instance(end)
            if instance is None:
                continue
            if instance in left:
                left.remove(instance)
            elif not any(self._is_at_least(instance, one) for one in found.ends):
                raise _Difference(f"{expected.variable} < {instance}", _ends(found))
        if new and not left:  # an end that is there twice changes nothing
            left = [found.ends[0]]
        for end, other in _pairs(new, left):
            self._bind(end, other)
        self.variables[expected.variable] = index_of(found.variable)

    def _is_at_least(self, one: Index, other: Index) -> bool:
        """Return True if an end is never less than another one, so that a loop ends the same
        without it."""
        return self.ranges.is_never_negative(one - other)

    # ---- values ---------------------------------------------------------------------------------

    def value(self, expected: Value, found: Value) -> None:
        """Match a value."""
        if isinstance(expected, Argument) and expected in self.intrinsic.arguments:
            _check_equal(expected.dtype, found.dtype)
            _check_equal(self.arguments.setdefault(expected, found), found)
            return
        if type(expected) is not type(found) or expected.dtype != found.dtype:
            raise _Difference(expected, found)
        if isinstance(expected, Load) and isinstance(found, Load):
            self._element(expected, found)
        elif isinstance(expected, Apply) and isinstance(found, Apply):
            if expected.op != found.op or dict(expected.attrs) != dict(found.attrs):
                raise _Difference(expected, found)
            for one, other in _pairs(expected.operands, found.operands):
                self.value(one, other)
        elif isinstance(expected, Select) and isinstance(found, Select):
            self._conditions(expected.conditions, found.conditions)
            self.value(expected.value, found.value)
            self.value(expected.otherwise, found.otherwise)
        elif isinstance(expected, IndexValue) and isinstance(found, IndexValue):
            self._index(expected.index, found.index)
        elif isinstance(expected, Local) and isinstance(found, Local):
            _check_equal(self.locals.get(expected), found)
        elif isinstance(expected, Bit) and isinstance(found, Bit):
            _check_equal(expected.number, found.number)
            self.value(expected.byte, found.byte)
        elif isinstance(expected, RandomWord) and isinstance(found, RandomWord):
            self._random_word(expected, found)
        else:
            assert isinstance(expected, Constant | Argument)
            _check_equal(expected, found)

    def _random_word(self, expected: RandomWord, found: RandomWord) -> None:
        """Match a word, whose number is the sum of its element and its shift: by how much the
        elements differ, the shifts may, too."""
        element = self._instance(expected.element)
        if element is None:
            raise _Difference(expected.element, found.element)
        shift, distance = found.shift, found.element - element
        if distance is not as_index(0):
            behind = IndexValue(distance, shift.dtype)
            is_unshifted = isinstance(shift, Constant) and shift.number == 0
            shift = behind if is_unshifted else Apply("add", (shift, behind), shift.dtype, {})
        self.value(expected.shift, shift)
        for part in ("step", "call", "seed", "stream"):
            self.value(getattr(expected, part), getattr(found, part))

    def _conditions(self, expected: Sequence[Condition], found: Sequence[Condition]) -> None:
        for one, other in _pairs(expected, found):
            _check_equal(one.equal, other.equal)
            self._index(one.index, other.index)

    def _element(self, expected: Load, found: Load) -> None:
        buffer = expected.buffer
        if buffer in self.intrinsic.parameters:
            if (buffer.dtype, buffer.scope) != (found.buffer.dtype, found.buffer.scope):
                what = f"{found.buffer}, {found.dtype} in {found.buffer.scope.value} memory"
                raise _Difference(f"{buffer.dtype} in {buffer.scope.value} memory", what)
            self.elements.setdefault(buffer, []).append((expected, found))
            return
        _check_equal(self.buffers.get(buffer), found.buffer)
        for one, other in _pairs(expected.coords, found.coords):
            self._index(one, other)

    # ---- indices and sizes ----------------------------------------------------------------------

    def _index(self, expected: Index, found: Index) -> None:
        if self._instance(expected) is not found:
            raise _Difference(self._instance(expected) or expected, found)

    def _bind(self, expected: Index, found: Index) -> None:
        """Let a symbol be what it has to be for two indices to be equal."""
        symbol = _only_symbol(expected)
        if symbol is None or symbol in self.sizes:
            raise _Difference(expected, found)
        self.sizes[symbol] = found

    def _instance(self, index: Index) -> Index | None:
        """Return an index of the meaning as one of the program; None if that is not known yet."""
        symbol = _only_symbol(index)
        if symbol is not None:
            return self.sizes.get(symbol)
        if not index.variables <= self.variables.keys():
            return None
        used = {one for size in sizes_in(index) for one in symbols(size)}
        if not used:
            return index.substitute(self.variables)
        known = {one: size.constant for one, size in self.sizes.items() if size.is_constant}
        if not used <= known.keys():
            return None
        return with_sizes(index, known).substitute(self.variables)

    # ---- numbers --------------------------------------------------------------------------------

    def check_numbers(self, statements: Body) -> None:
        """Refuse numbers that are known inside of the statements alone, or change there."""
        bound = set(bound_variables(statements))
        written = written_memories(statements)
        for argument in self.intrinsic.arguments:
            value = self.arguments.get(argument)
            if value is None:
                raise _Difference(f"a value of {argument}", "none")
            is_inside = not bound.isdisjoint(
                variables_of(Let(Local(argument.name, argument.dtype), value))
            ) or any(
                (isinstance(part, Local) and part in self.locals.values())
                or (isinstance(part, Load) and part.buffer.memory in written)
                for part in walk_value(value)
            )
            if is_inside:
                raise _Difference(f"one number as {argument}", value)

    # ---- rectangles -----------------------------------------------------------------------------

    def windows(self, statements: Body) -> tuple[BufferWindow, ...]:
        """Return the rectangle that each parameter is."""
        inner = set(bound_variables(statements))
        found = []
        for parameter in self.intrinsic.parameters:
            if parameter not in self.elements:
                raise _Difference(f"an element of {parameter}", "none")
            found.append(self._window(parameter, inner))
        written = written_memories(self.intrinsic.body)
        for (parameter, one), (_, other) in itertools.permutations(
            zip(self.intrinsic.parameters, found, strict=True), 2
        ):
            if parameter.memory in written and one.buffer.memory == other.buffer.memory:
                raise _Difference("separate memories for what it writes", f"two in {one.buffer}")
        return tuple(found)

    def _window(self, parameter: Buffer, inner: set[LoopVariable]) -> BufferWindow:
        pairs = self.elements[parameter]
        buffer = pairs[0][1].buffer
        if any(found.buffer is not buffer for _, found in pairs):
            raise _Difference(f"one buffer for {parameter}", "several")
        differences: list[_Difference] = []
        reached = 0
        for axes in itertools.permutations(range(len(buffer.shape)), len(parameter.shape)):
            before, checks = dict(self.sizes), 0
            try:
                start = self._start(pairs, axes, inner)
                checks = 1
                self._check_strides(parameter, buffer, axes)
                checks = 2
                self._check_inside(parameter, buffer, axes, start)
            except _Difference as found:
                if checks > reached or not differences:  # those axes came nearest
                    differences, reached = [found], checks
                self.sizes = before
                continue
            return BufferWindow(buffer, start, axes)
        raise (
            differences[0]
            if differences
            else _Difference(
                f"the {len(parameter.shape)} axes of {parameter}", f"{buffer} with fewer"
            )
        )

    def _start(
        self, pairs: list[tuple[Load, Load]], axes: tuple[int, ...], inner: set[LoopVariable]
    ) -> tuple[Index, ...]:
        starts = set()
        for expected, found in pairs:
            start = list(found.coords)
            for axis, coord in zip(axes, expected.coords, strict=True):
                instance = self._instance(coord)
                if instance is None:
                    raise _Difference(coord, found)
                start[axis] = start[axis] - instance
            starts.add(tuple(start))
        for start_of_all in starts:
            if len(starts) == 1 and all(one.variables.isdisjoint(inner) for one in start_of_all):
                return start_of_all
        coords = ", ".join(str(expected) for expected, _ in pairs)
        raise _Difference(coords, ", ".join(str(found) for _, found in pairs))

    def _check_strides(self, parameter: Buffer, buffer: Buffer, axes: tuple[int, ...]) -> None:
        for stride, axis in zip(parameter.strides, axes, strict=True):
            self._size(stride, as_index(buffer.strides[axis]), f"stride of {buffer}")

    def _check_inside(
        self, parameter: Buffer, buffer: Buffer, axes: tuple[int, ...], start: tuple[Index, ...]
    ) -> None:
        for size, axis in zip(parameter.shape, axes, strict=True):
            left, wanted = as_index(buffer.shape[axis]) - start[axis], as_index(size)
            extent = self._instance(wanted)
            if extent is None:
                self._size(size, left, f"extent of {buffer}")
                extent = self._instance(wanted)
            is_inside = extent is left or (
                extent is not None and self.ranges.is_never_negative(left - extent)
            )
            if not is_inside:
                raise _Difference(
                    f"{extent} elements along axis {axis} of {buffer}",
                    f"elements from {start[axis]} to below {buffer.shape[axis]}",
                )
        for axis, coord in enumerate(start):
            end = buffer.shape[axis] if axis not in axes else None
            is_inside = self.ranges.is_never_negative(coord)
            if not is_inside or (end is not None and not self.ranges.is_below(coord, end)):
                raise _Difference(f"an element along axis {axis} of {buffer}", f"{coord}")

    def _size(self, expected: Size, found: Index, what: str) -> None:
        instance = self._instance(as_index(expected))
        if instance is None:
            self._bind(as_index(expected), found)
        elif instance is not found:
            raise _Difference(f"{instance} as {what}", found)

    # ---- what is behind -------------------------------------------------------------------------

    def named_in(self, statement: Statement) -> list[str]:
        """Return the values and buffers of the meaning's own that a statement uses."""
        names = [one.name for one in buffers_of(statement) if one in self.buffers.values()]
        for value in values_of(statement):
            inside = walk_value(value)
            names += [str(one) for one in inside if one in self.locals.values()]
        return names


def _only_symbol(index: Index) -> Symbol | None:
    """Return the symbol that an index is, if it is nothing else."""
    if not index.is_constant or not isinstance(index.constant, Dim):
        return None
    (only, *others) = symbols(index.constant)
    return only if not others and index.constant == Dim((((only,), 1),)) else None


def _pairs(expected: Sequence[Any], found: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    if len(expected) != len(found):
        raise _Difference(", ".join(map(str, expected)), ", ".join(map(str, found)))
    return zip(expected, found, strict=True)


def _check_equal(expected: object, found: object) -> None:
    if expected != found:
        raise _Difference(expected, found)


def _ends(loop: For) -> str:
    return f"{loop.variable} < {', '.join(map(str, loop.ends))}"
