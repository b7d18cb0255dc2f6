"""A loop program as one function of C++.

``templates/cpu/program.c.j2`` holds each statement's form. It is applied over the program with a
`Site`, which knows the place of a statement, and prints the expressions there.

    >>> printed = print_program(program)
    >>> print(printed.text)
    static void k0(const float* __restrict__ x0, float* y0) {
      #pragma omp simd
      for (int p0 = 0; p0 < 640; ++p0) {
        const float t0 = gc_exp(x0[p0]);  // activation_1
        y0[p0] = t0;
      }
    }
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, TypeAlias

from graphc.compiler.graph import BATCH
from graphc.compiler.graph.dim import Dim, FloorQuotient, Size, Symbol, exact_quotient, symbols
from graphc.compiler.loops.buffer import Buffer, BufferScope
from graphc.compiler.loops.index import Index, LoopVariable
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    blocks_of,
    facts,
    loads_of,
    targets_of,
    values_of,
    walk,
    walk_value,
)
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.reduction import REDUCTIONS
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    Barrier,
    Check,
    For,
    If,
    Let,
    LoopKind,
    Statement,
    Store,
    UseIntrinsic,
)
from graphc.compiler.loops.value import Argument, Condition, Load, Local, Value
from graphc.compiler.targets import page
from graphc.compiler.targets.c_text import C_TYPES, comment
from graphc.compiler.targets.cpu.expressions import Expressions, ParameterNames
from graphc.compiler.targets.marks import NAME, with_name_and_notes, without_name_and_notes
from graphc.compiler.targets.page import (
    Binding,
    Code,
    Fragment,
    Part,
    call,
    code,
    conjunction,
    grouped,
)
from graphc.compiler.targets.templates import environment

LEAST_DIVIDED = 1 << 16
"""Turns of the innermost loops from which on a loop is divided over threads: fewer take longer to
hand to another core than to compute (40,000 elements on two cores: 28 us for 6)."""

MOST_ARRAYS = 16
"""Arrays of thread memory that a function may have: blocks of a thread (``kernels/scratch.h``)."""


@dataclass(frozen=True)
class StatusWord:
    """The word in which a failed check is reported."""


Given: TypeAlias = Symbol | Argument | LoopVariable | StatusWord | Buffer
"""The meaning of a parameter: a size, a number of the call, a step of a loop around, the status
word, or the memory that a buffer is all of."""


@dataclass(frozen=True)
class FunctionParameter:
    """A parameter of a printed function.

    Attributes:
        name: in the text.
        declared: its declaration.
        given: what it is.
    """

    name: str
    declared: str
    given: Given


@dataclass(frozen=True)
class PrintedProgram:
    """A loop program as text.

    Attributes:
        text: one function without a result.
        code: the same without its name and notes: equal for functions that do the same.
        parameters: its parameters, in order.
        headers: the files of ``kernels/`` that it needs beside those that every program has.
        arrays: the buffers that lie in threads' memory; block k of a thread holds the k-th.
    """

    text: str
    code: str
    parameters: tuple[FunctionParameter, ...]
    headers: tuple[str, ...]
    arrays: tuple[Buffer, ...]


def print_program(program: LoopProgram) -> PrintedProgram:
    """Return the function that a program becomes."""
    signature = _Signature(program)
    template: Any = environment().get_template("cpu/program.c.j2").module
    site = Site(signature, program.ranges)
    statements = template.body(program.body, site)
    parameters = signature.parameters
    head = page.listed([one.declared for one in parameters], "    ", ") {")
    marked = template.function(NAME, head, statements)
    return PrintedProgram(
        with_name_and_notes(marked, program.name),
        without_name_and_notes(marked),
        parameters,
        tuple(signature.headers),
        tuple(signature.arrays),
    )


class _Signature:
    """The parameters of a function, and what else its text needs, collected while it is printed."""

    def __init__(self, program: LoopProgram):
        self.program = program
        self.headers: dict[str, None] = {}
        self.arrays: list[Buffer] = []
        self._numbers: dict[Given, FunctionParameter] = {}
        self._sizes = 0
        self.names = ParameterNames(self._size, self._argument, self._variable)

    @property
    def parameters(self) -> tuple[FunctionParameter, ...]:
        """Numbers in the order in which they were asked for, then addresses."""
        written = {buffer.memory for buffer in self.program.outputs}
        pointers: dict[str, FunctionParameter] = {}
        for buffer in (*self.program.inputs, *self.program.outputs):
            scalar, name = C_TYPES[buffer.dtype], buffer.memory
            kind = f"{scalar}* " if name in written else f"const {scalar}* __restrict__ "
            pointers.setdefault(name, FunctionParameter(name, kind + name, buffer))
        return (*self._numbers.values(), *pointers.values())

    def status(self) -> str:
        """Return the name of the address of the status word."""
        return self._number(StatusWord(), "status", "gc_uint64* ")

    def array(self, buffer: Buffer) -> int:
        """Return the number of the block that a buffer in a thread's memory has."""
        if len(self.arrays) == MOST_ARRAYS:
            raise self.refused(f"more than {MOST_ARRAYS} arrays in threads' memory")
        self.arrays.append(buffer)
        return len(self.arrays) - 1

    def refused(self, what: str) -> ValueError:
        """Return the error that a CPU does not run a program."""
        return ValueError(f"{self.program.name} is not printed for a CPU: {what}")

    def _size(self, symbol: Symbol) -> str:
        if (symbol,) == symbols(BATCH):
            return self._number(symbol, "batch", "int ")
        if symbol not in self._numbers:
            self._sizes += 1
        return self._number(symbol, f"n{self._sizes - 1}", "int ")

    def _variable(self, variable: LoopVariable) -> str:
        if any(variable is given for given, _ in self.program.indices):
            self._number(variable, variable.name, "int ")
        return variable.name

    def _argument(self, argument: Argument) -> str:
        return self._number(argument, argument.name, f"{C_TYPES[argument.dtype]} ")

    def _number(self, given: Given, name: str, kind: str) -> str:
        return self._numbers.setdefault(given, FunctionParameter(name, kind + name, given)).name


