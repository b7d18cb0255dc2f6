"""The parts of a `scan` node."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.compiler.graph import Node, body_args


@dataclass(frozen=True)
class ScanParts:
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


def scan_parts(node: Node) -> ScanParts:
    """Return the parts of a scan node."""
    attrs = node.attrs
    outputs = attrs["body"].outputs
    return ScanParts(node, outputs, body_args(node), attrs["carries"], attrs["sequences"])
