"""The text of the walks of a reduction kernel, for its template to put into loops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from graphc.compiler.codegen.context import Context
from graphc.compiler.codegen.emit_loops import accumulator
from graphc.compiler.codegen.emitter import Emitter, Pack, always, note
from graphc.compiler.codegen.expression import (
    ZERO,
    Expression,
    Variable,
    call,
    every,
    modulo,
    over,
    plus,
    subscript,
    times,
)
from graphc.compiler.codegen.index import Coordinates, Index
from graphc.compiler.codegen.reduction import Domain, Walk, held_of, walked_for
from graphc.compiler.codegen.signature import Place, Signature
from graphc.compiler.codegen.statement import Define, Fold, Listing
from graphc.compiler.codegen.traffic import Asked, reads, writes
from graphc.compiler.codegen.walk_text import (
    ELEMENT,
    PART,
    Accumulator,
    Names,
    WalkText,
)
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import product
from graphc.compiler.program.launch import Formula, Traffic
from graphc.compiler.schedule.hardware import PACK
from graphc.compiler.targets.c_text import C_TYPES

FIRST = Variable("first")
"""The variable that holds the place in the domain of a pack's first element."""

# The type that a sum is carried in which goes along with the row's maximum or mean, and the class
# of its functions, by the operation of its terms.
_ALONG = {
    "exp": ("gc_scaled", "gc_reduce_exp_sum"),
    "mul": ("gc_moments", "gc_reduce_squares"),
}