@dataclass(frozen=True)
class Site:
    """A place of a program: prints the lines of statements there. Its methods are what the
    templates call.

    Attributes:
        signature: of the function.
        ranges: of the loops around.
        depth: in how many braces it is.
        team: the loop of a team around, of which phases are printed.
    """

    signature: _Signature
    ranges: Ranges
    depth: int = 1
    team: For | None = field(default=None, compare=False)

    # ---- walking --------------------------------------------------------------------------------

    def each(self, body: Body) -> Iterator[tuple[str, Statement, Site]]:
        """Yield the kind of each statement of a body, the statement, and its site."""
        site = self
        for statement in body:
            yield type(statement).__name__, statement, site
            if isinstance(statement, Check):
                ranges = site.ranges.within(statement.variable, statement.end)
                site = replace(site, ranges=ranges)

    def inside(self, statement: For | If) -> Site:
        """Return the site of what is inside of a loop, or of a condition."""
        if isinstance(statement, For):
            ranges = self.ranges.within(statement.variable, *statement.ends)
        else:
            ranges = self.ranges.given(facts(statement.conditions))
        return replace(self, ranges=ranges, depth=self.depth + 1)

    @property
    def deeper(self) -> Site:
        """The site inside of braces that bind nothing."""
        return replace(self, depth=self.depth + 1)

    # ---- lines ----------------------------------------------------------------------------------

    gets: ClassVar[Fragment] = Fragment(" = ", page.Break.ASSIGNMENT)
    """The sign between what is assigned to and its value."""

    def line(self, *parts: Part, note: str = "") -> str:
        """Return a statement's lines; `note` is the comment behind it."""
        return "\n".join(page.lines(parts, self._indent, comment(note)))

    def pragma(self, *parts: Part) -> str:
        """Return a directive's lines."""
        return "\n".join(page.lines(parts, self._indent, broken=" \\"))

    def remark(self, text: str) -> str:
        """Return a comment's lines."""
        return "\n".join(page.remark(comment(text), self._indent))

    @property
    def _indent(self) -> str:
        return "  " * self.depth

    # ---- expressions ----------------------------------------------------------------------------

    @property
    def _expressions(self) -> Expressions:
        return Expressions(self.signature.names, self.ranges)

    def index(self, index: Index) -> Code:
        """Return an index."""
        return self._expressions.index(index)

    def size(self, size: Size) -> Code:
        """Return a size."""
        return self._expressions.size(size)

    def value(self, value: Value) -> Code:
        """Return a value."""
        return self._expressions.value(value)

    def element(self, element: Load) -> Code:
        """Return an element as the target of an assignment."""
        return self._expressions.element(element)

    def conditions(self, conditions: tuple[Condition, ...]) -> Code:
        """Return the test that all conditions hold."""
        return self._expressions.conditions(conditions)

    def type(self, dtype: str) -> str:
        """Return the C type of a dtype."""
        return C_TYPES[dtype]

    # ---- loops ----------------------------------------------------------------------------------

    def end(self, loop: For) -> Code:
        """Return what a loop's variable is below, if that is one index."""
        (end,) = loop.ends
        return self.index(end)

    def least(self, loop: For) -> Code:
        """Return the least of a loop's ends."""
        first, *others = map(self.index, loop.ends)
        for other in others:
            first = call("gc_minimum", first, other)
        return first

    def turns(self, loop: For) -> int:
        """Return the trip count of a loop that is written out."""
        for end in loop.ends:
            if end.is_constant and isinstance(end.constant, int):
                return end.constant
        raise self.signature.refused(
            f"the loop over {loop.variable} is written out, and its trip count is not known"
        )

    def directive(self, loop: For) -> str:
        """Return the line ahead of a loop that says who runs it; empty where there is none."""
        if loop.kind is LoopKind.UNROLLED:
            return self.pragma(f"#pragma GCC unroll {self.turns(loop)}")
        if loop.kind is LoopKind.VECTOR:
            return self.pragma("#pragma omp simd")
        if loop.kind is LoopKind.TEAM and (when := self.divided(loop)) is not None:
            return self.pragma("#pragma omp parallel for schedule(static)", *when)
        if loop.kind not in (LoopKind.SERIAL, LoopKind.TEAM):
            raise self.signature.refused(f"the loop over {loop.variable} is of a GPU's threads")
        return ""

    # ---- teams ----------------------------------------------------------------------------------

    def divided(self, loop: For) -> tuple[Part, ...] | None:
        """Return the clause that says from which sizes on a loop is divided over threads, empty for
        always; None for never."""
        turns = _without_quotients(inner_turns((loop,)))
        if isinstance(turns, int):
            return None if turns < LEAST_DIVIDED else ()
        elements = grouped(self.size(turns), Binding.PRODUCT)
        clause = page.call(
            "if ", page.compared(code("(gc_int64)", elements), ">=", code(str(LEAST_DIVIDED)))
        )
        return Fragment(" ", page.Break.COMMA), clause

    def shared_arrays(self, loop: For) -> tuple[Allocate, ...]:
        """Return the buffers of a whole team that are allocated inside of its loop."""
        return tuple(
            one
            for one in walk(loop.body)
            if isinstance(one, Allocate) and one.buffer.scope is BufferScope.SHARED
        )

    def meets(self, loop: For) -> bool:
        """Return True if there is a barrier in a loop."""
        return any(isinstance(one, Barrier) for one in walk(loop.body))

    def phases(self, team: For, body: Body) -> list[For]:
        """Return the parts of a team's loop between its barriers: loops over the team, and serial
        loops that all members walk together, in which there are more barriers.

        OpenMP gives a thread the same members in each phase. What one phase binds is gone in the
        next, as a thread may be several members.
        """
        found: list[For] = []
        group: list[Statement] = []

        def close() -> None:
            if group:
                found.append(replace(team, body=tuple(group)))
                group.clear()

        for one in body:
            if isinstance(one, Barrier):
                close()
            elif any(isinstance(x, Barrier) for inner in blocks_of(one) for x in walk(inner)):
                close()
                if not isinstance(one, For) or one.kind is not LoopKind.SERIAL:
                    raise self.signature.refused("a barrier under a condition, or in a vector")
                if any(team.variable in end.variables for end in one.ends):
                    raise self.signature.refused(
                        f"a barrier in the loop over {one.variable}, whose trip count is another "
                        f"one for each {team.variable}"
                    )
                found.append(one)
            elif not (isinstance(one, Allocate) and one.buffer.scope is BufferScope.SHARED):
                group.append(one)
        close()
        self._check_phases(found)
        return found

    def _check_phases(self, phases: list[For]) -> None:
        bound: set[str] = set()
        for phase in phases:
            if crossing := bound & _names_read(phase.body):
                names = ", ".join(sorted(crossing))
                raise self.signature.refused(f"{names} of one phase of a team is read in the next")
            bound |= _names_bound(phase.body)

    # ---- other statements -----------------------------------------------------------------------

    def where(self, store: Store) -> Code:
        """Return the test ahead of a store; nothing where it always happens."""
        tests = [self.conditions(store.conditions)] if store.conditions else []
        if store.guarded:
            tests.append(call("gc_ok", code(self.signature.status())))
        if not tests:
            return code()
        return code(page.call("if ", conjunction(tests)), Fragment(" ", page.Break.COMMA))

    def checked(self, check: Check) -> Code:
        """Return the index that a check leaves."""
        operands = (self.index(check.position), self.value(check.value), self.size(check.end))
        status, number = self.signature.status(), str(check.number)
        return call("gc_check_index", code(status), code(number), *operands)

    def thread_array(self, buffer: Buffer) -> Code:
        """Return the call that gives a buffer its memory, in a block of the thread."""
        self.signature.headers["scratch.h"] = None
        block = code(str(self.signature.array(buffer)))
        return call(f"gc_scratch<{C_TYPES[buffer.dtype]}>", block, self.size(buffer.elements))

    def refuse(self, statement: Statement) -> None:
        """Raise ValueError for a statement that a CPU does not have."""
        raise self.signature.refused(f"a CPU has no {type(statement).__name__}")

    def known_count(self, buffer: Buffer) -> int:
        """Return the number of elements of a buffer in registers."""
        if not isinstance(buffer.elements, int):
            raise self.signature.refused(f"{buffer} is in registers, and its size is not known")
        return buffer.elements

    def combined(self, one: Accumulate) -> Code:
        """Return the statement that makes a reduction go on."""
        targets, values = map(self.element, one.targets), map(self.value, one.values)
        if REDUCTIONS[one.reduction].is_placed:
            return call(f"gc_carry<gc_reduce_{one.reduction}>", *targets, *values)
        (target,) = targets
        next_one = call(f"gc_{REDUCTIONS[one.reduction].combine}", target, *values)
        return code(target, self.gets, next_one)

    def used(self, use: UseIntrinsic) -> Code:
        """Return a call of an intrinsic: its sizes, then each window's first element with the
        strides that the intrinsic takes."""
        self.signature.headers[use.intrinsic.source] = None
        operands = [self.index(size) for size in use.sizes.values()]
        for parameter, window in zip(use.intrinsic.parameters, use.windows, strict=True):
            buffer = window.buffer
            start = self.index(buffer.place(window.start))
            at = code(buffer.memory)
            operands.append(at if str(start) == "0" else page.total([(True, at), (True, start)]))
            strides = zip(parameter.strides, window.axes, strict=True)
            operands += [
                self.size(buffer.strides[axis]) for stride, axis in strides if _is_symbol(stride)
            ]
        return call(use.intrinsic.name, *operands)


