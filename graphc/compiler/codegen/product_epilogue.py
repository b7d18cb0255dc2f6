"""What lies behind a product, and the stores of a kernel's results.

The three places where a product's sums are complete share it: the end of a tile, of a warp's sum,
and of the addition of partial sums.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphc.compiler.codegen.context import Context
from graphc.compiler.codegen.emitter import Emitter
from graphc.compiler.codegen.expression import (
    Expression,
    Variable,
    expression,
    grouped,
    plus,
    subscript,
    times,
)
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.product import Product
from graphc.compiler.codegen.signature import Place
from graphc.compiler.graph import dependents
from graphc.compiler.graph.dim import is_multiple, product
from graphc.compiler.graph.ops import OPS, Work
from graphc.compiler.schedule.hardware import PACK
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.targets.c_text import C_TYPES

_MOST_UNROLLED = 12


def is_long(kernel: Kernel) -> bool:
    """Whether an epilogue is too long to be unrolled over all sums of a thread, 128 at most: it is
    printed in a loop then, which chooses among the sums."""
    behind = dependents(kernel.outputs, kernel.anchors, stop=kernel.inputs)
    pointwise = [node for node in behind if OPS[node.op].family == "pointwise"]
    return (
        len(pointwise) > _MOST_UNROLLED
        or any(OPS[node.op].traits.work is Work.MANY for node in pointwise)
        or any(node.op == "random" for node in kernel.body)
    )


def finish(
    kernel: Kernel,
    anchor: Product,
    context: Context,
    emitter: Emitter,
    index: Index,
    packs: tuple[Expression, Expression] | None = None,
) -> dict[str, Any]:
    """Statements for the outputs of a kernel at one element, and where they go.

    All values come before the first store: a result may take the place of what another one reads.

    Args:
        kernel: whose outputs have the elements of the products' values.
        anchor: one of its products; `emitter.given` has the values of all.
        emitter: prints them.
        index: the element of `anchor.node`.
        packs: where four neighbours are stored at once, the variables that hold the position of
            the element and that of the first of the four.

    Returns:
        statements: what computes them.
        loads: (type, pointer) of inputs that are read four at a time, as ``pack_<pointer>``.
        packs: (type, pointer, address, value, guard): results that are stored four at a time.
        stores: (target, value, guard): results that are stored one by one.
    """
    signature = emitter.signature
    if packs is not None:
        index = at_position(emitter, index, packs[0])
    position = packs[0] if packs is not None else emitter.position(index)
    indices = [
        index if node.shape == anchor.node.shape else Index(node.shape, linear=position)
        for node in kernel.outputs
    ]
    values = [emitter.value(node, at) for node, at in zip(kernel.outputs, indices, strict=True)]
    wide, stores = [], []
    for node, value in zip(kernel.outputs, values, strict=True):
        for place in context.sinks[node]:
            target, guard = signature.stored(place, node.shape, position)
            aligned = place.step is None or is_multiple(product(node.shape), PACK)
            if packs is not None and aligned:
                pointer = signature.store_pointer(place)
                at = plus(signature.offset(place, node.shape), packs[1])
                address = expression("{} + {}", pointer, grouped(at))
                wide.append((C_TYPES[place.dtype], pointer, address, value, guard))
            else:
                stores.append((target, value, guard))
    return {
        "statements": emitter.statements,
        "loads": emitter.loads,
        "packs": wide,
        "stores": stores,
    }


def at_position(emitter: Emitter, index: Index, name: Expression) -> Index:
    """The index, whose position in C order the variable `name` holds."""
    if index.coords is None:
        return Index(index.shape, linear=name)
    # The emitter finds the variable where it would work out the position from the coordinates.
    emitter.once(("int", emitter.place(index)), lambda: name)
    return index


def partial_sums(
    emitter: Emitter,
    products: Sequence[Product],
    index: Index,
    partial: Sequence[Place],
    total: Callable[[int], Expression],
) -> dict[str, Any]:
    """As `finish`, for sums over a part of k, which go to the workspaces `partial` of shape
    (parts, elements).

    Args:
        emitter: prints the statements.
        products: whose sums they are.
        index: the element.
        partial: a workspace for each product.
        total: the sum of a product, by its number.
    """
    signature = emitter.signature
    packs = products[0].packs and emitter.pack is not None
    at = Variable("first") if packs else emitter.position(index)
    count = signature.size(product(products[0].node.shape))
    at = plus(times(Variable("part"), count), at)
    wide, stores = [], []
    for number, (one, place) in enumerate(zip(products, partial, strict=True)):
        pointer, value = signature.store_pointer(place), total(number)
        if packs:
            address = expression("{} + ({})", pointer, at)
            wide.append((C_TYPES[one.node.dtype], pointer, address, value, ""))
        else:
            stores.append((subscript(pointer, at), value, ""))
    return {"statements": emitter.statements, "loads": [], "packs": wide, "stores": stores}
