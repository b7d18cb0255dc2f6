"""The executor of `device=cpu`: the interpreter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from graphc.compiler.graph import Node, State, Symbol
from graphc.compiler.interpret import Program
from graphc.compiler.runtime.executor import Observer
from graphc.compiler.runtime.pending import Pending


class CpuExecutor:
    """A graph prepared for this machine's CPU; an `Executor`."""

    target: str | None = None

    def __init__(self, outputs: Sequence[Node], states: Sequence[State] = (), why: str = ""):
        """`outputs` are what is fetched, then one new value for each of `states`; `why` it is not
        compiled is for the report."""
        self.made = f"run by the NumPy interpreter{f': {why}' if why else ''}"
        self._program = Program(outputs)
        self._states = tuple(states)
        self._fetched = len(outputs) - len(self._states)

    def run(
        self,
        feeds: Mapping[Node, np.ndarray],
        bindings: Mapping[Symbol, int],
        call_step: int,
        observer: Observer | None = None,
    ) -> list[np.ndarray]:
        """What is fetched; the states are set. See `Executor.run`."""
        results = self._program.run(feeds, bindings, call_step, observer)
        for state, value in zip(self._states, results[self._fetched :], strict=True):
            state.place(value)
        return results[: self._fetched]

    def start(
        self, feeds: Mapping[Node, np.ndarray], bindings: Mapping[Symbol, int], call_step: int
    ) -> Pending:
        """As `run`: the values are there when this returns."""
        return Pending.done(self.run(feeds, bindings, call_step))
