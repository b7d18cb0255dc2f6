"""Turns of parallel loops: coroutines that run up to barriers, or, of a vector loop, a statement at
a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from graphc.compiler.loops.evaluate.agents import Agent, Clock
from graphc.compiler.loops.evaluate.fault import Fault
from graphc.compiler.loops.evaluate.frame import AGENT, Slots
from graphc.compiler.loops.statement import Barrier, LoopKind

Pause: TypeAlias = Barrier | None
"""Where a coroutine stops: at a barrier, or, inside of a vector loop, behind a statement."""

Action: TypeAlias = Callable[[Slots], Iterator[Pause] | None]
"""Statements as a function of a frame: a coroutine if they may pause, else it returns None."""


@dataclass(frozen=True)
class Turns:
    """The turns of a parallel loop.

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

    def run_by_statements(self, frame: Slots) -> Iterator[Pause]:
        """Run a statement of all turns before the next one of any; yield behind each."""
        running = [self.body(inner) for inner in self._frames(frame)]
        while running:
            running = [turn for turn in running if turn is not None and _goes_on(turn)]
            yield None
        frame[AGENT].join(self.kind)


def _goes_on(turn: Iterator[Pause]) -> bool:
    for _ in turn:
        return True
    return False


def _not_met(found: dict[Agent, Pause]) -> str:
    there = [agent.name for agent, barrier in found.items() if barrier is not None]
    ended = [agent.name for agent, barrier in found.items() if barrier is None]
    if not ended:
        return f"{there[0]} and others of {len(there)} agents wait at different barriers"
    return f"{there[0]} waits at a barrier that {ended[0]} does not come to"
