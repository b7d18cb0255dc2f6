"""Statements of C, as values: what each defines, changes and reads, and its lines.

What the emitter prints is put into loops by who asks for it (`graphc.compiler.codegen.native`), and
is left out or made again where nothing, or something else, reads it. That is decided on these; the
lines come last.
"""

from __future__ import annotations

from dataclasses import dataclass

from graphc.compiler.codegen.expression import Expression, Variable, call, names_read
from graphc.compiler.targets.marks import giving, noted


@dataclass(frozen=True)
class Statement:
    """One statement of the innermost braces around it."""

    @property
    def lines(self) -> tuple[str, ...]:
        """Its text."""
        raise NotImplementedError

    @property
    def reads(self) -> frozenset[Variable]:
        """The names of the variables in it that were there before; of one that changes a variable,
        that too."""
        return frozenset()

    @property
    def changes(self) -> frozenset[Variable]:
        """The names of the variables that it assigns to."""
        return frozenset()

    @property
    def tests(self) -> bool:
        """Whether it tests an index, and writes the status word where the test fails."""
        return False


@dataclass(frozen=True)
class Define(Statement):
    """A variable and what it is from here on, or, if not `constant`, at first.

    Attributes:
        kind: its type in C.
        name: the variable.
        value: what it is.
        note: a comment behind it.
        constant: whether no later statement assigns to it.
        is_test: whether `value` is the test of an index.
        is_index: whether it is index arithmetic, which is left out where nothing reads it.
        is_element: whether it is an element of a node's value, whose line is linked to the node.
    """

    kind: str
    name: Expression
    value: Expression
    note: str = ""
    constant: bool = True
    is_test: bool = False
    is_index: bool = False
    is_element: bool = False

    @property
    def lines(self) -> tuple[str, ...]:
        const = "const " if self.constant else ""
        line = f"{const}{self.kind} {self.name} = {self.value};"
        return (noted(giving(line, str(self.name)) if self.is_element else line, self.note),)

    @property
    def reads(self) -> frozenset[Variable]:
        return self.value.reads

    @property
    def tests(self) -> bool:
        return self.is_test


@dataclass(frozen=True)
class Assign(Statement):
    """A new value of a variable, or of an element in memory.

    Attributes:
        place: the variable or element.
        value: what it becomes.
        condition: under which it does; None where it always does.
        is_element: whether the place is a variable that is an element of a node's value.
    """

    place: Expression
    value: Expression
    condition: Expression | None = None
    is_element: bool = False

    @property
    def lines(self) -> tuple[str, ...]:
        head = "" if self.condition is None else f"if ({self.condition}) "
        line = f"{head}{self.place} = {self.value};"
        return (giving(line, str(self.place)) if self.is_element else line,)

    @property
    def reads(self) -> frozenset[Variable]:
        return names_read((self.place, self.value, self.condition))

    @property
    def changes(self) -> frozenset[Variable]:
        return self.place.reads if isinstance(self.place, Variable) else frozenset()


@dataclass(frozen=True)
class Fold(Statement):
    """A reduction that goes on with one more element.

    Attributes:
        place: the variable that it is carried in, or one of an array of them.
        functions: the class of its functions (kernels/reduce.cuh).
        value: the element.
    """

    place: Expression
    functions: str
    value: Expression

    @property
    def lines(self) -> tuple[str, ...]:
        return (f"{self.place} = {call(f'{self.functions}::combine', self.place, self.value)};",)

    @property
    def reads(self) -> frozenset[Variable]:
        return self.place.reads | self.value.reads

    @property
    def changes(self) -> frozenset[Variable]:
        return self.place.reads if isinstance(self.place, Variable) else frozenset()


@dataclass(frozen=True)
class Evaluate(Statement):
    """A call, for what it does."""

    value: Expression

    @property
    def lines(self) -> tuple[str, ...]:
        return (f"{self.value};",)

    @property
    def reads(self) -> frozenset[Variable]:
        return self.value.reads


@dataclass(frozen=True)
class Pragma:
    """What OpenMP is told of the loop, or of the braces, behind it.

    Attributes:
        team: whether there is a thread for each part of it; of a loop, of its turns.
        loop: whether it is a loop.
        simd: whether neighbouring turns may be computed at once.
        condition: under which a team has more than one thread; None where it always has.
    """

    team: bool = False
    loop: bool = True
    simd: bool = False
    condition: Expression | None = None

    def __str__(self) -> str:
        words = ["#pragma omp"]
        if self.team:
            words += ["parallel", "for"] if self.loop else ["parallel"]
        if self.simd:
            words.append("simd")
        if self.team and self.loop:
            words.append("schedule(static)")
        if self.condition is not None:
            words.append(f"if ({self.condition})")
        return " ".join(words)


@dataclass(frozen=True)
class Branch:
    """Statements between braces behind a head: of a loop, or a condition; that of the last of
    several conditions may be None, so that it always holds."""

    head: Expression | None
    body: Listing


@dataclass(frozen=True)
class Block(Statement):
    """A loop, or conditions of which each is tested where those before it do not hold.

    Attributes:
        branches: their heads and bodies.
        pragma: what a compiler is told of a loop.
    """

    branches: tuple[Branch, ...]
    pragma: Pragma | str | None = None

    @property
    def lines(self) -> tuple[str, ...]:
        found = [] if self.pragma is None else [str(self.pragma)]
        for number, one in enumerate(self.branches):
            words = (*(["else"] if number else []), *([str(one.head)] if one.head else []), "{")
            found += [" ".join(words), *(f"  {x}" for x in one.body.lines), "}"]
        return tuple(found)

    @property
    def reads(self) -> frozenset[Variable]:
        return frozenset().union(
            *(one.body.reads | names_read([one.head]) for one in self.branches)
        )

    @property
    def changes(self) -> frozenset[Variable]:
        return frozenset().union(*(one.body.changes for one in self.branches))

    @property
    def tests(self) -> bool:
        return any(one.body.tests for one in self.branches)


def braces(body: Listing) -> Block:
    """Statements whose names are their own."""
    return Block((Branch(None, body),))


@dataclass(frozen=True)
class Verbatim(Statement):
    """A line that is no matter of variables: a pragma, a barrier, an array; or a note alone."""

    text: str
    note: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        return (noted(self.text, self.note),)


class Listing(tuple[Statement, ...]):
    """Statements in order."""

    __slots__ = ()

    @property
    def lines(self) -> list[str]:
        """Their text."""
        return [line for one in self for line in one.lines]

    @property
    def text(self) -> str:
        """Their text as one string."""
        return "\n".join(self.lines)

    @property
    def reads(self) -> frozenset[Variable]:
        """The names of the variables that any of them reads, their own too."""
        return frozenset().union(*(one.reads for one in self))

    @property
    def changes(self) -> frozenset[Variable]:
        """The names of the variables that any of them assigns to."""
        return frozenset().union(*(one.changes for one in self))

    @property
    def tests(self) -> bool:
        """Whether any of them tests an index."""
        return any(one.tests for one in self)
