"""Products as loop programs that blocks of threads run: what a kernel computes, against the meaning
of the plain program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pycuda import gpuarray
from pycuda.compiler import SourceModule

from graphc.compiler.graph.dim import Symbol
from graphc.compiler.graph.dim import evaluate as size_of
from graphc.compiler.loops.buffer import Buffer
from graphc.compiler.loops.evaluate import evaluate
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.value import Argument
from graphc.compiler.lowering.unit import INCLUDES
from graphc.compiler.targets.cuda.facts import any_card
from graphc.compiler.targets.cuda.printer import PrintedKernel, print_program
from graphc.compiler.targets.cuda.products import blocks
from graphc.compiler.targets.cuda.products import tiles as block_tiles
from graphc.compiler.targets.cuda.products.tiles import BlockTile
from graphc.compiler.targets.mapping import choose
from tests.compiler.targets.cuda.products.cases import ARGUMENTS, CASES, SYMBOLS
from tests.cuda_emulator.emulator import compiled, without_race

FINE = 2**64 - 1
LARGEST, MEDIUM, *SMALLER = block_tiles.TILES
ROWS_TERMS_COLUMNS = ((1, 1, 1), (70, 19, 66))
"""Less than a tile of 64 x 64 results and a step of 16 terms, and a little more."""


def printed(number: int, case: str, *tiles: BlockTile) -> tuple[LoopProgram, PrintedKernel]:
    """Return the plain program of a case, and its kernel; of medium tiles by default."""
    plain = CASES[case]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(block_tiles, "TILES", tiles or (MEDIUM,))
        patch.setattr(block_tiles, "BLOCKS", 1)  # the cases are small
        patch.setattr(block_tiles, "SHORT", 0)
        mapped = choose(plain, any_card(), blocks.PRODUCTS)
    assert not mapped.is_plain, mapped.refusals
    return plain, print_program(replace(mapped.program, name=f"k{number}"))


PRINTED = {case: printed(number, case) for number, case in enumerate(CASES)}
for _case in ("a bias", "sizes of a call"):
    for _tile in (LARGEST, *SMALLER):
        _name = f"{_case}, {_tile.rows} x {_tile.columns}"
        PRINTED[_name] = printed(len(PRINTED), _case, _tile)


@pytest.fixture(scope="module")
def module() -> SourceModule:
    heads = [f'#include "{name}"' for name in (*INCLUDES, "random.cuh")]
    return compiled("\n".join([*heads, *(kernel.text for _, kernel in PRINTED.values())]))


def numbers(plain: LoopProgram, sizes: Mapping[Symbol, int]) -> dict[str, np.ndarray]:
    """Return an array for each memory of a program."""
    draw = np.random.default_rng(3)
    return {
        one.memory: draw.standard_normal([size_of(n, sizes) for n in one.shape]).astype(one.dtype)
        for one in (*plain.inputs, *plain.outputs)
    }


def run(
    module: SourceModule,
    case: str,
    arrays: Mapping[str, np.ndarray],
    sizes: Mapping[Symbol, int],
) -> dict[str, np.ndarray]:
    """Return the outputs of a case."""
    plain, kernel = PRINTED[case]
    memory = {name: gpuarray.to_gpu(array) for name, array in arrays.items()}
    status = gpuarray.to_gpu(np.array([FINE], "uint64"))

    def passed(given: object) -> Any:
        if isinstance(given, Buffer):
            return memory[given.memory]
        if isinstance(given, Argument):
            return np.dtype(given.dtype).type(ARGUMENTS[given.name])
        return np.int32(sizes[given]) if isinstance(given, Symbol) else status

    function = module.get_function(f"k{list(PRINTED).index(case)}")
    given = [passed(one.given) for one in kernel.parameters]
    grid = (size_of(kernel.blocks, sizes), 1, 1)
    function(*given, block=(kernel.threads, 1, 1), grid=grid)
    return {one.memory: memory[one.memory].get() for one in plain.outputs}


@pytest.mark.parametrize("sizes", ROWS_TERMS_COLUMNS)
@pytest.mark.parametrize("case", PRINTED)
def test_a_kernel_computes_what_the_plain_program_does(
    module: SourceModule, case: str, sizes: tuple[int, int, int]
) -> None:
    plain, _ = PRINTED[case]
    known = dict(zip(SYMBOLS, sizes, strict=True))
    arrays = numbers(plain, known)
    arguments = {one.name: ARGUMENTS[one.name] for one in plain.arguments}
    expected = evaluate(plain, arrays, known, arguments=arguments).outputs
    for memory, array in expected.items():
        found = without_race(lambda memory=memory: run(module, case, arrays, known)[memory])
        np.testing.assert_allclose(found, array, rtol=1e-5, atol=1e-5)
