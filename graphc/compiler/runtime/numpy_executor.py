"""The executor that interprets a graph by NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphc.compiler.graph import CallStep, Node, State, Symbol, assign_together
from graphc.compiler.interpret import Program
from graphc.compiler.runtime.executor import Observer
from graphc.compiler.runtime.interpreted_memory import InterpretedMemory
from graphc.compiler.runtime.out_of_memory import FREELY, Kept, check_room, refused
from graphc.compiler.runtime.pending import Pending

# Sets of sizes that are known to fit: training and its last batch, validation and its, and some.
_MOST_FITTING = 16


class NumpyExecutor:
    """A graph prepared for the interpreter; an `Executor`."""

    target: str | None = None

    def __init__(
        self,
        outputs: Sequence[Node],
        states: Sequence[State] = (),
        why: str = "",
        name: str = "function",
    ):
        """Take the fetched nodes and then one new value for each of `states` as `outputs`; `why` it
        is not compiled is for the report, and `name` for messages."""
        self.summary = f"run by the NumPy interpreter{f': {why}' if why else ''}"
        self._program = Program(outputs)
        self._states = tuple(states)
        self._fetched = len(outputs) - len(self._states)
        self._memory = InterpretedMemory(outputs, name)
        self._fitting: set[frozenset[Any]] = set()  # sets of sizes for which memory sufficed

    def run(
        self,
        feeds: Mapping[Node, np.ndarray],
        bindings: Mapping[Symbol, int],
        call_step: CallStep,
        observer: Observer | None = None,
    ) -> list[np.ndarray]:
        """Return the fetched values and set the states. See `Executor.run`.

        Raises OutOfMemoryError where the values need more memory than there is.
        """
        self._check_room(bindings)
        number = call_step.value
        try:
            results = self._program.run(feeds, bindings, number, observer)
        except MemoryError as error:
            raise refused(error, self._memory.report, bindings, Kept()) from error
        new = zip(self._states, results[self._fetched :], strict=True)
        assign_together(new, (call_step, number + 1))
        return results[: self._fetched]

    def _check_room(self, bindings: Mapping[Symbol, int]) -> None:
        sizes = frozenset(bindings.items())
        if sizes in self._fitting:
            return
        if self._memory.total(bindings) > FREELY:
            check_room(self._memory.report, bindings, Kept())
        if len(self._fitting) >= _MOST_FITTING:
            self._fitting.clear()
        self._fitting.add(sizes)

    def start(
        self, feeds: Mapping[Node, np.ndarray], bindings: Mapping[Symbol, int], call_step: CallStep
    ) -> Pending:
        """As `run`: the values are there when this returns."""
        return Pending.done(self.run(feeds, bindings, call_step))
