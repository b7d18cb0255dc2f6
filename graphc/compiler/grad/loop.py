"""A `scan` node taken apart."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.compiler.graph import Node, body_args


@dataclass(frozen=True)
class Loop:
    """A forward scan taken apart."""

    node: Node
    outputs: tuple[Node, ...]  # of the body: new carries, then what is stacked
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


def open_loop(node: Node) -> Loop:
    """The parts of a scan node."""
    attrs = node.attrs
    outputs = attrs["body"].outputs
    return Loop(node, outputs, body_args(node), attrs["carries"], attrs["sequences"])
