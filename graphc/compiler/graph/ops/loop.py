"""The structured loop: `scan`, the one tuple-valued op, and `item`, which reads it.

Inputs of a scan: initial carries, then sequences, then constants. Its body is a closed sub-graph
over ``arg(k)``, in the same order: carries, one slice of each sequence, constants. The body's
outputs are the new carries, then what is stacked over the steps. A scan's items are the final
carries, then the stacks. With ``reverse`` the steps run from the last slice to the first; what step
i gives is stacked at i either way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graphc.compiler.graph.checks import SizeChecks, fail
from graphc.compiler.graph.node import Node
from graphc.compiler.graph.ops.table import Attrs, Inputs, define
from graphc.errors import DTypeError


@dataclass(frozen=True)
class Body:
    """The outputs of one step of a scan. Equal outputs are identical nodes, so equality is
    cheap."""

    outputs: tuple[Node, ...]


def arg_types(inputs: Inputs, carries: int, sequences: int) -> list[tuple[tuple[Any, ...], str]]:
    """Shape and dtype of each argument of the body."""
    return [
        (node.shape[1:] if carries <= k < carries + sequences else node.shape, node.dtype)
        for k, node in enumerate(inputs)
    ]


def _scan_dtype(inputs: Inputs, attrs: Attrs) -> tuple[Any, ...]:
    outputs = attrs["body"].outputs
    for k in range(attrs["carries"]):
        if inputs[k].dtype != outputs[k].dtype:
            raise DTypeError(
                f"scan: carry {k} starts as {inputs[k].dtype} and the step gives "
                f"{outputs[k].dtype}; cast one of them"
            )
    return tuple(node.dtype for node in outputs)


def _scan_shape(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple[Any, ...]:
    carries, sequences, length = attrs["carries"], attrs["sequences"], attrs["length"]
    outputs = attrs["body"].outputs
    checks.at_least(length, 1, "scan: the number of steps")
    shapes = []
    for k, (start, new) in enumerate(zip(inputs[:carries], outputs, strict=False)):
        if start.ndim != new.ndim:
            fail(f"scan: carry {k} starts with shape {start.shape}, the step gives {new.shape}")
        for axis, (a, b) in enumerate(zip(start.shape, new.shape, strict=True)):
            what = "scan: axis {} of carry {}, first {}, then {}"
            checks.equal(a, b, what, axis, k, start.shape, new.shape)
        shapes.append(start.shape)
    for k, node in enumerate(inputs[carries : carries + sequences]):
        if node.ndim == 0:
            fail(f"scan: sequence {k} is a scalar; its axis 0 is the loop's")
        what = "scan: steps of sequence {} of shape {}"
        checks.equal(node.shape[0], length, what, k, node.shape)
    return (*shapes, *((length, *node.shape) for node in outputs[carries:]))


def _item_shape(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple[Any, ...]:
    shapes: tuple[Any, ...] = inputs[0].shape
    shape: tuple[Any, ...] = shapes[attrs["index"]]
    return shape


define(
    "scan",
    "loop",
    None,
    _scan_dtype,
    _scan_shape,
    ("body", "carries", "sequences", "length", "reverse"),
)
define(
    "item",
    "loop",
    1,
    lambda inputs, attrs: inputs[0].dtype[attrs["index"]],
    _item_shape,
    ("index",),
)
