"""Each form of statement as CUDA, and what a launch cannot be; tests/cuda_emulator runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphc.compiler.graph.dim import ceil_divide
from graphc.compiler.loops.buffer import BufferScope, new_buffer
from graphc.compiler.loops.index import as_index, variable
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.statement import (
    Allocate,
    AsyncCopy,
    Barrier,
    If,
    LoopKind,
    Statement,
    Store,
)
from graphc.compiler.loops.value import Load, below
from graphc.compiler.targets.cuda.printer import print_program
from tests.compiler.lowering.golden_text import check_golden
from tests.compiler.targets.cpu.hand_made import N, loop, number
from tests.compiler.targets.cuda import hand_made

FOLDER = Path(__file__).parent / "golden"
X, Y = new_buffer("x0", "float32", (64,)), new_buffer("y0", "float32", (64,))
I, J = variable("i"), variable("j")  # noqa: E741


@pytest.mark.parametrize("make", hand_made.ALL, ids=lambda make: make.__name__)
def test_text(make) -> None:
    program = make()
    check_golden(program.name, print_program(program).text, FOLDER / f"{program.name}.cu")


@pytest.mark.parametrize(
    ("make", "blocks", "threads"),
    [
        (hand_made.grid, ceil_divide(N * 3, 256), 256),
        (hand_made.grids, ceil_divide(N * 40, 256) + 1, 256),
        (hand_made.row_sums, N, 64),
        (hand_made.last_block, 4, 1),
        (hand_made.in_warps, N, 128),
        (hand_made.sums_of_lanes, ceil_divide(N, 8), 64),
    ],
)
def test_a_launch_has_blocks_and_threads(make, blocks, threads: int) -> None:
    printed = print_program(make())
    assert (printed.blocks, printed.threads) == (blocks, threads)


def test_a_workspace_is_a_parameter() -> None:
    printed = print_program(hand_made.last_block())
    assert [one.name for one in printed.workspaces] == ["parts"]
    assert printed.parameters[-1].given is printed.workspaces[0]


def store(index: object = I) -> Store:
    return Store(Load(Y, (as_index(index),)), number(1.0))


def shared(size: object) -> Allocate:
    return Allocate(new_buffer("s", "float32", (size,), BufferScope.SHARED))


def threads(*body: Statement, turns: object = 64) -> Statement:
    return loop("i", turns, *body, kind=LoopKind.THREAD)


KEPT = new_buffer("kept", "float32", (), BufferScope.REGISTER)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ((store(0), threads(store())), "all threads would store to y0 alike"),
        (
            (
                loop("j", 2, threads(store()), kind=LoopKind.BLOCK),
                loop("k", 1, store(0), kind=LoopKind.THREAD),
            ),
            "all blocks would store to y0 alike",
        ),
        ((threads(store(), turns=N),), "the number of threads of i is not known: n"),
        ((threads(store(), turns=2048),), "2048 threads of a block, of which 1024 are allowed"),
        (
            (threads(If((below(I, 3),), (Barrier(),))),),
            "a barrier where not all threads are: a condition is another one for each",
        ),
        (
            (threads(Barrier(), turns=32), loop("j", 64, store(J), kind=LoopKind.THREAD)),
            "a barrier where not all threads are: only 32 threads have a turn of i",
        ),
        (
            (loop("i", 64, Barrier(), kind=LoopKind.GRID),),
            "the threads of i do not wait for each other",
        ),
        ((shared(N), threads(store())), "s is in shared memory, and its size is not known"),
        (
            (shared(1 << 16), threads(store())),
            "262144 bytes of shared memory, of which a",
        ),
        (
            (Allocate(KEPT), threads(Store(Load(KEPT, ()), number(1.0)))),
            "kept is in registers of other threads",
        ),
        ((loop("i", 64, store(), kind=LoopKind.TEAM),), "the loop over i is of a CPU's threads"),
        (
            (loop("i", 64, store(), kind=LoopKind.VECTOR),),
            "the vector loop over i is no access to 4 neighbours: it has 64 turns",
        ),
        (
            (
                loop("i", 64, store(), kind=LoopKind.BLOCK),
                loop("j", 64, Store(Load(Y, (63 - J,)), number(2.0)), kind=LoopKind.BLOCK),
            ),
            "the blocks of i and j have no order, and both access y0",
        ),
        ((Barrier(BufferScope.GLOBAL),), "a barrier of scope global"),
        (
            (loop("i", 16, AsyncCopy(Load(Y, (I * 4,)), Load(X, (I * 4,)), 4)),),
            "CUDA has no AsyncCopy",
        ),
    ],
)
def test_what_a_launch_cannot_be(body: tuple[Statement, ...], reason: str) -> None:
    with pytest.raises(ValueError, match=r"k0 is not printed for CUDA: ") as raised:
        print_program(LoopProgram("k0", (X,), (Y,), (), body))
    assert reason in str(raised.value)
