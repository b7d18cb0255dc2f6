"""Statements of a loop program. They are frozen and not interned: a rewrite rebuilds the spine to
what it changes, and shares the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import ClassVar, TypeAlias

from graphc.compiler.graph.dim import Size, Symbol
from graphc.compiler.loops.buffer import Buffer, BufferScope
from graphc.compiler.loops.index import Index, LoopVariable
from graphc.compiler.loops.value import Argument, Condition, Load, Local, Value


class LoopKind(Enum):
    """Who runs the turns of a loop, and in which order.

    Attributes:
        SERIAL: one thread, in order.
        UNROLLED: as serial, written out.
        VECTOR: one thread, all turns at once, each statement for all of them before the next.
        TEAM: the threads of a CPU. Each turn is one member; with a `Barrier` inside, all members
            are there at once, else a thread may be several of them.
        BLOCK: the blocks of a GPU's grid, in any order.
        THREAD: the threads of a block, or the warps of one, with `LANE` loops inside.
        LANE: the threads of a warp, which run together.
        GRID: the threads of all blocks of a GPU's grid, in any order. None waits for another one,
            so how many are in a block is left to the text.
    """

    # A member is one object, and Enum's own hash, of its name, is Python code.
    __hash__ = object.__hash__

    SERIAL = "serial"
    UNROLLED = "unrolled"
    VECTOR = "vector"
    TEAM = "team"
    BLOCK = "block"
    THREAD = "thread"
    LANE = "lane"
    GRID = "grid"


PARALLEL_KINDS = frozenset(set(LoopKind) - {LoopKind.SERIAL, LoopKind.UNROLLED})
"""The kinds whose turns have no order: none may read or write what another one writes, but for what
a barrier separates."""

PARALLEL_NESTS: dict[LoopKind, tuple[LoopKind, ...]] = {
    LoopKind.BLOCK: (LoopKind.BLOCK,),
    LoopKind.TEAM: (LoopKind.TEAM,),
    LoopKind.GRID: (LoopKind.GRID,),
    LoopKind.THREAD: (LoopKind.BLOCK, LoopKind.THREAD),
    LoopKind.LANE: (LoopKind.BLOCK, LoopKind.THREAD, LoopKind.LANE),
    LoopKind.VECTOR: tuple(LoopKind),
}
"""The parallel loops that one of a kind may be inside of."""


class _Simple:
    """A statement with no others inside."""

    blocks: ClassVar[tuple[tuple[Statement, ...], ...]] = ()


@dataclass(frozen=True)
class For:
    """A loop: the body for each value of the variable from 0 on that is below each of `ends`.

    Attributes:
        variable: what the body calls the number of the turn.
        ends: indices of variables of the loops around; the trip count is the least of them, or 0.
        body: the statements of a turn.
        kind: who runs the turns.
        note: what the loop is for, in the words of its reader.
    """

    variable: LoopVariable
    ends: tuple[Index, ...]
    body: tuple[Statement, ...]
    kind: LoopKind = LoopKind.SERIAL
    note: str = ""

    @property
    def blocks(self) -> tuple[tuple[Statement, ...], ...]:
        """The bodies inside of it."""
        return (self.body,)


@dataclass(frozen=True)
class If:
    """Statements that are run where all conditions hold, and others that are where one does not."""

    conditions: tuple[Condition, ...]
    body: tuple[Statement, ...]
    otherwise: tuple[Statement, ...] = ()

    @property
    def blocks(self) -> tuple[tuple[Statement, ...], ...]:
        """The bodies inside of it."""
        return (self.body, self.otherwise)


@dataclass(frozen=True)
class Let(_Simple):
    """A name for a value, for the statements after it in its block.

    Attributes:
        local: the name and its dtype.
        value: its value here.
        note: the layer that it is of.
    """

    local: Local
    value: Value
    note: str = ""


@dataclass(frozen=True)
class Check(_Simple):
    """A loaded index as a variable: `value` where that is at least 0 and below `end`. Else the
    status word is set, and the variable is the nearest index that exists.

    Attributes:
        variable: for the statements after it in its block.
        value: an integer.
        end: what it has to be below.
        number: which check of the program it is.
        position: the position that the failure is reported at.
        is_tested: False if the value is known to be an index that exists, as the place of a maximum
            is: the text has no test, and another value has no meaning.
        is_repeated: True if an earlier launch has made the same test: where it fails, the status
            word says so ahead of the program.
    """

    variable: LoopVariable
    value: Value
    end: Size
    number: int
    position: Index
    is_tested: bool = True
    is_repeated: bool = False


@dataclass(frozen=True)
class Store(_Simple):
    """An element of a buffer gets a value, where all conditions hold.

    Attributes:
        target: the element.
        value: of the buffer's dtype.
        conditions: tests of indices.
        guarded: True if nothing is stored while the status word says that a check has failed.
    """

    target: Load
    value: Value
    conditions: tuple[Condition, ...] = ()
    guarded: bool = False


@dataclass(frozen=True)
class Accumulate(_Simple):
    """A reduction goes on with one more value: ``target = op(target, value)``.

    The order of a reduction is that in which its Accumulates run.

    Attributes:
        reduction: a key of `graphc.compiler.loops.reduction.REDUCTIONS`.
        targets: the elements that carry it: one; of argmax and argmin the best value and its place.
        values: one for each target.
        note: the layer that it is of.
    """

    reduction: str
    targets: tuple[Load, ...]
    values: tuple[Value, ...]
    note: str = ""


@dataclass(frozen=True)
class Allocate(_Simple):
    """A buffer that is there from here to the end of the block, without values at first. One per
    block, thread or lane, by the loops around and its scope."""

    buffer: Buffer


@dataclass(frozen=True)
class Barrier(_Simple):
    """All threads of a scope (SHARED: of a block, or team) wait here for each other, and see what
    each has stored. All come to it, and equally often.

    GLOBAL is all blocks: a launch ends here, and another one begins. It is in no loop of threads.
    """

    scope: BufferScope = BufferScope.SHARED


@dataclass(frozen=True)
class Fence(_Simple):
    """An order of stores: those of the thread ahead of it are seen before those after it."""

    scope: BufferScope = BufferScope.GLOBAL


@dataclass(frozen=True)
class AtomicAdd(_Simple):
    """An int32 element of memory grows by 1, and the variable is what it was. Integers only: of
    floats the order of additions would show."""

    variable: LoopVariable
    target: Load


@dataclass(frozen=True)
class AsyncCopy(_Simple):
    """`count` neighbours from `source` on are copied to `target`; they are there after the next
    `Wait` that leaves no more than the copies begun later."""

    target: Load
    source: Load
    count: int


@dataclass(frozen=True)
class Wait(_Simple):
    """Waits until at most `pending` groups of asynchronous copies are not done; the copies since
    the last Wait are a group."""

    pending: int = 0


@dataclass(frozen=True)
class Prefetch(_Simple):
    """A hint that an element will be read soon; what is not there is not fetched."""

    element: Load


@dataclass(frozen=True)
class Intrinsic:
    """A piece of hand-written device code, with its meaning as a loop program.

    Attributes:
        name: the function of ``kernels/``.
        parameters: the buffers that it reads and writes, whose shapes and strides may be symbols.
        body: what it does to them.
        source: the header of ``kernels/`` that it is in.
        arguments: the numbers that a call gives, too.
        lanes: how many lanes of a warp run a call together: as a loop of kind lane, in which each
            has its own of the registers.
        constants: the numbers that the function is compiled for, or their names: the arguments of
            its template.
    """

    name: str
    parameters: tuple[Buffer, ...]
    body: tuple[Statement, ...]
    source: str
    arguments: tuple[Argument, ...] = ()
    lanes: int = 1
    constants: tuple[Size | str, ...] = ()


@dataclass(frozen=True)
class BufferWindow:
    """A rectangle of a buffer, in the place of a parameter of an intrinsic.

    Attributes:
        buffer: the whole.
        start: the coordinates of its first element.
        axes: the axis of the buffer that each axis of the parameter moves along.
    """

    buffer: Buffer
    start: tuple[Index, ...]
    axes: tuple[int, ...]


@dataclass(frozen=True)
class UseIntrinsic(_Simple):
    """A call of an intrinsic.

    Attributes:
        intrinsic: what it does.
        windows: one for each parameter.
        sizes: what each symbol of the parameters' shapes is.
        note: what it is for.
        arguments: a value for each of the intrinsic's.
    """

    intrinsic: Intrinsic
    windows: tuple[BufferWindow, ...]
    sizes: Mapping[Symbol, Index] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    note: str = ""
    arguments: tuple[Value, ...] = ()


Statement: TypeAlias = (
    For
    | If
    | Let
    | Check
    | Store
    | Accumulate
    | Allocate
    | Barrier
    | Fence
    | AtomicAdd
    | AsyncCopy
    | Wait
    | Prefetch
    | UseIntrinsic
)
"""A closed set: whoever treats statements by class has to treat each."""

SYNCHRONISING = (Barrier, Fence, AtomicAdd, AsyncCopy, Wait)
"""The statements that are in order with what other threads do, which no distance of turns says."""
