"""Rules of simplify for nodes that move elements: they compose, and those that do nothing go."""

from __future__ import annotations

from itertools import accumulate

from graphc.compiler import graph as g
from graphc.compiler.graph import OPS, Node
from graphc.compiler.passes.match import Rule

# A dtype and those that hold every value of it.
_HOLDS = {
    "bool": {"int32", "int64", "uint32", "float32", "float64"},
    "int32": {"int64", "float64"},
    "uint32": {"int64", "float64"},
    "float32": {"float64"},
}

_MOST_TRANSPOSED = 5
"""Axes of an image whose windows get an axis more: those of a volume."""


def _transpose(node: Node) -> Node | None:
    """transpose(transpose(x)), and those of broadcasts and of axes of size 1, are one movement."""
    (x,), order = node.inputs, node.attrs["order"]
    long_axes = [axis for axis in order if x.shape[axis] != 1]
    if long_axes == sorted(long_axes):
        return g.reshape(x, node.shape)
    if x.op == "transpose":
        return g.transpose(x.inputs[0], [x.attrs["order"][axis] for axis in order])
    if x.op == "broadcast":
        positions = [order.index(axis) for axis in x.attrs["axes"]]
        source = g.transpose(x.inputs[0], sorted(range(len(positions)), key=positions.__getitem__))
        return g.make("broadcast", source, shape=node.shape, axes=tuple(sorted(positions)))
    return None


def _reshape(node: Node) -> Node | None:
    """reshape(reshape(x)) = reshape(x); a reshape to the same shape is nothing."""
    (x,) = node.inputs
    if x.shape == node.shape:
        return x
    if x.op == "reshape":
        return g.reshape(x.inputs[0], node.shape)
    if x.op == "broadcast" and x.inputs[0].ndim == 0:
        return g.broadcast_to(x.inputs[0], node.shape)
    return None


def _broadcast(node: Node) -> Node | None:
    """broadcast(broadcast(x)) = broadcast(x); a broadcast to the same shape is nothing."""
    (x,), axes = node.inputs, node.attrs["axes"]
    if x.shape == node.shape:
        return x
    if x.op == "broadcast":
        inner = tuple(axes[axis] for axis in x.attrs["axes"])
        return g.make("broadcast", x.inputs[0], shape=node.shape, axes=inner)
    return None


def _cast(node: Node) -> Node | None:
    """cast(cast(x)) = cast(x) where the dtype between holds every value; to the same is nothing."""
    (x,) = node.inputs
    if x.dtype == node.dtype:
        return x
    if x.op != "cast" or x.dtype not in _HOLDS.get(x.inputs[0].dtype, ()):
        return None
    # A float that an int dtype cannot hold saturates where an int wraps around.
    source = x.inputs[0].dtype
    saturates = not g.is_float(source) and g.is_float(x.dtype) and not g.is_float(node.dtype)
    if not saturates or node.dtype in ("bool", source) or node.dtype in _HOLDS[source]:
        return g.cast(x.inputs[0], node.dtype)
    return None


def _slice(node: Node) -> Node | None:
    """slice(slice(x)) = slice(x); a slice of everything is nothing."""
    (x,) = node.inputs
    start, stop, step = (node.attrs[name] for name in ("start", "stop", "step"))
    if x.shape == node.shape and not any(map(_is_nonzero, start)):
        return x
    if x.op == "slice" and set(x.attrs["step"]) == {1}:
        first = x.attrs["start"]
        return g.make(
            "slice",
            x.inputs[0],
            start=tuple(a + b for a, b in zip(first, start, strict=True)),
            stop=tuple(a + b for a, b in zip(first, stop, strict=True)),
            step=step,
        )
    return None


