"""The walks of a reduction over its row, printed for loops over runs of axes.

See `graphc.compiler.codegen.reduction` for what a row and a walk are. The element's position and
the row's are sums of the loops' variables, as in a nest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphc.compiler.codegen.context import Context
from graphc.compiler.codegen.expression import Expression, Variable
from graphc.compiler.codegen.index import Coordinates, Index
from graphc.compiler.codegen.native.context import NativeSignature
from graphc.compiler.codegen.native.emitter import NativeEmitter
from graphc.compiler.codegen.native.nest import runs_of
from graphc.compiler.codegen.reduction import Domain, Walk
from graphc.compiler.codegen.reduction_text import WalkPrinter
from graphc.compiler.codegen.statement import Define, Listing
from graphc.compiler.codegen.walk_text import ELEMENT, Names
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Shape, Size, exact_quotient, product

ROW, PLACE = Variable("row"), Variable("column")
"""The variables that hold which row it is, and which element of the row."""


@dataclass(frozen=True)
class Axis:
    """One loop: its variable, how many turns it has, and whether its axis is kept."""

    name: Expression
    size: Size
    kept: bool


class NativeWalks(WalkPrinter):
    """Prints walks over a domain whose axes are divided where the text divides positions."""

    def __init__(
        self, context: Context, signature: NativeSignature, domain: Domain, slot: Expression | None
    ):
        super().__init__(context, signature, domain, Names(ROW, PLACE, slot))
        self.emitter: NativeEmitter = NativeEmitter(signature)
        self.axes: tuple[Axis, ...] = ()

    def divided(self, walks: Sequence[Walk], outputs: Sequence[Node]) -> tuple[Shape, ...]:
        """The runs that each run of the domain is divided into. The printer is used up by this."""
        seen = self.emitter.divided
        seen[ELEMENT], seen[ROW] = {}, {}
        self.walks(walks)
        self.results(outputs)
        runs = self._domain.runs
        found = []
        for k, (size, kept) in enumerate(runs):
            inner = product(extent for extent, _ in runs[k + 1 :])
            asked = [exact_quotient(by, inner) for by in seen[ELEMENT]] if inner != 0 else []
            if kept and inner != 0:
                inner = product(extent for extent, stays in runs[k + 1 :] if stays)
                asked += [exact_quotient(by, inner) for by in seen[ROW]]
            found.append(runs_of(size, [by for by in asked if by is not None]))
        return tuple(found)

    def begin(self, runs: Sequence[Shape]) -> None:
        """Choose the loops' variables, from what `divided` gave."""
        self.axes = tuple(
            Axis(self.emitter.name("p" if kept else "q"), size, kept)
            for part, (_, kept) in zip(runs, self._domain.runs, strict=True)
            for size in part
        )
        for position, axes in ((ELEMENT, self.axes), (ROW, self.kept), (PLACE, self.reduced)):
            self.emitter.know(position, *_sizes_and_names(axes))

    @property
    def kept(self) -> tuple[Axis, ...]:
        return tuple(axis for axis in self.axes if axis.kept)

    @property
    def reduced(self) -> tuple[Axis, ...]:
        return tuple(axis for axis in self.axes if not axis.kept)

    def place(self, name: Expression, axes: Sequence[Axis]) -> Define:
        """The statement that works out a position from its coordinates."""
        sizes, names = _sizes_and_names(axes)
        return Define("int", name, self.emitter.place(Index(sizes, coords=names)))

    def row(self) -> Listing:
        return Listing()

    def _start(self) -> Listing:
        return Listing()


def _sizes_and_names(axes: Sequence[Axis]) -> tuple[Shape, Coordinates]:
    return tuple(axis.size for axis in axes), tuple(axis.name for axis in axes)
