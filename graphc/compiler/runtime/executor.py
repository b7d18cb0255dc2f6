"""The protocol between a function and a device: an `Executor`, which runs one program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from graphc.compiler.graph import CallStep, Node, Symbol
from graphc.compiler.program.launch import DeviceProgram
from graphc.compiler.runtime.pending import Pending

Observer = Callable[[Node, np.ndarray, float], None]
"""Called with each node that gets a value in memory, that value and the seconds that it took. Where
several nodes are computed in one go, the first of them has the time of all."""


class Executor(Protocol):
    """A prepared graph on a device: outputs to fetch, and new values of states.

    Made from `outputs` (what is fetched, then one new value for each state) and `states`.

    Attributes:
        summary: how it was prepared, for reports: whether a compiler ran.
        target: whose generated kernels it runs, 'cuda' or 'cpu'; None for the interpreter.
    """

    summary: str
    target: str | None

    def run(
        self,
        feeds: Mapping[Node, np.ndarray],
        bindings: Mapping[Symbol, int],
        call_step: CallStep,
        observer: Observer | None = None,
    ) -> list[np.ndarray]:
        """Compute everything from the old values of the states, then set all of those and count the
        call, at once.

        An error, one that `observer` raises too, leaves all states and the count as they were. An
        interrupt leaves them as they were or as they are after the call. `bindings` do not change
        any more: another call with the same object has the same sizes.

        Returns:
            What is fetched, as arrays that alias neither feeds nor states nor each other.
        """

    def start(
        self, feeds: Mapping[Node, np.ndarray], bindings: Mapping[Symbol, int], call_step: CallStep
    ) -> Pending:
        """As `run`, without waiting for what is fetched where the device allows that."""


class KernelExecutor(Executor, Protocol):
    """An executor of generated code; an observer receives the values that its kernels store.

    Attributes:
        program: the code and its steps.
    """

    program: DeviceProgram
