"""The position of an image's elements by phases, beside an array that NumPy cuts into phases."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from graphc.compiler.codegen.expression import Number, Variable
from graphc.compiler.codegen.native.phases import Phases
from tests.compiler.codegen.expression_values import assert_values_in_c
from tests.native.graph_programs import needs_compiler

CHANNELS = 2

# (the elements of a channel along each axis, strides)
IMAGES = [((6,), (2,)), ((5, 7), (2, 3)), ((4, 5, 3), (2, 1, 3)), ((5, 4), (1, 1))]
LAYOUTS = [
    Phases(CHANNELS, reach, strides, inner) for reach, strides in IMAGES for inner in (False, True)
]


def image_of(phases: Phases) -> np.ndarray:
    """Return an image whose elements differ from each other."""
    return np.arange(CHANNELS * np.prod(phases.reach)).reshape(CHANNELS, *phases.reach)


def cut_into_phases(phases: Phases) -> np.ndarray:
    """Return the image by phases, -1 where a phase has no element of it."""
    image, strides = image_of(phases), phases.strides
    lengths = [-(-size // stride) for size, stride in zip(phases.reach, strides, strict=True)]
    copy = np.full((CHANNELS, *strides, *lengths), -1)
    for rests in itertools.product(*map(range, strides)):
        cut = tuple(slice(rest, None, stride) for rest, stride in zip(rests, strides, strict=True))
        part = image[(slice(None), *cut)]
        copy[(slice(None), *rests, *map(slice, part.shape[1:]))] = part
    return np.moveaxis(copy, 0, len(strides)) if phases.inner else copy


@pytest.mark.parametrize("phases", LAYOUTS, ids=str)
def test_coordinates_are_a_channel_its_phases_and_the_numbers_in_them(phases: Phases) -> None:
    assert phases.shape == cut_into_phases(phases).shape
    coords = tuple(Variable(f"c{axis}") for axis in range(len(phases.shape)))
    channel, of_phases, numbers = phases.split(coords)
    split = (*of_phases, channel) if phases.inner else (channel, *of_phases)
    assert (*split, *numbers) == coords
    assert len(of_phases) == len(phases.strides)


@needs_compiler
def test_an_element_lies_where_numpy_puts_it() -> None:
    """The text of its position is what a compiler of C++ makes of it."""
    claims = []
    for phases in LAYOUTS:
        image, copy = image_of(phases), cut_into_phases(phases)
        for channel, *place in np.ndindex(image.shape):
            at = [Number(number) for number in place]
            (expected,) = np.flatnonzero(copy == image[(channel, *place)])
            claims.append((phases.position(Number(channel), at), expected))
    assert_values_in_c(claims, {})
