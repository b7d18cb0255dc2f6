"""Loops over the elements of a kernel's results, so that the innermost one can be vectorised.

Every index map works on positions in C order; a loop over positions would divide to find the
coordinates. So text is printed twice: once to see where the positions are divided, and then into
loops over runs of axes between these places, each as long as nothing divides it. The coordinates
are the loops' variables then, and positions are sums that move by one in the innermost loop.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from graphc.compiler.codegen.expression import (
    ZERO,
    Expression,
    Parameter,
    Variable,
    call,
    cast,
    compare,
    counting,
    end_of_part,
    expression,
    grouped,
    minus,
    plus,
    step_along,
    times,
)
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.native.context import NativeSignature
from graphc.compiler.codegen.native.emitter import DRAWN, Givens, NativeEmitter
from graphc.compiler.codegen.native.hoist import by_level
from graphc.compiler.codegen.signature import Signature
from graphc.compiler.codegen.statement import (
    Block,
    Branch,
    Define,
    Listing,
    Pragma,
    Statement,
    Verbatim,
)
from graphc.compiler.codegen.unused import without_unused
from graphc.compiler.graph.dim import Dim, Shape, Size, exact_quotient, product, typical

PRODUCTS = 1 << 19
"""Multiplications from which on a product is divided over threads."""

STRETCH = 256
"""Elements that are walked along the innermost axis before the axis ahead of it moves on, where
memory is read crosswise."""

WORDS = 1024
"""``GC_WORDS``: random words that are drawn at once, at most."""
_MOST_WORDS = Parameter("GC_WORDS")

PARALLEL = 1 << 16
"""Elements from which on a loop is divided over threads: fewer are dearer to hand to another core
than to compute (40,000 on two: 28 us for 6)."""

_PART, _END = Variable("part"), Variable("end")
"""The variables that hold the first element of a part of a loop, and the one behind its last."""

Body = Callable[[NativeEmitter, Expression], Sequence[Statement]]
"""Prints what is computed at a position, and returns the statements that store it."""


@dataclass(frozen=True)
class Limits:
    """A part of a nest: its elements are `size` rows, of which those from `begin` to `end` are
    walked; expressions of the function around."""

    size: Size
    begin: Expression
    end: Expression

    @classmethod
    def row(cls, size: Size, name: str) -> Limits:
        """The row whose number is in a variable."""
        return cls(size, Variable(name), plus(Variable(name), 1))

    def in_elements(self, row: Size, signature: NativeSignature) -> Limits:
        """The same part, where each of a row's elements is a row of its own."""
        each = signature.size(row)
        return Limits(self.size * row, times(self.begin, each), times(self.end, each))


