"""Elements by their position: an access to a contiguous buffer with one index in place of several.

Where loops are fused, a coordinate is a quotient or a remainder, and the position that all of them
make is the loop's variable itself.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.graph.dim import Size, product
from graphc.compiler.loops.buffer import Buffer, view
from graphc.compiler.loops.index import Index, LoopVariable
from graphc.compiler.loops.program import LoopProgram, Parts, buffers_of, walk
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.value import Load, Value


def flatten(program: LoopProgram) -> LoopProgram:
    """Return a program in which an element whose coordinates are divided, and whose position is
    not, is accessed by its position in a flat view of its buffer."""
    names = Names(program)
    flat = _flat_views(program)

    def by_position(element: Load) -> Load:
        buffer = element.buffer
        if not buffer.is_contiguous or not any(map(is_divided, element.coords)):
            return element
        place = buffer.place(element.coords) - buffer.offset
        if is_divided(place):
            return element
        key = buffer.memory, buffer.offset, buffer.elements
        if key not in flat:
            name = names.new(f"{buffer.name}_flat")
            flat[key] = view(buffer, name, (buffer.elements,))
        return Load(flat[key], (place,))

    def value(one: Value) -> Value:
        return by_position(one) if isinstance(one, Load) else one

    body = Parts(value=value, target=by_position).in_body(program.body)
    return replace(program, body=body)


def by_position(program: LoopProgram, memory: str) -> LoopProgram:
    """Return a program in which all elements of contiguous buffers of a memory are accessed by
    their position in it."""
    names = Names(program)
    flat: dict[Buffer, Buffer] = {}

    def element(one: Load) -> Load:
        buffer = one.buffer
        if buffer.memory != memory or not buffer.is_contiguous or len(buffer.shape) < 2:
            return one
        if buffer not in flat:
            flat[buffer] = view(buffer, names.new(f"{buffer.name}_flat"), (buffer.elements,))
        return Load(flat[buffer], (buffer.place(one.coords) - buffer.offset,))

    def value(one: Value) -> Value:
        return element(one) if isinstance(one, Load) else one

    return replace(program, body=Parts(value=value, target=element).in_body(program.body))


def join_axes(program: LoopProgram) -> LoopProgram:
    """Return a program in which an element that divided coordinates are together one atom of has
    that as its coordinate, along one axis of a view of its buffer: ``y[f, w % 900]`` for
    ``y[f, w // 30 % 30, w % 30]``."""
    names = Names(program)
    views: dict[tuple[Buffer, tuple[int, ...]], Buffer] = {}

    def element(one: Load) -> Load:
        coords, first_axes = _joined(one)
        if len(coords) == len(one.coords):
            return one
        key = one.buffer, first_axes
        if key not in views:
            name = names.new(f"{one.buffer.name}_joined")
            ends = (*first_axes[1:], len(one.coords))
            shape = tuple(
                product(one.buffer.shape[first:end])
                for first, end in zip(first_axes, ends, strict=True)
            )
            strides = tuple(one.buffer.strides[end - 1] for end in ends)
            views[key] = view(one.buffer, name, shape, strides)
        return Load(views[key], coords)

    def value(one: Value) -> Value:
        return element(one) if isinstance(one, Load) else one

    body = Parts(value=value, target=element).in_body(program.body)
    return replace(program, body=body)


def _joined(element: Load) -> tuple[tuple[Index, ...], tuple[int, ...]]:
    """Return the coordinates of an element along axes that are joined, and the first of the axes
    that each is made of."""
    buffer = element.buffer
    coords, first_axes = [element.coords[0]] if element.coords else [], [0]
    for axis in range(1, len(element.coords)):
        coord, extent = element.coords[axis], buffer.shape[axis]
        together = coords[-1] * extent + coord
        is_one = buffer.strides[axis - 1] == buffer.strides[axis] * extent
        if is_one and together.atom is not None and all(map(is_divided, (coords[-1], coord))):
            coords[-1] = together
        else:
            coords.append(coord)
            first_axes.append(axis)
    return tuple(coords), tuple(first_axes) if coords else ()


def _flat_views(program: LoopProgram) -> dict[tuple[str, Size, Size], Buffer]:
    """Return the flat views of whole buffers that a program has, by the memory, its first element
    and how many there are."""
    buffers = (buffer for one in walk(program.body) for buffer in buffers_of(one))
    return {
        (one.memory, one.offset, one.elements): one
        for one in buffers
        if one.name != one.memory and len(one.shape) == 1 and one.is_contiguous
    }


def is_divided(index: Index) -> bool:
    """Return True if there is a quotient or a remainder in an index."""
    return any(not isinstance(atom, LoopVariable) for atom, _ in index.terms)
