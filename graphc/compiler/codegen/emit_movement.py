"""Movement ops, leaves and gather as changes of the index."""

from __future__ import annotations

from graphc.compiler.codegen.draws import has_one_shift, word_at
from graphc.compiler.codegen.emitter import Emitter, index_map, rule, splat
from graphc.compiler.codegen.expression import (
    ZERO,
    Expression,
    Number,
    call,
    compare,
    expression,
    literal,
    minus,
    modulo,
    over,
    plus,
    subscript,
    times,
    when,
)
from graphc.compiler.codegen.index import Coordinates, Index
from graphc.compiler.codegen.statement import Define
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Shape, Size, is_multiple, product
from graphc.compiler.program.launch import Count
from graphc.compiler.schedule.hardware import PACK
from graphc.compiler.schedule.relation import split_of
from graphc.compiler.targets.c_text import C_TYPES


@rule("constant")
def _constant(emitter: Emitter, node: Node, index: Index) -> Expression:
    text = splat(node)
    assert text is not None, "an array of different numbers lies in memory"
    return text


@rule("iota")
def _iota(emitter: Emitter, node: Node, index: Index) -> Expression:
    coord = emitter.coordinate(index, 0)
    return emitter.define(C_TYPES[node.dtype], call(f"gc_cast<{C_TYPES[node.dtype]}>", coord))


@rule("dim")
def _dim(emitter: Emitter, node: Node, index: Index) -> Expression:
    return emitter.define("gc_int64", emitter.signature.size(node.attrs["size"]))


@rule("random")
def _random(emitter: Emitter, node: Node, index: Index) -> Expression:
    signature = emitter.signature
    step = node.inputs[0]
    seed = signature.word(node.attrs["seed"], "a seed of random words")
    stream = signature.word(node.attrs["stream"], "a stream of random words")
    position = emitter.position(index)
    fixed = splat(step) is not None or step in signature.counters
    pack = emitter.pack
    number = emitter.value(step, Index((), coords=()))
    rest = (number, signature.call_step(), seed, stream)
    fixed = fixed and has_one_shift(node, PACK)
    if pack is None or pack.first is None or position != pack.element or not fixed:
        drawn = call("gc_random", *word_at(emitter, node, index), *rest)
    else:  # one draw of four words serves the pack
        words = emitter.name("words")
        at: tuple[Expression, ...] = (over(pack.first, PACK),)
        if node.attrs["axis"] is not None:
            with emitter.once_for(pack):
                at = word_at(emitter, node, Index(node.shape, linear=pack.first))
        block = call("gc_random_words", *at, *rest)
        pack.statements.append(Define("gc_words", words, block))
        drawn = call("gc_word", words, pack.lane)
    return emitter.element(node, drawn)


@index_map("broadcast")
def _broadcast(emitter: Emitter, node: Node, index: Index) -> Index:
    inner = emitter.part(index, node.attrs["axes"])
    return Index(node.inputs[0].shape, inner.linear, inner.coords)


_ASKS_COORDINATES = frozenset({"slice", "transpose", "flip", "pad", "concat"})
"""Index maps that ask for coordinates."""


@index_map("reshape")
def _reshape(emitter: Emitter, node: Node, index: Index) -> Index:
    (x,) = node.inputs
    if index.coords is not None:
        # Axes of size 1 come and go without the position being worked out.
        kept = [(s, c) for s, c in zip(index.shape, index.coords, strict=True) if s != 1]
        if [size for size, _ in kept] == [size for size in x.shape if size != 1]:
            left = iter(kept)
            coords = tuple(ZERO if size == 1 else next(left)[1] for size in x.shape)
            return Index(x.shape, coords=coords)
        if x.op in _ASKS_COORDINATES and not emitter.has(x):
            merged = _merged(emitter, index, x.shape)
            if merged is not None:
                return Index(x.shape, coords=merged)
    return Index(x.shape, linear=emitter.position(index))


