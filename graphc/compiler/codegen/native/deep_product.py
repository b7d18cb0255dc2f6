"""Products whose sums are long and whose result is small, as of the gradient of a weight over all
steps of a loop: each thread has rows of the result, which stay in its cache with what is summed.

Several products with one factor in common (the gates of a layer) are summed side by side, so that
it is read once.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from graphc.compiler.codegen.expression import Parameter, Variable, plus, times
from graphc.compiler.codegen.matmul import operand
from graphc.compiler.codegen.native.context import NativeContext, NativeSignature
from graphc.compiler.codegen.native.factor import Factors, is_turned
from graphc.compiler.codegen.native.nest import FIRST, Limits, Nest, parallel
from graphc.compiler.codegen.native.pointwise import store_elements
from graphc.compiler.codegen.native.rows_product import padded, sums_of_rows
from graphc.compiler.codegen.native.scratch import Slot, Tile, array
from graphc.compiler.codegen.product import Direct, Operand
from graphc.compiler.codegen.statement import braces
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Dim, Size, product, typical
from graphc.compiler.program.launch import Launch
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.targets.c_text import C_TYPES
from graphc.compiler.targets.marks import noted

_MOST_SUMS = 1 << 17
"""Elements of results that stay in the cache."""

_LEAST = 1 << 24
"""Multiplications of a product from which on threads divide it: the factors of a smaller one stay
in the cache of the core that made them, and are dearer to hand to another than to multiply."""

_DEEP = 4
"""How many times as long as the result's sides a sum has to be."""


def factors_of(kernel: Kernel, context: NativeContext) -> list[tuple[Operand, Operand]] | None:
    """The factors of products with long sums, which both lie in memory step after step of the sum
    or can be written so; None where they are other products."""
    node = kernel.anchors[0]
    if node.ndim != 2 or not np.issubdtype(node.dtype, np.floating):
        return None
    (m, n), k = node.shape, depth_of(node)
    if isinstance(m, Dim) or isinstance(n, Dim) or typical(k) < _DEEP * max(m, n, 1):
        return None
    if m * padded(node) * len(kernel.anchors) > _MOST_SUMS or n == 0:
        return None
    found = []
    for x in kernel.anchors:
        left = operand(x.inputs[0], kernel, context, k_last=True)
        right = operand(x.inputs[1], kernel, context, k_last=False)
        if not (_is_by_steps(left, is_turned(left.node)) and _is_by_steps(right, True)):
            return None
        found.append((left, right))
    return found


def _is_by_steps(factor: Operand, written: bool) -> bool:
    """Whether a factor lies step after step; one that is no matrix in memory, if it is `written`
    so."""
    return factor.fast == "outer" if isinstance(factor, Direct) else written


def depth_of(node: Node) -> Size:
    """How many terms each sum of a product has."""
    left, right = node.inputs
    return left.shape[-1] if not isinstance(left.shape[-1], Dim) else right.shape[-2]


def lower_deep_product(
    kernel: Kernel, factors: list[tuple[Operand, Operand]], context: NativeContext
) -> Launch:
    """One function, for products of `factors_of` and what is computed from them."""
    name = context.name(kernel.kind)
    signature = context.signature(kernel)
    context.program.includes["host_deep.h"] = None
    lines = _lines(kernel, factors, context, signature)
    node = kernel.anchors[0]
    count, (m, n) = len(kernel.anchors), node.shape
    how = f"{count} product{'' if count == 1 else 's'} of {m} x {n}, sums of {depth_of(node)} terms"
    return context.function(name, kernel, signature, lines, how)


def _lines(
    kernel: Kernel,
    factors: list[tuple[Operand, Operand]],
    context: NativeContext,
    signature: NativeSignature,
) -> list[str]:
    size = signature.size
    node = kernel.anchors[0]
    (m, n), k, width = node.shape, size(depth_of(node)), padded(node)
    scalar, count = C_TYPES[node.dtype], len(factors)
    elements = Tile(m, m, divided=True).elements(
        count * width, times(count * width, Variable("rows"))
    )
    sums = [array(signature, scalar, "sums", Slot.SUMS, elements)]
    lying = Factors(signature, (), m, n, depth_of(node), whole=True)
    ahead: list[str] = []
    calls = []
    for number, (left, right) in enumerate(factors):
        start = plus(Parameter("sums"), times(number * width, Variable("rows")))
        sums.append(f"{scalar}* s{number} = {start};")
        a, b = lying.left(left, number), lying.right(right, number)
        ahead += [*a.ahead, *b.ahead]
        calls.append(
            f"gc_deep_product<{n}>(rows, start, {k}, {plus(a.start, FIRST)}, {a.column}, "
            f"{b.start}, {b.row}, s{number});"
        )
    body = [
        "int first, last;",
        f"gc_share({m}, &first, &last);",
        "const int rows = last - first;",
        *sums,
        "int start = 0;",
        noted("do {", "once where there is nothing to sum: it makes zeros"),
        *(f"  {call}" for call in calls),
        "  start += GC_DEEP;",
        f"}} while (start < {k});",
        *_epilogue(kernel, context, signature),
    ]
    pragma = parallel((m, n, depth_of(node)), signature, False, _LEAST)
    return [*ahead, *pragma, "{", *(f"  {line}" for line in body), "}"]


def _epilogue(kernel: Kernel, context: NativeContext, signature: NativeSignature) -> list[str]:
    """The outputs of the thread's elements."""
    node = kernel.anchors[0]
    given = partial(sums_of_rows, kernel.anchors, [padded(x) for x in kernel.anchors])
    limits = Limits(node.shape[0], FIRST, Variable("last"))
    nest = Nest(signature, product(node.shape), given, limits, threads=False)
    body = partial(store_elements, kernel.outputs, context)
    return list(braces(nest.listing(body)).lines)
