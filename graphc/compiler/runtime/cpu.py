"""The executor of `device=cpu`: the interpreter."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler.graph import Node
from graphc.compiler.interpret import Program
from graphc.compiler.runtime.executor import Executor


def cpu_executor(outputs: Sequence[Node]) -> Executor:
    """A graph prepared for this machine's CPU."""
    return Program(outputs)
