"""Kernels of kind matmul: products of matrices, with what lies before and behind them."""

from __future__ import annotations

from graphc.compiler.codegen.context import Context
from graphc.compiler.codegen.emitter import Emitter
from graphc.compiler.codegen.expression import Expression
from graphc.compiler.codegen.index import Coordinates, Index
from graphc.compiler.codegen.lower_mapped import lower_where_mapped
from graphc.compiler.codegen.lower_product import lower_product
from graphc.compiler.codegen.product import Direct, Operand, OperandAxis, Product, Pulled
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Dim, is_multiple
from graphc.compiler.program.launch import Launch
from graphc.compiler.schedule.hardware import PACK
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.schedule.strides import strided


def lower_matmul(kernel: Kernel, context: Context) -> list[Launch]:
    """The launches of a kernel whose anchors are matmuls of equal sizes: of one loop program by the
    mappings of products, or by `lower_product`."""
    launches = lower_where_mapped(kernel, context)
    if launches:
        return launches
    products = [_product(node, kernel, context) for node in kernel.anchors]
    return lower_product(kernel, products, context)


def _product(node: Node, kernel: Kernel, context: Context) -> Product:
    left, right = node.inputs
    *batch, m, n = node.shape
    k = left.shape[-1] if not isinstance(left.shape[-1], Dim) else right.shape[-2]

    def result(emitter: Emitter, batch: Coordinates, i: Expression, j: Expression) -> Index:
        return Index(node.shape, coords=(*batch, i, j))

    return Product(
        node=node,
        batch=tuple(batch),
        m=m,
        n=n,
        k=k,
        left=operand(left, kernel, context, k_last=True),
        right=operand(right, kernel, context, k_last=False),
        result=result,
        packs=is_multiple(n, PACK),
    )


def operand(node: Node, kernel: Kernel, context: Context, k_last: bool) -> Operand:
    """How the last two axes of a node are read: `k_last` of a left operand, whose last axis is k,
    while the last axis of a right one is the outer one."""
    memory = [x for x in kernel.inputs if x in context.places]
    last: OperandAxis = "k" if k_last else "outer"
    other: OperandAxis = "outer" if k_last else "k"
    fast = last
    view = strided(node, memory, context.counters)
    if view is not None:
        *batch_strides, row, column = view.strides
        rows, columns = node.shape[-2:]
        if column == 1 or columns == 1:
            return Direct(view.node, last, row, tuple(batch_strides), view.offset, view.steps)
        if row == 1 or rows == 1:
            return Direct(view.node, other, column, tuple(batch_strides), view.offset, view.steps)
    elif _is_turned(node):
        fast = other

    def value(emitter: Emitter, batch: Coordinates, outer: Expression, k: Expression) -> Expression:
        coords = (*batch, outer, k) if k_last else (*batch, k, outer)
        return emitter.value(node, Index(node.shape, coords=coords))

    return Pulled(node, fast, value)


def _is_turned(node: Node) -> bool:
    """Whether the last axis of a computed value is not the one along which memory runs: there is a
    transpose that moves the last axis before the pointwise ops begin."""
    while node.op in ("transpose", "slice", "reshape", "cast"):
        if node.op == "transpose" and node.attrs["order"][-1] != len(node.shape) - 1:
            return True
        node = node.inputs[0]
    return False