def _merged(emitter: Emitter, index: Index, shape: Shape) -> Coordinates | None:
    """The index's coordinates in a shape each axis of which is several of its own, side by side, so
    that nothing is divided; None for other shapes."""
    assert index.coords is not None
    left = list(zip(index.shape, index.coords, strict=True))
    merged = []
    for size in shape:
        total: Size = 1
        merging = ZERO
        while total != size:
            if not left:
                return None
            extent, coord = left.pop(0)
            total = total * extent
            merging = plus(times(merging, emitter.signature.size(extent)), coord)
        merged.append(emitter.integer(merging))
    return tuple(merged)


@index_map("transpose")
def _transpose(emitter: Emitter, node: Node, index: Index) -> Index:
    (x,) = node.inputs
    coords = [ZERO] * len(x.shape)
    for axis, source in enumerate(node.attrs["order"]):
        coords[source] = emitter.coordinate(index, axis)
    return Index(x.shape, coords=tuple(coords))


@index_map("flip")
def _flip(emitter: Emitter, node: Node, index: Index) -> Index:
    (x,) = node.inputs
    coords = list(emitter.coordinates(index))
    for axis in node.attrs["axes"]:
        last = emitter.signature.size(x.shape[axis] - 1)
        coords[axis] = emitter.integer(minus(last, coords[axis]))
    return Index(x.shape, coords=tuple(coords))


@index_map("slice")
def _slice(emitter: Emitter, node: Node, index: Index) -> Index:
    (x,) = node.inputs
    size = emitter.signature.size
    start, step = node.attrs["start"], node.attrs["step"]
    rows_only = node.shape[1:] == x.shape[1:] and step[0] == 1 and node.shape
    if index.linear is not None and rows_only:
        before = size(start[0] * product(x.shape[1:]))
        position = emitter.integer(plus(index.linear, before))
        source = Index(x.shape, linear=position)
        if node.shape[0] == 1:
            emitter.rows[source] = start[0], index.linear
        return source
    coords = tuple(
        emitter.integer(plus(times(emitter.coordinate(index, axis), by), size(first)))
        for axis, (first, by) in enumerate(zip(start, step, strict=True))
    )
    return Index(x.shape, coords=coords)


@rule("pad")
def _pad(emitter: Emitter, node: Node, index: Index) -> Expression:
    (x,) = node.inputs
    size = emitter.signature.size
    coords: list[Expression] = []
    conditions: list[Expression] = []
    sides = zip(node.attrs["low"], node.attrs["high"], node.attrs["interior"], x.shape, strict=True)
    for axis, (low, high, interior, extent) in enumerate(sides):
        coord = emitter.coordinate(index, axis)
        if low == 0 and high == 0 and interior == 0:
            coords.append(coord)
            continue
        shifted = emitter.integer(minus(coord, size(low)))
        if low != 0:
            conditions.append(compare(shifted, ">=", 0))
        if interior:
            spread = interior + 1
            conditions.append(compare(modulo(shifted, spread), "==", 0))
            shifted = emitter.integer(over(shifted, spread))
        conditions.append(compare(shifted, "<", size(extent)))
        coords.append(shifted)
    if not conditions:
        return emitter.value(x, Index(x.shape, coords=tuple(coords)))
    result = emitter.variable(node, _fill(node))
    share = Count(x.shape, node.shape)
    with emitter.block(when(conditions), share):
        emitter.assign(result, emitter.value(x, Index(x.shape, coords=tuple(coords))))
    return result


def _fill(node: Node) -> Expression:
    """What lies around: the attribute is a number that the interpreter casts to the dtype."""
    return call(f"gc_cast<{C_TYPES[node.dtype]}>", literal(node.attrs["value"], "float64"))


