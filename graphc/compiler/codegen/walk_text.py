"""What templates/walks.j2 needs: the text of a walk, and how threads go over its elements."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.compiler.codegen.expression import Expression, Number, Variable, call
from graphc.compiler.codegen.statement import Listing
from graphc.compiler.schedule.hardware import PACK
from graphc.compiler.targets.marks import giving, noted

ELEMENT = Variable("i")
"""The variable that holds the walked element's place in the domain."""
PART = Variable("part")
"""The variable that counts the elements of a pack."""
CHUNK = 32
"""Terms of a sum that a thread adds up one by one; their sums are added up in turn."""


@dataclass(frozen=True)
class Accumulator:
    """A reduction as its walk sees it: the C type that it is carried in, the class of its functions
    (kernels/reduce.cuh), the type of an element, the variable, and the constant of the result."""

    carried: str
    functions: str
    scalar: str
    name: Expression
    result_type: str
    result: Expression
    long_sum: bool
    note: str

    @property
    def mark(self) -> str:
        """What stands behind the line of its result."""
        return noted(giving("", str(self.result)), self.note)

    @property
    def identity(self) -> Expression:
        """What it starts from."""
        return call(f"{self.functions}::identity<{self.scalar}>")


@dataclass(frozen=True)
class WalkText:
    """What a template needs of a walk.

    Attributes:
        title: what the walk is for.
        before: statements of the row, ahead of the loop.
        arrays: (type, name) of values that are held from here on.
        accumulators: what the walk reduces.
        start: those of a pack, ahead of its elements; of an element where there are no packs.
        body: those of an element.
        loads: (type, pack, pointer, position) of inputs that are read a pack at a time.
        packs: (type, pointer, value, guard) of results that are stored a pack at a time.
        long_sum: whether a sum of many terms has to be divided, so that its error stays small.
    """

    title: str
    before: Listing
    arrays: list[tuple[str, Expression]]
    accumulators: list[Accumulator]
    start: Listing
    body: Listing
    loads: list[tuple[str, str, Expression, Expression]]
    packs: list[tuple[str, Expression, Expression, Expression | None]]

    def mentions(self, name: Variable) -> bool:
        """Whether the statements of an element, or those ahead of it, use a variable."""
        return name in self.start.reads or name in self.body.reads

    @property
    def long_sum(self) -> bool:
        return any(one.long_sum for one in self.accumulators)


@dataclass(frozen=True)
class Names:
    """The variables of a template: which row it is at, and which element of the row.

    Attributes:
        row, place: ints, from zero.
        slot: of a held array, the walked element's place, or None where nothing is held.
        wide: whether a thread walks packs of four elements that lie side by side.
        guard: a condition under which the thread may store, or nothing.
    """

    row: Variable
    place: Variable
    slot: Expression | None = None
    wide: bool = False
    guard: Expression | None = None


@dataclass(frozen=True)
class Course:
    """How threads go over the elements of a row; templates/walks.j2 prints it.

    Attributes:
        at: the variable that counts elements, or packs of four.
        wide: whether they are packs.
        thread: an expression: which of the threads of the row this is.
        threads: how many the row has.
        count: an expression: how many elements or packs.
        turns: how many each thread comes to where they are unrolled, else None.
    """

    at: Variable
    wide: bool
    thread: Expression
    threads: int
    count: Expression
    turns: int | None = None

    @property
    def is_full(self) -> bool:
        """Whether each thread has an element, or pack, in each of its `turns`."""
        return self.turns is not None and self.count is Number(self.turns * self.threads)

    @property
    def chunk(self) -> int | None:
        """The turns after which the sums so far are put aside; None where there are no more."""
        turns = CHUNK // PACK if self.wide else CHUNK
        most = self.count.value if isinstance(self.count, Number) else None
        fits = most is not None and most <= turns * self.threads
        return None if fits else turns
