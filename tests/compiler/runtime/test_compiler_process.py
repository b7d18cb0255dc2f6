"""Which kernel a compiler's error is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphc.compiler.runtime.compiler_process import kernel_at_fault

SOURCE = """\
#include "pointwise.cuh"
static void k0_rows(float* y) {
  y[0] = 1;
}
static void k1_mul(float* y) {
  y[0] = 2;
}
static void k2_update(float* y) {
}
"""
LAYERS = {"k0_rows": "dense_1", "k1_mul": "", "k2_update": "dense_2, dense_3"}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (["/a/k.cu(3): error: no"], " in the kernel k0_rows (of dense_1)"),
        (["/a/k.cu:2:5: error: no"], " in the kernel k0_rows (of dense_1)"),
        (["in a header", "k.cu:6:1: error", "k.cu:3:1: note"], " in the kernel k1_mul"),
        (["k.cu(9): error"], " in the kernel k2_update (of dense_2, dense_3)"),
        (["k.cu(1): error"], ""),  # above all kernels
        (["other.cu(6): error", "no line"], ""),
        ([], ""),
    ],
)
def test_the_first_line_that_is_named_says_which_kernel_it_is(said, expected):
    assert kernel_at_fault(said, Path("/a/k.cu"), SOURCE, LAYERS) == expected
