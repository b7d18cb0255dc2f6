"""An image by phases: elements whose coordinates leave equal rests, divided by strides, lie side by
side.

    copy[place % stride][place // stride] = image[place]

Where windows lie `stride` elements apart, the element at one place of each window is a neighbour of
the next window's then.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from graphc.compiler.codegen.expression import ZERO, Expression, expression, plus, times
from graphc.compiler.codegen.native.emitter import NativeEmitter


@dataclass(frozen=True)
class Phases:
    """How a plane of an image lies by phases.

    Attributes:
        reach: how many elements of it there are along each axis.
        strides: how many phases.
    """

    reach: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def lengths(self) -> tuple[int, ...]:
        """How many elements a phase has along each axis; the last of some are of no image."""
        pairs = zip(self.reach, self.strides, strict=True)
        return tuple(-(-reach // stride) for reach, stride in pairs)

    @property
    def steps(self) -> tuple[int, ...]:
        """How far neighbours along each axis lie apart in a phase."""
        return tuple(math.prod(self.lengths[axis + 1 :]) for axis in range(len(self.lengths)))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a plane: phases along each axis, then elements."""
        return (*self.strides, *self.lengths)

    def position(self, channel: Expression, place: Sequence[Expression]) -> Expression:
        """Where the element of a channel at a place of the image lies."""
        phase = ZERO
        for coord, stride in zip(place, self.strides, strict=True):
            rest = expression("(({}) % {})", coord, str(stride)) if stride > 1 else ZERO
            phase = plus(times(phase, str(stride)), rest)
        if phase != "0":
            phase = expression("({})", phase)
        found = times(channel, str(math.prod(self.shape)))
        found = plus(found, times(phase, str(math.prod(self.lengths))))
        for coord, stride, step in zip(place, self.strides, self.steps, strict=True):
            number = expression("(({}) / {})", coord, str(stride))
            found = plus(found, times(number, str(step)))
        return found

    def place(
        self, emitter: NativeEmitter, coords: Sequence[Expression]
    ) -> tuple[list[Expression], list[Expression]]:
        """The place of the image whose element has coordinates of `shape`, and the conditions under
        which there is one."""
        dims = len(self.strides)
        place, conditions = [], []
        for phase, number, stride, length, reach in zip(
            coords[:dims], coords[dims:], self.strides, self.lengths, self.reach, strict=True
        ):
            coord = emitter.integer(plus(times(number, str(stride)), phase))
            if length * stride > reach:
                conditions.append(expression("{} < {}", coord, str(reach)))
            place.append(coord)
        return place, conditions
