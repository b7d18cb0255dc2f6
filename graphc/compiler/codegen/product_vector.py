"""Products with one column or one row: a warp computes one result."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler.codegen.context import Context
from graphc.compiler.codegen.emitter import Emitter, always
from graphc.compiler.codegen.expression import Expression, Variable, call, modulo, over
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.product import Product
from graphc.compiler.codegen.product_epilogue import finish, partial_sums
from graphc.compiler.codegen.product_operand import INNER, read
from graphc.compiler.codegen.render import render
from graphc.compiler.codegen.signature import Place, Signature
from graphc.compiler.codegen.traffic import reads
from graphc.compiler.graph.dim import ceil_divide, product
from graphc.compiler.program.launch import Traffic
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.targets.c_text import C_TYPES
from graphc.compiler.targets.marks import NAME

WARPS = 8
"""Warps of a block: those of one block walk neighbouring rows, and share what they load."""


def print_vector(
    name: str,
    kernel: Kernel,
    products: Sequence[Product],
    context: Context,
    signature: Signature,
    partial: Sequence[Place],
) -> tuple[str, list[Traffic]]:
    """The text of a kernel whose warps compute one element of the result each, and what it reads.

    Args:
        name: of the function.
        kernel: what it computes.
        products: its products, of equal sizes.
        context: where the results go.
        signature: collects the parameters.
        partial: the workspaces where k is cut into parts, else empty.
    """
    first = products[0]
    emitter = Emitter(signature)
    batch = emitter.coordinates(Index(first.batch, linear=Variable("matrix")))
    head = emitter.take()
    row, column = Variable("row"), Variable("column")
    for number, one in enumerate(products):
        left = read(emitter, one.left, batch, row, INNER)
        right = read(emitter, one.right, batch, column, INNER)
        total = _total(number)
        signature.holds(total, one.node)
        summed = call("gc_add", total, call("gc_mul", left, right))
        emitter.assign(total, summed, is_element=True)
    loop = emitter.take()
    results = product(first.node.shape)
    turns = (ceil_divide(results, WARPS),)
    traffic = reads(emitter.take_asked(), (results, first.k), turns)
    index = first.result(emitter, batch, row, column)
    if partial:
        end = partial_sums(emitter, products, index, partial, _total)
    else:
        for number, one in enumerate(products):
            emitter.given[one.node] = always(_total(number))
        end = finish(kernel, first, context, emitter, index)
    traffic += reads(emitter.take_asked(), (results,), turns)
    size, result = signature.size, Variable("result")
    of_matrix = size(first.m * first.n)
    text = render(
        "product_vector.cu.j2",
        name=NAME,
        warps=WARPS,
        type=C_TYPES[first.node.dtype],
        totals=len(products),
        count=size(results),
        matrix=over(result, of_matrix) if product(first.batch) != 1 else "",
        row=over(modulo(result, of_matrix), size(first.n)),
        column=modulo(result, size(first.n)),
        k=size(first.k),
        split=bool(partial),
        head=head,
        loop=loop,
        epilogue=end,
        parameters=signature.parameters,
    )
    return text, traffic


def _total(number: int) -> Expression:
    """The variable that holds the sum of a product."""
    return Variable(f"total{number}")