@dataclass(frozen=True)
class Nest:
    """A loop nest over a number of elements.

    Attributes:
        signature: the function's parameters.
        elements: how many there are.
        given: values that the function around has.
        limits: which of them are walked.
        threads: whether the loops may be divided over threads.
        vector: whether neighbours of the innermost loop may be computed at once.
    """

    signature: NativeSignature
    elements: Size
    given: Givens | None = None
    limits: Limits | None = None
    threads: bool = True
    vector: bool = True

    def listing(self, body: Body) -> Listing:
        """The loops with what `body` prints; none where there are no elements."""
        if self.elements == 0:
            return Listing()
        divided, row = self._divided(body), self._row()
        if row is None or divided:
            return self._loops(body, row, divided)
        assert self.limits is not None
        limits = self.limits.in_elements(row, self.signature)  # nothing asks for rows: one loop
        return replace(self, limits=limits)._loops(body, 1, divided)

    def _divided(self, body: Body) -> list[Size]:
        """By how many elements positions are divided, in the order in which it is asked."""
        trial = NativeEmitter(self.signature.trial(), self.given)
        whole = Variable("i")
        trial.divided[whole] = {}
        trial.walked = trial.inner = whole
        body(trial, whole)
        return list(trial.divided[whole])

    def _loops(self, body: Body, row: Size | None, divided: Sequence[Size]) -> Listing:
        """The loops over runs; over `limits` in rows of so many elements, if there are any."""
        across: list[Size] = []
        if row is None:
            runs = runs_of(self.elements, divided)
        else:
            # The rows stay one loop, whatever divides them: that is worked out once for each.
            across = [by for by in divided if exact_quotient(row, by) is None]
            within = [by for by in divided if exact_quotient(row, by) is not None]
            assert self.limits is not None
            runs = (self.limits.size, *runs_of(row, within))
        emitter = NativeEmitter(self.signature, self.given)
        names = tuple(emitter.name("p") for _ in runs)
        position = emitter.position(Index(runs, coords=names)) if runs else ZERO
        emitter.know(position, runs, names)
        if runs:
            emitter.walked, emitter.inner = position, names[-1]
        if row is not None:
            emitter.know_rows(position, row, names[0], across)
        stores = body(emitter, position)
        placed = by_level(emitter.statements, names, [DRAWN])
        placed[-1] = Listing((*placed[-1], *stores))
        heads, pragmas = self._heads(names, runs), self._pragmas(placed[-1], runs)
        if emitter.draws:
            return self._with_draws(emitter, placed, heads, pragmas, names, runs)
        if len(runs) > 1 and typical(runs[-1]) > STRETCH and _is_crosswise(placed[-1], names[-1]):
            return self._crosswise(placed, heads, pragmas, names, runs)
        return nested(placed, heads, pragmas)

    def _crosswise(
        self,
        placed: Sequence[Listing],
        heads: Sequence[Expression],
        pragmas: Sequence[Pragma | None],
        names: Sequence[Expression],
        runs: Shape,
    ) -> Listing:
        """The nest with its innermost loop in stretches, and the loop around it inside of these: a
        line of memory that is read crosswise is in the cache when its neighbour is wanted."""
        all_of_them = self.signature.size(runs[-1])
        around = counting(_PART, all_of_them, step=STRETCH)
        end = Define("int", _END, end_of_part(all_of_them, _PART, STRETCH))
        loop = counting(names[-1], _END, _PART)
        first = pragmas[0] if len(heads) == 2 else None
        between = None if len(heads) == 2 else pragmas[-2]
        return nested(
            [*placed[:-2], Listing((end,)), placed[-2], placed[-1]],
            [*heads[:-2], around, heads[-2], loop],
            [*pragmas[:-2], first, between, pragmas[-1]],
        )

    def _with_draws(
        self,
        emitter: NativeEmitter,
        placed: Sequence[Listing],
        heads: Sequence[Expression],
        pragmas: Sequence[Pragma | None],
        names: Sequence[Expression],
        runs: Shape,
    ) -> Listing:
        """The nest with its innermost loop in parts, ahead of each the words that it reads; or,
        where that loop is short, with the words of several runs of it ahead of them."""
        name, size = names[-1], self.signature.size
        shifts = {shift for _, shift in emitter.draws}
        depth_of = {
            one.name: depth
            for depth, part in enumerate(placed)
            for one in part
            if isinstance(one, Define)
        }
        outer = _drawn_together(runs, max(depth_of.get(shift, 0) for shift in shifts))
        if outer < len(runs) - 1:
            inner, zeros = runs[outer:], (ZERO,) * (len(runs) - outer)
            start = emitter.place(Index(runs, coords=(*names[:outer], *zeros)))
            words = _words(emitter, start, emitter.signature.size(product(inner)))
            place = emitter.place(Index(inner, coords=tuple(names[outer:])))
            drawn = Define("int", DRAWN, place)
            inside = [*placed[outer + 1 : -1], Listing((drawn, *placed[-1]))]
            together = [*placed[:outer], Listing((*placed[outer], *words)), *inside]
            return nested(together, heads, pragmas)
        limits = self.limits if len(runs) == 1 else None
        begin, end = (limits.begin, limits.end) if limits else (ZERO, size(runs[-1]))
        start = emitter.place(Index(runs, coords=(*names[:-1], _PART)))
        stop = Define("int", _END, end_of_part(end, _PART, _MOST_WORDS))
        part = Listing((stop, *_words(emitter, start, minus(_END, _PART))))
        body = Listing((Define("int", DRAWN, minus(name, _PART)), *placed[-1]))
        alone = len(runs) == 1
        parts = counting(_PART, end, begin, _MOST_WORDS)
        around, innermost = pragmas[0], pragmas[-1]
        threads = replace(around, simd=False) if alone and around and around.team else None
        simd = Pragma(simd=True) if innermost and innermost.simd else None
        return nested(
            [*placed[:-1], part, body],
            [*heads[:-1], parts, counting(name, _END, _PART)],
            [*pragmas[:-1], threads, simd],
        )

    def _row(self) -> Size | None:
        """How many elements a row has; None where all are walked."""
        if self.limits is None:
            return None
        row = exact_quotient(self.elements, self.limits.size)
        assert row is not None
        return row

    def _heads(self, names: Sequence[Expression], runs: Shape) -> list[Expression]:
        heads: list[Expression] = []
        for depth, (name, size) in enumerate(zip(names, runs, strict=True)):
            begin, end = ZERO, self.signature.size(size)
            if depth == 0 and self.limits is not None:
                begin, end = self.limits.begin, self.limits.end
            heads.append(counting(name, end, begin))
        return heads

    def _pragmas(self, innermost: Listing, runs: Shape) -> list[Pragma | None]:
        """What is said of each loop: what a test fails at is for one thread, and no vector."""
        pragmas: list[Pragma | None] = [None] * len(runs)
        if not runs:
            return pragmas
        simd = self.vector and not innermost.tests
        pragmas[-1] = Pragma(simd=True) if simd else None
        if self.threads:
            threads = divided((self.elements,), self.signature)
            if threads is not None:
                pragmas[0] = replace(threads, simd=simd and len(runs) == 1)
        return pragmas


