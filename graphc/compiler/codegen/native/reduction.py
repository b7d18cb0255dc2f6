"""Kernels of kind rows and columns as loops.

A row's walks come one after the other, while its values are in the cache. Where the innermost axis
is reduced, a row is walked along it, and the sums of the vector's lanes are added in the end. Where
the innermost axis is kept, `LANES` neighbouring rows are walked together, one a lane: what a row
has one value of is an array of them.

A long sum is made of sums of `CHUNK` terms, so that its error does not grow with its length. The
order of all additions is in the text: it depends neither on threads nor on sizes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from graphc.compiler.codegen.expression import (
    Expression,
    Variable,
    compare,
    counting,
    end_of_part,
    plus,
    rest_of_part,
    subscript,
)
from graphc.compiler.codegen.native.context import NativeContext
from graphc.compiler.codegen.native.hoist import by_level
from graphc.compiler.codegen.native.nest import PARALLEL
from graphc.compiler.codegen.native.walks import PLACE, ROW, Axis, NativeWalks
from graphc.compiler.codegen.reduction import Domain, domain_of, row_outputs, typical, walks_of
from graphc.compiler.codegen.signature import Signature
from graphc.compiler.codegen.statement import (
    Assign,
    Block,
    Branch,
    Define,
    Fold,
    Listing,
    Pragma,
    Statement,
    Verbatim,
)
from graphc.compiler.codegen.unused import without_unused
from graphc.compiler.codegen.walk_text import ELEMENT, Accumulator, WalkText
from graphc.compiler.graph.dim import Dim, Size
from graphc.compiler.program.launch import Launch
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.targets.marks import giving

LANES = 64
"""Neighbouring rows that are walked together: whole vectors of any dtype."""

CHUNK = 512
"""Terms that are added up one by one."""

_MOST_HELD = 2048
"""Elements of a row whose values are kept from walk to walk."""

_LANE, _TILE = Variable("lane"), Variable("tile")
"""The variables that hold which of the neighbouring rows it is, and the first of them."""

_SIMPLE = ("sum", "prod", "max", "min", "any", "all")


def lower_reduction(kernel: Kernel, context: NativeContext) -> list[Launch]:
    """One function: a loop over the rows."""
    domain = domain_of(kernel)
    walks = walks_of(kernel, domain)
    outputs = row_outputs(kernel, domain)
    name = context.name(kernel.kind)
    signature = context.signature(kernel)
    lanes = bool(domain.runs) and domain.runs[-1][1]
    holds = not lanes and not isinstance(domain.reduced, Dim) and domain.reduced <= _MOST_HELD
    slot = PLACE if holds else None
    trial = NativeWalks(context, signature.trial(), domain, slot)
    runs = trial.divided(walks, outputs)
    printer = NativeWalks(context, signature, domain, slot)
    printer.begin(runs)
    text = _Text(printer, signature, domain)
    texts = printer.walks(walks)
    texts, results = without_unused((texts, printer.results(outputs)))
    body = text.by_lanes(texts, results) if lanes else text.by_rows(texts, results)
    how = f"{domain.kept} rows of {domain.reduced}"
    return [context.function(name, kernel, signature, Listing(body).lines, how)]


class _Text:
    def __init__(self, printer: NativeWalks, signature: Signature, domain: Domain):
        self._printer = printer
        self._signature = signature
        self._domain = domain

    # ---- a row at a time ------------------------------------------------------------------------

    def by_rows(self, walks: Sequence[WalkText], results: Listing) -> list[Statement]:
        """Loops over the rows, inside of each its walks."""
        kept = self._printer.kept
        read = results.reads.union(*(walk.before.reads | walk.body.reads for walk in walks))
        body: list[Statement] = []
        for walk in walks:
            body += [Verbatim("", walk.title), *walk.before]
            body += [*_arrays(walk, self._domain.reduced), *self._walk(walk)]
        places = self._places(read, {ROW: kept})
        return _around(kept, [*places, *body, *results], self._signature, self._threads())

    def _walk(self, walk: WalkText) -> list[Statement]:
        """The loops over a row's elements."""
        axes = self._printer.reduced
        places = self._places(walk.body.reads, {ELEMENT: self._printer.axes, PLACE: axes})
        carried = [one.name for one in walk.accumulators]
        placed = by_level([*places, *walk.body], [axis.name for axis in axes], carried)
        loops = self._innermost(walk, axes, placed[-1]) if axes else []
        for axis, inside in zip(reversed(axes[:-1]), reversed(placed[1:-1]), strict=True):
            loops = [_loop(axis, [*inside, *loops], self._signature)]
        starts = Listing(_start(one, one.name) for one in walk.accumulators)
        ends = Listing(one.end(one.name) for one in walk.accumulators)
        return [*starts, *placed[0], *loops, *ends]

    def _innermost(self, walk: WalkText, axes: Sequence[Axis], body: Listing) -> list[Statement]:
        axis = axes[-1]
        size = self._signature.size(axis.size)
        simple = not body.tests and all(one.operation in _SIMPLE for one in walk.accumulators)
        long = isinstance(axis.size, Dim) or axis.size > CHUNK
        if not walk.long_sum or (len(axes) == 1 and not long):
            carried = {one.name: one.name for one in walk.accumulators}
            pragma = _simd(walk.accumulators, carried) if simple else None
            return [_loop(axis, body, self._signature, pragma)]
        parts = {one.name: _part(one) for one in walk.accumulators}
        inside = _into(parts, body)
        pragma = _simd(walk.accumulators, parts) if simple else None
        starts = [_start(one, parts[one.name]) for one in walk.accumulators]
        ends = [Fold(one.name, one.functions, parts[one.name]) for one in walk.accumulators]
        if not long:
            return [*starts, _loop(axis, inside, self._signature, pragma), *ends]
        return [_in_chunks(axis, size, starts, inside, ends, pragma)]

    # ---- several rows side by side --------------------------------------------------------------

    def by_lanes(self, walks: Sequence[WalkText], results: Listing) -> list[Statement]:
        """Loops over tiles of neighbouring rows, inside of each the walks of all of them."""
        *outer, last = self._printer.kept
        size = self._signature.size(last.size)
        small = not isinstance(last.size, Dim) and last.size <= LANES
        width = size if small else Variable("width")
        body: list[Statement] = []
        # What a lane has one value of goes from block to block in arrays.
        held: dict[Expression, str] = {}
        for number, walk in enumerate(walks):
            later = results.reads.union(
                *(other.body.reads for other in walks[number:]),
                *(other.before.reads for other in walks[number + 1 :]),
            )
            ends = Listing(one.end(_of_lane(one.name)) for one in walk.accumulators)
            body += self._of_lanes(walk.before, held, later, last, width)
            body += [Verbatim("", walk.title), *self._walk_lanes(walk, held, last, width)]
            body += self._of_lanes(ends, held, later, last, width)
        body += self._of_lanes(results, held, (), last, width)
        if small:
            return _around(outer, body, self._signature, self._threads()) if outer else body
        rows = Define("int", width, rest_of_part(size, _TILE, LANES))
        body = [rows, *body]
        loops = _around(outer, body, self._signature, None) if outer else body
        tiles = Branch(counting(_TILE, size, step=LANES), Listing(loops))
        return [Block((tiles,), self._threads())]

    def _of_lanes(
        self,
        statements: Listing,
        held: dict[Expression, str],
        later: Collection[Expression],
        last: Axis,
        width: Expression,
    ) -> list[Statement]:
        """Statements of a row for all lanes; what they define and `later` statements read is put
        into arrays, whose types `held` gets."""
        if not statements:
            return []
        new = [
            one
            for one in statements
            if isinstance(one, Define) and one.name not in held and one.name in later
        ]
        held |= {one.name: one.kind for one in new}
        arrays = [Verbatim(f"{one.kind} of_{one.name}[{LANES}];") for one in new]
        keeps = [Assign(_of_lane(f"of_{one.name}"), one.name) for one in new]
        body = Listing((*statements, *keeps))
        whole = Listing((*self._lane_heads(body, held, last), *body))
        return [*arrays, _lanes(whole, width)]

    def _lane_heads(
        self, body: Listing, held: Mapping[Expression, str], last: Axis
    ) -> list[Statement]:
        """What the statements of a lane read that belongs to the lane."""
        small = not isinstance(last.size, Dim) and last.size <= LANES
        defined = {one.name for one in body if isinstance(one, Define)}
        kept = [
            Define(kind, name, _of_lane(f"of_{name}"))
            for name, kind in held.items()
            if name not in defined and name in body.reads
        ]
        places = self._places(body.reads, {ROW: self._printer.kept})
        return [Define("int", last.name, _LANE if small else plus(_TILE, _LANE)), *kept, *places]

    def _walk_lanes(
        self, walk: WalkText, held: Mapping[Expression, str], last: Axis, width: Expression
    ) -> list[Statement]:
        axes = self._printer.reduced
        places = self._places(walk.body.reads, {ELEMENT: self._printer.axes, PLACE: axes})
        body = Listing((*places, *walk.body))
        body = Listing((*self._lane_heads(body, held, last), *body))
        carried = [one.name for one in walk.accumulators]
        placed = by_level(body, [*(axis.name for axis in axes), _LANE], carried)
        found: list[Statement] = []
        for one in walk.accumulators:
            found += _array(one, one.name, width)
        long = bool(axes) and (isinstance(axes[-1].size, Dim) or axes[-1].size > CHUNK)
        if not (axes and walk.long_sum and (len(axes) > 1 or long)):
            inner = _lanes(_into({name: _of_lane(name) for name in carried}, placed[-1]), width)
            if not axes:
                return [*found, *placed[0], inner]
            loop = _loop(axes[-1], [*placed[-2], inner], self._signature)
        else:
            loop = self._in_parts(walk, axes[-1], placed, width)
        for axis, inside in zip(reversed(axes[:-1]), reversed(placed[1 : len(axes)]), strict=True):
            loop = _loop(axis, [*inside, loop], self._signature)
        return [*found, *placed[0], loop]

    def _in_parts(
        self, walk: WalkText, axis: Axis, placed: Sequence[Listing], width: Expression
    ) -> Block:
        """The innermost loop of a long sum, for all lanes."""
        parts = {one.name: _part(one) for one in walk.accumulators}
        inner = _lanes(_into({x: _of_lane(part) for x, part in parts.items()}, placed[-1]), width)
        inside = [*placed[-2], inner]
        starts: list[Statement] = []
        ends: list[Statement] = []
        for one in walk.accumulators:
            part = parts[one.name]
            starts += _array(one, part, width)
            whole = Fold(_of_lane(one.name), one.functions, _of_lane(part))
            ends.append(Block((Branch(counting(_LANE, width), Listing((whole,))),)))
        return _in_chunks(axis, self._signature.size(axis.size), starts, inside, ends)

    # ---- both -----------------------------------------------------------------------------------

    def _places(
        self, read: Collection[Expression], places: Mapping[Expression, Sequence[Axis]]
    ) -> list[Define]:
        """What works out the positions that are read."""
        return [self._printer.place(name, axes) for name, axes in places.items() if name in read]

    def _threads(self) -> Pragma | None:
        domain = self._domain
        total = domain.kept * domain.reduced
        least = PARALLEL // 2 if isinstance(total, Dim) else PARALLEL
        if typical(total) < least or domain.kept == 1:
            return None
        if not isinstance(total, Dim):
            return Pragma(team=True)
        return Pragma(team=True, condition=compare(self._signature.size(total), ">=", PARALLEL))


