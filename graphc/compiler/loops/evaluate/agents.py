"""The execution agents of a program, and the order that barriers give to what they do.

An agent runs statements by itself: the program does, and each turn of a parallel loop. Agents form
a tree. What two of them do has an order if one has forked the other, if a barrier that both come to
lies between, or an atomic addition that one makes after a fence and the other one finds made.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.statement import LoopKind

Item = TypeVar("Item")


class TurnOrder(Enum):
    """The order in which agents that have none are run.

    Attributes:
        FORWARD: by their numbers.
        BACKWARD: the last one first.
        SHUFFLED: another one each time, and the same ones in each evaluation.
    """

    FORWARD = "forward"
    BACKWARD = "backward"
    SHUFFLED = "shuffled"


class Clock:
    """The time of an evaluation: a number that grows with each event that gives an order.

    Attributes:
        now: the time.
    """

    def __init__(self, order: TurnOrder) -> None:
        self.now = 1
        self._order = order
        self._random = random.Random(0)

    def tick(self) -> int:
        """Return the time after an event: what was before it has a smaller one."""
        self.now += 1
        return self.now

    def arranged(self, items: Sequence[Item]) -> Sequence[Item]:
        """Return agents, or what stands for them, in the order in which they are run."""
        if self._order is TurnOrder.FORWARD:
            return items
        if self._order is TurnOrder.BACKWARD:
            return items[::-1]
        return self._random.sample(items, len(items))


@dataclass(eq=False)
class Agent:
    """One that runs statements by itself.

    Attributes:
        clock: the time of the evaluation.
        name: for messages.
        kind: of the loop that it is a turn of; None of the program.
        lineage: the agents that it is inside of, from the program on, and itself.
        inside: the agents that it has forked, by what makes two turns one agent.
        barrier: the time of the last barrier of all agents inside of it.
        joins: for each kind the time of the last end of a loop of turns of it.
        acquired: the releases that it, or after a barrier each agent inside of it, knows of: a list
            that grows, and how much of it.
        arriving: those that agents inside of it know of, until the next barrier.
        fence: its last fence, if there is one.
        allocated: for each buffer that it shares with others, the number of times it has been at
            the statement.
        shared: of those that the agents inside of it share, how often, and the memory now.
        copies: the groups of asynchronous copies that it has begun and not waited for; the last one
            is open.
    """

    clock: Clock
    name: str = "the program"
    kind: LoopKind | None = None
    lineage: tuple[Agent, ...] = ()
    inside: dict[tuple[Any, ...], Agent] = field(default_factory=dict)
    barrier: int = 0
    joins: dict[LoopKind | None, int] = field(default_factory=dict)
    acquired: list[tuple[list[Release], int]] = field(default_factory=list)
    arriving: list[tuple[list[Release], int]] = field(default_factory=list)
    fence: Release | None = None
    allocated: dict[str, int] = field(default_factory=dict)
    shared: dict[str, tuple[int, Any]] = field(default_factory=dict)
    copies: list[list[Any]] = field(default_factory=lambda: [[]])

    def __post_init__(self) -> None:
        self.lineage = (*self.lineage, self)

    def fork(self, kind: LoopKind, turn: int, key: tuple[Any, ...]) -> Agent:
        """Return the agent that runs a turn of a loop of a kind. It is the one that has run the
        same turn of another loop, where the keys of the loops are equal."""
        found = self.inside.get((kind, turn, key))
        if found is None:
            around = "" if self.kind is None else f"{self.name}, "
            name = f"{around}{kind.value} {turn}"
            found = Agent(self.clock, name, kind, self.lineage)
            self.inside[kind, turn, key] = found
        return found

    def synchronise(self) -> None:
        """Note a barrier of all agents inside: each sees what the others have done."""
        self.barrier = self.clock.tick()
        self.acquired += self.arriving
        self.arriving = []

    def join(self, kind: LoopKind) -> None:
        """Note that the turns of a loop of a kind have ended."""
        self.joins[kind] = self.clock.tick()

    def release(self) -> None:
        """Make what was done so far visible to each agent that finds a later addition of this
        one made."""
        barriers = tuple(agent.barrier for agent in self.lineage)
        self.fence = Release(self, self.clock.tick(), barriers)

    def acquire(self, releases: list[Release]) -> None:
        """See what those who have added to an element ahead released; release the same way."""
        known = (releases, len(releases))
        self.acquired.append(known)
        for agent in self.lineage[:-1]:
            agent.arriving.append(known)
        if self.fence is not None:
            releases.append(self.fence)

    def all_inside(self) -> Iterator[Agent]:
        """Yield it and all agents inside of it."""
        yield self
        for agent in self.inside.values():
            yield from agent.all_inside()

    @property
    def sharing(self) -> Agent:
        """The agent that all those are inside of that share memory and barriers with it: its block,
        or the program."""
        blocks = [agent for agent in self.lineage if agent.kind is LoopKind.BLOCK]
        return blocks[-1] if blocks else self.lineage[0]


@dataclass(frozen=True)
class Release:
    """The accesses that an agent's fence is behind.

    Attributes:
        agent: whose it is.
        time: of the fence.
        barriers: for each agent of its lineage the time of the last barrier then.
    """

    agent: Agent
    time: int
    barriers: tuple[int, ...]

    def is_behind(self, earlier: Agent, time: int) -> bool:
        """Return True if it is behind what an agent did at a time."""
        for mine, its, barrier in zip(
            self.agent.lineage, earlier.lineage, self.barriers, strict=False
        ):
            if mine is not its:
                return False
            if time < barrier or (its is earlier and time < self.time):
                return True
        return False


JOINING: dict[BufferScope, tuple[LoopKind, ...]] = {
    BufferScope.GLOBAL: (LoopKind.TEAM, LoopKind.VECTOR),
    BufferScope.SHARED: (LoopKind.TEAM, LoopKind.VECTOR),
    BufferScope.THREAD: (LoopKind.VECTOR,),
    BufferScope.REGISTER: (LoopKind.LANE, LoopKind.VECTOR),
}
"""For each memory the loops whose turns are seen behind them without a barrier. The lanes of a warp
run together, so their registers are read through shuffles; in memory they do not wait."""


def is_private(scope: BufferScope) -> bool:
    """Return True if each thread has a memory of a scope to itself, whatever barriers there are."""
    return scope in (BufferScope.REGISTER, BufferScope.THREAD)


def is_ordered(earlier: Agent, time: int, later: Agent, scope: BufferScope) -> bool:
    """Return True if what an agent did at a time, to a memory of a scope, is seen by another one
    now."""
    if earlier is later:
        return True
    private = is_private(scope)
    for depth, agent in enumerate(later.lineage):
        if depth == len(earlier.lineage) or earlier.lineage[depth] is not agent:
            break
        if agent is earlier or (time < agent.barrier and not private):
            return True
        kind = earlier.lineage[depth + 1].kind
        if kind in JOINING[scope] and time < agent.joins.get(kind, 0):
            return True
    return not private and any(
        release.is_behind(earlier, time)
        for agent in later.lineage
        for releases, count in agent.acquired
        for release in releases[:count]
    )