def _drawn_together(runs: Shape, least: int) -> int:
    """The first of the innermost runs whose words are drawn at once; `least` or a later one."""
    first, count = len(runs) - 1, runs[-1]
    while first > max(least, 1) and not any(isinstance(x, Dim) for x in (count, runs[first - 1])):
        more = product(runs[first - 1 :])
        if isinstance(more, Dim) or more > WORDS:
            break
        first -= 1
    return first


def _words(emitter: NativeEmitter, start: Expression, count: Expression) -> list[Statement]:
    """What draws rows of words, of `count` elements from `start` on."""
    statements: list[Statement] = []
    for (key, shift), words in emitter.draws.items():
        statements.append(Verbatim(f"unsigned int of_{words}[GC_ROOM];"))
        row = call("gc_random_row", Parameter(f"of_{words}"), plus(shift, start), count, *key)
        statements.append(Define("unsigned int*", words, row))
    return statements


def _is_crosswise(statements: Sequence[Statement], name: Expression) -> bool:
    """Whether a position that is worked out moves by more than one as the variable does."""
    steps = [
        step_along(one.value, name)
        for one in statements
        if isinstance(one, Define) and one.kind == "int"
    ]
    return any(step is None or abs(step) > 1 for step in steps)


def parallel(
    work: Shape, signature: Signature, loop: bool = True, least: int | None = None
) -> list[str]:
    """The line with the pragma of `divided`, if there is one."""
    pragma = divided(work, signature, loop, least)
    return [] if pragma is None else [str(pragma)]


def divided(
    work: Shape, signature: Signature, loop: bool = True, least: int | None = None
) -> Pragma | None:
    """The pragma that divides a loop, or braces, over threads, where the product of these sizes is
    `least` (by default `PARALLEL`) or more: elements, or multiplications."""
    total, least = product(work), PARALLEL if least is None else least
    # A batch may be larger than the typical one.
    if typical(total) < (least // 2 if isinstance(total, Dim) else least):
        return None
    if not isinstance(total, Dim):
        return Pragma(team=True, loop=loop)
    first, *others = map(signature.size, work)
    count = cast("gc_int64", first)
    for other in others:
        count = expression("{} * {}", count, grouped(other))
    return Pragma(team=True, loop=loop, condition=compare(count, ">=", least))


def runs_of(elements: Size, divided: Sequence[Size]) -> Shape:
    """Elements as runs of axes, where the innermost ones are divided from the others at `divided`;
    what does not nest with what comes before it is left out."""
    if elements == 0:
        return (0,)
    chain: list[Size] = [elements, 1]  # each a multiple of the next
    for size in divided:
        for k in range(len(chain) - 1):
            if size in chain or size == 0:
                break
            between = exact_quotient(chain[k], size), exact_quotient(size, chain[k + 1])
            if None in between:
                continue
            chain.insert(k + 1, size)
            break
    quotients = [exact_quotient(a, b) for a, b in itertools.pairwise(chain)]
    return tuple(size for size in quotients if size is not None and size != 1)


def nested(
    placed: Sequence[Listing], heads: Sequence[Expression], pragmas: Sequence[Pragma | None]
) -> Listing:
    """What is ahead of loops and inside of each, with the loops around."""
    placed, _ = without_unused((placed, heads))
    *ahead, inside = placed
    for before, head, pragma in reversed(list(zip(ahead, heads, pragmas, strict=True))):
        inside = Listing((*before, Block((Branch(head, inside),), pragma)))
    return inside
