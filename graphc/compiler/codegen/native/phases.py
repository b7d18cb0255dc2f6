"""An image by phases: elements whose coordinates leave equal rests, divided by strides, lie side by
side.

    copy[place % stride][place // stride] = image[place]

Where windows lie `stride` elements apart, the element at one place of each window is a neighbour of
the next window's then. Each channel has its phases, or each phase its channels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from graphc.compiler.codegen.expression import ZERO, Expression, compare, expression, plus, times
from graphc.compiler.codegen.index import Coordinates
from graphc.compiler.codegen.native.emitter import NativeEmitter


@dataclass(frozen=True)
class Phases:
    """How an image lies by phases.

    Attributes:
        channels: how many it has.
        reach: how many elements a channel has along each axis.
        strides: how many phases.
        inner: whether each phase has its channels.
    """

    channels: int
    reach: tuple[int, ...]
    strides: tuple[int, ...]
    inner: bool

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
    def row(self) -> int:
        """How many elements a channel has in a phase."""
        return math.prod(self.lengths)

    @property
    def shape(self) -> tuple[int, ...]:
        """Channels and phases along each axis, in their order, then elements."""
        around = (*self.strides, self.channels) if self.inner else (self.channels, *self.strides)
        return (*around, *self.lengths)

    def split(self, coords: Coordinates) -> tuple[Expression, Coordinates, Coordinates]:
        """Of coordinates in this order: the channel, its phases, the numbers in them."""
        dims = len(self.strides)
        around, numbers = coords[: dims + 1], coords[dims + 1 :]
        if self.inner:
            return around[-1], around[:-1], numbers
        return around[0], around[1:], numbers

    def position(self, channel: Expression, place: Sequence[Expression]) -> Expression:
        """Where the element of a channel at a place of the image lies."""
        phase = ZERO
        for coord, stride in zip(place, self.strides, strict=True):
            rest = expression("(({}) % {})", coord, stride) if stride > 1 else ZERO
            phase = plus(times(phase, stride), rest)
        if phase is not ZERO:
            phase = expression("({})", phase)
        if self.inner:
            found = plus(times(phase, self.channels), channel)
            found = times(found, self.row)
        else:
            found = times(channel, math.prod(self.strides) * self.row)
            found = plus(found, times(phase, self.row))
        for coord, stride, step in zip(place, self.strides, self.steps, strict=True):
            number = expression("(({}) / {})", coord, stride)
            found = plus(found, times(number, step))
        return found

    def place(
        self, emitter: NativeEmitter, phases: Sequence[Expression], numbers: Sequence[Expression]
    ) -> tuple[list[Expression], list[Expression]]:
        """The place of the image whose element has these numbers in these phases, and the
        conditions under which there is one."""
        place, conditions = [], []
        for phase, number, stride, length, reach in zip(
            phases, numbers, self.strides, self.lengths, self.reach, strict=True
        ):
            coord = emitter.integer(plus(times(number, stride), phase))
            if length * stride > reach:
                conditions.append(compare(coord, "<", reach))
            place.append(coord)
        return place, conditions
