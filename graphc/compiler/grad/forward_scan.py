"""A `scan` node with its inputs and arguments by kind."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.compiler.graph import Node, body_args


@dataclass(frozen=True)
class ForwardScan:
    """A forward scan, its inputs and arguments by kind."""

    node: Node
    outputs: tuple[Node, ...]  # of the body: new carries, then the stacked values
    args: list[Node]  # of the body: carries, slices, constants
    carries: int
    sequences: int

    @property
    def init(self) -> tuple[Node, ...]:
        return self.node.inputs[: self.carries]

    @property
    def series(self) -> tuple[Node, ...]:
        return self.node.inputs[self.carries : self.carries + self.sequences]

    @property
    def constants(self) -> tuple[Node, ...]:
        return self.node.inputs[self.carries + self.sequences :]

    def series_at(self) -> range:
        return range(self.carries, self.carries + self.sequences)

    def constants_at(self) -> range:
        return range(self.carries + self.sequences, len(self.args))


def forward_scan(node: Node) -> ForwardScan:
    """Return a scan node with its inputs and arguments by kind."""
    attrs = node.attrs
    outputs = attrs["body"].outputs
    return ForwardScan(node, outputs, body_args(node), attrs["carries"], attrs["sequences"])
