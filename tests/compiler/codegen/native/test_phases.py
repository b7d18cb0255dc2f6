"""Where an image's elements lie by phases, beside an array that NumPy cuts into phases."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from graphc.compiler.codegen.expression import Expression
from graphc.compiler.codegen.native.phases import Phases


@pytest.mark.parametrize("inner", [False, True])
@pytest.mark.parametrize(
    ("reach", "strides"), [((6,), (2,)), ((5, 7), (2, 3)), ((4, 5, 3), (2, 1, 3)), ((5, 4), (1, 1))]
)
def test_an_element_lies_where_numpy_puts_it(
    reach: tuple[int, ...], strides: tuple[int, ...], inner: bool
) -> None:
    channels, dims = 2, len(reach)
    phases = Phases(channels, reach, strides, inner)
    image = np.arange(channels * np.prod(reach)).reshape(channels, *reach)
    lengths = [-(-size // stride) for size, stride in zip(reach, strides, strict=True)]
    copy = np.full((channels, *strides, *lengths), -1)
    for rests in itertools.product(*map(range, strides)):
        cut = tuple(slice(rest, None, stride) for rest, stride in zip(rests, strides, strict=True))
        part = image[(slice(None), *cut)]
        copy[(slice(None), *rests, *map(slice, part.shape[1:]))] = part
    if inner:
        copy = np.moveaxis(copy, 0, dims)
    assert phases.shape == copy.shape
    coords = tuple(Expression(f"c{axis}") for axis in range(2 * dims + 1))
    channel, of_phases, numbers = phases.split(coords)
    split = (*of_phases, channel) if inner else (channel, *of_phases)
    assert (*split, *numbers) == coords
    assert len(of_phases) == dims
    for channel, *place in np.ndindex(channels, *reach):
        at = [Expression(str(number)) for number in place]
        position = phases.position(Expression(str(channel)), at)
        assert copy.flat[eval(position.replace("/", "//"))] == image[(channel, *place)]
