"""Statements in the order in which they are asked for, in scopes, each value computed once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from graphc.compiler.codegen.expression import Expression, Variable
from graphc.compiler.codegen.statement import (
    Assign,
    Block,
    Branch,
    Define,
    Listing,
    Statement,
    Verbatim,
)
from graphc.compiler.program.launch import ONCE, Count

T = TypeVar("T")


@dataclass
class _Scope:
    """The statements between two braces, what they have computed, and how often they are run."""

    statements: list[Statement] = field(default_factory=list)
    known: dict[object, Any] = field(default_factory=dict)
    runs: Count = ONCE


class Printer:
    """Collects the statements of one function's body.

    Attributes:
        unrolls: whether the text says which loops are unrolled; else the compiler does.
    """

    unrolls = True

    def __init__(self) -> None:
        self._scopes = [_Scope()]
        self._runs: dict[Expression, Count] = {}
        self._count = 0

    # ---- statements -----------------------------------------------------------------------------

    @property
    def statements(self) -> Listing:
        """Those of the outermost scope."""
        return Listing(self._scopes[0].statements)

    @property
    def text(self) -> str:
        """The lines of the outermost scope."""
        return self.statements.text

    def take(self) -> Listing:
        """The statements so far; what they computed is forgotten, and printing starts anew."""
        assert len(self._scopes) == 1
        statements = self.statements
        self._scopes = [_Scope()]
        return statements

    @contextmanager
    def apart(self, runs: Count) -> Iterator[list[Statement]]:
        """A list of the statements that are printed meanwhile, which stand elsewhere and are run
        `runs` times: they know nothing of what was printed before, nor the other way round."""
        scope = _Scope(runs=runs)
        scopes, self._scopes = self._scopes, [scope]
        yield scope.statements
        self._scopes = scopes

    def add(self, statement: Statement) -> None:
        """Print a statement."""
        self._scopes[-1].statements.append(statement)

    def line(self, text: str, note: str = "") -> None:
        """Print a pragma, a barrier, an array, or a note alone."""
        self.add(Verbatim(text, note))

    def assign(
        self,
        place: Expression,
        value: Expression,
        condition: Expression | None = None,
        is_element: bool = False,
    ) -> None:
        """Give a variable, or an element in memory, a new value."""
        self.add(Assign(place, value, condition, is_element))

    @contextmanager
    def block(
        self,
        head: Expression | None,
        runs: Count | None = None,
        otherwise: bool = False,
        unrolled: bool = False,
    ) -> Iterator[None]:
        """Statements between braces after `head`; what they compute is known inside only. No head
        (a condition that always holds) makes no braces.

        Args:
            runs: how often they are run for each time around them; by default the turns of a
                `loop`, else 1.
            otherwise: whether they are run where the conditions of the block before do not hold.
            unrolled: whether they are a loop that is best unrolled.
        """
        if head is None and not otherwise:
            yield
            return
        if unrolled and self.unrolls:
            self.line("#pragma unroll")
        if runs is None:
            runs = ONCE if head is None else self._runs.get(head, ONCE)
        self._scopes.append(_Scope(runs=runs))
        yield
        branch = Branch(head, Listing(self._scopes.pop().statements))
        before: tuple[Branch, ...] = ()
        if otherwise:
            last = self._scopes[-1].statements.pop()
            assert isinstance(last, Block)
            before = last.branches
        self.add(Block((*before, branch)))

    # ---- names ----------------------------------------------------------------------------------

    def name(self, prefix: str = "t") -> Variable:
        """A new variable."""
        self._count += 1
        return Variable(f"{prefix}{self._count - 1}")

    def define(
        self,
        kind: str,
        value: Expression,
        prefix: str = "t",
        note: str = "",
        is_test: bool = False,
        is_element: bool = False,
    ) -> Expression:
        """A new constant with this value; see `Define`."""
        name = self.name(prefix)
        self.add(Define(kind, name, value, note, is_test=is_test, is_element=is_element))
        return name

    def declare(
        self,
        kind: str,
        start: Expression,
        prefix: str = "t",
        note: str = "",
        is_element: bool = False,
    ) -> Expression:
        """A new variable that later statements assign to."""
        name = self.name(prefix)
        self.add(Define(kind, name, start, note, constant=False, is_element=is_element))
        return name

    def once(self, key: object, make: Callable[[], T]) -> T:
        """What `make` gives, printed once in a scope and the scopes inside of it."""
        found: T | None = self._known(key)
        if found is None:
            found = make()
            self._scopes[-1].known[key] = found
        return found

    def _known(self, key: object) -> Any:
        for scope in reversed(self._scopes):
            found = scope.known.get(key)
            if found is not None:
                return found
        return None

    def integer(self, value: Expression) -> Expression:
        """An int expression as a name or a number."""
        if value.is_atom:
            return value
        return self.once(("int", value), lambda: self._index(value))

    def _index(self, value: Expression) -> Expression:
        name = self.name("i")
        self.add(Define("int", name, value, is_index=True))
        return name
