"""What is known of the elements of a tile of pooling windows."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import partial

from graphc.compiler.codegen.emitter import RULES, Given
from graphc.compiler.codegen.expression import ZERO, Expression, Variable, plus, subscript, times
from graphc.compiler.codegen.index import Coordinates, Index
from graphc.compiler.codegen.native.emitter import NativeEmitter
from graphc.compiler.codegen.native.tile_words import TileWords
from graphc.compiler.graph import Node
from graphc.compiler.schedule.kernel import Kernel


class TileElements:
    """Where the sums and the random words of an element of the convolution lie in a tile, told by
    the names of its coordinates.

    Attributes:
        position: of the element in the tile.
        read: what was last read of each node in the tile.
    """

    def __init__(
        self, emitter: NativeEmitter, kernel: Kernel, words: TileWords, pitches: Sequence[int]
    ):
        """`pitches`: how far the sums of neighbouring places, filters and windows (along each
        axis) lie apart."""
        self._emitter = emitter
        self._kernel = kernel
        self._words = words
        self._pitches = pitches
        self._places: dict[Coordinates, Expression | None] = {}
        self._kept: dict[tuple[Node, Expression | None], Expression] = {}
        self.position = ZERO
        self.read: dict[Node, Expression] = {}
        self._window: Coordinates = ()

    def given(self) -> Mapping[Node, Given]:
        """What the emitter finds in the tile."""
        draws = [x for x in self._kernel.body if self._words.takes(x)]
        return {
            self._kernel.anchors[0]: self._sum,
            **{node: partial(self._word, node) for node in draws},
        }

    def begin(self, position: Expression, window: Coordinates) -> None:
        """The element's position in the tile, and its window's coordinates there."""
        self.position, self._window = position, window

    def learn(
        self, place: Expression | None, filter_: Expression, element: Sequence[Expression]
    ) -> None:
        """The coordinates of the element at a place of the window; None: of the window itself."""
        self._places[(filter_, *element)] = place

    def keep(self, node: Node, place: Expression, variable: Expression) -> None:
        """Let a variable hold what there is of a node at a place of the window."""
        self._kept[node, place] = variable

    def _sum(self, index: Index) -> Expression:
        _, *coords = self._emitter.coordinates(index)
        place = self._places[tuple(coords)]
        assert place is not None
        node, at = self._kernel.anchors[0], ZERO
        if (node, place) in self._kept:
            return self._kept[node, place]
        for number, pitch in zip((place, coords[0], *self._window), self._pitches, strict=True):
            at = plus(at, times(number, pitch))
        self.read[node] = subscript("s0", at)
        return self.read[node]

    def _word(self, node: Node, index: Index) -> Expression:
        coords = self._emitter.coordinates(index)
        for (filter_, *element), place in self._places.items():
            own = (Variable("sample"), filter_, *element)
            for order in itertools.permutations(range(len(own))):
                if tuple(own[axis] for axis in order) != coords:
                    continue
                if (node, place) in self._kept and self._words.order(node) == order:
                    return self._kept[node, place]
                word = self._words.word(node, order, place, self.position, self._emitter)
                if word is not None:
                    self.read[node] = word
                    return word
        return RULES["random"](self._emitter, node, index)
