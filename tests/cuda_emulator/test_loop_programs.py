"""Loop programs as kernels: each form of statement that CUDA prints in its own way, against the
meaning of the program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from pycuda import gpuarray
from pycuda.compiler import SourceModule

from graphc.compiler.graph.dim import Symbol, symbols
from graphc.compiler.graph.dim import evaluate as size_of
from graphc.compiler.loops.buffer import Buffer
from graphc.compiler.loops.evaluate import evaluate
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.lowering.unit import INCLUDES
from graphc.compiler.targets.cuda.printer import PrintedKernel, print_program
from tests.compiler.targets.cpu.hand_made import N
from tests.compiler.targets.cuda import hand_made
from tests.cuda_emulator.emulator import compiled, without_race

(SIZE,) = symbols(N)
FINE = 2**64 - 1
PRINTED: Mapping[str, tuple[LoopProgram, PrintedKernel]] = {
    program.name: (program, print_program(program))
    for program in (make() for make in hand_made.ALL)
}


@pytest.fixture(scope="module")
def module() -> SourceModule:
    headers = (name for _, printed in PRINTED.values() for name in printed.headers)
    heads = [f'#include "{name}"' for name in dict.fromkeys((*INCLUDES, *headers))]
    return compiled("\n".join([*heads, *(printed.text for _, printed in PRINTED.values())]))


def run(
    module: SourceModule, name: str, arrays: Mapping[str, np.ndarray], n: int = 1
) -> tuple[dict[str, np.ndarray], int]:
    """Return the outputs of a program, and its status word."""
    program, printed = PRINTED[name]
    memory: dict[str, Any] = {}
    for buffer in (*program.inputs, *program.outputs, *printed.workspaces):
        shape = [size_of(size, {SIZE: n}) for size in buffer.shape]
        array = np.asarray(arrays.get(buffer.memory, np.full(shape, 77, buffer.dtype)))
        memory.setdefault(buffer.memory, gpuarray.to_gpu(array.reshape(shape or (1,))))
    status = gpuarray.to_gpu(np.array([FINE], "uint64"))

    def passed(given: object) -> Any:
        if isinstance(given, Buffer):
            return memory[given.memory]
        return np.int32(n) if isinstance(given, Symbol) else status

    grid = (size_of(printed.blocks, {SIZE: n}), 1, 1)
    function = module.get_function(name)
    given = [passed(one.given) for one in printed.parameters]
    function(*given, block=(printed.threads, 1, 1), grid=grid)
    found = {buffer.memory: memory[buffer.memory].get() for buffer in program.outputs}
    return found, int(status.get()[0])


def agrees(
    module: SourceModule, name: str, arrays: Mapping[str, np.ndarray], n: int, rtol: float = 0
) -> None:
    program, _ = PRINTED[name]
    expected = evaluate(program, arrays, {SIZE: n}).outputs
    for memory, array in expected.items():
        found = without_race(lambda memory=memory: run(module, name, arrays, n)[0][memory])
        np.testing.assert_allclose(found.reshape(array.shape), array, rtol=rtol, atol=0)


def _floats(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).normal(size=shape).astype("float32")


@pytest.mark.parametrize("n", [1, 40])
@pytest.mark.parametrize(
    ("name", "arrays"),
    [
        ("grid", lambda n: {"x0": _floats(n, 3)}),
        ("grids", lambda n: {"x0": _floats(n, 40), "x1": np.array(2.25, "float32")}),
        ("row_sums", lambda n: {"x0": _floats(n, 100)}),
        ("largest", lambda n: {"x0": _floats(n, 9)}),
        ("sums_of_lanes", lambda n: {"x0": _floats(n, 12)}),
        (
            "list_of_warps",
            lambda n: {"x0": np.arange(n * 128, dtype="int32").reshape(n, 128) * 7 % 3},
        ),
    ],
)
def test_a_kernel_means_what_its_program_does(
    module: SourceModule, name: str, arrays: Callable[[int], dict[str, np.ndarray]], n: int
) -> None:
    agrees(module, name, arrays(n), n)


def test_an_index_that_is_not_there_is_reported(module: SourceModule) -> None:
    arrays = {"x0": np.array([6, 0, 3], "int32"), "x1": _floats(7, 4, 32)}
    agrees(module, "in_warps", arrays, 3)
    arrays["x0"] = np.array([6, 7, 3], "int32")
    _, status = run(module, "in_warps", arrays, 3)
    assert status == 3 << 40 | 1


@pytest.mark.over("source", reason="over PTX what blocks do has no order, fences or not")
def test_the_last_block_finishes(module: SourceModule) -> None:
    arrays = {"x0": np.arange(8, dtype="float32"), "y1": np.zeros((), "int32")}
    found, _ = run(module, "last_block", arrays)
    assert found["y0"] == 28
    assert found["y1"] == 0
