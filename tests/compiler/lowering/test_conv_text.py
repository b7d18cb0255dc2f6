"""Convolutions as products of CUDA: what the compiler makes of them."""

from __future__ import annotations

import shutil

import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.lowering.cuda import lower
from tests.nvcc import gate

NVCC = shutil.which("nvcc")


def convolution(filters: int, channels: int = 8, size: int = 26, window: int = 3, **attrs) -> Node:
    """As Keras on Theano has it: the kernel is flipped."""
    x = g.input((BATCH, channels, size, size), "float32")
    kernel = g.input((filters, channels, window, window), "float32")
    return g.conv(x, g.flip(kernel, (2, 3)), **attrs)


@pytest.mark.skipif(NVCC is None, reason="needs nvcc")
def test_no_kernel_spills_and_nothing_is_warned_of() -> None:
    each = (8, 16, 32, 64, 128)
    outputs = [convolution(filters, padding=1) for filters in each]
    for filters in each:
        hidden = g.maximum(convolution(filters, padding=1), 0.0)
        pooled = g.max_pool(hidden, (2, 2))
        kept = g.random.uniform(pooled.shape, seed=1, stream=2) < 0.75
        outputs += [hidden, g.where(kept, pooled / 0.75, 0.0)]
    kernels, said = gate.assembled(NVCC, lower(outputs).source, "sm_75")
    assert said == []
    assert len(kernels) == 2 * len(each)
    assert gate.problems_of("convolutions", "sm_75", kernels) == []
