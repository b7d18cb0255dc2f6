"""Programs of tests: compiled once and called often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from graphc.compiler.graph import CallStep, Node, State
from graphc.compiler.graph.binding import bind
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.runtime.gpu.executor import CudaExecutor
from tests.cuda_emulator.emulator import ORDERS, RaceError, in_each_order, orders


class Compiled:
    """A graph as CUDA; one compiler run for all sizes."""

    def __init__(self, outputs: Sequence[Node], states: Sequence[State] = ()):
        """`outputs` are what is fetched, then one new value for each of `states`."""
        self.program = lower(outputs, states)
        self._executor = CudaExecutor(self.program, outputs, states)
        self._states = states

    def __call__(self, feeds: Mapping[Node, np.ndarray], call_step: int = 0) -> list[np.ndarray]:
        """Return the fetched values and set the states. RaceError where an order changes the bits
        of either."""
        bindings = bind(list(feeds), list(feeds.values()))
        old = [state.get() for state in self._states]

        def once() -> tuple[list[np.ndarray], list[np.ndarray]]:
            for state, value in zip(self._states, old, strict=True):
                state.set(value)
            fetched = self._executor.run(feeds, bindings, CallStep(call_step))
            return fetched, [state.get() for state in self._states]

        first, *others = in_each_order(once)
        for order, other in zip(orders()[1:], others, strict=True):
            for kind, ones, anothers in zip(("output", "state"), first, other, strict=True):
                for k, (one, another) in enumerate(zip(ones, anothers, strict=True)):
                    if one.tobytes() != another.tobytes():
                        raise RaceError(f"{kind} {k} differs between {ORDERS[0]} and {order}")
        return first[0]