def _slice_of_concat(node: Node) -> Node | None:
    """Rewrite a slice within one operand of a concatenation to a slice of that operand."""
    (x,) = node.inputs
    if x.op != "concat":
        return None
    axis = x.attrs["axis"]
    start, stop = node.attrs["start"], node.attrs["stop"]
    sizes = [operand.shape[axis] for operand in x.inputs]
    if not all(isinstance(size, int) for size in (*sizes, start[axis], stop[axis])):
        return None
    for operand, end in zip(x.inputs, accumulate(sizes), strict=True):
        offset = end - operand.shape[axis]
        if offset <= start[axis] < stop[axis] <= end:
            return g.make(
                "slice",
                operand,
                start=(*start[:axis], start[axis] - offset, *start[axis + 1 :]),
                stop=(*stop[:axis], stop[axis] - offset, *stop[axis + 1 :]),
                step=node.attrs["step"],
            )
    return None


def _pad(node: Node) -> Node | None:
    """pad(x) by nothing = x."""
    widths = (*node.attrs["low"], *node.attrs["high"], *node.attrs["interior"])
    return None if any(map(_is_nonzero, widths)) else node.inputs[0]


def _concat(node: Node) -> Node | None:
    """concat(x) = x; operands without elements are left out."""
    axis = node.attrs["axis"]
    operands = [x for x in node.inputs if x.shape[axis] != 0] or [node.inputs[0]]
    if 1 < len(operands) == len(node.inputs):
        return None
    return g.concat(operands, axis)


def _flip(node: Node) -> Node | None:
    """flip(flip(x)) = flip(x) along the axes that one of them has; axes of size 1 are left out."""
    (x,) = node.inputs
    axes = {axis for axis in node.attrs["axes"] if x.shape[axis] != 1}
    if x.op == "flip":
        return g.flip(x.inputs[0], sorted(axes ^ set(x.attrs["axes"])))
    return g.flip(x, sorted(axes)) if len(axes) < len(node.attrs["axes"]) else None


def _gather(node: Node) -> Node | None:
    """Every element in its place: x[0, 1, 2, ...]."""
    x, indices = node.inputs
    size = x.shape[node.attrs["axis"]]
    return x if indices.op == "iota" and indices.attrs["size"] == size else None


def lift_broadcast(node: Node) -> Node | None:
    """An op on values broadcast alike is computed once for each value, then broadcast.

    Scalars go along with whatever else is broadcast.
    """
    if any(x.op != "broadcast" for x in node.inputs):
        return None
    sources = [x.inputs[0] for x in node.inputs]
    placed = {
        (source.shape, x.attrs["axes"])
        for source, x in zip(sources, node.inputs, strict=True)
        if source.ndim
    }
    if len(placed) > 1:
        return None
    shape, axes = placed.pop() if placed else ((), ())
    small = g.make(node.op, *(g.broadcast_to(x, shape) for x in sources), **node.attrs)
    return g.make("broadcast", small, shape=node.shape, axes=axes)


def lift_reshape(node: Node) -> Node | None:
    """An op on values reshaped alike comes before the reshape, which may then meet another."""
    reshaped = [x for x in node.inputs if x.op == "reshape"]
    if not reshaped:
        return None
    shape = reshaped[0].inputs[0].shape
    operands = []
    for x in node.inputs:
        source = x.inputs[0] if x.inputs else x
        if x.op == "reshape" and source.shape == shape:
            operands.append(source)
        elif x.op == "broadcast" and source.ndim == 0:
            operands.append(g.broadcast_to(source, shape))
        else:
            return None
    return g.reshape(g.make(node.op, *operands, **node.attrs), node.shape)


def _pool_of_transpose(node: Node) -> Node | None:
    """Windows over images with their channels last are windows over one axis more, each of one
    channel: elements stay where they are. Where a convolution's result was transposed before, the
    two transposes are nothing together, and the windows stay those of its result."""
    (x,) = node.inputs
    order = (0, x.ndim - 1, *range(1, x.ndim - 1))
    if x.op != "transpose" or x.attrs["order"] != order or x.ndim > _MOST_TRANSPOSED:
        return None
    (source,) = x.inputs
    to_last = (0, *range(2, source.ndim), 1)
    if any(one.attrs["order"] == to_last for one in g.transposes_behind(source)):
        return None
    batch, *sizes = source.shape
    one_more = {"window": 1, "strides": 1, "padding": (0, 0)}
    attrs = {name: (*node.attrs[name], last) for name, last in one_more.items()}
    pooled = g.make(node.op, g.reshape(source, (batch, 1, *sizes)), **attrs)
    return g.transpose(g.reshape(pooled, (batch, *pooled.shape[2:])), order)


