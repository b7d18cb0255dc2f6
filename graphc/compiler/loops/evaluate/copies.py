"""Asynchronous copies: begun, and done when a `Wait` says so."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.compiler.loops.evaluate.agents import Agent
from graphc.compiler.loops.evaluate.expressions import Element
from graphc.compiler.loops.evaluate.fault import Fault
from graphc.compiler.loops.evaluate.frame import AGENT, Slots
from graphc.compiler.loops.evaluate.memory import CheckedMemory


@dataclass(frozen=True)
class PendingCopy:
    """An element that is on its way.

    Attributes:
        agent: whose copy it is.
        target, source: the memories.
        target_place, source_place: the element's numbers in them.
        text: the element that it is copied to, for messages.
    """

    agent: Agent
    target: CheckedMemory
    target_place: int
    source: CheckedMemory
    source_place: int
    text: str

    def begin(self) -> None:
        """Start it: from here on its source stays, and its target has no value."""
        self.source.begin_copy_from(self.source_place, self.agent)
        self.target.begin_copy_to(self.target_place, self.agent)
        self.agent.copies[-1].append(self)

    def end(self) -> None:
        """Finish it."""
        value = self.source.end_copy_from(self.source_place, self.agent)
        self.target.end_copy_to(self.target_place, value, self.agent)


def begin_copies(
    target: tuple[Element, Element], source: tuple[Element, Element], count: int, frame: Slots
) -> None:
    """Begin to copy neighbours, given the first and the last one of the targets and sources."""
    agent, places = frame[AGENT], []
    for first, last in (target, source):
        try:
            place = first.place(frame)
        except Fault as fault:
            raise first.fault(fault, frame) from None
        try:
            step = last.place(frame) - place
        except Fault as fault:
            raise last.fault(fault, frame) from None
        if step != count - 1:
            raise Fault(
                f"{first.described(frame)} and {count - 1} more do not follow each other in memory"
            )
        places.append(place)
    to_memory, from_memory = frame[target[0].memory], frame[source[0].memory]
    to_place, from_place = places
    text = target[0].described(frame)
    for k in range(count):
        copy = PendingCopy(agent, to_memory, to_place + k, from_memory, from_place + k, text)
        try:
            copy.begin()
        except Fault as fault:
            raise Fault(f"the copy of element {k} of {count} to {text}: {fault}") from None


def wait_for_copies(agent: Agent, pending: int) -> None:
    """Finish all but the last groups of copies of an agent, and of those inside of it."""
    for one in agent.all_inside():
        while len(one.copies) > pending:
            for copy in one.copies.pop(0):
                copy.end()
        one.copies.append([])


def check_all_done(agent: Agent) -> None:
    """Raise a `Fault` if an agent, or one inside of it, has left a copy to nobody."""
    for one in agent.all_inside():
        for group in one.copies:
            for copy in group:
                raise Fault(f"the copy to {copy.text} by {one.name} has not been waited for")
