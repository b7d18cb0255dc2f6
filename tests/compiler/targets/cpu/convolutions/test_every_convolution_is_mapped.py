"""Convolutions and their gradients have mappings of their own: none that takes its time runs by the
loops of its plain program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from graphc import grad
from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.dim import Shape, product, typical
from graphc.compiler.loops.build import buffers_of, plain_program
from graphc.compiler.passes import optimize
from graphc.compiler.schedule import kernels, make_schedule
from graphc.compiler.targets.cpu.in_order import IN_ORDER
from graphc.compiler.targets.cpu.mappings import CPU_MAPPINGS
from graphc.compiler.targets.mapping import PLAIN, choose
from graphc.compiler.targets.target import Target

WIDE = Target("cpu", 64, 32, cache_bytes=(48 << 10, 2 << 20, 32 << 20), threads=2)
TARGETS = st.sampled_from([WIDE, replace(WIDE, threads=1), Target("cpu", 32, 16, threads=2)])

LEAST = 1 << 20
"""Multiplications that take their time."""

CHANNELS = st.sampled_from([1, 3, 8, 16, 32, 50, 64])
Axis: TypeAlias = tuple[int, int, int, tuple[int, int], int]
AXES = st.lists(
    st.tuples(
        st.integers(4, 40),  # elements
        st.sampled_from([1, 1, 2, 3, 5, 7]),  # taps
        st.sampled_from([1, 1, 2, 3]),  # the step of a window
        st.tuples(st.integers(0, 3), st.integers(0, 3)),  # zeros ahead and behind
        st.sampled_from([1, 1, 1, 2]),  # the step of a tap
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=40)
@example(8, 32, 32, [(26, 3, 1, (1, 1), 1)] * 2, WIDE)  # a sample for each part of a gradient
@given(st.sampled_from([BATCH, 1, 5]), CHANNELS, CHANNELS, AXES, TARGETS)
def test_no_convolution_runs_in_order(
    samples: int,
    channels: int,
    filters: int,
    axes: list[Axis],
    target: Target,
) -> None:
    """Where one did, the gradient of 1 x 1 weights of a stride of 2, 64 channels by 128 filters of
    16 images of 56 x 56, took 24 times the time (two threads, Sapphire Rapids)."""
    image, weights, output = drawn_convolution(samples, channels, filters, axes)
    gradients = grad(g.sum(output * g.input(output.shape, "float32")), [image, weights])
    for result in (output, *gradients):
        check([result], target)


POOLINGS = st.tuples(
    st.sampled_from([g.max_pool, g.average_pool]),
    st.sampled_from([(2, 2), (3, 3), (3, 2), (2, 1)]),  # elements of a window, and its step
)


@settings(max_examples=40)
@example(8, 3, 8, [(20, 5, 1, (2, 2), 1)] * 3, (g.average_pool, (2, 2)), g.tanh, WIDE)
@given(
    st.sampled_from([BATCH, 1, 5]),
    CHANNELS,
    CHANNELS,
    AXES,
    st.none() | POOLINGS,
    st.sampled_from([g.tanh, lambda x: g.maximum(x, 0)]),
    TARGETS,
)
def test_no_convolution_ahead_of_rows_runs_in_order(
    samples: int,
    channels: int,
    filters: int,
    axes: list[Axis],
    pooling: tuple[Callable[..., Node], tuple[int, int]] | None,
    activation: Callable[[Node], Node],
    target: Target,
) -> None:
    """Its results, or those of a pooling behind it, are what a dense layer reads as rows. Where
    such did, a step with eight 5 x 5 x 5 filters and averages of 2 x 2 x 2 took 11 times that of
    PyTorch's (two threads, Sapphire Rapids)."""
    image, weights, output = drawn_convolution(samples, channels, filters, axes)
    assume(weights.shape[1:] != (1,) * (1 + len(axes)))
    output = activation(output)
    if pooling is not None:
        pool, (window, step) = pooling
        assume(all(isinstance(one, int) and one >= window for one in output.shape[2:]))
        output = pool(output, (window,) * len(axes), step)
    rows = g.reshape(output, (samples, product(output.shape[1:])))
    gradients = grad(g.sum(rows * g.input(rows.shape, "float32")), [image, weights])
    check([rows, *gradients], target)


