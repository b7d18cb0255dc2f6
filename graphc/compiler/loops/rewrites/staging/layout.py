"""The order in which a staged box of elements lies in its buffer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from graphc.compiler.graph.dim import Shape, ceil_divide
from graphc.compiler.loops.index import Index, IndexLike, as_index
from graphc.errors import ArgumentError


@dataclass(frozen=True)
class BufferLayout:
    """An order of axes, with tiles.

    The buffer has an axis for each entry of `order`. An axis of the box that has a tile is there
    twice: first by the number of the tile, then inside of one. The panels of a packed right operand
    ``[k, n]`` are ``BufferLayout((1, 0, 1), {1: 8})``: the buffer is ``[n / 8, k, 8]``.

    Attributes:
        order: axes of the box, from the one whose neighbours are farthest apart.
        tiles: of an axis, the elements of a tile.
        padding: elements that are left free behind each row of the last axis, so that the rows of
            a column are in different banks of shared memory.
    """

    order: tuple[int, ...]
    tiles: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))
    padding: int = 0

    def __post_init__(self) -> None:
        axes = range(self.rank)
        expected = sorted([*axes, *self.tiles])
        if sorted(self.order) != expected or any(tile < 1 for tile in self.tiles.values()):
            raise ArgumentError(
                "a layout has each axis once, and one with a tile of at least 1 twice; received "
                f"order {self.order} with tiles {dict(self.tiles)}"
            )
        if self.padding < 0:
            raise ArgumentError(f"the padding of a layout is at least 0, received {self.padding}")

    @property
    def rank(self) -> int:
        """The number of axes of the box."""
        return len(set(self.order))

    def in_whole_tiles(self, extents: Shape) -> Shape:
        """Return the extents of the least box of whole tiles that has a box of `extents` in it."""
        return tuple(
            ceil_divide(extent, self.tiles[axis]) * self.tiles[axis]
            if axis in self.tiles
            else extent
            for axis, extent in enumerate(extents)
        )

    def extents(self, box: Shape) -> Shape:
        """Return the extent of each axis of the buffer that elements of a box are at, without the
        padding."""
        found = []
        for position, axis in enumerate(self.order):
            if axis not in self.tiles:
                found.append(box[axis])
            elif axis in self.order[:position]:
                found.append(self.tiles[axis])
            else:
                found.append(ceil_divide(box[axis], self.tiles[axis]))
        return tuple(found)

    def shape(self, box: Shape) -> Shape:
        """Return the shape of the buffer of a box."""
        extents = self.extents(box)
        return (*extents[:-1], extents[-1] + self.padding) if extents else ()

    def coords(self, place: Sequence[IndexLike]) -> tuple[Index, ...]:
        """Return where an element of the box is in the buffer."""
        found = []
        for position, axis in enumerate(self.order):
            coord = as_index(place[axis])
            if axis in self.tiles:
                tile = self.tiles[axis]
                coord = coord % tile if axis in self.order[:position] else coord // tile
            found.append(coord)
        return tuple(found)

    def place(self, coords: Sequence[IndexLike]) -> tuple[Index, ...]:
        """Return which element of the box is somewhere in the buffer: the inverse of `coords`."""
        found = [as_index(0)] * self.rank
        for position, (axis, coord) in enumerate(zip(self.order, coords, strict=True)):
            is_tile = axis in self.tiles and axis not in self.order[:position]
            found[axis] = found[axis] + as_index(coord) * (self.tiles[axis] if is_tile else 1)
        return tuple(found)

    def labels(self) -> tuple[str, ...]:
        """Return a name for each axis of the buffer."""
        return tuple(
            f"axis{axis}"
            if axis not in self.tiles
            else f"axis{axis}_inner"
            if axis in self.order[:position]
            else f"axis{axis}_outer"
            for position, axis in enumerate(self.order)
        )


def c_order(rank: int) -> BufferLayout:
    """Return the layout of the axes as they are."""
    return BufferLayout(tuple(range(rank)))
