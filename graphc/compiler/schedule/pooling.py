"""Fusion of poolings with the producers of their operands.

**Elementwise nodes** (`covers_each_element`). A thread that owns a window of the pooling
computes its elements, and stores them where others read them too: that saves reading them again.

**A convolution** (`fusion_blocker`). A thread of its kernel has packs of four columns of a tile. If
the columns are counted window by window, a pack is a window of 2 x 2, and two are one of 2 x 2 x 2:
the thread has all that the pooling reads. By bytes this always pays: the pooling alone would read
the convolution's result again. It does not where the kernel would be slower for it: a convolution
with few tiles is better cut along k, whose partial sums are added elsewhere, and one with a single
tap is a plain product.
"""

from __future__ import annotations

import math
from collections.abc import Collection

from graphc.compiler.graph import OPS, Node, toposort
from graphc.compiler.graph.dim import Dim, Shape, evaluate_at, product
from graphc.compiler.schedule.group import ELEMENT, INLINED, WINDOWED, Group
from graphc.compiler.schedule.inline import Scope, reads_once
from graphc.compiler.schedule.relation import SAME, element_readings

# A tile has 128 columns; with more tiles than this, split-k does not pay.
_COLUMNS = 128
_TILES = 128
# The value of every symbol, as where tiles are chosen.
_TYPICAL = 128


def covers_each_element(
    group: Group, producer: Group, stored: Collection[Node], scope: Scope
) -> bool:
    """Return True if a group is one pass over windows that do not compute on the way, the windows
    cover each element of the input exactly once, and the `stored` nodes of an elementwise producer
    are read at those elements."""
    pooling = next(iter(group.nodes))
    if pooling.op == "gather_pool" or INLINED in group.nodes.values():
        return False
    x = pooling.inputs[0]
    behind = set(toposort([x]))
    own = all(relation == SAME for y, relation in element_readings(x, scope) if y in stored)
    return (
        own
        and all(y in behind and product(y.shape) == product(x.shape) for y in stored)
        and _divides(pooling, x.shape[2:])
    )


def is_pooling(group: Group) -> bool:
    """Return True if a group is a pooling, or one pass over its windows, with what is inlined into
    it."""
    return all(tag == INLINED or OPS[node.op].traits.pools for node, tag in group.nodes.items())


def fusion_blocker(group: Group, producer: Group, scope: Scope, *, is_stored: bool) -> str:
    """Return the reason why a convolution, the producer, is not fused with a pooling of its result;
    empty if it is.

    Args:
        group, producer: the pooling, and the convolution with what is computed of its elements.
        scope: what is computed on the way.
        is_stored: whether others read values of the convolution's elements.
    """
    (conv,) = producer.anchors
    if INLINED in group.nodes.values():
        return "the pooling computes what lies between"
    if WINDOWED in producer.nodes.values():
        return "the convolution has another pooling"
    pooling = next(iter(group.nodes))
    if pooling.op == "gather_pool":
        return "it reads the convolution's values at other elements"
    for node in group.nodes:
        found = [x for x in element_readings(node.inputs[-1], scope) if x[0] in producer.nodes]
        if any(relation != SAME or producer.nodes[x] != ELEMENT for x, relation in found):
            return "it reads the convolution's values at other elements"
    if scope.cpu:
        return _cpu_blocker(pooling, conv, is_stored=is_stored)
    return _window_blocker(pooling, conv) or _tile_blocker(conv)


def _cpu_blocker(pooling: Node, conv: Node, *, is_stored: bool) -> str:
    """Return the reason why a CPU does not compute a pooling from a tile of a convolution's result
    while that is cached; empty if it does."""
    if not reads_once(pooling):
        return "its windows overlap"
    if pooling.inputs[0].shape != conv.shape:
        return "it reads the convolution's values at other elements"
    if is_stored and not _divides(pooling, conv.shape[2:]):
        return "its windows leave out elements that others read"
    return "a convolution without elements is no product" if 0 in conv.inputs[1].shape else ""


def _window_blocker(pooling: Node, conv: Node) -> str:
    """Return the reason why the windows do not fit a convolution's tile; empty if they do."""
    window, sizes = pooling.attrs["window"], conv.shape[2:]
    if not reads_once(pooling):
        return "its windows overlap"
    halves = math.prod(window) in (4, 8) and max(window) == window[-1] == 2
    if pooling.inputs[0].shape != conv.shape or not halves:
        return "its windows are not the 2 x 2 (x 2) that a thread of it has"
    return "" if _divides(pooling, sizes) else "its windows do not divide the convolution's result"


def _divides(pooling: Node, sizes: Shape) -> bool:
    """Return True if the windows cover each element of these spatial axes exactly once."""
    window, strides = pooling.attrs["window"], pooling.attrs["strides"]
    padded = any(side != 0 for sides in pooling.attrs["padding"] for side in sides)
    return not padded and all(
        not isinstance(size, Dim) and size % by == 0 and by == stride
        for size, by, stride in zip(sizes, window, strides, strict=True)
    )


def _tile_blocker(conv: Node) -> str:
    """Return the reason why the convolution's result is not made of whole tiles by one launch;
    empty if it is."""
    filters, taps = conv.shape[1], product(conv.inputs[1].shape[2:])
    if isinstance(filters, Dim) or filters == 1 or taps == 1:
        return "a convolution of one filter, or with a single tap, is computed without windows"
    if any(hole != 1 for hole in conv.attrs["input_dilation"]):
        return "the convolution is computed in classes of windows"
    columns = evaluate_at(conv.shape[0] * product(conv.shape[2:]), _TYPICAL)
    if columns <= _TILES * _COLUMNS:
        return "the convolution has few tiles, and may be cut along k"
    return ""
