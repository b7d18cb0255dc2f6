"""Kernels of kind pointwise, and every kernel in which a thread owns one result.

A thread walks packs of four neighbouring elements where all that it does is cheap: inputs that are
read in the order of the results come in 16-byte loads. Where a thread has a loop of its own
(pooling, a convolution with one filter) it owns one element.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from graphc.compiler.codegen import emit_loops, emit_movement, emit_windows  # noqa: F401  (rules)
from graphc.compiler.codegen.context import Context
from graphc.compiler.codegen.emitter import Emitter, Pack
from graphc.compiler.codegen.expression import Expression, Variable, names_read
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.render import render
from graphc.compiler.codegen.signature import Signature
from graphc.compiler.codegen.statement import Listing
from graphc.compiler.codegen.traffic import reads, writes
from graphc.compiler.graph import Node, toposort
from graphc.compiler.graph.dim import ceil_divide, product
from graphc.compiler.graph.ops import OPS
from graphc.compiler.program.launch import Clamped, Launch
from graphc.compiler.schedule.hardware import MOST_BLOCKS, PACK
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.targets.c_text import C_TYPES
from graphc.compiler.targets.marks import NAME

THREADS = 256
AT = Variable("i")
"""The variable that holds the position of the thread's element."""

# Families whose rules print a loop.
_LOOPS = ("reduce", "contraction", "window")


def lower_pointwise(kernel: Kernel, context: Context) -> list[Launch]:
    """One launch: a thread an element, or a pack of them."""
    name = context.name(kernel.kind)
    signature = context.signature(kernel)
    body = elementwise_body(kernel, context, signature)
    wide = body["wide"]
    text = render(
        "pointwise.cu.j2",
        name=NAME,
        parameters=signature.parameters,
        threads=THREADS,
        body=body,
    )
    elements = product(kernel.extents)
    each = PACK if wide else 1
    blocks = Clamped(ceil_divide(elements, THREADS * each), 1, MOST_BLOCKS)
    extents = " x ".join(map(str, kernel.extents)) or "one"
    how = f"{extents} elements, {'packs of four' if wide else 'one'} a thread"
    grid, block = (blocks, 1, 1), (THREADS, 1, 1)
    traffic = body["traffic"]
    return [context.launch(name, kernel, signature, text, grid, block, how, traffic=traffic)]


def elementwise_body(kernel: Kernel, context: Context, signature: Signature) -> dict[str, Any]:
    """What the macro `elementwise` of templates/elementwise.j2 needs to compute and store the
    outputs of a kernel, which have equal numbers of elements; and `traffic`, which a launch has of
    it."""
    wide = not any(OPS[node.op].family in _LOOPS for node in kernel.body)
    pack = Pack(AT, Variable("lane"), Variable("first")) if wide else None
    emitter = Emitter(signature, pack)
    element = element_text(kernel, context, emitter)
    elements, turn = product(kernel.extents), THREADS * (PACK if wide else 1)
    read = reads(emitter.take_asked(), (elements,), (ceil_divide(elements, turn),), turn)
    return {
        "wide": wide,
        "count": signature.size(elements),
        "pack_lines": Listing(pack.statements if pack else ()),
        "traffic": [*read, *writes(kernel.outputs, context.sinks)],
        **element,
    }


def element_text(kernel: Kernel, context: Context, emitter: Emitter) -> dict[str, Any]:
    """The outputs of a kernel at the element `i`: statements, loads, packs and stores as
    templates/elementwise.j2 has them."""
    signature = emitter.signature
    outputs = own_outputs(kernel, context, emitter) if kernel.kind == "window" else kernel.outputs
    # All values before the first store: a result may take the place of what another one reads.
    values = [emitter.value(node, Index(node.shape, linear=AT)) for node in outputs]
    packs, stores = [], []
    for node, value in zip(outputs, values, strict=True):
        for place in context.sinks[node]:
            if emitter.pack is not None and place.step is None:
                pointer, guard = signature.store_pointer(place), signature.guard(place)
                packs.append((C_TYPES[place.dtype], pointer, value, guard))
            else:
                target, guard = signature.stored(place, node.shape, AT)
                stores.append((target, value, guard))
    return {
        "statements": emitter.statements,
        "loads": emitter.loads,
        "packs": packs,
        "stores": stores,
    }


def names_in(element: Mapping[str, Any]) -> frozenset[Variable]:
    """The variables that the statements, packs and stores of an element read."""
    stored = [x for one in (*element["packs"], *element["stores"]) for x in one]
    read: frozenset[Variable] = element["statements"].reads
    return read | names_read(x for x in stored if isinstance(x, Expression))


def own_outputs(kernel: Kernel, context: Context, emitter: Emitter) -> list[Node]:
    """The outputs of which a pooling's kernel has one for each result. The others are elements of
    what a pooling reads, and are stored while it walks its windows."""
    own = [node for node in kernel.outputs if product(node.shape) == product(kernel.extents)]
    for pooling in kernel.anchors:
        if pooling.op == "gather_pool":
            continue
        behind = set(toposort(pooling.inputs[:1], stop=kernel.inputs))
        others = [
            node
            for node in kernel.outputs
            if node not in own and not behind.isdisjoint((node, *node.inputs))  # packed bools
        ]
        if others:
            emitter.beside[pooling] = partial(_store, others, context, emitter)
    return own


def _store(nodes: Sequence[Node], context: Context, emitter: Emitter, element: Index) -> None:
    """Lines that store values of one shape at an element of it."""
    position = emitter.position(element)
    values = [
        emitter.value(node, Index(node.shape, element.linear, element.coords)) for node in nodes
    ]
    for node, value in zip(nodes, values, strict=True):
        for place in context.sinks[node]:
            target, guard = emitter.signature.stored(place, node.shape, position)
            emitter.assign(target, value, guard)
