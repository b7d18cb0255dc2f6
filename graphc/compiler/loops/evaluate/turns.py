"""Turns of parallel loops: coroutines that run up to barriers. The lanes of a vector loop run a
statement at a time, all together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from graphc.compiler.loops.evaluate.agents import Agent, Clock
from graphc.compiler.loops.evaluate.fault import Fault
from graphc.compiler.loops.evaluate.frame import AGENT, Slots
from graphc.compiler.loops.statement import Barrier, LoopKind

Pause: TypeAlias = Barrier
"""Where a coroutine stops."""

Action: TypeAlias = Callable[[Slots], Iterator[Pause] | None]
"""Statements as a function of a frame: a coroutine if they may pause, else it returns None."""

Together: TypeAlias = Callable[[Sequence[Slots]], None]
"""Statements as a function of the frames of several lanes."""


@dataclass(frozen=True)
class Lanes:
    """The turns of a vector loop.

    Attributes:
        slot: the variable's.
        trips: the number of turns.
        body: a turn of each.
    """

    slot: int
    trips: Callable[[Slots], int]
    body: Together

    def run(self, frames: Sequence[Slots]) -> None:
        """Run the loop, in each lane of a vector loop around it."""
        lanes = []
        for frame in frames:
            agent: Agent = frame[AGENT]
            for turn in range(self.trips(frame)):
                lane = frame.copy()
                lane[AGENT] = agent.fork(LoopKind.VECTOR, turn, _LANES)
                lane[self.slot] = turn
                lanes.append(lane)
        self.body(lanes)
        for frame in frames:
            frame[AGENT].join(LoopKind.VECTOR)


_LANES = (0,)
"""The key of lanes: those of another vector loop are the same agents."""


@dataclass(frozen=True)
class Turns:
    """The turns of a parallel loop other than a vector loop.

    Attributes:
        slot: the variable's.
        kind: of the loop.
        trips: the number of turns.
        key: what makes a turn of another loop the same agent as one of this.
        is_nested: True if loops of the same agents are around: a thread's number depends on the
            number of turns.
        body: a turn.
        clock: which decides who is first.
    """

    slot: int
    kind: LoopKind
    trips: Callable[[Slots], int]
    key: tuple[Any, ...]
    is_nested: bool
    body: Action
    clock: Clock

    def _frames(self, frame: Slots) -> list[Slots]:
        parent: Agent = frame[AGENT]
        trips = self.trips(frame)
        key = (*self.key, trips) if self.is_nested else self.key
        frames = []
        for turn in range(trips):
            inner = frame.copy()
            inner[AGENT] = parent.fork(self.kind, turn, key)
            inner[self.slot] = turn
            frames.append(inner)
        return frames

    def run(self, frame: Slots) -> None:
        """Run one turn after the other, each to its end."""
        for inner in self.clock.arranged(self._frames(frame)):
            self.body(inner)
        frame[AGENT].join(self.kind)

    def run_to_barriers(self, frame: Slots) -> Iterator[Pause]:
        """Run all turns up to a barrier, then on from there; yield it if agents outside of the loop
        have to come to it too."""
        waiting = [(inner[AGENT], self.body(inner)) for inner in self._frames(frame)]
        while True:
            found = {
                agent: next(turn, None)
                for agent, turn in self.clock.arranged(waiting)
                if turn is not None
            }
            barriers = {id(barrier): barrier for barrier in found.values()}
            if len(barriers) > 1:
                raise Fault(_not_met(found))
            barrier = next(iter(barriers.values()), None)
            if barrier is None:
                break
            if self.is_nested:
                yield barrier
            else:
                frame[AGENT].synchronise()
        frame[AGENT].join(self.kind)


def _not_met(found: dict[Agent, Pause | None]) -> str:
    there = [agent.name for agent, barrier in found.items() if barrier is not None]
    ended = [agent.name for agent, barrier in found.items() if barrier is None]
    if not ended:
        return f"{there[0]} and others of {len(there)} agents wait at different barriers"
    return f"{there[0]} waits at a barrier that {ended[0]} does not come to"
