"""Values that a program prints at each call: `g.print_tensor`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.compiler.graph import Node, every_node, toposort
from graphc.errors import ArgumentError


class Prints:
    """The values that the outputs of a program print.

    Attributes:
        values: the nodes that are printed; they are fetched after the other values.
    """

    def __init__(self, outputs: Sequence[Node], name: str):
        """ArgumentError where the step of a loop prints: its values never leave the loop."""
        marks = [node for node in toposort(outputs) if node.op == "print_tensor"]
        inside = {node for node in every_node(outputs) if node.op == "print_tensor"} - set(marks)
        if inside:
            raise ArgumentError(
                f"{name}: print_tensor {_message(inside.pop())!r} is within the step of a loop "
                "(K.rnn, K.foldl, a recurrent layer), whose values are not fetched; print what the "
                "loop returns"
            )
        self._messages = [_message(node) for node in marks]
        self.values = [node.inputs[0] for node in marks]

    def printed(self, fetched: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Print the last values, those of `print_tensor`, and return the others."""
        count = len(fetched) - len(self.values)
        for message, value in zip(self._messages, fetched[count:], strict=True):
            print(f"{message}{value}")
        return list(fetched[:count])


def _message(node: Node) -> str:
    return str(node.attrs["message"])
