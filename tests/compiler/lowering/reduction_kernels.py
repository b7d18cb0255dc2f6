"""Kernels of kind rows and columns as fusion would make them: softmax and the normalisations."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler import graph as g
from graphc.compiler.graph import Node, toposort
from graphc.compiler.graph.dim import Shape
from graphc.compiler.graph.ops import OPS
from graphc.compiler.schedule.group import alone
from graphc.compiler.schedule.kernel import Kernel


def fused(shape: Shape, axes: Sequence[int], outputs: Sequence[Node]) -> Kernel:
    """One kernel that reduces `axes` of `shape` and computes `outputs` from inputs."""
    nodes = toposort(outputs)
    inputs = tuple(node for node in nodes if node.op == "input")
    anchors = tuple(node for node in nodes if OPS[node.op].family == "reduce")
    return Kernel(alone(anchors[0]).kind, inputs, tuple(outputs), shape, anchors, tuple(axes))


def softmax_loss(shape: Shape, axis: int) -> tuple[Kernel, list[Node]]:
    """Softmax, cross entropy and the gradient of both: three reductions, two of them in need of
    another. Returns the kernel and its inputs: scores, then targets."""
    scores, targets = g.input(shape, "float32"), g.input(shape, "float32")
    p = g.softmax(scores, axis)
    loss = g.neg(g.sum(targets * g.log(p), axis))
    gradient = (p - targets) / g.cast(g.as_node(shape[0]), "float32")
    return fused(shape, [axis], [p, loss, gradient]), [scores, targets]


def normalisation(shape: Shape, axes: Sequence[int]) -> tuple[Kernel, list[Node]]:
    """Layer or batch normalisation with its statistics. Returns the kernel and its inputs: x, then
    the scale, of the axes that batch normalisation keeps or layer normalisation reduces."""
    x = g.input(shape, "float32")
    y, mean, deviation, scale = _normalised(x, axes)
    kept = [size for axis, size in enumerate(shape) if axis not in axes]
    return fused(shape, axes, [y, g.reshape(mean, kept), deviation]), [x, scale]


def normalisation_gradient(shape: Shape, axes: Sequence[int]) -> tuple[Kernel, list[Node]]:
    """The gradient of `normalisation` with respect to x. Inputs: x, the scale, dy."""
    x, dy = g.input(shape, "float32"), g.input(shape, "float32")
    _, mean, deviation, scale = _normalised(x, axes)
    spread = g.reshape(deviation, mean.shape)
    unit = (x - mean) / spread
    inner = dy * _scaled(scale, shape, axes)
    projection = g.mean(inner * unit, axes, keepdims=True)
    dx = (inner - g.mean(inner, axes, keepdims=True) - unit * projection) / spread
    return fused(shape, axes, [dx]), [x, scale, dy]


def _normalised(x: Node, axes: Sequence[int]) -> tuple[Node, Node, Node, Node]:
    mean = g.mean(x, axes, keepdims=True)
    variance = g.mean(g.square(x - mean), axes, keepdims=True)
    spread = g.sqrt(variance + 1e-3)
    batch_wise = 0 in axes
    scaled = [size for axis, size in enumerate(x.shape) if (axis in axes) != batch_wise]
    scale = g.input(scaled, "float32")
    y = (x - mean) / spread * _scaled(scale, x.shape, axes)
    kept = [size for axis, size in enumerate(x.shape) if axis not in axes]
    return y, mean, g.reshape(spread, kept), scale


def _scaled(scale: Node, shape: Shape, axes: Sequence[int]) -> Node:
    batch_wise = 0 in axes
    own = [size if (axis in axes) != batch_wise else 1 for axis, size in enumerate(shape)]
    return g.reshape(scale, own)
