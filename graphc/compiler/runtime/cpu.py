"""The executor of `device=cpu`: the interpreter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from graphc.compiler.graph import Node, Symbol
from graphc.compiler.interpret import Program
from graphc.compiler.runtime.executor import Observer


class CpuExecutor:
    """A graph prepared for the interpreter. Satisfies `Executor`."""

    def __init__(self, outputs: Sequence[Node]):
        self._program = Program(outputs)

    def run(
        self,
        feeds: Mapping[Node, np.ndarray],
        bindings: Mapping[Symbol, int],
        call_step: int,
        observer: Observer | None = None,
    ) -> list[np.ndarray]:
        return self._program.run(feeds, bindings, call_step, observer)
