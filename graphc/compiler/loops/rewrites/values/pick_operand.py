"""Pick an operand: a register that holds a value of one of a loop's turns holds what the value is
made of, and the value is computed behind the loop.

for k < 4:                                    for k < 4:
  t0 = add(x[k], 1.0)                           t0 = add(x[k], 1.0)
  t1 = less(0.0, t0)                            t0_picked[] = where(t2, t0, t0_picked[])
  p[] = where(t2, t1, p[])                    t1_2 = less(0.0, t0_picked[])
y = where(p[], 2.0, 3.0)                      y = where(t1_2, 2.0, 3.0)

Several registers may be made of one, and lanes of vectors pick numbers of 32 bits for less than
truth values, whose vectors are shorter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from graphc.compiler.interpret import NUMPY
from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    Parts,
    block_of,
    buffers_of,
    path_to,
    replaced,
    walk,
)
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.rewrites.simplify import without_unused
from graphc.compiler.loops.statement import Allocate, For, If, Let, Statement, Store
from graphc.compiler.loops.value import Apply, Constant, Load, Local, Value

_REWRITE = "pick_operand"

_BYTES = 4
"""Of an operand that is taken where one is."""


@dataclass(frozen=True)
class _Pick:
    """A register that is picked in a loop.

    Attributes:
        buffer: the register.
        start, pick: the stores of its first value, and of one that is picked.
        chain: the values that it is made of, from the one that the operand is an operand of on.
        operand: what varies in the first of them.
    """

    buffer: Buffer
    start: Store
    pick: Store
    chain: tuple[Let, ...]
    operand: Local


def pick_operand(program: LoopProgram, register: str) -> LoopProgram:
    """Let a register hold what its value is made of.

    Args:
        program: the program.
        register: a buffer of one element, whose first value is a number that an operand exists
            for, and that is stored again in one loop: as one of the loop's values, or as it is.
    """
    found = _pick_of(program, register)
    where = f"the register {register!r}"
    start = next((x for x in _numbers(found.operand.dtype) if _is_made(found, x)), None)
    if start is None:
        expected = f"a number that makes it {found.start.value}, as an operand"
        raise refused(program, _REWRITE, where, expected, str(found.chain[0].value))
    block, _ = block_of(program, found.start)
    (loop,) = (one for one in block if isinstance(one, For) and path_to((one,), found.pick))
    names = Names(program)
    assert isinstance(found.pick.value, Apply)
    condition = found.pick.value.operands[0]
    same = _same(block, loop, condition, found.operand, start)
    if same is None:
        name = names.new(f"{found.operand.name}_picked")
        same = new_buffer(name, found.operand.dtype, (), BufferScope.REGISTER)
    picked = Load(same, ())
    values: dict[Value, Value] = {found.operand: picked}
    behind: list[Statement] = []
    for let in found.chain:
        local = names.copy_of(let.local)
        behind.append(Let(local, _with(let.value, values)))
        values[let.local] = local
    made = values[found.chain[-1].local]
    old = Load(found.buffer, ())

    def read(one: Value) -> Value:
        return made if one is old else one

    number = next(k for k, one in enumerate(block) if one is loop)
    ahead, rest = block[:number], Parts(value=read).in_body(block[number + 1 :])
    is_new = all(used is not same for one in walk(block) for used in buffers_of(one))
    again: Body = ()
    if is_new:
        value = Apply("where", (condition, found.operand, picked), picked.dtype, {})
        again = (Store(picked, value),)
        ahead = (*ahead, Allocate(same), Store(picked, start))
    ahead = tuple(
        one
        for one in ahead
        if one is not found.start and not (isinstance(one, Allocate) and one.buffer is found.buffer)
    )
    inside = replaced((loop,), found.pick, again)
    body = _with_block(program, block, (*ahead, *inside, *behind, *rest))
    return replace(program, body=without_unused(body))


def _with_block(program: LoopProgram, block: Body, new: Body) -> Body:
    """Return the body of a program with other statements in the place of those of a block."""
    first, *others = block
    body = program.body
    for one in others:
        body = replaced(body, one, ())
    return replaced(body, first, new)


def _with(value: Value, operands: dict[Value, Value]) -> Value:
    assert isinstance(value, Apply)
    made = tuple(operands.get(one, one) for one in value.operands)
    return Apply(value.op, made, value.dtype, value.attrs)


def _pick_of(program: LoopProgram, register: str) -> _Pick:
    where = f"the register {register!r}"

    def refuse(expected: str, what: str) -> None:
        raise refused(program, _REWRITE, where, expected, what)

    allocate = next(
        (x for x in walk(program.body) if isinstance(x, Allocate) and x.buffer.name == register),
        None,
    )
    if allocate is None or allocate.buffer.shape:
        refuse("a buffer of one element that the program allocates", "no such statement")
    assert allocate is not None
    block, _ = block_of(program, allocate)
    buffer = allocate.buffer
    users = [one for one in walk(block) if any(x.memory == buffer.memory for x in buffers_of(one))]
    stores = [one for one in users if isinstance(one, Store) and one.target.buffer is buffer]
    is_plain = len(stores) == 2 and all(
        isinstance(one, Allocate | Store | Let | If | For) for one in users
    )
    start, pick = stores if is_plain else (None, None)
    if start is None or pick is None or all(start is not one for one in block):
        refuse("a first value, and one more that is stored in a loop", f"{len(stores)} stores")
    assert start is not None
    assert pick is not None
    value, old = pick.value, Load(buffer, ())
    is_pick = isinstance(value, Apply) and value.op == "where" and value.operands[2] is old
    if not is_pick or not isinstance(start.value, Constant):
        refuse("a number, and a choice of a value or what it is", str(value))
    assert isinstance(value, Apply)
    path = path_to(block, pick)
    if not isinstance(path[0], For) or not all(isinstance(one, For | If) for one in path[:-1]):
        refuse("a loop of its block that stores it again", "other statements around")
    loop = path[0]
    first = next(k for k, one in enumerate(block) if one is start)
    number = next(k for k, one in enumerate(block) if one is loop)
    reads = [one for one in walk(block[:number] + (loop,)) if _reads(one, old)]
    if first > number or any(one is not pick for one in reads):
        refuse("that it is read behind the loop", "a read ahead")
    inside, _ = block_of(program, pick)
    named = {one.local: one for one in inside if isinstance(one, Let)}
    chain = tuple(_chain(value.operands[1], named))
    if not chain:
        refuse("a value of numbers and one more value", str(value.operands[1]))
    (operand,) = _locals(chain[0].value)
    return _Pick(buffer, start, pick, chain, operand)


def _reads(one: Statement, old: Load) -> bool:
    if isinstance(one, For | If):
        return False
    found = False

    def note(value: Value) -> Value:
        nonlocal found
        found = found or value is old
        return value

    Parts(value=note).in_statement(one)
    return found


def _locals(value: Value) -> list[Local]:
    return [x for x in value.operands if isinstance(x, Local)] if isinstance(value, Apply) else []


def _chain(value: Value, named: dict[Local, Let]) -> Iterator[Let]:
    """Yield the values that one is made of step by step, each of the one before and numbers: from
    the last one on that an operand of `_BYTES` goes into, or else from the last one on that does
    not go into by a truth value."""
    found: list[Let] = []
    while isinstance(value, Local) and value in named:
        let = named[value]
        varying = _locals(let.value)
        numbers = isinstance(let.value, Apply) and all(
            isinstance(x, Constant | Local) for x in let.value.operands
        )
        if not numbers or len(varying) != 1 or varying[0] not in named:
            break
        found.insert(0, let)
        (value,) = varying
    sizes = [np.dtype(_locals(one.value)[0].dtype) for one in found]
    fitting = [k for k, one in enumerate(sizes) if one.itemsize == _BYTES]
    others = [k for k, one in enumerate(sizes) if one != np.bool_]
    best = max(fitting, default=max(others, default=None))
    yield from () if best is None else found[best:]


def _numbers(dtype: str) -> Iterator[Constant]:
    """Yield numbers that make comparisons fail."""
    kind = np.dtype(dtype)
    if kind.kind == "f":
        yield Constant(float("nan"), dtype)
    elif kind.kind in "iu":
        limits = np.iinfo(kind)
        yield from (Constant(one, dtype) for one in (limits.max, limits.min))


def _is_made(found: _Pick, operand: Constant) -> bool:
    """Return True if an operand makes the register's first value."""
    known: dict[Value, np.generic] = {found.operand: np.dtype(operand.dtype).type(operand.number)}
    with np.errstate(all="ignore"):
        for let in found.chain:
            value = let.value
            assert isinstance(value, Apply)
            operands = []
            for one in value.operands:
                if isinstance(one, Constant):
                    known[one] = np.dtype(one.dtype).type(one.number)
                operands.append(known[one])
            known[let.local] = NUMPY[value.op](value.attrs, *operands)
    made = known[found.chain[-1].local]
    return Constant(made.item(), found.buffer.dtype) is found.start.value


def _same(
    block: Body, loop: For, condition: Value, operand: Local, start: Constant
) -> Buffer | None:
    """Return a register that begins with a number, and in a loop is an operand where a condition
    picks it."""
    starts = [one for one in block if isinstance(one, Store) and one.value is start]
    for one in starts:
        picks = [
            x
            for x in walk((loop,))
            if isinstance(x, Store) and x.target.buffer is one.target.buffer
        ]
        wanted = Apply("where", (condition, operand, one.target), operand.dtype, {})
        if len(picks) == 1 and picks[0].value is wanted:
            return one.target.buffer
    return None
