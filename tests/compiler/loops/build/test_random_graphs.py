"""Random graphs and updates as plain programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from graphc.compiler.graph import CallStep, Node, State
from graphc.compiler.graph.binding import bind
from tests.compiler.loops.build.plain_executor import PlainExecutor
from tests.compiler.random_programs import RandomPrograms


class Compiled:
    """A graph as plain programs, and the states that the last outputs are new values for."""

    def __init__(self, outputs: Sequence[Node], states: Sequence[State] = ()):
        self._executor, self._states = PlainExecutor(outputs), states

    def __call__(self, feeds: Mapping[Node, np.ndarray]) -> list[np.ndarray]:
        bindings = bind(list(feeds), list(feeds.values()))
        found = self._executor.run(feeds, bindings, CallStep(0))
        count = len(found) - len(self._states)
        for state, value in zip(self._states, found[count:], strict=True):
            state.set(value)
        return found[:count]


class TestPlain(RandomPrograms):
    compiled = staticmethod(Compiled)
