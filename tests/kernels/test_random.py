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
extern "C" void draw_part(unsigned int* one, unsigned int* four, int n, gc_int64 shift,
                          unsigned int scan_step, gc_uint64 call_step, unsigned int seed,
                          unsigned int stream) {
  for (int i = 0; i < n; i += 4) {
    gc_words words = gc_random_words(shift, i, scan_step, call_step, seed, stream);
    four[i] = words.x; four[i + 1] = words.y; four[i + 2] = words.z; four[i + 3] = words.w;
  }
  for (int i = 0; i < n; ++i) one[i] = gc_random(shift, i, scan_step, call_step, seed, stream);
}
"""


HOST = """
#include <stddef.h>
#include "host_random.h"
extern "C" void words(unsigned int* out, gc_int64 first, int count, unsigned int scan_step,
                      gc_uint64 call_step, unsigned int seed, unsigned int stream) {
  gc_draw_words<1024>(count, out, first, scan_step, call_step, seed, stream);
}
extern "C" void columns(unsigned int* out, int row, int fours, int count, unsigned int first,
                        unsigned int step, unsigned int scan_step, gc_uint64 call_step,
                        unsigned int seed, unsigned int stream) {
  gc_random_columns(out, row, fours, count, first, step, scan_step, call_step, seed, stream);
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


# What native code draws side by side.
DRAWN = (9, 2**33 + 5, 11, 4)  # scan step, call step, seed, stream


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    library = load(HOST, tmp_path_factory.mktemp("host_random"))
    for function in (library.words, library.columns):
        function.restype = None
    return library


@pytest.fixture(scope="module")
def expected() -> np.ndarray:
    scan_step, call_step, seed, stream = DRAWN
    node = g.random.bits((4096,), seed=seed, stream=stream, scan_step=scan_step)
    return evaluate([node], {}, call_step)[0]


def arguments() -> list:
    scan_step, call_step, seed, stream = DRAWN
    return [
        ctypes.c_uint(scan_step),
        ctypes.c_uint64(call_step),
        ctypes.c_uint(seed),
        ctypes.c_uint(stream),
    ]


COUNTS = (1, 2, 3, 4, 5, 31, 32, 33, 63, 64, 65, 1023, 1024)


@pytest.mark.parametrize("first", [0, 1, 2, 3, 1021])
def test_words_in_their_place(host: ctypes.CDLL, expected: np.ndarray, first: int) -> None:
    """From the first one on, no more than the most, and nothing around is written."""
    for count in (*COUNTS, 1025, 5000):
        out = np.full(1200, 77, np.uint32)
        where = ctypes.c_void_p(out[8:].ctypes.data)
        host.words(where, ctypes.c_int64(first), count, *arguments())
        drawn = min(count, 1024)
        np.testing.assert_array_equal(out[8 : 8 + drawn], expected[first : first + drawn])
        assert (out[:8] == 77).all()
        assert (out[8 + drawn :] == 77).all()


def behind_32_bits(first: int, count: int) -> np.ndarray:
    """The words of neighbours from far on, out of a part of a draw that nobody makes."""
    scan_step, call_step, seed, stream = DRAWN
    node = g.random.bits((count,), seed=seed, stream=stream, scan_step=scan_step)
    return evaluate([g.random.range_of_draw(node, 0, 2**40, first)], {}, call_step)[0]


@pytest.mark.parametrize("first", [2**31 - 2, 2**32 - 3, 2**33 + 1])
def test_words_behind_what_32_bits_count(host: ctypes.CDLL, first: int) -> None:
    out = np.zeros(70, np.uint32)
    host.words(ctypes.c_void_p(out.ctypes.data), ctypes.c_int64(first), 70, *arguments())
    np.testing.assert_array_equal(out, behind_32_bits(first, 70))


@pytest.mark.parametrize("shift", [0, 1, 2, 3, 1021, 2**31 - 2, 2**32 - 3, 2**33 + 1])
def test_words_of_a_part(library: ctypes.CDLL, shift: int) -> None:
    found = np.zeros((2, 12), np.uint32)
    one, four = (ctypes.c_void_p(row.ctypes.data) for row in found)
    library.draw_part(one, four, 12, ctypes.c_int64(shift), *arguments())
    np.testing.assert_array_equal(found, [behind_32_bits(shift, 12)] * 2)


@pytest.mark.parametrize(("first", "step", "fours"), [(0, 1, 1), (7, 50, 1), (3, 13, 3)])
def test_columns_of_words(
    host: ctypes.CDLL, expected: np.ndarray, first: int, step: int, fours: int
) -> None:
    for count in (1, 3, 7, 8, 9, 15, 16, 17, 20):
        out = np.zeros((4 * fours, count + 1), np.uint32)
        where = ctypes.c_void_p(out.ctypes.data)
        blocks = [ctypes.c_uint(first), ctypes.c_uint(step)]
        host.columns(where, count + 1, fours, count, *blocks, *arguments())
        for four in range(fours):
            drawn = expected.reshape(-1, 4)[first + four :: step][:count]
            np.testing.assert_array_equal(out[4 * four : 4 * four + 4, :count], drawn.T)
        assert not out[:, count].any()  # nothing is written beyond
