"""The parts of a schedule: kernels, each a sub-graph that is computed together, and loops of
kernels, which one launch may run whole.

A `Kernel` does not say how its work is spread over threads; `graphc.compiler.lowering` decides that
for each target.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from graphc.compiler.graph import Node, origin_of, toposort
from graphc.compiler.graph.dim import Shape, Size

KINDS = (
    "pointwise",
    "rows",
    "columns",
    "matmul",
    "conv",
    "window",
    "gather",
    "scatter",
    "update",
)


@dataclass(frozen=True, eq=False)
class Kernel:
    """A sub-graph that is computed together.

    Its body is everything from `outputs` back to `inputs`: an SSA program over op names.

    Attributes:
        kind: one of `KINDS`.
        inputs: the values that it reads from memory, in the order in which the body meets them.
        outputs: the values that it stores; an input among them is copied. Each has as many elements
            as `extents`, or, in `rows` and `columns`, as `extents` without the axes `reduced`, or,
            in `conv`, as the result of a pooling in the body, or, in `window`, as an anchor's
            operand.
        extents: the shape of the iteration domain: of `pointwise` and `gather` that of a value, of
            `rows` and `columns` that of the reduced operand, of the other kinds that of an
            anchor's result; of `update` (), as its parts have theirs.
        anchors: the nodes that settle the kind: the reductions (in the order in which they need
            each other), the products, the convolution, the pooling, the scatter_add; none in
            `pointwise`, `gather` and `update`.
        reduced: of `rows` and `columns`, the axes of `extents` that the anchors reduce.
        parts: of `update`, the kernels of kind pointwise that share one launch.
        reasons: a sentence for each neighbour that it was not fused with.
    """

    kind: str
    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]
    extents: Shape
    anchors: tuple[Node, ...] = ()
    reduced: tuple[int, ...] = ()
    parts: tuple[Kernel, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def stores(self) -> tuple[Node, ...]:
        """The values that later steps find in memory."""
        return self.outputs

    @cached_property
    def body(self) -> tuple[Node, ...]:
        """The nodes that it computes, each after its inputs."""
        stop = set(self.inputs)
        return tuple(node for node in toposort(self.outputs, stop) if node not in stop)

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers whose nodes it computes, in the order of the body, each once."""
        origins = (origin_of(node) for node in self.body)
        return tuple(dict.fromkeys(str(origin) for origin in origins if origin is not None))


@dataclass(frozen=True, eq=False)
class Persistent:
    """A whole loop as one launch: a thread has one column of one row of the batch.

    Attributes:
        batch: the size of the axis 0 of all values that vary by row; a block has some rows of it.
        width: the elements of the longest row; a thread for each.
        columns: the right operands of products for whose columns registers have room.
        matrices: the others, which are copied to shared memory before the first step.
        carries: the carries of which other threads of the row read elements: in shared memory, as
            are `tiles`.
        tiles: values that are complete at the end of their stage: left operands of products, ...
        stages: the values computed between two barriers, in order: tiles and outputs of the body.
        stage_of: the first stage in which each value that varies by row can be computed.
        nbytes: of the shared memory that matrices, carries and tiles take.
    """

    batch: Size
    width: int
    columns: tuple[Node, ...]
    matrices: tuple[Node, ...]
    carries: tuple[Node, ...]
    tiles: tuple[Node, ...]
    stages: tuple[tuple[Node, ...], ...]
    stage_of: dict[Node, int]
    nbytes: int


@dataclass(frozen=True, eq=False)
class Loop:
    """A scan: the steps of its body, run once for each step of the loop.

    The body is written over the values around it: its constants are the outer nodes themselves, and
    a slice of a sequence is ``gather(sequence, step)``, so that a sequence may be any index map.

    Attributes:
        scan: the node.
        step: the leaf that stands for the number of the step, an int32 scalar.
        carries: the leaf that stands for each carry as the step finds it.
        initial: the initial value of each carry: in memory, or, of a persistent loop, a literal.
        outputs: the results of the body: the new carries, then the stacked values.
        items: the `item` nodes of the scan that the program reads; the loop stores them.
        inputs: the values that it reads from memory, the initial carries included.
        steps: the schedule of `needed`; it runs if there is no `persistent`.
        persistent: the mapping of all steps to one launch, if there is one.
        reasons: as of a kernel.
    """

    scan: Node
    step: Node
    carries: tuple[Node, ...]
    initial: tuple[Node, ...]
    outputs: tuple[Node, ...]
    items: tuple[Node, ...]
    inputs: tuple[Node, ...]
    steps: tuple[Step, ...]
    persistent: Persistent | None = None
    reasons: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The word for a loop in reports, beside the `KINDS` of kernels."""
        return "scan"

    @property
    def stores(self) -> tuple[Node, ...]:
        """The values that later steps find in memory."""
        return self.items

    @property
    def needed(self) -> tuple[Node, ...]:
        """Those of `outputs` that a step has to compute: new carries, and stacked values that are
        read."""
        read = {item.attrs["index"] for item in self.items}
        return tuple(
            node for k, node in enumerate(self.outputs) if k < len(self.carries) or k in read
        )

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers of its steps, each once."""
        return tuple(dict.fromkeys(name for step in self.steps for name in step.layers))


Step: TypeAlias = Kernel | Loop


def kernels(steps: Sequence[Step]) -> list[Kernel]:
    """All kernels of a schedule, those of loop bodies included, in order."""
    found: list[Kernel] = []
    for step in steps:
        found += kernels(step.steps) if isinstance(step, Loop) else [step]
    return found