def _loop(
    axis: Axis, body: Iterable[Statement], signature: Signature, pragma: Pragma | None = None
) -> Block:
    return Block((Branch(counting(axis.name, signature.size(axis.size)), Listing(body)),), pragma)


def _around(
    axes: Sequence[Axis],
    body: Sequence[Statement],
    signature: Signature,
    threads: Pragma | None,
) -> list[Statement]:
    found = list(body)
    for number, axis in reversed(list(enumerate(axes))):
        found = [_loop(axis, found, signature, None if number else threads)]
    return found


def _in_chunks(
    axis: Axis,
    size: Expression,
    before: Sequence[Statement],
    inside: Sequence[Statement],
    behind: Sequence[Statement],
    pragma: Pragma | None = None,
) -> Block:
    """A loop over an axis in chunks, with statements before and behind each of them; `pragma` is of
    the loop over a chunk."""
    chunk, end = Variable(f"chunk_{axis.name}"), Variable(f"end_{axis.name}")
    stop = Define("int", end, end_of_part(size, chunk, CHUNK))
    loop = Block((Branch(counting(axis.name, end, chunk), Listing(inside)),), pragma)
    turn = Listing((stop, *before, loop, *behind))
    return Block((Branch(counting(chunk, size, step=CHUNK), turn),))


