"""The blocks of a program that is built: bodies of loops and branches, which grow."""

from __future__ import annotations

from graphc.compiler.graph.dim import Shape
from graphc.compiler.loops.index import Index, LoopVariable
from graphc.compiler.loops.program import Body, facts
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.statement import For, If, Statement
from graphc.compiler.loops.value import Condition, Value

Coords = tuple[Index, ...]


class Block:
    """The body of a loop, of a branch, or of the program.

    Attributes:
        path: the blocks from the program's body to this one, which is the last.
        ranges: what is known of the variables here.
        statements: the statements so far.
        known: the values that were computed here, by node and coordinates, or by another key.
        homes: see `home`.
        variable: of a loop, what it binds.
        conditions: of a branch, what holds in it.
        note: of a loop, what it is for.
    """

    def __init__(
        self,
        around: Block | None,
        ranges: Ranges,
        variable: LoopVariable | None = None,
        conditions: tuple[Condition, ...] = (),
        note: str = "",
    ):
        self.path: tuple[Block, ...] = (*around.path, self) if around else (self,)
        self.ranges = ranges
        self.variable = variable
        self.conditions = conditions
        self.note = note
        self.statements: list[Statement] = []
        self.known: dict[object, Value] = {}
        self.homes: dict[tuple[Coords, Shape], Block] = {}

    @property
    def around(self) -> Block:
        """The block that this one is in."""
        return self.path[-2]

    @property
    def depth(self) -> int:
        """The number of blocks around."""
        return len(self.path) - 1

    @property
    def body(self) -> Body:
        """The statements so far."""
        return tuple(self.statements)

    def add(self, *statements: Statement) -> None:
        """Append statements."""
        self.statements += statements

    def find(self, key: object) -> Value | None:
        """Return a value that was computed here or in a block around."""
        for block in reversed(self.path):
            found = block.known.get(key)
            if found is not None:
                return found
        return None

    def home(self, coords: Coords, shape: Shape, least: int) -> Block:
        """Return the outermost block, of at least a depth, in which coordinates are proved to be
        those of an element of a shape; this one if there is none outside of it."""
        key = (coords, shape)
        found = self.homes.get(key)
        if found is None:
            found = self
            for block in self.path[least:-1]:
                if block.ranges.is_inside(coords, shape):
                    found = block
                    break
            self.homes[key] = found
        return found

    def loop(self, variable: LoopVariable, end: Index, note: str = "") -> Block:
        """Return the body of a new loop in this block."""
        return Block(self, self.ranges.within(variable, end), variable, note=note)

    def branch(self, conditions: tuple[Condition, ...]) -> Block:
        """Return what is run, in this block, where conditions hold."""
        return Block(self, self.ranges.given(facts(conditions)), conditions=conditions)

    def close(self, until: Block) -> None:
        """Append the loop or branch of this block to the one around, and so on up to a block."""
        block = self
        while block is not until:
            around = block.around
            if block.variable is not None:
                ends = block.ranges.ends[block.variable]
                around.add(For(block.variable, ends, block.body, note=block.note))
            else:
                around.add(If(block.conditions, block.body))
            block = around