class WalkPrinter:
    """Prints the walks of one kernel function, one after the other.

    Attributes:
        emitter: prints the lines.
    """

    def __init__(
        self,
        context: Context,
        signature: Signature,
        domain: Domain,
        names: Names,
        inputs: Sequence[Node] = (),
    ):
        self.emitter = Emitter(signature, Pack(ELEMENT, PART) if names.wide else None)
        self._context = context
        self._signature = signature
        self._domain = domain
        self._names = names
        self._kept: Coordinates = ()
        self._side: dict[Expression, Place] = {}
        self._known: dict[Node, dict[Expression | None, Callable[[], Expression]]] = {}
        self._of_row: list[Asked] = []
        self._of_element: list[Asked] = []
        self._stored: list[Node] = []
        if names.wide:
            self._choose_loads(inputs)

    # ---- the row --------------------------------------------------------------------------------

    def row(self) -> Listing:
        """The statements that work out where a row lies."""
        self._kept = self._coordinates(self._domain.kept_runs, self._names.row)
        return self.emitter.take()

    def _coordinates(self, runs: Sequence[Any], position: Expression) -> Coordinates:
        return self.emitter.coordinates(Index(tuple(runs), linear=position))

    def results(self, outputs: Sequence[Node]) -> Listing:
        """The statements that compute and store the results of which a row has one."""
        row = self._names.row
        self._stored += outputs
        values = [self.emitter.value(node, Index(node.shape, linear=row)) for node in outputs]
        for node, value in zip(outputs, values, strict=True):
            for place in self._context.sinks[node]:
                target, guard = self._signature.stored(place, node.shape, row)
                self.emitter.assign(target, value, guard)
        self._of_row += self.emitter.take_asked()
        return self.emitter.take()

    def traffic(self, turns: Sequence[Formula]) -> list[Traffic]:
        """What the function moves that has been printed.

        Args:
            turns: factors of how often a block comes to new rows, all blocks together.
        """
        kept, reduced = self._domain.kept, self._domain.reduced
        return [
            *reads(self._of_element, (kept, reduced), turns),
            *reads(self._of_row, (kept,), turns),
            *writes(self._stored, self._context.sinks),
        ]

    # ---- the walks ------------------------------------------------------------------------------

    def walks(self, walks: Sequence[Walk]) -> list[WalkText]:
        """The texts of all walks of a row."""
        held = set(held_of(walks)) if self._names.slot is not None else set()
        return [self._walk(walk, held) for walk in walks]

    def _walk(self, walk: Walk, held: set[Node]) -> WalkText:
        before = self._spread(walk.spreads)
        accumulators = [self._accumulator(anchor, anchor in walk.along) for anchor in walk.anchors]
        start = self._start()
        packs = self._element(walk, accumulators)
        arrays = []
        for node in walk.computed:
            if node in held:
                arrays.append((C_TYPES[node.dtype], self._hold(node)))
        body = self.emitter.take()
        self._of_element += self.emitter.take_asked()
        self._stored += walk.outputs
        loads = self._take_loads()
        for anchor, one in zip(walk.anchors, accumulators, strict=True):
            self.emitter.given[anchor] = always(one.result)
        if self._names.wide:
            place = self._names.place
            wanted = [(place, _first(place)), (ELEMENT, FIRST)]
            heads = [Define("int", x, plus(y, PART)) for x, y in wanted if x in body.reads]
            body = Listing((*heads, *body))
            if not (loads or packs or heads):
                start = Listing()
        elif ELEMENT not in body.reads:
            start = Listing()
        return WalkText(_title(walk), before, arrays, accumulators, start, body, loads, packs)

    def _spread(self, spreads: Sequence[Node]) -> Listing:
        """The values of the row, and scalars, that elements read: computed ahead of the loop."""
        emitter = self.emitter
        for node in spreads:
            (x,) = node.inputs
            ours = product(x.shape) != 1
            position = self._names.row if ours else ZERO
            name = emitter.value(x, Index(x.shape, linear=position))
            if not ours:
                emitter.given[node] = always(name)
                continue
            # A flip or a slice may read both at another row's elements.
            self._give(node, ELEMENT, partial(_same, name))
            self._give(x, position, partial(_same, name))
        self._of_row += emitter.take_asked()
        return emitter.take()

    def _give(self, node: Node, position: Expression, name: Callable[[], Expression]) -> None:
        """Let a node's value at one position be known by a name."""
        emitter = self.emitter
        if node in self._known:
            self._known[node][position] = name
            return
        if node in emitter.given:
            return  # known wherever it is read
        known = self._known[node] = {position: name}
        in_memory = node in self._signature.places

        def given(index: Index) -> Expression:
            at = emitter.position(index) if in_memory else index.linear
            if at in known:
                return known[at]()
            del emitter.given[node]  # at another element it is computed as if nothing were known
            try:
                return emitter.value(node, index)
            finally:
                emitter.given[node] = given

        emitter.given[node] = given

    def _accumulator(self, anchor: Node, along: bool = False) -> Accumulator:
        dtype = anchor.inputs[0].dtype
        carried, functions = accumulator(anchor.op, dtype)
        if along:
            kind, functions = _ALONG[anchor.inputs[0].op]
            carried = f"{kind}<{C_TYPES[dtype]}>"
        emitter = self.emitter
        carrier, result = emitter.name("a"), emitter.name("t")
        for name in (carrier, result):
            emitter.signature.holds(name, anchor)
        return Accumulator(
            carried,
            functions,
            C_TYPES[dtype],
            carrier,
            C_TYPES[anchor.dtype],
            result,
            anchor.op in ("sum", "prod") and dtype.startswith("float"),
            note(anchor),
        )

    def _start(self) -> Listing:
        """The statements that work out where an element, or a pack of them, lies."""
        names, emitter = self._names, self.emitter
        wide = names.wide
        place = _first(names.place) if wide else names.place
        if wide:
            emitter.add(Define("int", place, times(PACK, Variable("pack"))))
        reduced = iter(self._coordinates(self._domain.reduced_runs, place))
        kept = iter(self._kept)
        coords = [next(kept if stays else reduced) for _, stays in self._domain.runs]
        sizes = tuple(size for size, _ in self._domain.runs)
        position = emitter.place(Index(sizes, coords=tuple(coords)))
        emitter.add(Define("int", FIRST if wide else ELEMENT, position))
        statements = emitter.take()
        known: list[Expression | None] = [*coords]
        if wide:  # the last coordinate is that of the pack's first element
            known[-1] = names.place if len(self._domain.reduced_runs) == 1 else None
        self._know(known)
        return statements

    def _know(self, coords: Sequence[Expression | None]) -> None:
        """The element's coordinates along the runs, by the text that asks for them."""
        size = self._signature.size
        runs = [extent for extent, _ in self._domain.runs]
        for axis, coord in enumerate(coords):
            text = over(ELEMENT, size(product(runs[axis + 1 :])))
            if axis:
                text = modulo(text, size(runs[axis]))
            if coord is not None and text != ELEMENT:
                self.emitter.once(("int", text), partial(_same, coord))

    def _element(
        self, walk: Walk, accumulators: Sequence[Accumulator]
    ) -> list[tuple[str, Expression, Expression, Expression | None]]:
        """Print what the walk computes at an element. Returns what is stored a pack at a time."""
        emitter, names = self.emitter, self._names
        values = {}
        reduced = [walked_for(x) if x in walk.along else x.inputs[0] for x in walk.anchors]
        for node in (*reduced, *walk.outputs):
            values[node] = emitter.value(node, Index(node.shape, linear=ELEMENT))
        for anchor, node, one in zip(walk.anchors, reduced, accumulators, strict=True):
            value = values[node]
            if anchor.op.startswith("arg") or anchor in walk.along:
                value = call(f"{one.functions}::element", value, names.place)
            emitter.add(Fold(one.name, one.functions, value))
        packs: list[tuple[str, Expression, Expression, Expression | None]] = []
        for node in walk.outputs:
            for place in self._context.sinks[node]:
                target, guard = self._signature.stored(place, node.shape, ELEMENT)
                guard = every((names.guard, guard))
                if names.wide and place.step is None:
                    pointer = self._signature.store_pointer(place)
                    packs.append((C_TYPES[place.dtype], pointer, values[node], guard))
                else:
                    emitter.assign(target, values[node], guard)
        return packs

    def _take_loads(self) -> list[tuple[str, str, Expression, Expression]]:
        """The packs that the element's lines read: at the element, or at its place in the row."""
        pack, place = self.emitter.pack, self._names.place
        if pack is None:
            return []
        found: list[tuple[str, str, Expression, Expression]] = []
        for name, at in pack.loads.items():
            found.append((C_TYPES[at.dtype], f"pack_{name}", name, FIRST))
        for name, at in self._side.items():
            found.append((C_TYPES[at.dtype], f"{place}_{name}", name, _first(place)))
        pack.loads = {}
        self._side = {}
        return found

    def _choose_loads(self, inputs: Sequence[Node]) -> None:
        """Which inputs are read in packs: those of the domain's elements, and what the places of
        all rows share (the scale of a normalisation)."""
        domain = self._domain
        shared = len(domain.reduced_runs) == 1 and domain.kept != 1
        for node in inputs:
            at = self._signature.places.get(node)
            if at is None or at.step is not None:
                continue
            size = product(node.shape)
            if size == domain.kept * domain.reduced:
                continue  # as the emitter does it
            # A shorter input, as a part of a concatenation, ends within a pack.
            self._give(node, ELEMENT, partial(self._single, node, at))
            if shared and size == domain.reduced:
                self._give(node, self._names.place, partial(self._shared, node, at))

    def _single(self, node: Node, at: Place) -> Expression:
        self.emitter.ask(node)
        pointer = self._signature.load_pointer(at)
        element = at.element(subscript(pointer, ELEMENT))
        return self.emitter.define(C_TYPES[node.dtype], element)

    def _shared(self, node: Node, at: Place) -> Expression:
        pointer = self._signature.load_pointer(at)
        if pointer not in self._side:
            self.emitter.ask(node)
        self._side[pointer] = at
        return at.element(subscript(f"{self._names.place}_{pointer}.of", PART))

    def _hold(self, node: Node) -> Expression:
        """Keep the element's value for later walks. Returns the name of the array."""
        emitter, slot = self.emitter, self._names.slot
        assert slot is not None
        value = emitter.value(node, Index(node.shape, linear=ELEMENT))
        array = emitter.name("e")
        held = subscript(array, slot)
        emitter.assign(held, value)
        self._give(node, ELEMENT, partial(_same, held))
        return array


def _first(place: Expression) -> Variable:
    """The variable that holds the place in the row of a pack's first element."""
    return Variable(f"first_{place}")


def _same(value: Expression) -> Expression:
    return value


def _title(walk: Walk) -> str:
    parts = [x.op for x in walk.anchors if x not in walk.along]
    parts += ["sum of exp" if x.inputs[0].op == "exp" else "sum of squares" for x in walk.along]
    parts += ["results"] if walk.outputs else []
    return ", ".join(parts)
