"""Online: a sum of what is seen from the largest value, or from the mean, in one loop with that.

s0[] = -inf                             s0[] = -inf
for k0 < n:                             scaled[] = 0.0
  s0[] = max(s0[], x[k0])               for k0 < n:
s1[] = 0.0                                s0[], scaled[] = exp_sum(x[k0], 1.0)
for k1 < n:                             s1[] = add(scaled[], sub(s0[], s0[]))
  s1[] = sum(s1[], exp(sub(x[k1], s0[])))

The sum so far is scaled where a larger value comes (Milakov and Gimelshein, "Online normalizer
calculation for softmax", 2018). A sum of squared differences from the mean goes along with the sum
that the mean is made of, by the count, the mean and the squares so far (Chan, Golub and LeVeque,
"Updating formulae and a pairwise algorithm for computing sample variances", 1979). The difference
that is added at the end is 0, or NaN where the largest value, or the mean, is infinite or NaN, as
the differences of the two loops are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeGuard

from graphc.compiler.graph.dim import Size
from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer
from graphc.compiler.loops.index import Index, LoopVariable, as_index, index_of
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    Parts,
    buffers_of,
    loads_of,
    path_to,
    replaced,
    walk,
    with_blocks,
    written_memories,
)
from graphc.compiler.loops.reduction import REDUCTIONS
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import loop_of, refused
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    For,
    Let,
    LoopKind,
    Statement,
    Store,
)
from graphc.compiler.loops.text import head_line
from graphc.compiler.loops.value import Apply, Constant, IndexValue, Load, Local, Value

_REWRITE = "online"
_ELEMENT = LoopVariable("element")


def online(program: LoopProgram, first: str, second: str) -> LoopProgram:
    """Let the sums of a loop go along with what a loop ahead of it in the same body reduces.

    All that the second loop does are sums of ``exp(x - largest)``, where the first one finds the
    largest x, or of ``(x - mean) * (x - mean)``, where it adds up the x of the mean. Bits change.

    Args:
        program: the program.
        first, second: the variables of two serial loops with equal ends.
    """
    ahead, behind = loop_of(program, _REWRITE, first), loop_of(program, _REWRITE, second)
    where = f"the loops {first!r} and {second!r}"
    block = _block_of(program, where, ahead, behind)
    place = next(k for k, one in enumerate(block) if one is behind)
    known = _named(block[:place], {}, {})
    names, made = Names(program), ahead
    starts: list[Statement] = []
    ends: dict[Load, Store] = {}
    for one in behind.body:
        if isinstance(one, Let):
            continue
        if not isinstance(one, Accumulate) or one.reduction != "sum":
            raise refused(program, _REWRITE, where, "sums alone in the second", head_line(one))
        term = _term_of(_meaning(one.values[0], behind, known), behind.ends[0].constant)
        if term is None:
            expected = "sums of exp(x - largest) or (x - mean) * (x - mean)"
            raise refused(program, _REWRITE, where, expected, head_line(one))
        found = _found_in(made, known, term)
        if found is None:
            expected = f"the {term.reduction} of the same x in the first, which carries it alone"
            raise refused(program, _REWRITE, where, expected, "none")
        (total,) = one.targets
        _check_begins(program, where, block[:place], term.center, term.reduction, ahead)
        _check_begins(program, where, block[:place], total, "sum", None)
        allocated, carrying, result = _carried(names, term, found, total)
        starts += allocated
        made = replace(made, body=replaced(made.body, found, carrying))
        ends[total] = Store(total, result)
    notes = dict.fromkeys(filter(None, (ahead.note, behind.note)))
    made = replace(made, note=", ".join(notes))
    left = [one for one in block if not (isinstance(one, Store) and one.target in ends)]
    body: list[Statement] = []
    for one in left:
        if one is ahead:
            body += [*starts, made]
        else:
            body += ends.values() if one is behind else (one,)
    return _with_block(program, ahead, tuple(body))


# ---- the two loops ------------------------------------------------------------------------------


def _block_of(program: LoopProgram, where: str, ahead: For, behind: For) -> Body:
    """Return the block that two loops are in; refused if they are not serial, of equal ends and in
    this order in one, or if something writes what the second one reads after the first has."""
    path = path_to(program.body, ahead)[:-1]
    for block in path[-1].blocks if path else (program.body,):
        places = {id(one): number for number, one in enumerate(block)}
        if places.get(id(ahead), len(block)) < places.get(id(behind), -1):
            break
    else:
        raise refused(program, _REWRITE, where, "the second behind the first", "other places")
    is_one_size = len(ahead.ends) == 1 and ahead.ends[0].is_constant
    if ahead.ends != behind.ends or not is_one_size:
        ends = " and ".join(str(end) for loop in (ahead, behind) for end in loop.ends)
        raise refused(program, _REWRITE, where, "one size as the end of both", ends)
    for loop in (ahead, behind):
        if loop.kind is not LoopKind.SERIAL:
            found = f"one of kind {loop.kind.value}"
            raise refused(program, _REWRITE, where, "serial loops", found)
    between = block[places[id(ahead)] + 1 : places[id(behind)]]
    own = {
        x.buffer.memory for one in ahead.body if isinstance(one, Accumulate) for x in one.targets
    }
    changed = written_memories(between) | (written_memories(ahead.body) - own)
    for load in (load for one in behind.body for load in loads_of(one)):
        is_own = any(isinstance(one, Accumulate) and load in one.targets for one in behind.body)
        if load.buffer.memory in changed and not is_own:
            expected = "that nothing has written what the second one reads"
            raise refused(program, _REWRITE, where, expected, f"a store to {load.buffer}")
    return block


def _with_block(program: LoopProgram, inside: For, body: Body) -> LoopProgram:
    """Return a program with another block in the place of the one that a loop is in."""
    path = path_to(program.body, inside)[:-1]
    if not path:
        return replace(program, body=body)
    around = path[-1]
    blocks = tuple(
        body if any(one is inside for one in block) else block for block in around.blocks
    )
    return replace(program, body=replaced(program.body, around, (with_blocks(around, blocks),)))


def _check_begins(
    program: LoopProgram, where: str, block: Body, carrier: Load, reduction: str, loop: For | None
) -> None:
    """Refuse a register that has something else than the start of a reduction where the loop that
    reduces begins. Ahead of a block's end nothing uses it but for its allocation, its start and
    that loop."""
    start = Constant(REDUCTIONS[reduction].identity(carrier.dtype), carrier.dtype)
    used = [
        one
        for one in block
        if one is not loop
        and not isinstance(one, Allocate | Let)
        and any(x is carrier.buffer for x in _buffers_in(one))
    ]
    if used != [Store(carrier, start)]:
        expected = f"that {carrier.buffer} begins with {start}"
        found = ", ".join(map(head_line, used)) or "no such store"
        raise refused(program, _REWRITE, where, expected, found)


def _buffers_in(statement: Statement) -> list[Buffer]:
    return [buffer for one in walk((statement,)) for buffer in buffers_of(one)]


# ---- values -------------------------------------------------------------------------------------


def _named(
    body: Body, known: Mapping[Local, Value], turn: Mapping[LoopVariable, Index]
) -> dict[Local, Value]:
    """Return what the `Let`s of a block name, without names in it, beside what is known."""
    found = dict(known)

    def named(value: Value) -> Value:
        return found.get(value, value) if isinstance(value, Local) else value

    parts = Parts(index=lambda index: index.substitute(turn), value=named)
    for one in body:
        if isinstance(one, Let):
            found[one.local] = parts.in_value(one.value)
    return found


def _meaning(value: Value, loop: For, known: Mapping[Local, Value]) -> Value:
    """Return a value in a loop's body without names in it, in a turn of a number that all loops'
    meanings have."""
    turn = {loop.variable: index_of(_ELEMENT)}
    names = _named(loop.body, known, turn)

    def named(one: Value) -> Value:
        return names.get(one, one) if isinstance(one, Local) else one

    return Parts(index=lambda index: index.substitute(turn), value=named).in_value(value)


@dataclass(frozen=True)
class _Term:
    """A term of a sum that can go along.

    Attributes:
        reduction: what the first loop finds: max or sum.
        x: the value that the term is of.
        center: the register with the largest x, or their sum.
    """

    reduction: str
    x: Value
    center: Load


def _term_of(value: Value, count: Size) -> _Term | None:
    """Return a value as ``exp(x - largest)`` or ``(x - mean) * (x - mean)``; None if it is neither.
    `count` is how many x there are."""
    if not isinstance(value, Apply) or value.dtype not in ("float32", "float64"):
        return None
    if value.op not in ("exp", "mul") or len(set(value.operands)) > 1:
        return None
    difference = value.operands[0]
    if not isinstance(difference, Apply) or difference.op != "sub":
        return None
    x, center = difference.operands
    if value.op == "exp":
        return _Term("max", x, center) if _is_register(center) else None
    if not isinstance(center, Apply) or center.op != "div":
        return None
    total, divisor = center.operands
    return _Term("sum", x, total) if _is_register(total) and _is_count(divisor, count) else None


def _is_register(value: Value) -> TypeGuard[Load]:
    return isinstance(value, Load) and value.buffer.scope is BufferScope.REGISTER


def _is_count(value: Value, count: Size) -> bool:
    """Return True if a value is a size as a number."""
    while isinstance(value, Apply) and value.op == "cast":
        (value,) = value.operands
    if isinstance(value, IndexValue):
        return value.index is as_index(count)
    return isinstance(value, Constant) and isinstance(count, int) and value.number == count


def _found_in(loop: For, known: Mapping[Local, Value], term: _Term) -> Accumulate | None:
    """Return the statement of a loop's body that finds what a term is seen from; None if there is
    none, or if another one uses its register."""
    users = [one for one in walk(loop.body) if term.center.buffer in buffers_of(one)]
    for one in loop.body:
        if (
            isinstance(one, Accumulate)
            and one.reduction == term.reduction
            and one.targets == (term.center,)
            and _meaning(one.values[0], loop, known) is term.x
            and users == [one]
        ):
            return one
    return None


def _carried(
    names: Names, term: _Term, found: Accumulate, total: Load
) -> tuple[list[Statement], Body, Value]:
    """Return the statements that allocate and start what carries both reductions, those of a turn,
    and the value of the sum behind the loop."""
    (x,), dtype = found.values, total.dtype

    def number(value: int) -> Constant:
        return Constant(value, dtype)

    def register(what: str) -> Load:
        name = names.new(f"{total.buffer.name}_{what}")
        return Load(new_buffer(name, dtype, (), BufferScope.REGISTER), ())

    if term.reduction == "max":
        scaled = register("scaled")
        carrying: Body = (
            replace(
                found, reduction="exp_sum", targets=(term.center, scaled), values=(x, number(1))
            ),
        )
        made, center = [scaled], term.center
    else:
        count, center, scaled = made = [register(one) for one in ("count", "mean", "squares")]
        values = (number(1), x, number(0))
        carrying = (found, Accumulate("moments", (count, center, scaled), values, found.note))
    starts: list[Statement] = []
    for load in made:
        starts += [Allocate(load.buffer), Store(load, number(0))]
    unseen = Apply("sub", (center, center), dtype, {})
    return starts, carrying, Apply("add", (scaled, unseen), dtype, {})
