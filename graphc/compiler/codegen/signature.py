"""The parameters of one kernel function, collected while its body is printed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from graphc.compiler.codegen.expression import (
    ZERO,
    Expression,
    Number,
    Parameter,
    call,
    expression,
    plus,
    subscript,
    times,
)
from graphc.compiler.graph import BATCH, Node, Symbol
from graphc.compiler.graph.dim import Dim, FloorQuotient, Shape, Size, product, symbols
from graphc.compiler.program.launch import (
    Argument,
    CallNumber,
    CarryPointer,
    DeviceBuffer,
    DeviceCheck,
    Formula,
    LoopStep,
    Pointer,
    SizeArgument,
    StatusPointer,
    Word,
)
from graphc.compiler.targets.c_text import C_TYPES, comment
from graphc.compiler.targets.page import WIDTH


@dataclass(frozen=True)
class Place:
    """Where the elements of a value lie: from the start of `pointer`, or, with `step`, as one
    slice of a stack of such values, at the place of the loop's step. `guarded` places (states)
    are written only while the status word is fine. With `bit` the value is bool, and its elements
    are this bit of those that lie there."""

    pointer: Pointer | CarryPointer
    dtype: str
    step: LoopStep | None = None
    guarded: bool = False
    bit: int | None = None

    @property
    def buffers(self) -> tuple[DeviceBuffer, ...]:
        """Those that it may be in: of a carry, one of several by the step."""
        if isinstance(self.pointer, Pointer):
            return (self.pointer.buffer,)
        carry = self.pointer.carry
        if self.pointer.write:
            return (*carry.pair, carry.final)
        return (carry.initial, *carry.pair)

    def element(self, stored: Expression) -> Expression:
        """An element of the value, from what lies in its place."""
        return stored if self.bit is None else call(f"gc_unpack_bool<{self.bit}>", stored)


class Signature:
    """Names for what a kernel function is given, in the order in which it is asked for.

    Names count from zero in each function (``x0`` is read, ``y0`` written, ``n0`` a size), so that
    what users call their layers never reaches the text outside of a comment.

    Args:
        places: where each value that the kernel reads lies.
        written: the places that it writes; one that it reads too is one pointer without
            ``__restrict__``.
        checks: the program's tests so far; the kernel's own are appended.
        counters: the leaves that count loops' steps.
    """

    def __init__(
        self,
        places: Mapping[Node, Place],
        written: Collection[Place],
        checks: list[DeviceCheck],
        counters: Mapping[Node, LoopStep] = MappingProxyType({}),
    ):
        self.places = places
        self.counters = counters
        self._written = {place.pointer for place in written}
        self._checks = checks
        self._names: dict[object, Expression] = {}
        self._sizes: dict[Size, Expression] = {}
        self._counts: dict[str, int] = {}
        self._parameters: list[tuple[str, Argument]] = []
        self.legend: list[str] = []
        self._values: dict[str, dict[Node, None]] = {}
        self._read: dict[DeviceBuffer, None] = {}
        self._stored: dict[DeviceBuffer, None] = {}

    # ---- what the launch needs ------------------------------------------------------------------

    def holds(self, variable: Expression | str, node: Node) -> None:
        """Note that a variable of the text holds an element of a node's value."""
        self._values.setdefault(str(variable), {})[node] = None

    @property
    def values(self) -> dict[str, tuple[Node, ...]]:
        """The nodes of which the text's variables hold elements."""
        return {variable: tuple(nodes) for variable, nodes in self._values.items()}

    @property
    def parameters(self) -> str:
        """The text between the parentheses of the function, in lines that fit the page."""
        texts = [text for text, _ in self._parameters]
        lines, line = [], ""
        for k, text in enumerate(texts):
            behind, end = (",", "") if k < len(texts) - 1 else ("", ") {")
            if line and len(f"{line} {text}{behind}{end}") > WIDTH:
                lines.append(line)
                line = ""
            line = f"{line} {text}{behind}" if line else f"    {text}{behind}"
        return "".join(f"\n{line}" for line in [*lines, line] if line)

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """What the launch gives, one for each parameter."""
        return tuple(argument for _, argument in self._parameters)

    @property
    def reads(self) -> tuple[DeviceBuffer, ...]:
        """What has been asked for through `load_pointer`."""
        return tuple(self._read)

    @property
    def writes(self) -> tuple[DeviceBuffer, ...]:
        """What has been asked for through `store_pointer`."""
        return tuple(self._stored)

    # ---- names ----------------------------------------------------------------------------------

    def _name(self, key: object, prefix: str, argument: Argument, type_text: str) -> Expression:
        if key not in self._names:
            if prefix in ("status", "call_step", "batch", "begin", "end"):
                name = prefix
            else:
                number = self._counts.get(prefix, 0)
                self._counts[prefix] = number + 1
                name = f"{prefix}{number}"
            self._names[key] = Parameter(name)
            self._parameters.append((f"{type_text}{name}", argument))
        return self._names[key]

    def _pointer(self, place: Place) -> Expression:
        known = self._names.get(place.pointer)
        if known is not None:
            return known
        scalar = C_TYPES[place.dtype]
        if place.pointer in self._written:
            name = self._name(place.pointer, "y", place.pointer, f"{scalar}* ")
        else:
            kind = f"const {scalar}* __restrict__ "
            name = self._name(place.pointer, "x", place.pointer, kind)
        buffer = place.buffers[-1]
        shape = ", ".join(map(str, buffer.shape))
        self.legend.append(f"{name}: {comment(buffer.name)} {buffer.dtype}[{shape}]")
        return name

    def offset(self, place: Place, shape: Shape) -> Expression:
        """Where a value of a shape begins in its buffer, as an int expression."""
        if place.step is None:
            return ZERO
        return times(self.loop_step(place.step), self.size(product(shape)))

    def load_pointer(self, place: Place) -> Expression:
        """The name of the pointer to read a place through."""
        self._read.update(dict.fromkeys(place.buffers))
        return self._pointer(place)

    def store_pointer(self, place: Place) -> Expression:
        """The name of the pointer to write a place through."""
        assert place.pointer in self._written
        self._stored.update(dict.fromkeys(place.buffers))
        return self._pointer(place)

    def stored(
        self, place: Place, shape: Shape, position: Expression
    ) -> tuple[Expression, Expression | None]:
        """An element of a value as the target of an assignment, and the condition under which it
        is stored, None where it always is."""
        pointer = self.store_pointer(place)
        return subscript(pointer, plus(self.offset(place, shape), position)), self.guard(place)

    def guard(self, place: Place) -> Expression | None:
        """The condition under which a place is written, None where it always is."""
        return call("gc_ok", self.status()) if place.guarded else None

    def size(self, size: Size) -> Expression:
        """A size as an int expression; its symbols become parameters."""
        known = self._sizes.get(size)
        if known is None:
            known = self._sizes[size] = self._size(size)
        return known

    def _size(self, size: Size) -> Expression:
        if not isinstance(size, Dim):
            return Number(size)
        found: Expression | None = None
        for monomial, factor in size.terms:
            part: Expression = Number(abs(factor))
            for atom in monomial:
                part = times(part, self._atom(atom))
            if found is None:
                found = part if factor > 0 else expression("-{}", part)
            else:
                found = plus(found, part) if factor > 0 else expression("{} - {}", found, part)
        assert found is not None
        return found

    def _atom(self, atom: Symbol | FloorQuotient) -> Expression:
        if isinstance(atom, FloorQuotient):
            above, below = self.size(atom.numerator), self.size(atom.denominator)
            return call("gc_floordiv", above, below)
        if (atom,) == symbols(BATCH):
            return self._name(atom, "batch", SizeArgument(BATCH), "int ")
        size = Dim((((atom,), 1),))
        known = atom in self._names
        name = self._name(atom, "n", SizeArgument(size), "int ")
        if not known:
            self.legend.append(f"{name}: the size {comment(atom)}")
        return name

    def extent(self, formula: Formula) -> Expression:
        """The name of an int parameter with a formula's value."""
        return self._name(("extent", formula), "m", SizeArgument(formula), "int ")

    def word(self, value: int, what: str) -> Expression:
        """The name of a uint32 parameter; equal values with one meaning share it."""
        known = (what, value) in self._names
        name = self._name((what, value), "w", Word(value), "unsigned int ")
        if not known:
            self.legend.append(f"{name}: {what}")
        return name

    def call_step(self) -> Expression:
        """The name of the number of the call, a uint64."""
        return self._name("call_step", "call_step", CallNumber(), "gc_uint64 ")

    def loop_step(self, step: LoopStep) -> Expression:
        """The name of the number of a loop's step, an int."""
        return self._name(step, "step", step, "int ")

    def status(self) -> Expression:
        """The name of the pointer to the status word."""
        return self._name("status", "status", StatusPointer(), "gc_uint64* ")

    def check(self, node: Node, what: str) -> int:
        """The number of a test that a node makes."""
        self._checks.append(DeviceCheck(node, what))
        return len(self._checks) - 1
