"""Staging of a factor: what a loop's body computes at coordinates that several loops make together
is computed at the body's head, once for each element, and is 0 where it is not computed.

for i < 8:                                      allocate image: float32[10] in thread
  for k < 3:                                    for image_axis0 < 10:
    if i + k >= 1:                                if image_axis0 >= 1:
      t0 = exp(x[i + k - 1])                        image[image_axis0] = exp(x[image_axis0 - 1])
      s[] = sum(s[], mul(t0, w[k]))                 otherwise:
                                                    image[image_axis0] = 0.0
                                                for i < 8:
                                                  for k < 3:
                                                    t0 = image[i + k]
                                                    s[] = sum(s[], mul(t0, w[k]))

The terms of a sum that a test leaves out are added with a factor of 0, as `pad` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from graphc.compiler.loops.buffer import BufferScope, new_buffer
from graphc.compiler.loops.index import Index
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    bound_variables,
    loads_of,
    path_to,
    replaced,
    substituted,
    values_of,
    variables_of,
    walk,
    walk_in_ranges,
    walk_value,
    with_note,
    written_memories,
)
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.rewrites.boxes import Box, box_of
from graphc.compiler.loops.rewrites.conditions.predicate import may_fault, predicate
from graphc.compiler.loops.rewrites.loops.hoist import is_always_there
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.rewrites.simplify import settled, without_unused
from graphc.compiler.loops.rewrites.site import site_of
from graphc.compiler.loops.rewrites.staging.coordinates import variables_of_coordinates
from graphc.compiler.loops.rewrites.staging.filling import filling
from graphc.compiler.loops.rewrites.staging.layout import c_order
from graphc.compiler.loops.statement import For, If, Let, Store
from graphc.compiler.loops.value import Apply, Constant, Load, Local, Select, Value

_REWRITE = "stage_factor"


def stage_factor(
    program: LoopProgram, loop: str, value: str, coords: Sequence[Index], name: str
) -> LoopProgram:
    """Compute a factor at the head of a loop's body for a box of coordinates, and read it where it
    is named.

    Args:
        program: the program.
        loop: the variable of the loop.
        value: the factor's name, in a body that loops alone are around, and perhaps one test.
        coords: the coordinates, of variables of these loops: each has a variable, once, that no
            other has. All that the factor and the test depend on are these, and what is outside.
        name: of the buffer, in a thread's memory.
    """
    site = site_of(program, _REWRITE, loop, BufferScope.THREAD)
    where = f"the value {value!r}"
    found = [one for one in walk(site.body) if isinstance(one, Let) and one.local.name == value]
    if len(found) != 1:
        raise refused(program, _REWRITE, where, "a value that the body names", str(len(found)))
    (let,) = found
    *around, _ = path_to(site.body, let)
    tests = [one for one in around if isinstance(one, If)]
    loops = [one for one in around if isinstance(one, For)]
    test = tests[0] if tests else None
    if [*loops, *tests] != around or not loops or len(tests) > 1 or (test and test.otherwise):
        expected = "loops alone around it, and perhaps one test without another branch"
        raise refused(program, _REWRITE, where, expected, "other statements")
    needed = _needed(site.body, let)
    made = variables_of_coordinates(program, _REWRITE, where, loops, coords)
    known = {id(one): ranges for one, ranges in walk_in_ranges(site.body, site.ranges)}
    around_let = known[id(loops[-1])].within(loops[-1].variable, *loops[-1].ends)
    box = box_of([(tuple(coords), around_let)], site.ranges, site.own_variables)
    if not isinstance(box, Box):
        expected = "coordinates that are a known number apart"
        raise refused(program, _REWRITE, where, expected, str(coords[box]))
    written = written_memories(site.body)
    for one in needed:
        if any(load.buffer.memory in written for load in loads_of(one)):
            expected = "operands that the body does not write"
            raise refused(program, _REWRITE, where, expected, str(one.value))
    names = Names(program)
    copy = new_buffer(names.new(name), let.local.dtype, box.extents, BufferScope.THREAD)
    inner = set(bound_variables(site.body))

    def element(place: tuple[Index, ...], target: Load, ranges: Ranges) -> Body:
        at = {
            variable: start + one - rest
            for (variable, rest), start, one in zip(made, box.start, place, strict=True)
        }
        body: Body = (*needed[:-1], Store(target, let.value))
        if test is not None:
            zero = Constant(False if copy.dtype == "bool" else 0, copy.dtype)
            body = (If(test.conditions, body, (Store(target, zero),)),)
        own = substituted(body, at)
        for one, inside in walk_in_ranges(own, ranges):
            if not inner.isdisjoint(variables_of(one)):
                expected = f"a value of {', '.join(map(str, coords))} alone"
                raise refused(program, _REWRITE, where, expected, str(let.value))
            _check_there(program, where, values_of(one), inside)
        return names.copied(settled(own, ranges))

    limits = ((),) * len(coords)
    layout = c_order(len(coords))
    filled = filling(names, site, copy, layout, box.extents, limits, element)
    place = (coord - start for coord, start in zip(coords, box.start, strict=True))
    read = replace(let, value=Load(copy, tuple(map(around_let.simplified, place))))
    note = f"compute {value} ahead, to {copy.name}"
    body = (*with_note(filled, note), *replaced(site.body, let, (read,)))
    changed = site.with_body(program, body)
    changed = replace(changed, body=without_unused(changed.body))
    if test is None:
        return changed
    changed = predicate(changed, loops[-1].variable.name, frozenset({let.local}))
    return _without_tests(changed, let.local)


def _needed(body: Body, let: Let) -> list[Let]:
    """Return the values that the blocks around one name ahead of it and that it is made of, and
    that one, in their order."""
    found, used = [let], set(walk_value(let.value))
    (*around, _) = path = path_to(body, let)
    blocks = [body, *(block for one in around for block in one.blocks)]
    for inside in reversed(path):
        (block,) = (one for one in blocks if any(each is inside for each in one))
        number = next(k for k, one in enumerate(block) if one is inside)
        for one in reversed(block[:number]):
            if isinstance(one, Let) and one.local in used:
                found.insert(0, one)
                used.update(walk_value(one.value))
    return found


def _check_there(program: LoopProgram, where: str, values: Sequence[Value], ranges: Ranges) -> None:
    """Refuse values that read what might not exist, or might stop the program, as they are computed
    of elements that no turn might come to."""
    for value in values:
        if not is_always_there(value, ranges):
            expected = "elements that exist for all coordinates"
            raise refused(program, _REWRITE, where, expected, str(value))
        for part in walk_value(value):
            if isinstance(part, Apply) and may_fault(part):
                expected = "no division of integers by what may be zero"
                raise refused(program, _REWRITE, where, expected, str(part))


def _without_tests(program: LoopProgram, local: Local) -> LoopProgram:
    """Return a program that reads an element of the copy as it is: 0 where the test fails."""

    (let,) = (one for one in walk(program.body) if isinstance(one, Let) and one.local is local)
    if not isinstance(let.value, Select):
        return program
    read = replace(let, value=let.value.value)
    return replace(program, body=replaced(program.body, let, (read,)))
