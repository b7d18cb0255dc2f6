"""What is known of the elements of a tile of pooling windows."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import partial

from graphc.compiler.codegen.c_text import plus, times
from graphc.compiler.codegen.emitter import RULES, Given
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.native.nest import NativeEmitter
from graphc.compiler.codegen.native.tile_words import TileWords
from graphc.compiler.graph import Node
from graphc.compiler.schedule.kernel import Kernel


class TileElements:
    """Where the sums and the random words of an element of the convolution lie in a tile, told by
    the names of its coordinates."""

    def __init__(
        self, emitter: NativeEmitter, kernel: Kernel, words: TileWords, pitches: Sequence[int]
    ):
        """`pitches`: how far the sums of neighbouring places, filters and windows (along each
        axis) lie apart."""
        self._emitter = emitter
        self._kernel = kernel
        self._words = words
        self._pitches = pitches
        self._places: dict[tuple[str, ...], str] = {}
        self.position = ""
        self._window: tuple[str, ...] = ()

    def given(self) -> Mapping[Node, Given]:
        """What the emitter finds in the tile."""
        draws = [x for x in self._kernel.body if self._words.takes(x)]
        return {
            self._kernel.anchors[0]: self._sum,
            **{node: partial(self._word, node) for node in draws},
        }

    def begin(self, position: str, window: tuple[str, ...]) -> None:
        """The element's position in the tile, and its window's coordinates there."""
        self.position, self._window = position, window

    def learn(self, place: str, filter_: str, element: Sequence[str]) -> None:
        """The coordinates of the element at a place of the window; "" of the window itself."""
        self._places[(filter_, *element)] = place

    def _sum(self, index: Index) -> str:
        _, *coords = self._emitter.coordinates(index)
        text = "0"
        at = (self._places[tuple(coords)], coords[0], *self._window)
        for number, pitch in zip(at, self._pitches, strict=True):
            text = plus(text, times(number, str(pitch)))
        return f"s0[{text}]"

    def _word(self, node: Node, index: Index) -> str:
        coords = self._emitter.coordinates(index)
        for (filter_, *element), place in self._places.items():
            own = ("sample", filter_, *element)
            for order in itertools.permutations(range(len(own))):
                if tuple(own[axis] for axis in order) == coords:
                    word = self._words.word(node, order, place, self.position, self._emitter)
                    if word is not None:
                        return word
        return RULES["random"](self._emitter, node, index)
