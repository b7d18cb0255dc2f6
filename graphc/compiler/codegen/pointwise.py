"""The text of an element of a kernel's outputs, behind a product, or a sum by indices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphc.compiler.codegen import emit_loops, emit_movement, emit_windows  # noqa: F401  (rules)
from graphc.compiler.codegen.context import Context
from graphc.compiler.codegen.emitter import Emitter
from graphc.compiler.codegen.expression import Expression, Variable, names_read
from graphc.compiler.codegen.index import Index
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.targets.c_text import C_TYPES

THREADS = 256
AT = Variable("i")
"""The variable that holds the position of the thread's element."""


def element_text(kernel: Kernel, context: Context, emitter: Emitter) -> dict[str, Any]:
    """The outputs of a kernel at the element `i`: statements (the values there), loads ((type,
    pointer): inputs that are read a pack at a time), packs ((type, pointer, value, guard): results
    that are stored a pack at a time) and stores ((target, value, guard): the others)."""
    signature = emitter.signature
    # All values before the first store: a result may take the place of what another one reads.
    values = [emitter.value(node, Index(node.shape, linear=AT)) for node in kernel.outputs]
    packs, stores = [], []
    for node, value in zip(kernel.outputs, values, strict=True):
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