@rule("concat")
def _concat(emitter: Emitter, node: Node, index: Index) -> Expression:
    axis = node.attrs["axis"]
    coords = list(emitter.coordinates(index))
    coord, before = coords[axis], 0
    result = emitter.variable(node)
    for k, x in enumerate(node.inputs):
        start = emitter.signature.size(before)
        before = before + x.shape[axis]
        last = k == len(node.inputs) - 1
        conditions = [] if last else [compare(coord, "<", emitter.signature.size(before))]
        share = Count((x.shape[axis],), (node.shape[axis],))
        with emitter.block(when(conditions), share, otherwise=k > 0):
            coords[axis] = emitter.integer(minus(coord, start))
            emitter.assign(result, emitter.value(x, Index(x.shape, coords=tuple(coords))))
    return result


@rule("gather")
def _gather(emitter: Emitter, node: Node, index: Index) -> Expression:
    values, indices = node.inputs
    axis, rank = node.attrs["axis"], len(indices.shape)
    if axis == 0 and index.linear is not None:
        if values in emitter.signature.places and emitter.by_position:
            return _element_of_row(emitter, node, index.linear)
        if not indices.shape and _lies_in_order(emitter, values):  # one row: nothing to divide
            row = _row(emitter, node, Index((), coords=()))
            size = emitter.signature.size(product(values.shape[1:]))
            place = emitter.integer(plus(times(row, size), index.linear))
            return emitter.value(values, Index(values.shape, linear=place))
    coords = emitter.coordinates(index)
    row = _row(emitter, node, Index(indices.shape, coords=coords[axis : axis + rank]))
    return emitter.value(
        values, Index(values.shape, coords=(*coords[:axis], row, *coords[axis + rank :]))
    )


def _lies_in_order(emitter: Emitter, node: Node) -> bool:
    """Whether a node lies in memory, in the order of its elements."""
    while node.op == "reshape":
        node = node.inputs[0]
    return node in emitter.signature.places


def _row(emitter: Emitter, node: Node, position: Index) -> Expression:
    """What one of a gather's indices says."""
    values, indices = node.inputs
    if indices in emitter.signature.counters:  # a slice of a loop's sequence
        return emitter.value(indices, position)
    axis, rank = node.attrs["axis"], len(indices.shape)
    emitter.spread(indices, position, split_of(node.shape, tuple(range(axis, axis + rank))))
    return checked_index(emitter, node, indices, position, values.shape[node.attrs["axis"]])


def _element_of_row(emitter: Emitter, node: Node, position: Expression) -> Expression:
    """The element at a position of a gather of whole rows of a value in memory. Where a thread
    walks a pack, whose elements are all of one row, they are read at once."""
    values, indices = node.inputs
    signature = emitter.signature
    elements = product(values.shape[1:])
    size = signature.size(elements)

    def source(at: Expression) -> Expression:
        number = emitter.integer(over(at, size)) if indices.shape else ZERO
        row = _row(emitter, node, Index(indices.shape, linear=number))
        within = modulo(at, size) if indices.shape else at
        return emitter.integer(plus(times(row, size), within))

    place = signature.places[values]
    pack = emitter.pack_at(position) if is_multiple(elements, PACK) else None
    if pack is None or pack.first is None or place.step is not None:
        return emitter.value(values, Index(values.shape, linear=source(position)))
    with emitter.once_for(pack):
        at, count = source(pack.first), signature.size(product(values.shape))
        load = call("gc_load_pack", signature.load_pointer(place), at, count)
        emitter.ask(values, Count((PACK,)))
        row = emitter.define(f"gc_pack<{C_TYPES[place.dtype]}>", load, "row")
    element = place.element(subscript(expression("{}.of", row), pack.lane))
    return emitter.define(C_TYPES[node.dtype], element)


def checked_index(
    emitter: Emitter, node: Node, indices: Node, position: Index, size: Size
) -> Expression:
    """An element of `indices` that lies within the axis; one outside of it sets the status word
    and counts as 0."""
    signature = emitter.signature
    wanted = emitter.value(indices, position)
    number = emitter.once(("check", node), lambda: Number(signature.check(node, "index")))
    status, at = signature.status(), emitter.position(position)
    test = call("gc_check_index", status, number, at, wanted, signature.size(size))
    return emitter.define("int", test, is_test=True)