def twice(image: Node) -> Node:
    """Return an image with each element twice along each of its axes."""
    for axis in range(2, image.ndim):
        image = g.repeat(image, 2, axis)
    return image


IMAGES: list[Callable[[Shape], Node]] = [
    lambda shape: g.maximum(g.input(shape, "float32"), 0),
    lambda shape: g.input(shape, "float32") * g.input(shape, "float32"),
    lambda shape: g.concat([g.input(shape, "float32"), g.tanh(g.input(shape, "float32"))], 1),
    lambda shape: twice(g.input(shape, "float32")),
    lambda shape: g.concat(
        [twice(g.input(shape, "float32")), g.input((*shape[:2], *(2 * x for x in shape[2:])))], 1
    ),
    lambda shape: g.broadcast_to(
        g.reshape(g.input(shape[:2], "float32"), (*shape[:2], *(1 for _ in shape[2:]))), shape
    ),
    lambda shape: g.reshape(g.input((shape[0], product(shape[1:])), "float32"), shape),
]
"""An image that is computed, of another one's shape or so."""


@settings(max_examples=40)
@example(BATCH, 32, 16, [(16, 3, 1, (1, 1), 1)] * 2, IMAGES[4], WIDE)
@given(st.sampled_from([BATCH, 5]), CHANNELS, CHANNELS, AXES, st.sampled_from(IMAGES), TARGETS)
def test_no_convolution_of_a_computed_image_runs_in_order(
    samples: int,
    channels: int,
    filters: int,
    axes: list[Axis],
    made: Callable[[Shape], Node],
    target: Target,
) -> None:
    """The gradients of the weights of a U-net, where an image that was repeated stands ahead of
    another, took 15 times as long in order (two threads, Sapphire Rapids)."""
    sizes, taps, _, padding, _ = zip(*axes, strict=True)
    image = made((samples, channels, *sizes))
    weights = g.input((filters, image.shape[1], *taps), "float32")
    padded = [one + sum(zeros) for one, zeros in zip(image.shape[2:], padding, strict=True)]
    assume(all(one >= least for one, least in zip(padded, taps, strict=True)))
    output = g.conv(image, weights, padding=padding)
    assume(typical(product((*output.shape, channels, *taps))) >= LEAST)
    (gradient,) = grad(g.sum(output * g.input(output.shape, "float32")), [weights])
    check([output], target)
    check([gradient], target)


def drawn_convolution(
    samples: int, channels: int, filters: int, axes: list[Axis]
) -> tuple[Node, Node, Node]:
    """Return image, weights and result of a convolution that takes its time."""
    sizes, taps, strides, padding, dilation = zip(*axes, strict=True)
    reach = [(one - 1) * step + 1 for one, step in zip(taps, dilation, strict=True)]
    padded = [one + sum(zeros) for one, zeros in zip(sizes, padding, strict=True)]
    assume(all(one >= least for one, least in zip(padded, reach, strict=True)))
    image = g.input((samples, channels, *sizes), "float32")
    weights = g.input((filters, channels, *taps), "float32")
    output = g.conv(image, weights, strides=strides, padding=padding, kernel_dilation=dilation)
    assume(typical(product((*output.shape, channels, *taps))) >= LEAST)
    return image, weights, output


def check(results: list[Node], target: Target) -> None:
    results, _ = optimize(results)
    for kernel in kernels(make_schedule(results, most_shared=0)):
        if kernel.kind == "conv":
            program = plain_program(kernel, "k0", buffers_of(kernel))
            found = choose(program, target, CPU_MAPPINGS["conv"])
            assert not {PLAIN, IN_ORDER.name} & set(found.names), found.refusals
