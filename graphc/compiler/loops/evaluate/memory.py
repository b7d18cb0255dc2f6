"""Memories that know which of their elements have values, and who has touched them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.evaluate.agents import Agent, Release, is_ordered, is_private
from graphc.compiler.loops.evaluate.fault import Fault


class CheckedMemory:
    """The elements of a memory. Each access that has no meaning is a `Fault`.

    Attributes:
        values: the elements.
        is_set: 1 for each that has a value.
        size: the number of elements that are there.
    """

    def __init__(self, values: np.ndarray, is_set: bytearray, log: AccessLog | None) -> None:
        self.values = values
        self.is_set = is_set
        self.size = len(values)
        self._log = log
        self._incoming: set[int] = set()
        self._outgoing: Counter[int] = Counter()

    def read(self, place: int, agent: Agent) -> Any:
        """Return an element."""
        if not 0 <= place < self.size:
            raise self._outside(place)
        if not self.is_set[place]:
            raise Fault("it is read and has no value yet")
        if place in self._incoming:
            raise Fault("it is read, and the copy to it has not been waited for")
        if self._log is not None:
            self._log.read(place, agent)
        return self.values[place]

    def write(self, place: int, value: Any, agent: Agent) -> None:
        """Store an element."""
        self._check_write(place)
        if self._log is not None:
            self._log.write(place, agent)
        self.values[place] = value
        self.is_set[place] = 1

    def add_one(self, place: int, agent: Agent) -> int:
        """Add 1 to an element atomically; return what it was."""
        if not 0 <= place < self.size:
            raise self._outside(place)
        if not self.is_set[place]:
            raise Fault("it is added to and has no value yet")
        if self._log is not None:
            self._log.add(place, agent)
        found = int(self.values[place])
        self.values[place] += 1
        return found

    def _check_write(self, place: int) -> None:
        if not 0 <= place < self.size:
            raise self._outside(place)
        if place in self._incoming:
            raise Fault("it is stored to, and the copy to it has not been waited for")
        if self._outgoing and self._outgoing[place]:
            raise Fault("it is stored to, and the copy from it has not been waited for")

    def _outside(self, place: int) -> Fault:
        if self.size != len(self.values):
            return Fault("its memory has been allocated again since, by another agent")
        return Fault(f"it is number {place} of a memory of {self.size} elements")

    # ---- asynchronous copies --------------------------------------------------------------------

    def begin_copy_from(self, place: int, agent: Agent) -> None:
        """An element is read until the copy is done."""
        self.read(place, agent)
        self._outgoing[place] += 1

    def end_copy_from(self, place: int, agent: Agent) -> Any:
        """Return the element that was to be copied."""
        self._outgoing[place] -= 1
        return self.read(place, agent)

    def begin_copy_to(self, place: int, agent: Agent) -> None:
        """An element has no value until the copy is done."""
        self._check_write(place)
        if self._log is not None:
            self._log.write(place, agent)
        self._incoming.add(place)
        self.is_set[place] = 1

    def end_copy_to(self, place: int, value: Any, agent: Agent) -> None:
        """An element gets the value that was copied."""
        self._incoming.remove(place)
        self.write(place, value, agent)

    # ---- allocation -----------------------------------------------------------------------------

    def free(self, agent: Agent) -> None:
        """End the memory, where an agent allocates it again."""
        if self._incoming or any(self._outgoing.values()):
            raise Fault("it is allocated again, and a copy has not been waited for")
        if self._log is not None:
            self._log.end(agent)
        self.size = 0


def unset_memory(size: int, dtype: str, log: AccessLog | None) -> CheckedMemory:
    """Return a memory without values. Floats are NaN, which shows where a result leaks one."""
    kind = np.dtype(dtype).kind
    fill: Any = np.nan if kind == "f" else True if kind == "b" else np.iinfo(dtype).max
    return CheckedMemory(np.full(size, fill, dtype), bytearray(size), log)


@dataclass(slots=True)
class _Accesses:
    """Those to an element that a later one may conflict with: each agent with its last time."""

    writer: Agent | None = None
    written: int = 0
    readers: dict[Agent, int] = field(default_factory=dict)
    adders: dict[Agent, int] = field(default_factory=dict)
    releases: list[Release] = field(default_factory=list)


class AccessLog:
    """The accesses to a memory that several agents see."""

    def __init__(self, scope: BufferScope) -> None:
        self._scope = scope
        self._of: dict[int, _Accesses] = {}

    def read(self, place: int, agent: Agent) -> None:
        """An agent reads an element."""
        found = self._of.get(place) or self._new(place)
        if found.adders or agent not in found.readers:  # else it has seen the last value already
            if found.writer is not agent:
                self._check_writer(found, agent, "reads it")
            if found.adders:
                self._check_others(found.adders, agent, "reads it", "added to")
        found.readers[agent] = agent.clock.now

    def write(self, place: int, agent: Agent) -> None:
        """An agent stores an element. What was before is ordered before it, so that only what
        comes later is left to be compared."""
        found = self._of.get(place) or self._new(place)
        if found.writer is not agent:
            self._check_writer(found, agent, "stores it")
        if found.readers:
            self._check_others(found.readers, agent, "stores it", "read")
            found.readers.clear()
        if found.adders:
            self._check_later_adders(found.adders, agent)
            found.adders.clear()
        found.writer, found.written = agent, agent.clock.now

    def _check_later_adders(self, adders: dict[Agent, int], agent: Agent) -> None:
        """Check those who have added behind an agent that stores: an addition that finds another
        one made is after it."""
        known = list(adders)
        unknown = known[known.index(agent) + 1 :] if agent in adders else known
        later = {other: adders[other] for other in unknown}
        self._check_others(later, agent, "stores it", "added to")

    def add(self, place: int, agent: Agent) -> None:
        """An agent adds to an element atomically."""
        found = self._of.get(place) or self._new(place)
        self._check_writer(found, agent, "adds to it")
        self._check_others(found.readers, agent, "adds to it", "read")
        found.adders.pop(agent, None)  # the last one last
        found.adders[agent] = agent.clock.now
        agent.acquire(found.releases)

    def end(self, agent: Agent) -> None:
        """An agent allocates the memory again."""
        for found in self._of.values():
            self._check_writer(found, agent, "allocates it again")
            self._check_others(found.readers, agent, "allocates it again", "read")
            self._check_others(found.adders, agent, "allocates it again", "added to")

    def _new(self, place: int) -> _Accesses:
        found = self._of[place] = _Accesses()
        return found

    def _check_writer(self, found: _Accesses, agent: Agent, does: str) -> None:
        if found.writer is not None and found.writer is not agent:
            self._check(found.writer, found.written, agent, does, "stored")

    def _check_others(self, others: dict[Agent, int], agent: Agent, does: str, did: str) -> None:
        for other, time in others.items():
            if other is not agent:
                self._check(other, time, agent, does, did)

    def _check(self, other: Agent, time: int, agent: Agent, does: str, did: str) -> None:
        if not is_ordered(other, time, agent, self._scope):
            reason = "no barrier is between"
            if is_private(self._scope):
                reason = f"in {self._scope.value} memory each thread has its own"
            raise Fault(f"{agent.name} {does}, {other.name} has {did} it, and {reason}")
