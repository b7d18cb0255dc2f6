"""Where an image's elements lie by phases, beside an array that NumPy cuts into phases."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from graphc.compiler.codegen.expression import Expression
from graphc.compiler.codegen.native.phases import Phases


@pytest.mark.parametrize(
    ("reach", "strides"), [((6,), (2,)), ((5, 7), (2, 3)), ((4, 5, 3), (2, 1, 3)), ((5, 4), (1, 1))]
)
def test_an_element_lies_where_numpy_puts_it(
    reach: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    channels = 2
    phases = Phases(reach, strides)
    image = np.arange(channels * np.prod(reach)).reshape(channels, *reach)
    copy = np.full((channels, *phases.shape), -1)
    for rests in itertools.product(*map(range, strides)):
        cut = tuple(slice(rest, None, stride) for rest, stride in zip(rests, strides, strict=True))
        part = image[(slice(None), *cut)]
        copy[(slice(None), *rests, *map(slice, part.shape[1:]))] = part
    for channel, *place in np.ndindex(channels, *reach):
        coords = [Expression(str(at)) for at in place]
        position = phases.position(Expression(str(channel)), coords)
        assert copy.flat[eval(position.replace("/", "//"))] == image[(channel, *place)]
