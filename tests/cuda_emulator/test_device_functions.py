"""kernels/, compiled as CUDA by the emulated nvcc and run by PyCUDA, against the interpreter."""

from __future__ import annotations

import numpy as np
import pytest
from pycuda import gpuarray
from pycuda.compiler import SourceModule

from graphc.compiler import graph as g
from graphc.compiler.interpret import NUMPY, evaluate
from tests.cuda_emulator.emulator import compiled, without_race
from tests.kernels.device_source import VARIANTS, Variant, cuda_source
from tests.kernels.test_pointwise import ROUNDED, all_pairs

pytestmark = pytest.mark.over("ptx", "source")

DRAW = """
#include "random.cuh"
extern "C" __global__ void draw(unsigned int* out, int n, unsigned int scan_step,
                                gc_uint64 call_step, unsigned int seed, unsigned int stream) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) out[i] = gc_random(i, scan_step, call_step, seed, stream);
}
"""


@pytest.fixture(scope="module")
def module() -> SourceModule:
    return compiled(cuda_source() + DRAW)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_pointwise_function_agrees_with_the_interpreter(
    variant: Variant, module: SourceModule
) -> None:
    arrays = all_pairs(variant)
    out = gpuarray.empty(arrays[0].shape, variant.result)
    count = out.size
    function = module.get_function(variant.name)
    inputs = [gpuarray.to_gpu(array) for array in arrays]
    function(*inputs, out, np.int32(count), block=(64, 1, 1), grid=(-(-count // 64), 1, 1))
    with np.errstate(all="ignore"):
        expected = NUMPY[variant.op](variant.attrs, *arrays)
    if variant.op in ROUNDED and variant.result.startswith("float"):
        ulp = np.finfo(variant.result).eps
        np.testing.assert_allclose(out.get(), expected, rtol=4 * ulp, atol=0)
    else:
        np.testing.assert_array_equal(out.get(), expected)


def test_words_of_a_draw_are_the_interpreters(module: SourceModule) -> None:
    call_step = 2**33 + 5
    node = g.random.bits((37, 7), seed=11, stream=4, scan_step=9)
    (expected,) = evaluate([node], {}, call_step)

    def run() -> np.ndarray:
        out = gpuarray.empty((37, 7), np.uint32)
        module.get_function("draw")(
            out, np.int32(out.size), np.uint32(9), np.uint64(call_step), np.uint32(11),
            np.uint32(4), block=(64, 1, 1), grid=(5, 1, 1),
        )  # fmt: skip
        return out.get()

    np.testing.assert_array_equal(without_race(run), expected)
