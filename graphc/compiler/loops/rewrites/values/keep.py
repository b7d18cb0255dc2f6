"""Keep: values that one loop has computed are read by a later one instead of computed again.

for k0 < 100:                       allocate kept: float32[100] in register
  t0 = exp(x[k0])                   for k0 < 100:
  s[] = sum(s[], t0)                  t0 = exp(x[k0])
for k1 < 100:                         kept[k0] = t0
  t1 = exp(x[k1])                     s[] = sum(s[], t0)
  y[k1] = div(t1, s[])              for k1 < 100:
                                      t1 = kept[k1]
                                      y[k1] = div(t1, s[])
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from graphc.compiler.graph.ops import OPS
from graphc.compiler.graph.ops.traits import Work
from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer
from graphc.compiler.loops.index import LoopVariable, index_of
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    Parts,
    path_to,
    values_of,
    walk,
    walk_value,
    written_memories,
)
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import loop_of, refused
from graphc.compiler.loops.statement import Allocate, For, Let, LoopKind, Statement, Store
from graphc.compiler.loops.value import Apply, Load, Local, Value


def keep(
    program: LoopProgram, first: str, second: str, scope: BufferScope = BufferScope.REGISTER
) -> LoopProgram:
    """Keep the values that a loop computes and a later one in the same block computes again.

    Kept is each value of a `Let` of the second loop that the first one computes in the turn of the
    same number, by an op that takes more than `Work.FEW` or with operands that do, but for those
    that only other kept values read.

    Args:
        program: the program.
        first, second: the variables of two serial loops with equal ends.
        scope: of the buffers that values are kept in.
    """
    writer, reader = loop_of(program, "keep", first), loop_of(program, "keep", second)
    where = f"the loops {first!r} and {second!r}"
    between = _statements_between(program, where, writer, reader)
    changed_memories = written_memories(between)
    known = {value: local for local, value in _computed(writer)}
    matches: dict[Local, Local] = {}
    for local, value in _computed(reader):
        same = known.get(_in_variable(value, reader.variable, writer.variable))
        if same is not None and is_work(value) and not _reads(value) & changed_memories:
            matches[local] = same
    matches = _outermost(reader, matches)
    if not matches:
        expected = "values that both compute, of what nothing has changed in between"
        raise refused(program, "keep", where, expected, "none")
    names, size = Names(program), writer.ends[0].constant
    kept = {
        local: new_buffer(names.new("kept"), local.dtype, (size,), scope)
        for local in dict.fromkeys(matches.values())
    }
    allocated = tuple(map(Allocate, kept.values()))
    storing = replace(writer, body=_storing(writer, kept))
    loading = _loading(reader, {local: kept[same] for local, same in matches.items()})
    changed = program.with_loop(first, lambda _: (*allocated, storing))
    return changed.with_loop(second, lambda loop: (replace(loop, body=loading),))


def _statements_between(program: LoopProgram, where: str, first: For, second: For) -> Body:
    """Return the statements of a block from the first loop to the second one."""
    around = path_to(program.body, first)[:-1]
    blocks = around[-1].blocks if around else (program.body,)
    for block in blocks:
        numbers = {id(statement): number for number, statement in enumerate(block)}
        if id(first) not in numbers or id(second) not in numbers:
            continue
        if numbers[id(first)] >= numbers[id(second)]:
            raise refused(program, "keep", where, "the loop that computes first ahead", "it behind")
        for loop in (first, second):
            if loop.kind is not LoopKind.SERIAL:
                found = f"one of kind {loop.kind.value}"
                raise refused(program, "keep", where, "serial loops", found)
        if first.ends != second.ends or not first.ends[0].is_constant:
            ends = " and ".join(str(end) for loop in (first, second) for end in loop.ends)
            raise refused(program, "keep", where, "equal ends, a size ahead of others", ends)
        return block[numbers[id(first)] : numbers[id(second)] + 1]
    raise refused(program, "keep", where, "two loops of one block", "two of different ones")


def _computed(loop: For) -> Iterator[tuple[Local, Value]]:
    """Yield what the Lets of a loop's own body name, with the names of these replaced."""
    meanings: dict[Local, Value] = {}

    def meaning(value: Value) -> Value:
        return meanings.get(value, value) if isinstance(value, Local) else value

    for statement in loop.body:
        if isinstance(statement, Let):
            meanings[statement.local] = Parts(value=meaning).in_value(statement.value)
            yield statement.local, meanings[statement.local]


def _in_variable(value: Value, old: LoopVariable, new: LoopVariable) -> Value:
    return Parts(index=lambda one: one.substitute({old: index_of(new)})).in_value(value)


def is_work(value: Value) -> bool:
    """Return True if there is an op in a value that takes more than `Work.FEW`."""
    return any(
        isinstance(part, Apply) and OPS[part.op].traits.work > Work.FEW
        for part in walk_value(value)
    )


def _reads(value: Value) -> set[str]:
    return {part.buffer.memory for part in walk_value(value) if isinstance(part, Load)}


def _outermost(loop: For, matches: Mapping[Local, Local]) -> dict[Local, Local]:
    """Return the matches without those that only matched Lets read."""
    read = {
        part
        for statement in walk(loop.body)
        if not (isinstance(statement, Let) and statement.local in matches)
        for value in values_of(statement)
        for part in walk_value(value)
        if isinstance(part, Local)
    }
    return {local: same for local, same in matches.items() if local in read}


def _storing(loop: For, kept: Mapping[Local, Buffer]) -> Body:
    """Return the body of a loop that stores what is kept."""
    body: list[Statement] = []
    for statement in loop.body:
        body.append(statement)
        if isinstance(statement, Let) and statement.local in kept:
            element = Load(kept[statement.local], (index_of(loop.variable),))
            body.append(Store(element, statement.local))
    return tuple(body)


def _loading(loop: For, kept: Mapping[Local, Buffer]) -> Body:
    """Return the body of a loop that reads what is kept."""
    return tuple(
        replace(statement, value=Load(kept[statement.local], (index_of(loop.variable),)))
        if isinstance(statement, Let) and statement.local in kept
        else statement
        for statement in loop.body
    )