def _is_symbol(size: Size) -> bool:
    return isinstance(size, Dim)


def inner_turns(body: Body) -> Size:
    """Return about how many turns the innermost loops among statements have together."""
    total: Size = 0
    for one in body:
        if isinstance(one, For):
            total = total + _turns(one) * (_at_least_one(inner_turns(one.body)))
        else:
            total = sum(map(inner_turns, blocks_of(one)), start=total)
    return total


def _at_least_one(turns: Size) -> Size:
    return turns if isinstance(turns, Dim) or turns else 1


def _turns(loop: For) -> Size:
    """Return the trip count of a loop, or, where it changes, what it mostly is."""
    ends = [end.constant for end in loop.ends if end.is_constant]
    return min(ends, key=lambda end: isinstance(end, Dim), default=1)


def _without_quotients(size: Size) -> Size:
    """Return a size in which a quotient that is rounded up, times its divisor, is what was divided:
    about as many."""
    if not isinstance(size, Dim):
        return size
    total: Size = 0
    for atoms, factor in size.terms:
        part: Size = factor
        for atom in atoms:
            if isinstance(atom, FloorQuotient) and isinstance(atom.denominator, int):
                times = exact_quotient(part, atom.denominator)
                if times is not None:
                    part = (atom.numerator - (atom.denominator - 1)) * times
                    continue
            part = part * Dim((((atom,), 1),))
        total = total + part
    return total


def _names_bound(body: Iterable[Statement]) -> set[str]:
    found: set[str] = set()
    for one in walk(tuple(body)):
        if isinstance(one, Let):
            found.add(one.local.name)
        elif isinstance(one, Check):
            found.add(one.variable.name)
        elif isinstance(one, Allocate) and one.buffer.scope is not BufferScope.SHARED:
            found.add(one.buffer.memory)
    return found


def _names_read(body: Iterable[Statement]) -> set[str]:
    found: set[str] = set()
    for one in walk(tuple(body)):
        for target in targets_of(one):
            found.add(target.buffer.memory)
        for value in values_of(one):
            for part in walk_value(value):
                if isinstance(part, Local):
                    found.add(part.name)
        for load in loads_of(one):
            found.add(load.buffer.memory)
            for coord in load.coords:
                found |= {variable.name for variable in coord.variables}
    return found
