"""An axis for each loop: an access whose coordinates mix the variables of loops, by a view of the
buffer that has an axis for each variable that the place moves with.

for p0 < n:                                   for p0 < n:
  for p1 < 1024:                                for p1 < 1024:
    for p2 < 32:                                  for p2 < 32:
      y0[...] = x0_flat[32768*p0 + p1               y0[...] = x0_flat_axes[p0, p2, p1]
                        + 1024*p2]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from graphc.compiler.graph.dim import Size
from graphc.compiler.loops.buffer import Buffer, view
from graphc.compiler.loops.index import Index, LoopVariable, index_of
from graphc.compiler.loops.program import LoopProgram, Parts, buffers_of, loads_of, targets_of, walk
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import loop_of, ranges_at
from graphc.compiler.loops.value import Load, Value


def with_axes_of_loops(program: LoopProgram, loop: str) -> LoopProgram:
    """Return a program in which what a loop's own statements load and store has no coordinate of
    several variables, where the place is a sum of variables times numbers."""
    found = loop_of(program, "with_axes_of_loops", loop)
    ranges = ranges_at(program, found).within(found.variable, *found.ends)
    names = Names(program)
    views: dict[tuple[Buffer, Index], Load] = {}
    for load in (load for one in found.body for load in (*loads_of(one), *targets_of(one))):
        place = load.buffer.place(load.coords)
        if (load.buffer, place) in views or all(len(c.terms) < 2 for c in load.coords):
            continue
        axes = list(_axes(place, ranges))
        if len(axes) != len(place.terms):
            continue
        axes.sort(key=lambda axis: list(ranges.ends).index(axis[0]))
        shape = tuple(extent for _, extent, _ in axes)
        strides = tuple(stride for _, _, stride in axes)
        start = place.constant - load.buffer.offset
        made = view(load.buffer, f"{load.buffer.name}_axes", shape, strides, start)
        others = (one for statement in walk(program.body) for one in buffers_of(statement))
        same = next((one for one in others if replace(made, name=one.name) is one), None)
        made = replace(made, name=names.new(made.name)) if same is None else same
        views[load.buffer, place] = Load(made, tuple(index_of(one) for one, _, _ in axes))

    def element(one: Load) -> Load:
        return views.get((one.buffer, one.buffer.place(one.coords)), one)

    def value(one: Value) -> Value:
        return element(one) if isinstance(one, Load) else one

    if not views:
        return program
    body = Parts(value=value, target=element).in_body(found.body)
    return program.with_loop(loop, lambda one: (replace(one, body=body),))


def _axes(place: Index, ranges: Ranges) -> Iterator[tuple[LoopVariable, Size, Size]]:
    """Yield the variables of a place whose number of turns is a size, with it and the stride."""
    for atom, factor in place.terms:
        ends = ranges.ends.get(atom, ()) if isinstance(atom, LoopVariable) else ()
        if isinstance(atom, LoopVariable) and len(ends) == 1 and ends[0].is_constant:
            yield atom, ends[0].constant, factor
