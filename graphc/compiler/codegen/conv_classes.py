"""The windows of a convolution, in classes that meet the holes of an image at the same places."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Dim, Size


@dataclass(frozen=True)
class Axis:
    """One spatial axis of a convolution, for one class of its windows.

    Window number q of the class is window ``every * q + first`` of the result, and place number t
    of its kernel is place ``place_every * t + first_place``. The two meet the image at
    ``window_step * q + place_step * t + shift``, which may lie outside of it.

    Attributes:
        windows, places: how many of each.
        extent: the image's size.
        inside: whether no window reaches over the image's ends, whatever the sizes.
    """

    windows: Size
    every: int
    first: int
    places: Size
    place_every: int
    first_place: int
    window_step: int
    place_step: int
    shift: Size
    extent: Size
    inside: bool


def classes(node: Node) -> list[list[Axis]] | None:
    """For each spatial axis of a `conv` its classes of windows: one where the image has no holes.

    None where they depend on a size that is known at the call only.
    """
    image, kernel = (x.shape for x in node.inputs)
    found = []
    for size, extent, windows, stride, (low, high), hole, kernel_hole in zip(
        image[2:],
        kernel[2:],
        node.shape[2:],
        node.attrs["strides"],
        node.attrs["padding"],
        node.attrs["input_dilation"],
        node.attrs["kernel_dilation"],
        strict=True,
    ):
        if hole == 1:
            inside = not any(isinstance(side, Dim) or side > 0 for side in (low, high))
            axis = Axis(windows, 1, 0, extent, 1, 0, stride, kernel_hole, -low, size, inside)
            found.append([axis])
        elif isinstance(low, Dim) or isinstance(extent, Dim):
            return None
        else:
            found.append(list(_of_holes(size, extent, windows, stride, low, hole, kernel_hole)))
    return found


def _of_holes(
    size: Size, extent: int, windows: Size, stride: int, low: int, hole: int, kernel_hole: int
) -> Iterator[Axis]:
    """Window w meets an element of the image at place p where `hole` divides ``w * stride + p *
    kernel_hole - low``: that depends on w modulo `every` and on p modulo `place_every` alone."""
    every = hole // math.gcd(stride, hole)
    place_every = hole // math.gcd(kernel_hole, hole)
    for first in range(every):
        meeting = [p for p in range(extent) if not (first * stride + p * kernel_hole - low) % hole]
        first_place = meeting[0] if meeting else 0
        count = (windows - first + every - 1) // every
        window_step = every * stride // hole
        place_step = place_every * kernel_hole // hole
        shift = (first * stride + first_place * kernel_hole - low) // hole
        inside = False
        if not isinstance(size, Dim) and not isinstance(count, Dim):
            last = window_step * (count - 1) + place_step * (len(meeting) - 1) + shift
            inside = shift >= 0 and last < size
        yield Axis(
            count,
            every,
            first,
            len(meeting),
            place_every,
            first_place,
            window_step,
            place_step,
            shift,
            size,
            inside,
        )
