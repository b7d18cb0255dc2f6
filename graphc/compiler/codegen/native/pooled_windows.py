"""The loops over a tile's pooling windows, behind the sums of their elements (`pooled_winograd`).

Neighbouring windows are computed at once, as lanes of vectors. A window of few places is walked by
an unrolled loop, and what is computed of its maximum follows right behind: what the walk carries,
with the sum and the random word that the maximum is made of, stays in registers. Where places are
many, or windows fill no vectors, a loop over all windows goes on by one place, and what they have
come to is in arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from graphc.compiler.codegen.emit_windows import element_at
from graphc.compiler.codegen.emitter import Given, always, note
from graphc.compiler.codegen.expression import (
    ZERO,
    Expression,
    Number,
    Variable,
    call,
    counting,
    expression,
    plus,
    subscript,
    times,
)
from graphc.compiler.codegen.index import Coordinates, Index
from graphc.compiler.codegen.native.conv_loops import ConvLoops, known
from graphc.compiler.codegen.native.emitter import NativeEmitter
from graphc.compiler.codegen.native.hoist import by_level
from graphc.compiler.codegen.native.lanes import lanes_of
from graphc.compiler.codegen.native.nest import Nest
from graphc.compiler.codegen.native.pointwise import store_value
from graphc.compiler.codegen.native.scratch import Slot
from graphc.compiler.codegen.native.tile_elements import TileElements
from graphc.compiler.codegen.native.tile_words import TileWords
from graphc.compiler.codegen.statement import Assign, Block, Branch, Define, Fold, Statement, braces
from graphc.compiler.graph import Node, toposort
from graphc.compiler.program.launch import ONCE
from graphc.compiler.targets.c_text import C_TYPES

REDUCTIONS = {"max_pool": "max", "sum_pool": "sum"}
"""The reductions (kernels/reduce.cuh) of poolings that know no places."""

_AT_ONCE = 16
"""Places of a window whose walk is unrolled, at most."""

_WHOLE = lanes_of("bool")
"""Windows of a run whose walk is, or a multiple of them. Masks are results, too, and in shorter
runs g++ 12 makes vectors of floats as short as those of bytes: walks of runs of 32 took 1.7 times
as long as loops over the arrays."""

_PLACE = Variable("place")


@dataclass(frozen=True)
class _Window:
    """The window that a loop is at: its position in the tile, its coordinates in the result."""

    emitter: NativeEmitter
    position: Expression
    coords: Coordinates
    elements: TileElements


@dataclass(frozen=True)
class _Carried:
    """The variables that hold what a window has come to, and where; None where nobody asks."""

    best: Expression
    where: Expression | None


class PooledWindows:
    """The text of these loops.

    Args:
        conv: of the kernel.
        pooling: behind the convolution.
        shape: the tile's filters, and its windows along each axis.
        pitches: how far the sums of neighbouring places, filters and windows lie apart.
    """

    def __init__(
        self, conv: ConvLoops, pooling: Node, shape: tuple[int, ...], pitches: tuple[int, ...]
    ):
        self._conv = conv
        self._signature = conv.signature
        self._body = conv.kernel.body
        self._pooling = pooling
        self._shape = shape
        self._pitches = pitches
        self._extents = known(pooling.attrs["window"])
        self._strides = known(pooling.attrs["strides"])
        self._words = TileWords(conv.signature, shape, self._extents, self._strides)
        self._is_placed = pooling.op == "argmax_pool"
        self._reduction = f"gc_reduce_{REDUCTIONS.get(pooling.op, 'max')}"
        start = call(f"{self._reduction}::identity<{conv.scalar}>")
        self._start = ZERO if self._is_placed else start
        self._picks = [x for x in self._body if x.op == "gather_pool" and x.inputs[0] is pooling]
        others = [x.inputs[1] for x in self._picks if x.inputs[1] is not pooling.inputs[0]]
        read = set(toposort(others))
        self._picked_from = [x for x in self._body if x in read]

    @property
    def _is_unrolled(self) -> bool:
        return math.prod(self._extents) <= _AT_ONCE and self._shape[-1] % _WHOLE == 0

    def lines(self) -> tuple[list[str], list[str]]:
        """The loops that go on with the place `place` of each window, and those behind all
        places; both read the arrays of `arrays`."""
        if self._is_unrolled:
            walk, results = [], self._nest(self._at_once)
        else:
            walk = [*self._cleared(), *self._nest(self._onward)]
            results = self._nest(lambda window: self._results(window, self._from_arrays(window)))
        drawn = self._words.by_place(_PLACE, self._inside())
        return [*drawn, *walk], [*self._words.by_window(), *results]

    def arrays(self) -> list[str]:
        """The arrays of random words, and of what windows have come to."""
        words = self._words.array()
        if self._is_unrolled:
            return words
        array, count, samples = self._conv.array, math.prod(self._shape), self._conv.samples
        where = array("where", "int", Slot.MAXIMUM_PLACES, count, samples)
        best = array("best", self._conv.scalar, Slot.POOLED, count, samples)
        return [best, *([where] if self._is_placed else []), *words]

    # ---- loops ----------------------------------------------------------------------------------

    def _nest(self, body: Callable[[_Window], Sequence[Statement]]) -> list[str]:
        """Loops over the windows of a tile; `body` returns the statements that store something."""

        def at(emitter: NativeEmitter, position: Expression) -> Sequence[Statement]:
            filter_, row, *rest = emitter.coordinates(Index(self._shape, linear=position))
            elements: TileElements = given[emitter]
            elements.begin(position, (row, *rest))
            coords = (Variable("sample"), filter_, row, *rest)
            return body(_Window(emitter, position, coords, elements))

        given: dict[NativeEmitter, TileElements] = {}

        def start(emitter: NativeEmitter) -> Mapping[Node, Given]:
            kernel = self._conv.kernel
            given[emitter] = TileElements(emitter, kernel, self._words, self._pitches)
            return given[emitter].given()

        nest = Nest(self._signature, math.prod(self._shape), start, threads=False)
        return list(braces(nest.listing(at)).lines)

    def _at_once(self, window: _Window) -> Sequence[Statement]:
        """A window's walk, and what follows."""
        emitter, elements = window.emitter, window.elements
        best = emitter.declare(self._conv.scalar, self._start, "a", note(self._pooling), True)
        where = emitter.declare("int", Number(-1), "a", "", True) if self._is_placed else None
        emitter.signature.holds(best if where is None else where, self._pooling)
        kept: dict[Node, Expression] = {}
        with emitter.apart(ONCE) as walk:
            ahead = self._go_on(window, _Carried(best, where))
            for node in self._picked_from:
                if node in elements.read:
                    kept[node] = emitter.name("a")
                    chosen = call("gc_select", ahead, elements.read[node], kept[node])
                    emitter.assign(kept[node], chosen)
        for node, variable in kept.items():
            assert where is not None  # only of a place is something picked
            emitter.add(Define(C_TYPES[node.dtype], variable, ZERO, constant=False))
            elements.keep(node, where, variable)
        # What is the same for all places goes ahead: g++ 12 leaves loops over windows scalar that
        # loads it in each.
        ahead_of_all, inside = by_level(walk, [_PLACE], [best, *([where] if where else [])])
        for statement in ahead_of_all:
            emitter.add(statement)
        places = math.prod(self._extents)
        loop = Branch(counting(_PLACE, places), inside)
        emitter.add(Block((loop,), f"#pragma GCC unroll {places}"))
        return self._results(window, _Carried(best, where))

    def _cleared(self) -> list[str]:
        """What begins with the first place of windows whose state is in arrays."""
        where = ["    where[i] = -1;"] if self._is_placed else []
        return [
            "if (place == 0) {",
            f"  for (int i = 0; i < {math.prod(self._shape)}; ++i) {{",
            f"    best[i] = {self._start};",
            *where,
            "  }",
            "}",
        ]

    def _onward(self, window: _Window) -> Sequence[Statement]:
        """One place more of a window whose state is in arrays."""
        carried = self._from_arrays(window)
        self._go_on(window, carried)
        stores = [Assign(subscript("best", window.position), carried.best)]
        if carried.where is not None:
            stores.append(Assign(subscript("where", window.position), carried.where))
        return stores

    def _from_arrays(self, window: _Window) -> _Carried:
        emitter, position = window.emitter, window.position
        best = emitter.declare(self._conv.scalar, subscript("best", position), "a")
        if not self._is_placed:
            return _Carried(best, None)
        return _Carried(best, emitter.declare("int", subscript("where", position), "a"))

    # ---- a window -------------------------------------------------------------------------------

    def _go_on(self, window: _Window, carried: _Carried) -> Expression:
        """Statements that go on with one place of a window; gives the name of whether it is ahead
        of those before it, where places are known."""
        emitter, x = window.emitter, self._pooling.inputs[0]
        sample, filter_, *windows = window.coords
        element = [
            emitter.integer(plus(times(at, stride), within))
            for at, stride, within in zip(windows, self._strides, self._inside(), strict=True)
        ]
        window.elements.learn(_PLACE, filter_, element)
        value = emitter.value(x, Index(x.shape, coords=(sample, filter_, *element)))
        best, where = carried.best, carried.where
        if where is None:
            emitter.add(Fold(best, self._reduction, value))
            return ZERO
        ahead = emitter.define("bool", call("gc_is_ahead", value, best, where))
        emitter.assign(best, call("gc_select", ahead, value, best))
        emitter.assign(where, call("gc_select", ahead, _PLACE, where))
        return ahead

    def _inside(self) -> list[Expression]:
        """The place of the pooling's window along each axis, as expressions."""
        coords: list[Expression] = []
        for axis, extent in enumerate(self._extents):
            below = math.prod(self._extents[axis + 1 :])
            rows = _PLACE if below == 1 else expression("({} / {})", _PLACE, below)
            coords.append(rows if axis == 0 else expression("({} % {})", rows, extent))
        return coords

    def _results(self, window: _Window, carried: _Carried) -> Sequence[Statement]:
        """Statements that compute, and those that store, what there is one of a window."""
        emitter, coords, shape = window.emitter, window.coords, self._pooling.shape
        outputs = self._conv.kernel.outputs
        _, filter_, *windows = coords
        window.elements.learn(None, filter_, windows)
        emitter.given[self._pooling] = always(carried.where or carried.best)
        for pick in self._picks:
            emitter.given[pick] = partial(self._picked, window, pick, carried.best)
        at = emitter.position(Index(shape, coords=coords))
        values = []
        for node in outputs:
            same = node.shape == shape
            index = Index(node.shape, coords=coords) if same else Index(node.shape, linear=at)
            values.append(emitter.value(node, index))
        stores: list[Statement] = []
        for node, value in zip(outputs, values, strict=True):
            stores += store_value(node, self._conv.context, emitter, at, value)
        return stores

    def _picked(self, window: _Window, pick: Node, best: Expression, index: Index) -> Expression:
        """What is picked at the place of a window's maximum."""
        values = pick.inputs[1]
        if values is self._pooling.inputs[0]:
            return best
        emitter = window.emitter
        place = emitter.value(self._pooling, index)
        sample, filter_, *windows = window.coords
        element = element_at(emitter, pick, windows, place)
        window.elements.learn(place, filter_, element)
        return emitter.value(values, Index(values.shape, coords=(sample, filter_, *element)))
