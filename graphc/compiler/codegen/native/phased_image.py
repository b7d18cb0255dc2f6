"""A convolution's image, copied by phases, a sample at a time.

An image whose channels lie innermost is turned: what its row holds of the phases along the last
axis, with all channels, becomes a column of the copy. Blocks of vectors are turned at once
(``kernels/host_transpose.h``); element by element each load would be of a line of its own. Of other
images, and of the numbers at whose end phases differ, each element is copied.
"""

from __future__ import annotations

import math

from graphc.compiler.codegen.expression import (
    ZERO,
    Expression,
    Parameter,
    Variable,
    call,
    plus,
    subscript,
    times,
    when,
)
from graphc.compiler.codegen.index import Coordinates, Index
from graphc.compiler.codegen.native.conv_loops import ConvLoops, known
from graphc.compiler.codegen.native.emitter import NativeEmitter
from graphc.compiler.codegen.native.lanes import lanes_of
from graphc.compiler.codegen.native.nest import Nest
from graphc.compiler.codegen.native.phases import Phases
from graphc.compiler.codegen.statement import Assign, Evaluate, Statement, braces
from graphc.compiler.schedule.strides import Strided, strided


class PhasedImage:
    """The text that copies it.

    Attributes:
        phases: how the copy lies.
    """

    def __init__(self, loops: ConvLoops, strides: tuple[int, ...]):
        self._loops = loops
        self._rows = _innermost_channels(loops, strides[-1])
        (channels,) = known([loops.channels])
        self.phases = Phases(channels, known(loops.reach), strides, self._rows is not None)

    def lines(self) -> list[str]:
        """The loops."""
        lengths = self.phases.lengths
        if self._rows is None:
            return self._elements((0,) * len(lengths), lengths)
        pairs = zip(self.phases.reach, self.phases.strides, strict=True)
        whole = tuple(reach // stride for reach, stride in pairs)
        lines = self._turned(self._rows, whole)
        for axis, count in enumerate(whole):
            if count < lengths[axis]:
                firsts = (0,) * axis + (count,) + (0,) * (len(whole) - axis - 1)
                counts = (*whole[:axis], lengths[axis] - count, *lengths[axis + 1 :])
                lines += self._elements(firsts, counts)
        return lines

    def _elements(self, firsts: tuple[int, ...], counts: tuple[int, ...]) -> list[str]:
        """The loops over so many numbers of each phase along each axis, from the first ones on."""
        phases = self.phases
        around = phases.shape[: -len(counts)]

        def body(
            emitter: NativeEmitter, position: Expression, coords: Coordinates
        ) -> list[Statement]:
            channel, inside, numbers = phases.split(coords)
            numbers = tuple(
                plus(number, first) for number, first in zip(numbers, firsts, strict=True)
            )
            if counts != phases.lengths:
                at = (*coords[: len(around)], *numbers)
                position = emitter.place(Index(phases.shape, coords=at))
            place, conditions = phases.place(emitter, inside, numbers)
            to = subscript("image", position)
            if not conditions:
                return [Assign(to, self._loops.element(emitter, channel, place, False))]
            value = emitter.variable(self._loops.image)
            with emitter.block(when(conditions)):
                emitter.assign(value, self._loops.element(emitter, channel, place, False))
            return [Assign(to, value)]

        return self._loops.nest((*around, *counts), body)

    def _turned(self, rows: Strided, whole: tuple[int, ...]) -> list[str]:
        """The loops that copy the numbers that all phases have."""
        phases, signature = self.phases, self._loops.signature
        size = signature.size
        *outer, last = phases.strides
        sample_pitch, _, *pitches = rows.strides
        pointer = signature.load_pointer(signature.places[rows.node])
        begin = plus(
            signature.offset(signature.places[rows.node], rows.node.shape), size(rows.offset)
        )
        begin = plus(begin, times(Variable("sample"), size(sample_pitch)))

        def body(emitter: NativeEmitter, position: Expression) -> list[Statement]:
            shape = (*outer, *whole[:-1])
            coords = emitter.coordinates(Index(shape, linear=position))
            inside, numbers = coords[: len(outer)], coords[len(outer) :]
            place, _ = phases.place(emitter, (*inside, ZERO), (*numbers, ZERO))
            at = begin
            for coord, pitch in zip(place, pitches, strict=True):
                at = plus(at, times(coord, size(pitch)))
            to = emitter.place(Index(phases.shape, coords=(*inside, ZERO, ZERO, *numbers, ZERO)))
            arguments = (
                whole[-1],
                last * phases.channels,
                plus(pointer, at),
                size(last * pitches[-1]),
                plus(Parameter("image"), to),
                phases.row,
            )
            return [Evaluate(call("gc_transpose", *arguments))]

        calls = math.prod((*outer, *whole[:-1]))
        return list(braces(Nest(signature, calls, threads=False, vector=False).listing(body)).lines)


def _innermost_channels(loops: ConvLoops, stride: int) -> Strided | None:
    """The image as it lies in memory, if its channels lie innermost, next to each other along the
    last axis, without padding, and blocks of vectors fill what is turned; else None."""
    signature, node = loops.signature, loops.node
    image = strided(loops.image, signature.places, signature.counters)
    if image is None or image.steps or any(map(any, node.attrs["padding"])):
        return None
    (channels, reach), lanes = known([loops.channels, loops.reach[-1]]), lanes_of(node.dtype)
    innermost = channels == 1 or image.strides[1] == 1
    side_by_side = image.strides[-1] == channels
    filled = min(stride * channels, reach // stride) >= lanes
    return image if innermost and side_by_side and filled else None
