"""The device's Philox, compiled for the host, against the published vectors and the interpreter."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.interpret import evaluate
from tests.kernels.host_compiler import load, needs_host_compiler

pytestmark = needs_host_compiler

SOURCE = """
#include "random.cuh"
extern "C" void philox(const unsigned int* in, unsigned int* out) {
  gc_words block = gc_philox({in[0], in[1], in[2], in[3]}, in[4], in[5]);
  out[0] = block.x; out[1] = block.y; out[2] = block.z; out[3] = block.w;
}
extern "C" void draw(unsigned int* out, int n, unsigned int scan_step, gc_uint64 call_step,
                     unsigned int seed, unsigned int stream) {
  for (int i = 0; i < n; ++i) out[i] = gc_random(i, scan_step, call_step, seed, stream);
}
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    return load(SOURCE, tmp_path_factory.mktemp("random"))


# kat_vectors of Random123 (philox4x32, 10 rounds): counter, key, block.
@pytest.mark.parametrize(
    ("counter", "key", "block"),
    [
        ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ],
)
def test_published_vectors(library, counter: list[int], key: list[int], block: list[int]) -> None:
    words = np.array(counter + key, np.uint32)
    out = np.zeros(4, np.uint32)
    library.philox(ctypes.c_void_p(words.ctypes.data), ctypes.c_void_p(out.ctypes.data))
    assert out.tolist() == block


def test_words_of_a_draw_are_the_interpreters(library) -> None:
    call_step = 2**33 + 5
    node = g.random.bits((3, 7), seed=11, stream=4, scan_step=9)
    (expected,) = evaluate([node], {}, call_step)
    out = np.zeros(21, np.uint32)
    library.draw(
        ctypes.c_void_p(out.ctypes.data),
        ctypes.c_int(21),
        ctypes.c_uint32(9),
        ctypes.c_uint64(call_step),
        ctypes.c_uint32(11),
        ctypes.c_uint32(4),
    )
    np.testing.assert_array_equal(out.reshape(3, 7), expected)
