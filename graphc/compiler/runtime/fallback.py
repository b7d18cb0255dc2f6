"""The interpreter beside generated code: for observers, and for what a check found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

import numpy as np

from graphc.compiler.graph import Node, Symbol, label
from graphc.compiler.interpret import Program
from graphc.compiler.program.launch import DeviceCheck
from graphc.compiler.runtime.executor import Observer
from graphc.errors import IndexRangeError

FINE = 2**64 - 1
"""The status word while no check has failed (kernels/status.cuh)."""
_POSITION_BITS = 40


class Fallback:
    """A graph for the interpreter, prepared when it is first needed.

    Args:
        outputs: of the graph that the generated code computes.
        checks: of the generated code, by the numbers that its status word has.
        name: of the function, for messages.
        given: the same graph as its user wrote it, of which errors speak.
    """

    def __init__(
        self,
        outputs: Sequence[Node],
        checks: Sequence[DeviceCheck],
        name: str,
        given: Sequence[Node] = (),
    ):
        self._outputs, self._checks, self._name = outputs, checks, name
        self._given = given or outputs
        self._program: Program | None = None

    def run(
        self,
        feeds: Mapping[Node, np.ndarray],
        bindings: Mapping[Symbol, int],
        call_step: int,
        observer: Observer | None = None,
    ) -> list[np.ndarray]:
        """The outputs, computed from the states as they are; no state is set."""
        if self._program is None:
            self._program = Program(self._outputs)
        return self._program.run(feeds, bindings, call_step, observer)

    def refuse(
        self,
        status: int,
        feeds: Mapping[Node, np.ndarray],
        bindings: Mapping[Symbol, int],
        call_step: int,
    ) -> NoReturn:
        """Raise what the interpreter raises, which meets the same index. The states have to be
        those of before the call."""
        Program(self._given).run(feeds, bindings, call_step)
        check = self._checks[status >> _POSITION_BITS]
        raise IndexRangeError(
            f"{label(check.node)}: {check.what}, at element {status % 2**_POSITION_BITS}; found by "
            f"the kernels of {self._name}. No parameter was changed"
        )