def _conv_of_pad(node: Node) -> Node | None:
    """The windows of an image in zeros are those of the image with more padding."""
    image, kernel = node.inputs
    zeros = _zeros_around(image)
    if zeros is None:
        return None
    inside, widths = zeros
    padding = tuple(
        (before + low * hole, after + high * hole)
        for (before, after), (low, high), hole in zip(
            node.attrs["padding"], widths, node.attrs["input_dilation"], strict=True
        )
    )
    return g.make("conv", inside, kernel, **{**node.attrs, "padding": padding})


def _conv_of_single_elements(node: Node) -> Node | None:
    """Windows of one element that lie apart are those of the elements that they are over."""
    image, kernel = node.inputs
    strides, attrs = node.attrs["strides"], node.attrs
    if set(kernel.shape[2:]) != {1} or set(strides) == {1}:
        return None
    has_padding = any(_is_nonzero(width) for ends in attrs["padding"] for width in ends)
    if has_padding or set(attrs["input_dilation"]) != {1}:
        return None
    step = (1, 1, *strides)
    read = g.make("slice", image, start=(0,) * image.ndim, stop=image.shape, step=step)
    ones = (1,) * len(strides)
    return g.make("conv", read, kernel, **{**attrs, "strides": ones, "kernel_dilation": ones})


def _sum_pool_of_pad(node: Node) -> Node | None:
    """The sums of windows over an image in zeros are those with more padding, of which a window may
    not be made alone."""
    (image,) = node.inputs
    zeros = _zeros_around(image)
    if zeros is None:
        return None
    inside, widths = zeros
    padding = tuple(
        (before + low, after + high)
        for (before, after), (low, high) in zip(node.attrs["padding"], widths, strict=True)
    )
    if any(max(ends) >= size for ends, size in zip(padding, node.attrs["window"], strict=True)):
        return None
    return g.make("sum_pool", inside, **{**node.attrs, "padding": padding})


def _zeros_around(image: Node) -> tuple[Node, tuple[tuple[int, int], ...]] | None:
    """Return what is inside of zeros around an image's spatial axes, and the zeros (before, after)
    of each; None if there are none, or others. The image's axes may have been exchanged since."""
    padded, order = image, tuple(range(image.ndim))
    if image.op == "transpose":
        (padded,), order = image.inputs, image.attrs["order"]
    if padded.op != "pad" or padded.attrs["value"] != 0:
        return None
    if any(map(_is_nonzero, padded.attrs["interior"])):
        return None
    widths = [(padded.attrs["low"][axis], padded.attrs["high"][axis]) for axis in order]
    if not all(isinstance(width, int) for ends in widths for width in ends):
        return None
    if any(width for ends in widths[:2] for width in ends):
        return None
    (inside,) = padded.inputs
    return g.transpose(inside, order), tuple(widths[2:])


def _is_nonzero(size: object) -> bool:
    return not (isinstance(size, int) and size == 0)


MOVEMENT_RULES: list[tuple[str, Rule]] = [
    ("transpose", _transpose),
    ("reshape", _reshape),
    ("broadcast", _broadcast),
    ("cast", _cast),
    ("slice", _slice),
    ("slice", _slice_of_concat),
    ("pad", _pad),
    ("concat", _concat),
    ("flip", _flip),
    ("gather", _gather),
    ("conv", _conv_of_pad),
    ("conv", _conv_of_single_elements),
    ("max_pool", _pool_of_transpose),
    ("sum_pool", _sum_pool_of_pad),
    ("sum_pool", _pool_of_transpose),
    *(
        (op.name, lift)
        for op in OPS.values()
        if op.family == "pointwise"
        for lift in (lift_broadcast, lift_reshape)
    ),
]
