"""Helpers of the tests of the scan rewrites: the contents of a graph's loops, and equal values."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.graph import Node
from graphc.compiler.interpret import evaluate

TIME = g.symbol("time")


def scans(outputs: Sequence[Node]) -> list[Node]:
    """The scans of a graph, not those inside of bodies."""
    return [node for node in g.toposort(outputs) if node.op == "scan"]


def body_ops(scan: Node) -> Counter:
    """Count the ops in one step of a scan."""
    return Counter(node.op for node in g.toposort(scan.attrs["body"].outputs))


def sequences(scan: Node) -> tuple[Node, ...]:
    """The sequences of a scan."""
    first = scan.attrs["carries"]
    return scan.inputs[first : first + scan.attrs["sequences"]]


def check_values(
    outputs: Sequence[Node], feeds: Mapping[Node, np.ndarray], expected: Sequence[np.ndarray]
) -> None:
    """The outputs have these float64 values."""
    for value, wanted in zip(evaluate(outputs, feeds), expected, strict=True):
        assert value.shape == np.shape(wanted)
        np.testing.assert_allclose(value, wanted, rtol=1e-12, atol=1e-12)
