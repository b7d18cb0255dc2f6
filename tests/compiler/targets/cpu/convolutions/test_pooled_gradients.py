"""Gradients of weights behind a pooling of separate windows: what is taken, that it means the same,
and that compiled sums are their meaning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import evaluate as evaluate_size
from graphc.compiler.loops.build import buffers_of, plain_program
from graphc.compiler.loops.evaluate import TurnOrder, evaluate
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.schedule import kernels, make_schedule
from graphc.compiler.targets.cpu.convolutions.pooled_gradients import PLACES_OF_POOLINGS
from graphc.compiler.targets.cpu.mappings import CPU_MAPPINGS
from graphc.compiler.targets.mapping import MappedProgram, choose
from tests.compiler.targets.convolution_cases import convolution, gradient
from tests.compiler.targets.cpu.compiled_programs import CompiledPrograms
from tests.compiler.targets.cpu.convolutions.checks import CPU, B, numbers
from tests.compiler.targets.cuda.products.cases import arrays

Programs = Mapping[str, Callable[[], LoopProgram]]


def behind_pooling(
    result: Node,
    *window: int,
    strides: tuple[int, ...] | None = None,
    changed: Callable[[Node], Node] = lambda cotangents: cotangents,
    image: Callable[[Node], Node] | None = None,
) -> LoopProgram:
    """Return the gradient of the weights of a convolution, whose result is pooled.

    Args:
        result: of the convolution.
        window, strides: of the pooling.
        changed: what is made of the cotangents of the pooling's result.
        image: what the convolution's image is made of, if it is none.
    """
    strides = window if strides is None else strides
    sizes = g.known_sizes(result.shape[2:], "a result")
    sides = zip(sizes, window, strides, strict=True)
    counts = [(size - of) // step + 1 for size, of, step in sides]
    shape = (*result.shape[:2], *counts)
    attributes: dict[str, Any] = {"window": window, "strides": strides}
    attributes |= {"padding": ((0, 0),) * len(window), "size": sizes}
    places, values = arrays(*shape, dtype="int32"), changed(arrays(*shape, dtype=result.dtype))
    cotangents = g.make("max_unpool", places, values, **attributes)
    if image is not None:
        x, weights = result.inputs
        result = g.conv(image(x), weights, **result.attrs)
    (kernel,) = kernels(make_schedule([gradient(1, result, cotangents)], most_shared=0))
    return plain_program(kernel, "k0", buffers_of(kernel))


TAKEN: Programs = {
    "one axis": lambda: behind_pooling(convolution(3, 2, (11, 3)), 3),
    "two axes": lambda: behind_pooling(convolution(3, 2, (8, 3), (9, 2)), 2, 4),
    "three axes": lambda: behind_pooling(convolution(2, 2, (5, 2), (3, 2), (6, 3)), 2, 2, 2),
    "what no window has": lambda: behind_pooling(convolution(3, 2, (9, 3), (10, 2)), 2, 4),
    "padding": lambda: behind_pooling(convolution(3, 2, (6, 3), (6, 3), padding=1), 2, 2),
    "cropped": lambda: behind_pooling(convolution(3, 2, (7, 2), padding=((-1, 1),)), 3),
    "strides": lambda: behind_pooling(convolution(3, 2, (13, 3), (9, 2), strides=2), 2, 2),
    "holes in windows": lambda: behind_pooling(convolution(3, 2, (9, 2), kernel_dilation=3), 2),
    "gaps between windows": lambda: behind_pooling(
        convolution(3, 2, (9, 3), (10, 3)), 2, 2, strides=(3, 4)
    ),
    "a last window without a gap": lambda: behind_pooling(
        convolution(3, 2, (12, 3)), 2, strides=(4,)
    ),
    "one channel": lambda: behind_pooling(convolution(3, 1, (6, 3), (7, 4)), 2, 2),
    "one tap along an axis": lambda: behind_pooling(convolution(3, 2, (6, 3), (6, 1)), 2, 2),
    "windows along one axis": lambda: behind_pooling(convolution(3, 2, (6, 3), (7, 2)), 1, 3),
    "one window": lambda: behind_pooling(convolution(3, 2, (4, 3), (4, 3)), 2, 2),
    "prime numbers of filters": lambda: behind_pooling(convolution(11, 3, (6, 3), (6, 3)), 2, 2),
    "rows of many blocks": lambda: behind_pooling(convolution(2, 66, (9, 7)), 3),
    "known samples": lambda: behind_pooling(convolution(3, 2, (7, 2), samples=3), 2),
    "float64": lambda: behind_pooling(convolution(3, 2, (6, 3), (7, 4), dtype="float64"), 2, 2),
    "computed cotangents": lambda: behind_pooling(
        convolution(3, 2, (6, 3), (7, 4)), 2, 2, changed=lambda x: g.flip(x, 2)
    ),
    "a computed image": lambda: behind_pooling(
        convolution(3, 2, (6, 3), (7, 4), padding=1), 2, 2, image=lambda x: g.maximum(x, 0.0)
    ),
}


def mapped(program: LoopProgram) -> MappedProgram:
    return choose(program, CPU, CPU_MAPPINGS["conv"])


def fed(program: LoopProgram, batch: int) -> dict[str, np.ndarray]:
    """Return numbers for a program: most of the places are some of a window, and others none."""
    rng = np.random.default_rng(batch)
    made = numbers(program, batch)
    for one in program.inputs:
        if one.dtype == "int32":
            shape = [evaluate_size(size, {B: batch}) for size in one.shape]
            made[one.name] = rng.integers(-1, 5, shape).astype("int32")
    return made


@pytest.mark.parametrize("case", TAKEN)
def test_sums_over_windows_mean_the_same(case: str) -> None:
    program = TAKEN[case]()
    found = mapped(program)
    assert found.names == (PLACES_OF_POOLINGS.name,), found.refusals
    for batch, order in ((1, TurnOrder.BACKWARD), (3, TurnOrder.FORWARD)):
        given = fed(program, batch)
        expected = evaluate(program, given, {B: batch}).outputs
        ours = evaluate(found.program, given, {B: batch}, order=order).outputs
        for name, array in expected.items():
            np.testing.assert_allclose(ours[name], array, rtol=1e-5, atol=1e-5)


def test_compiled_sums_are_their_meaning_to_the_bit() -> None:
    programs = [
        replace(mapped(make()).program, name=f"k{number}")
        for number, make in enumerate(TAKEN.values())
    ]
    compiled = CompiledPrograms(programs)
    for program in programs:
        given = fed(program, 9)
        expected = evaluate(program, given, {B: 9}).outputs
        found, _ = compiled(program.name, given, {B: 9})
        for name, array in expected.items():
            np.testing.assert_array_equal(found[name], array)


def test_what_has_no_places() -> None:
    (kernel,) = kernels(make_schedule([gradient(1, convolution(3, 2, (6, 3)))], most_shared=0))
    program = plain_program(kernel, "k0", buffers_of(kernel))
    reason = "no place says which of its terms are not zero"
    assert dict(mapped(program).refusals)[PLACES_OF_POOLINGS.name] == reason


def test_filters_of_one_weight_are_refused() -> None:
    program = behind_pooling(convolution(3, 1, (6, 1), (6, 1)), 2, 2)
    found = mapped(program)
    reason = "each filter has one weight: no call adds up what lies side by side"
    assert dict(found.refusals)[PLACES_OF_POOLINGS.name] == reason
    given = fed(program, 3)
    expected = evaluate(program, given, {B: 3}).outputs
    for name, array in evaluate(found.program, given, {B: 3}).outputs.items():
        np.testing.assert_allclose(array, expected[name], rtol=1e-5, atol=1e-5)


def test_one_filter_is_refused() -> None:
    program = behind_pooling(convolution(1, 2, (6, 3), (6, 3)), 2, 2)
    reason = dict(mapped(program).refusals)[PLACES_OF_POOLINGS.name]
    assert reason == "its filters have 0 axes"
