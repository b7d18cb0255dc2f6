"""What a function asks of a device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from graphc.compiler.graph import Node, Symbol

Observer = Callable[[Node, np.ndarray, float], None]
"""Called with each node, its value and the seconds that it took."""


class Executor(Protocol):
    """A prepared graph on a device."""

    def run(
        self,
        feeds: Mapping[Node, np.ndarray],
        bindings: Mapping[Symbol, int],
        call_step: int,
        observer: Observer | None = None,
    ) -> list[np.ndarray]:
        """The outputs, as arrays that alias neither feeds nor states nor each other."""
