"""Random words of a tile of pooling windows, drawn ahead of the loops that read them.

Four words come from each draw. Where filters lie innermost in what is drawn (channels last), a draw
has the words of four filters at one element: neighbouring windows are drawn at once, and each word
goes to the row of its filter. What is drawn once a window, in the order of the results, is drawn in
rows. Other orders draw a word at a time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from graphc.compiler.codegen.draws import has_one_shift, shift_of, word_at
from graphc.compiler.codegen.emitter import Emitter, splat
from graphc.compiler.codegen.expression import (
    ZERO,
    Expression,
    Parameter,
    Variable,
    call,
    cast,
    expression,
    plus,
    rest_of_part,
    subscript,
    times,
)
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.native.context import NativeSignature
from graphc.compiler.codegen.native.conv_loops import indented
from graphc.compiler.codegen.native.emitter import NativeEmitter
from graphc.compiler.codegen.native.nest import Nest
from graphc.compiler.codegen.native.scratch import Elements, Slot, array
from graphc.compiler.codegen.statement import Assign, Define, Evaluate, Listing, Statement, braces
from graphc.compiler.codegen.unused import without_unused
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import floor_divide, product

_DRAWN_AT_ONCE = 4

_WORDS = Parameter("words")


@dataclass(frozen=True)
class _Drawn:
    """A `random` whose words a tile has.

    Attributes:
        order: which of (sample, filter, *element) each of its axes is.
        places: how many words of it a window has.
        start: where they begin among the tile's words.
    """

    order: tuple[int, ...]
    places: int
    start: int


class TileWords:
    """The words of a tile.

    Args:
        signature: of the function.
        shape: the tile's filters, and its windows along each axis.
        extents, strides: of the windows.
    """

    def __init__(
        self,
        signature: NativeSignature,
        shape: Sequence[int],
        extents: Sequence[int],
        strides: Sequence[int],
    ):
        self._signature = signature
        self._filters, *tile = shape
        self._tile = tuple(tile)
        self._extents = extents
        self._strides = strides
        self._drawn: dict[Node, _Drawn] = {}

    def takes(self, node: Node) -> bool:
        """Whether the words of a node may be drawn here."""
        if node.op != "random":
            return False
        step = node.inputs[0]
        return step in self._signature.counters or splat(step) is not None

    def word(
        self,
        node: Node,
        order: tuple[int, ...],
        place: Expression | None,
        position: Expression,
        emitter: Emitter,
    ) -> Expression | None:
        """The word of a window's element; None if others are read in another way.

        Args:
            order: which of (sample, filter, *element) each axis of the node is.
            place: the place in the window; None where there is one word for all of it.
            position: of the window in the tile.
        """
        places = 1 if place is None else math.prod(self._extents)
        if node not in self._drawn:
            start = sum(self._count * one.places for one in self._drawn.values())
            self._drawn[node] = _Drawn(order, places, start)
        drawn = self._drawn[node]
        if (drawn.order, drawn.places) != (order, places):
            return None
        word = subscript("words", self._from(drawn, place, position))
        return emitter.element(node, word)

    def order(self, node: Node) -> tuple[int, ...]:
        """In which order a node that was drawn is."""
        return self._drawn[node].order

    @property
    def _count(self) -> int:
        return self._filters * math.prod(self._tile)

    def _from(self, drawn: _Drawn, place: Expression | None, position: Expression) -> Expression:
        """Where the word of a window's place lies among the tile's."""
        at = position if place is None else plus(times(place, self._count), position)
        return plus(drawn.start, at)

    # ---- lines ----------------------------------------------------------------------------------

    def array(self) -> list[str]:
        """The line that declares the words, if there are any."""
        total = sum(self._count * one.places for one in self._drawn.values())
        if not total:
            return []
        elements = Elements.known(total, cast("size_t", total))
        return [array(self._signature, "unsigned int", "words", Slot.TILE_WORDS, elements)]

    def by_place(self, place: Expression, inside: Sequence[Expression]) -> list[str]:
        """The loops that draw the words of one place of each window, whose coordinates in it are
        `inside`."""
        wide = {node: one for node, one in self._drawn.items() if one.places > 1}
        return [line for node, one in wide.items() for line in self._draw(node, one, place, inside)]

    def by_window(self) -> list[str]:
        """The loops that draw the words of which a window has one."""
        narrow = {node: one for node, one in self._drawn.items() if one.places == 1}
        return [line for node, one in narrow.items() for line in self._draw(node, one, None, ())]

    def _draw(
        self, node: Node, drawn: _Drawn, place: Expression | None, inside: Sequence[Expression]
    ) -> list[str]:
        last = drawn.order[-1]
        in_order = drawn.order == tuple(range(len(drawn.order)))
        if not has_one_shift(node):
            return self._one_by_one(node, drawn, place, inside)
        if last == 1 and self._filters % _DRAWN_AT_ONCE == 0:
            return self._by_filters(node, drawn, place, inside)
        if place is None and in_order:
            return self._by_rows(node, drawn)
        return self._one_by_one(node, drawn, place, inside)

    def _index(
        self,
        node: Node,
        drawn: _Drawn,
        filter_: Expression,
        row: Expression,
        rest: Sequence[Expression],
        inside: Sequence[Expression],
        emitter: Emitter,
    ) -> Index:
        """The element of a window of the tile; of the window itself where nothing is `inside`."""
        element = [row, *rest]
        if inside:
            element = [
                emitter.integer(plus(times(window, stride), within))
                for window, stride, within in zip(element, self._strides, inside, strict=True)
            ]
        own = (Variable("sample"), filter_, *element)
        return Index(node.shape, coords=tuple(own[axis] for axis in drawn.order))

    def _by_filters(
        self, node: Node, drawn: _Drawn, place: Expression | None, inside: Sequence[Expression]
    ) -> list[str]:
        *outer, count = self._tile
        inner, fours = math.prod(self._tile), self._filters // _DRAWN_AT_ONCE
        # How many elements lie from one window's word to the next one's.
        axis = drawn.order.index(len(drawn.order) - 1)
        apart = product(node.shape[axis + 1 :]) * (1 if place is None else self._strides[-1])
        step = self._signature.size(floor_divide(apart, _DRAWN_AT_ONCE))

        def body(emitter: NativeEmitter, position: Expression) -> list[Statement]:
            rows = emitter.coordinates(Index(tuple(outer), linear=position))
            first = (*rows, ZERO)
            index = self._index(node, drawn, ZERO, first[0], first[1:], inside, emitter)
            shift = shift_of(emitter, node, index)
            # Positions in a whole draw have 64 bits, those of blocks 32. A shift is a number of
            # indices along the first axis, so a multiple of the filters too.
            form = "(unsigned int)({}) / {}" if shift is ZERO else "(unsigned int)(({}) / {})"
            word = plus(shift, emitter.place(index))
            block = expression(form, word, _DRAWN_AT_ONCE)
            at = emitter.place(Index(self._tile, coords=first))
            to = plus(_WORDS, self._from(drawn, place, at))
            key = emitter.key(node)
            drawing = call("gc_random_columns", to, inner, fours, count, block, step, *key)
            return [Evaluate(drawing)]

        nest = Nest(self._signature, math.prod(outer), threads=False, vector=False)
        return list(braces(nest.listing(body)).lines)

    def _by_rows(self, node: Node, drawn: _Drawn) -> list[str]:
        """A filter's windows lie side by side."""
        emitter = NativeEmitter(self._signature)
        count, filter_ = math.prod(self._tile), Variable("f")
        zeros = [ZERO] * (len(self._tile) - 1)
        index = self._index(node, drawn, filter_, ZERO, zeros, (), emitter)
        shift = shift_of(emitter, node, index)
        kind = "int" if shift is ZERO else "gc_int64"
        start = Define(kind, Variable("start"), plus(shift, emitter.place(index)))
        lines = [*emitter.take(), start]
        arguments = ", ".join(map(str, emitter.key(node)))
        to = plus(_WORDS, self._from(drawn, None, times(filter_, count)))
        rest = rest_of_part(count, Variable("part"), Parameter("GC_WORDS"))
        return [
            f"for (int f = 0; f < {self._filters}; ++f) {{",
            *indented(without_unused(Listing((*lines, *emitter.statements))).lines),
            f"  for (int part = 0; part < {count}; part += GC_WORDS) {{",
            f"    const int count = {rest};",
            "    unsigned int of_row[GC_ROOM];",
            "    const unsigned int* row = gc_random_row(of_row, start + part, count, "
            f"{arguments});",
            f"    unsigned int* to = {to} + part;",
            "    for (int i = 0; i < count; ++i) to[i] = row[i];",
            "  }",
            "}",
        ]

    def _one_by_one(
        self, node: Node, drawn: _Drawn, place: Expression | None, inside: Sequence[Expression]
    ) -> list[str]:
        shape = (self._filters, *self._tile)

        def body(emitter: NativeEmitter, position: Expression) -> list[Statement]:
            filter_, row, *rest = emitter.coordinates(Index(shape, linear=position))
            index = self._index(node, drawn, filter_, row, rest, inside, emitter)
            key = emitter.key(node)
            word = call("gc_random", *word_at(emitter, node, index), *key)
            return [Assign(subscript("words", self._from(drawn, place, position)), word)]

        return list(braces(Nest(self._signature, self._count, threads=False).listing(body)).lines)
