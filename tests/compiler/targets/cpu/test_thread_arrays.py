"""Arrays in threads' memory: their blocks, and the programs that have too many of them."""

from __future__ import annotations

import pytest

from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer
from graphc.compiler.loops.index import variable
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.statement import Allocate, If, Store
from graphc.compiler.loops.value import below
from graphc.compiler.targets.cpu.thread_arrays import (
    MOST_ARRAYS,
    arrays_in_blocks,
    with_blocks_for_all,
)
from graphc.errors import RewriteError
from tests.compiler.loops import written as w

X, Y = w.floats("x", 4), w.floats("y", 4)
ROW = variable("row")


def array(name: str) -> Buffer:
    return new_buffer(name, "float32", (4,), BufferScope.THREAD)


def with_arrays(count: int) -> LoopProgram:
    arrays = [Allocate(array(f"a{k}")) for k in range(count)]
    copied = Store(w.at(Y, ROW), w.at(X, ROW))
    return w.program((X,), (Y,), *arrays, w.loop(ROW, 4, copied))


def test_a_program_has_as_many_arrays_as_a_thread_has_blocks() -> None:
    most = with_arrays(MOST_ARRAYS)
    assert with_blocks_for_all(most) is most
    assert [number for number, _ in arrays_in_blocks(most.body)] == list(range(MOST_ARRAYS))
    with pytest.raises(RewriteError, match=f"at most {MOST_ARRAYS} arrays .* found 65"):
        with_blocks_for_all(with_arrays(MOST_ARRAYS + 1))


def test_registers_have_no_block_and_two_branches_the_same() -> None:
    first, one, other = array("first"), array("one"), array("other")
    branches = If((below(ROW, 2),), (Allocate(one),), (Allocate(other),))
    program = w.program((X,), (Y,), Allocate(first), Allocate(w.register("r")), branches)
    assert arrays_in_blocks(program.body) == [(0, first), (1, one), (1, other)]
