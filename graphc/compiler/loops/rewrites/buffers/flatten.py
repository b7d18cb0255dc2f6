"""Elements by their position: an access to a contiguous buffer with one index in place of several.

Where loops are fused, a coordinate is a quotient or a remainder, and the position that all of them
make is the loop's variable itself.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.graph.dim import Size
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