def _lanes(body: Listing, width: Expression) -> Block:
    """The loop over the lanes."""
    # A test that fails writes to memory of all lanes.
    pragma = None if body.tests else Pragma(simd=True)
    return Block((Branch(counting(_LANE, width), body),), pragma)


def _of_lane(array: Expression | str) -> Expression:
    return subscript(array, _LANE)


def _part(one: Accumulator) -> Expression:
    """The variable that a part of a long sum is carried in."""
    return Variable(f"part_{one.name}")


def _start(one: Accumulator, name: Expression) -> Define:
    return Define(one.carried, name, one.identity, constant=False, is_element=True)


def _array(one: Accumulator, name: Expression, width: Expression) -> list[Statement]:
    """A value for each lane, all as they start."""
    fill = f"{counting(_LANE, width)} {_of_lane(name)} = {one.identity};"
    return [Verbatim(f"{one.carried} {name}[{LANES}];"), Verbatim(giving(fill, str(name)))]


def _arrays(walk: WalkText, count: Size) -> list[Statement]:
    return [Verbatim(f"{kind} {name}[{count}];") for kind, name in walk.arrays]


def _into(places: Mapping[Expression, Expression], body: Listing) -> Listing:
    """The statements, with each reduction carried in another place."""
    return Listing(
        replace(one, place=places[one.place]) if isinstance(one, Fold) else one for one in body
    )


def _simd(accumulators: Sequence[Accumulator], carried: Mapping[Expression, Expression]) -> Pragma:
    """The pragma of a loop whose lanes are put together in the end, in the lanes' order."""
    reductions = ((f"gc_lanes_{one.operation}", carried[one.name]) for one in accumulators)
    return Pragma(simd=True, reductions=tuple(reductions))
