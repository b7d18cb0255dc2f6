"""The CUDA text of reductions: what a reader meets, and what the compiler makes of it."""

from __future__ import annotations

import shutil

import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH
from graphc.compiler.lowering.unit import INCLUDES, unit
from graphc.compiler.schedule.kernel import Kernel
from tests.compiler.lowering.golden_text import check_golden
from tests.compiler.lowering.reduction_kernels import (
    fused,
    normalisation,
    normalisation_gradient,
    softmax_loss,
)
from tests.cuda_emulator.one_kernel import launches_of
from tests.nvcc import gate

NVCC = shutil.which("nvcc")


def text(*kernels: Kernel) -> str:
    return "\n".join(launch.text for launch in launches_of(*kernels)[0])


def rows() -> str:
    """A dense layer's bias, softmax, its loss and the gradient: the kernel behind a classifier."""
    with g.origin("dense_3"):
        product, bias = g.input((BATCH, 10), "float32"), g.input((10,), "float32")
        for node, name in ((product, "product"), (bias, "bias")):
            g.set_name(node, name)
        p = g.softmax(product + bias)
    targets = g.set_name(g.input((BATCH, 10), "float32"), "targets")
    with g.origin("categorical_crossentropy"):
        loss = g.neg(g.sum(targets * g.log(p), 1))
        gradient = (p - targets) / g.cast(g.as_node(BATCH), "float32")
    return text(fused((BATCH, 10), (1,), [loss, gradient]))


def short_rows() -> str:
    """A choice of three: a thread has a row."""
    with g.origin("dense_1"):
        scores = g.input((BATCH, 3), "float32")
        p = g.softmax(scores)
    return text(fused((BATCH, 3), (1,), [p, g.argmax(scores, 1)]))


def long_rows() -> str:
    with g.origin("layer_normalization_1"):
        kernel, _ = normalisation((BATCH, 2048), (1,))
    return text(kernel)


def columns() -> str:
    with g.origin("dense_1"):
        x = g.input((BATCH, 512), "float32")
        delta = g.input((BATCH, 512), "float32")
        masked = delta * g.cast(g.greater(x, 0.0), "float32")
        gradient = g.sum(masked, 0)
    return text(fused((BATCH, 512), (0,), [masked, gradient]))


def channels() -> str:
    with g.origin("batch_normalization_1"):
        x = g.input((BATCH, 32, 14, 14), "float32")
        mean, variance = g.mean(x, (0, 2, 3)), g.var(x, (0, 2, 3))
    return text(fused(x.shape, (0, 2, 3), [mean, variance]))


def divided() -> str:
    with g.origin("weight_regularizer"):
        w = g.input((784, 512), "float32")
        penalty = 0.01 * g.sum(g.square(w))
    return text(fused((784, 512), (0, 1), [penalty]))


@pytest.mark.parametrize("make", [rows, short_rows, long_rows, columns, channels, divided])
def test_golden_text(make) -> None:
    check_golden(make.__name__, make())


@pytest.mark.skipif(NVCC is None, reason="needs nvcc")
@pytest.mark.parametrize("arch", ["sm_75", "sm_90"])
def test_no_kernel_spills_and_nothing_is_warned_of(arch: str) -> None:
    kernels = [softmax_loss((BATCH, n), 1)[0] for n in (10, 1024, 16384, g.symbol("classes"))]
    for shape, axes in (((BATCH, 1024), (1,)), ((BATCH, 70), (0,)), ((BATCH, 8, 5, 5), (0, 2, 3))):
        kernels += [normalisation(shape, axes)[0], normalisation_gradient(shape, axes)[0]]
    x = g.input((70_000, 10), "float64")
    kernels += [fused(x.shape, (0,), [g.sum(x, 0)]), fused(x.shape, (0, 1), [g.argmax(x)])]
    texts = [launch.text for launch in launches_of(*kernels)[0]]
    compiled, said = gate.assembled(NVCC, unit(texts, INCLUDES), arch)
    assert said == []
    assert len(compiled) == len(texts)
    assert gate.problems_of("reductions", arch, compiled) == []
