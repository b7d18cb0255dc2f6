"""Templates applied over a loop program, as the printers of all C-like languages do it.

A language has a template with a macro for each class of statement that it prints in its own way;
``templates/statements.j2`` has the others. A macro is given a statement and a `Site`, which knows
the place of the statement and prints the expressions there, and prints whole lines. `Site.body`
prints the statements inside of one. So a language is its template, and a `Site` with what its
macros ask for.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from graphc.compiler.graph.binding import lone_symbol
from graphc.compiler.graph.dim import Size
from graphc.compiler.loops.buffer import Buffer, BufferScope
from graphc.compiler.loops.index import Index
from graphc.compiler.loops.program import (
    Body,
    buffers_of,
    facts,
    kept,
    loads_of,
    walk,
    written_memories,
)
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.reduction import REDUCTIONS
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    Check,
    For,
    If,
    Statement,
    Store,
    UseIntrinsic,
)
from graphc.compiler.loops.value import Condition, Load, Value
from graphc.compiler.targets import page
from graphc.compiler.targets.c_text import C_TYPES, comment
from graphc.compiler.targets.expressions import Expressions
from graphc.compiler.targets.marks import (
    NAME,
    lines_of_variables,
    with_name_and_notes,
    without_name_and_notes,
)
from graphc.compiler.targets.page import Code, Fragment, Part, call, code, conjunction
from graphc.compiler.targets.signature import FunctionParameter, Signature
from graphc.compiler.targets.templates import environment

SHARED_FORMS = "statements.j2"
"""The template of the statements that all of these languages have alike."""


class Forms:
    """The macros of a language.

    Args:
        template: the language's own template; `SHARED_FORMS` has what it lacks.
    """

    def __init__(self, template: str):
        self._modules: list[Any] = [
            environment().get_template(name).module for name in (template, SHARED_FORMS)
        ]

    def __call__(self, name: str) -> Callable[..., str] | None:
        """Return the macro with a name, of a statement that of its class; None if there is none."""
        for module in self._modules:
            macro: Callable[..., str] | None = getattr(module, name, None)
            if macro is not None:
                return macro
        return None


@dataclass(frozen=True)
class PrintedFunction:
    """A loop program as the text of a function.

    Attributes:
        text: one function without a result.
        code: the same without its name and notes: equal for functions that do the same.
        parameters: its parameters, in order.
        headers: the files of ``kernels/`` that it needs beside those that every program has.
        lines: the variable that a line of the text gives a value, by the numbers of the lines.
    """

    text: str
    code: str
    parameters: tuple[FunctionParameter, ...]
    headers: tuple[str, ...]
    lines: Mapping[int, str]


def printed_function(site: Site, **frame: object) -> PrintedFunction:
    """Return the function that a program becomes, printed by a site at the head of its body.

    Args:
        site: the site.
        frame: what the macro ``function`` of the language is given beside a name, parameters and
            the lines of the body.
    """
    signature = site.signature
    statements = site.body(signature.program.body)
    parameters = signature.parameters
    head = page.listed([one.declared for one in parameters], "    ", ") {")
    frame_of = site.forms("function")
    assert frame_of is not None
    marked = frame_of(NAME, head, statements, **frame)
    return PrintedFunction(
        with_name_and_notes(marked, signature.program.name),
        without_name_and_notes(marked),
        parameters,
        tuple(signature.headers),
        lines_of_variables(marked),
    )


@dataclass(frozen=True)
class Site:
    """A place of a program: prints the lines of statements there. Its methods are what the
    templates call.

    Attributes:
        signature: of the function.
        forms: the macros of the language.
        ranges: of the loops around.
        depth: in how many braces it is.
        first_values: for the registers of the block that begin with a value, by the names of
            their memories, the statements that store it, which declare them, too.
    """

    signature: Signature
    forms: Forms
    ranges: Ranges
    depth: int = 1
    first_values: Mapping[str, Store] = field(default_factory=dict)

    # ---- walking --------------------------------------------------------------------------------

    def body(self, statements: Body) -> str:
        """Return the lines of statements."""
        site, lines = replace(self, first_values=self.first_values_in(statements)), []
        for statement in statements:
            lines.append(site.statement(statement))
            site = site.behind(statement)
        return "".join(lines)

    def statement(self, statement: Statement) -> str:
        """Return the lines of a statement. ValueError if the language does not have it."""
        macro = self.forms(type(statement).__name__)
        if macro is None:
            target, kind = self.signature.target, type(statement).__name__
            raise self.signature.refused(f"{target} has no {kind}")
        return macro(statement, self)

    def behind(self, statement: Statement) -> Self:
        """Return the site of what follows a statement in its block."""
        if isinstance(statement, Check):
            ranges = self.ranges.within(statement.variable, statement.end)
            return replace(self, ranges=ranges)
        return self

    def inside(self, statement: For | If) -> Self:
        """Return the site of what is inside of a loop, or where all conditions hold."""
        if isinstance(statement, For):
            ranges = self.ranges.within(statement.variable, *statement.ends)
        else:
            ranges = self.ranges.given(facts(statement.conditions))
        return replace(self, ranges=ranges, depth=self.depth + 1)

    def otherwise(self, statement: If) -> Self:
        """Return the site of what is run where not all conditions hold."""
        return self.deeper

    @property
    def deeper(self) -> Self:
        """The site inside of braces that bind nothing."""
        return replace(self, depth=self.depth + 1)

    # ---- lines ----------------------------------------------------------------------------------

    gets: ClassVar[Fragment] = Fragment(" = ", page.Break.ASSIGNMENT)
    clause: ClassVar[Fragment] = Fragment("; ", page.Break.COMMA)
    """The sign between the clauses of a loop."""
    """The sign between what is assigned to and its value."""

    def line(self, *parts: Part, note: str = "", gives: str = "") -> str:
        """Return a statement's lines; `note` is the comment behind it, `gives` the variable that it
        gives a value."""
        return "\n".join(page.lines(parts, self._indent, comment(note), variable=gives))

    def own_name(self, buffer: Buffer) -> str:
        """Return what text calls a buffer that the program allocates; "" for one that it is
        given."""
        return "" if buffer.scope is BufferScope.GLOBAL else buffer.memory

    def written_name(self, use: UseIntrinsic) -> str:
        """Return what text calls a buffer that the program allocates and a call writes; "" if there
        is none."""
        written = written_memories(use.intrinsic.body)
        windows = zip(use.intrinsic.parameters, use.windows, strict=True)
        names = [self.own_name(window.buffer) for one, window in windows if one.memory in written]
        return next(filter(None, names), "")

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

    @functools.cached_property
    def expressions(self) -> Expressions:
        """The printer of indices and values here."""
        return Expressions(self.signature.names, self.ranges)

    def index(self, index: Index) -> Code:
        """Return an index."""
        return self.expressions.index(index)

    def size(self, size: Size) -> Code:
        """Return a size."""
        return self.expressions.size(size)

    def value(self, value: Value) -> Code:
        """Return a value."""
        return self.expressions.value(value)

    def element(self, element: Load) -> Code:
        """Return an element as the target of an assignment."""
        return self.expressions.element(element)

    def address(self, element: Load) -> Code:
        """Return the address of an element."""
        place = self.index(element.buffer.place(element.coords))
        at = code(element.buffer.memory)
        return at if str(place) == "0" else page.total([(True, at), (True, place)])

    def conditions(self, conditions: tuple[Condition, ...]) -> Code:
        """Return the test that all conditions hold."""
        return self.expressions.conditions(conditions)

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
        if not check.is_tested:
            return self.value(check.value)
        operands = (self.index(check.position), self.value(check.value), self.size(check.end))
        status, number = self.signature.status(), str(check.number)
        return call("gc_check_index", code(status), code(number), *operands)

    def first_values_in(self, statements: Body) -> dict[str, Store]:
        """Return the registers that statements allocate and, ahead of all else that is done with
        them, store a value to."""
        found = {}
        for number, one in enumerate(statements):
            if not isinstance(one, Allocate) or not self.is_scalar(one.buffer):
                continue
            memory = one.buffer.memory
            users = (other for other in statements[number + 1 :] if memory in _memories(other))
            first = next(users, None)
            if not isinstance(first, Store) or first.conditions or first.guarded:
                continue
            if all(load.buffer.memory != memory for load in loads_of(first)):
                found[memory] = first
        return found

    def is_scalar(self, buffer: Buffer) -> bool:
        """Return True if a buffer is one register."""
        return buffer.scope is BufferScope.REGISTER and buffer.elements == 1

    def declared(self, store: Store) -> str:
        """Return what stands ahead of the target of a store: the type of a register's first
        value."""
        is_first = self.first_values.get(store.target.buffer.memory) is store
        return f"{self.type(store.target.dtype)} " if is_first else ""

    def known_count(self, buffer: Buffer) -> int:
        """Return the number of elements of a buffer in registers."""
        if not isinstance(buffer.elements, int):
            raise self.signature.refused(f"{buffer} is in registers, and its size is not known")
        return buffer.elements

    def combined(self, one: Accumulate) -> Code:
        """Return the statement that makes a reduction go on."""
        targets, values = map(self.element, one.targets), map(self.value, one.values)
        reduction = REDUCTIONS[one.reduction]
        if reduction.is_placed:
            return call(f"gc_carry<gc_reduce_{one.reduction}>", *targets, *values)
        if reduction.others:
            return call(f"gc_carry_{one.reduction}", *targets, *values)
        (target,) = targets
        next_one = call(f"gc_{reduction.combine}", target, *values)
        return code(target, self.gets, next_one)

    def used(self, use: UseIntrinsic) -> Code:
        """Return a call of an intrinsic: its sizes, then each window's first element with the
        strides that the intrinsic takes, then its numbers."""
        self.signature.headers[use.intrinsic.source] = None
        parameters = use.intrinsic.parameters
        strides = {one for parameter in parameters for one in map(lone_symbol, parameter.strides)}
        operands = [self.index(size) for one, size in use.sizes.items() if one not in strides]
        for parameter, window in zip(parameters, use.windows, strict=True):
            operands.append(self.address(Load(window.buffer, window.start)))
            operands += [
                self.size(window.buffer.strides[axis])
                for stride, axis in zip(parameter.strides, window.axes, strict=True)
                if lone_symbol(stride) is not None
            ]
        operands += map(self.value, use.arguments)
        constants = [
            code(one) if isinstance(one, str) else self.size(one) for one in use.intrinsic.constants
        ]
        return page.call_of(page.instance(use.intrinsic.name, constants), *operands)


@kept
def _memories(statement: Statement) -> frozenset[str]:
    named = (buffer.memory for one in walk((statement,)) for buffer in buffers_of(one))
    return frozenset(named)
