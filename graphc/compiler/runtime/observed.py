"""Reports to an observer of what the launches of a program have written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from graphc.compiler.graph import Node, State, toposort
from graphc.compiler.program.launch import DeviceBuffer, Launch
from graphc.compiler.runtime.executor import Observer


class Observed:
    """The reports to an observer while a program runs: each value, and the seconds it took.

    Args:
        outputs: of the graph: what is fetched, then the new values of `states`.
        observer: receives each node of the graph that a launch has written, whole, and each
            state's new value, with the seconds that it took; of what a loop has written when the
            loop is over.
    """

    def __init__(self, outputs: Sequence[Node], states: Sequence[State], observer: Observer):
        self._graph = toposort(outputs)
        self._known = set(self._graph)
        self._new = dict(zip(states, outputs[len(outputs) - len(states) :], strict=True))
        self._reported: set[Node] = set()
        self._observer = observer

    def begin(self, feeds: Mapping[Node, np.ndarray]) -> None:
        """Report the graph's inputs and states, with no time."""
        for node in self._graph:
            if node.op == "input":
                self._observer(node, feeds[node], 0.0)
            elif node.op == "shared":
                self._observer(node, node.attrs["state"].get(), 0.0)

    def report(
        self, launches: Sequence[Launch], read: Callable[[DeviceBuffer], np.ndarray], seconds: float
    ) -> None:
        """Report the buffers that these launches have written; `read` returns a copy of one."""
        for buffer in dict.fromkeys(buffer for launch in launches for buffer in launch.writes):
            node = buffer.node
            if isinstance(buffer.origin, State):
                node = self._new.get(buffer.origin)
                if node in self._reported:  # a copy of what another launch has written
                    continue
            if node in self._known:
                self._reported.add(node)
                self._observer(node, read(buffer), seconds)
                seconds = 0.0
            elif node is not None and node.op == "pack_bools":
                packed = read(buffer)
                for bit, one in enumerate(node.inputs):
                    self._observer(one, (packed >> bit & 1).astype(bool), seconds)
                    seconds = 0.0
