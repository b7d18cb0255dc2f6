"""The emitter of native code: it notes where positions are divided, and which words are drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from graphc.compiler.codegen.draws import shift_of
from graphc.compiler.codegen.emitter import Emitter, Given, splat
from graphc.compiler.codegen.expression import (
    ZERO,
    Expression,
    Variable,
    call,
    modulo,
    over,
    subscript,
)
from graphc.compiler.codegen.index import Coordinates, Index
from graphc.compiler.codegen.native.context import NativeSignature
from graphc.compiler.codegen.native.hoist import levels
from graphc.compiler.codegen.statement import Define, Listing
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Shape, Size, exact_quotient, product
from graphc.compiler.program.launch import ONCE, Count
from graphc.compiler.schedule.relation import Split

DRAWN = Variable("drawn")
"""The variable that counts the elements of a part whose random words were drawn."""


class NativeEmitter(Emitter):
    """Prints elements; of positions it notes where they are divided.

    Attributes:
        divided: of positions that are looked at, by how many elements they are divided, in the
            order in which it is asked.
        walked: the position whose neighbours are computed next.
        inner: the variable of the loop over these neighbours.
        draws: the rows of random words that are read along with it, by `key` and shift.
    """

    by_position = False
    unrolls = False

    def __init__(self, signature: NativeSignature, given: Givens | None = None):
        super().__init__(signature)
        if given is not None:
            self.given.update(given(self))
        self.divided: dict[Expression, dict[Size, None]] = {}
        self.walked: Expression | None = None
        self.inner: Expression | None = None
        self.draws: dict[tuple[tuple[Expression, ...], Expression], Expression] = {}
        self._facts: list[tuple[Expression, Shape, Coordinates]] = []

    def _run(self, index: Index, start: int, stop: int) -> Expression:
        if index.linear is not None and index.linear in self.divided:
            both = product(index.shape[stop:]), product(index.shape[start:])
            self.divided[index.linear].update(dict.fromkeys(both))
        return super()._run(index, start, stop)

    def _value(self, node: Node, index: Index, reads: Sequence[tuple[Node, Index]]) -> Expression:
        drawn = node.op == "random" and node not in self.given
        if drawn and self.walked is not None and self.position(index) == self.walked:
            step = node.inputs[0]
            if step in self.signature.counters or splat(step) is not None:
                shift = self._row_shift(node, index)
                if shift is not None:
                    return self._drawn(node, shift)
        return super()._value(node, index, reads)

    def _row_shift(self, node: Node, index: Index) -> Expression | None:
        """Return the shift of the walked elements (`shift_of`); None where it changes along the
        innermost loop, or is defined in a block inside of it."""
        if node.attrs["axis"] is None:
            return ZERO
        assert self.inner is not None
        shift = shift_of(self, node, index)
        found = levels(self.statements, (self.inner,))
        placed = zip(self.statements, found, strict=True)
        depths = [k for one, k in placed if isinstance(one, Define) and one.name == shift]
        return shift if depths == [0] else None

    def ask(self, node: Node, times: Count = ONCE, split: Split | None = None) -> None:
        """Nothing is counted: which loads the processor's caches answer is not known."""

    def read(self, dtype: str, element: Expression) -> Expression:
        return call("gc_flag", element) if dtype == "bool" else element

    def _drawn(self, node: Node, shift: Expression) -> Expression:
        """The word of the walked element, of a row of them that is drawn ahead of the loop."""
        key = self.key(node), shift
        if key not in self.draws:
            self.draws[key] = self.name("words")
        word = subscript(self.draws[key], DRAWN)
        return self.element(node, word)

    def key(self, node: Node) -> tuple[Expression, ...]:
        """Return the arguments of a draw's call that do not depend on the element: step of the
        loop, number of the call, seed and stream."""
        step = self.value(node.inputs[0], Index((), coords=()))
        seed = self.signature.word(node.attrs["seed"], "a seed of random words")
        stream = self.signature.word(node.attrs["stream"], "a stream of random words")
        return step, self.signature.call_step(), seed, stream

    def take(self) -> Listing:
        statements = super().take()
        for fact in self._facts:
            self._know(*fact)
        return statements

    def know(self, position: Expression, runs: Shape, coordinates: Sequence[Expression]) -> None:
        """Let the coordinates of a position along runs of axes be known, from now on."""
        self._facts.append((position, runs, tuple(coordinates)))
        self._know(*self._facts[-1])

    def _know(self, position: Expression, runs: Shape, coordinates: Sequence[Expression]) -> None:
        count = len(runs)
        for start in range(count):
            for stop in range(start + 1, count + 1):
                text = over(position, self.signature.size(product(runs[stop:])))
                if start:
                    text = modulo(text, self.signature.size(product(runs[start:stop])))
                part = Index(runs[start:stop], coords=tuple(coordinates[start:stop]))
                if text != position:
                    self.once(("int", text), partial(self.position, part))

    def know_rows(
        self, position: Expression, row: Size, number: Expression, across: Sequence[Size]
    ) -> None:
        """Let it be known of a position, in the row `number` of `row` elements each, which of the
        parts it is in that are several rows each."""
        size = self.signature.size
        rows = {by: exact_quotient(by, row) for by in (*across, row)}
        for by, count in rows.items():
            if count is None:
                continue
            text = over(position, size(by))
            self.once(("int", text), partial(self.integer, over(number, size(count))))
            for larger, more in rows.items():
                part = None if more is None else exact_quotient(more, count)
                if part is None or larger == by:
                    continue
                name = modulo(over(number, size(count)), size(part))
                once = modulo(text, size(part))
                self.once(("int", once), partial(self.integer, name))


Givens = Callable[["NativeEmitter"], Mapping[Node, Given]]
"""What the function around has, for an emitter that prints inside of it."""
