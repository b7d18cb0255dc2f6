"""Loops over the elements of a kernel's results, so that the innermost one can be vectorised.

Every index map works on positions in C order; a loop over positions would divide to find the
coordinates. So text is printed twice: once to see where the positions are divided, and then into
loops over runs of axes between these places, each as long as nothing divides it. The coordinates
are the loops' variables then, and positions are sums that move by one in the innermost loop.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from graphc.compiler.codegen.c_text import modulo, over
from graphc.compiler.codegen.emitter import Emitter, Given
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.native.context import NativeSignature
from graphc.compiler.codegen.native.hoist import by_level
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Shape, Size, evaluate_at, exact_quotient, product

PARALLEL = 32768
"""Elements from which on a loop is divided over threads."""
_TYPICAL = 64


class NativeEmitter(Emitter):
    """Prints elements; of positions it notes where they are divided.

    Attributes:
        divided: of positions that are looked at, by how many elements they are divided, in the
            order in which it is asked.
    """

    by_position = False

    def __init__(self, signature: NativeSignature, given: Givens | None = None):
        super().__init__(signature)
        if given is not None:
            self.given.update(given(self))
        self.divided: dict[str, dict[Size, None]] = {}
        self._facts: list[tuple[str, Shape, tuple[str, ...]]] = []

    def _run(self, index: Index, start: int, stop: int) -> str:
        if index.linear in self.divided:
            both = product(index.shape[stop:]), product(index.shape[start:])
            self.divided[index.linear].update(dict.fromkeys(both))
        return super()._run(index, start, stop)

    def take(self) -> str:
        text = super().take()
        for fact in self._facts:
            self._know(*fact)
        return text

    def know(self, position: str, runs: Shape, coordinates: Sequence[str]) -> None:
        """Let the coordinates of a position along runs of axes be known, from now on."""
        self._facts.append((position, runs, tuple(coordinates)))
        self._know(*self._facts[-1])

    def _know(self, position: str, runs: Shape, coordinates: Sequence[str]) -> None:
        count = len(runs)
        for start in range(count):
            for stop in range(start + 1, count + 1):
                text = over(position, self.signature.size(product(runs[stop:])))
                if start:
                    text = modulo(text, self.signature.size(product(runs[start:stop])))
                part = Index(runs[start:stop], coords=tuple(coordinates[start:stop]))
                if text != position:
                    self.once(("int", text), partial(self.position, part))

    def know_rows(self, position: str, row: Size, number: str, across: Sequence[Size]) -> None:
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

Body = Callable[[NativeEmitter, str], list[str]]
"""Prints what is computed at a position, and returns the lines that store it."""


@dataclass(frozen=True)
class Limits:
    """A part of a nest: its elements are `size` rows, of which those from `begin` to `end` are
    walked; expressions of the function around."""

    size: Size
    begin: str
    end: str


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

    def lines(self, body: Body) -> list[str]:
        """The loops with what `body` prints; none where there are no elements."""
        if self.elements == 0:
            return []
        trial = NativeEmitter(self.signature.trial(), self.given)
        trial.divided["i"] = {}
        body(trial, "i")
        divided = list(trial.divided["i"])
        row = self._row()
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
        position = emitter.position(Index(runs, coords=names)) if runs else "0"
        emitter.know(position, runs, names)
        if row is not None:
            emitter.know_rows(position, row, names[0], across)
        stores = body(emitter, position)
        placed = by_level(emitter.text.split("\n"), names)
        placed[-1] += stores
        return nested(placed, self._heads(names, runs), self._pragmas(placed, runs))

    def _row(self) -> Size | None:
        """How many elements a row has; None where all are walked."""
        if self.limits is None:
            return None
        row = exact_quotient(self.elements, self.limits.size)
        assert row is not None
        return row

    def _heads(self, names: Sequence[str], runs: Shape) -> list[str]:
        heads = []
        for depth, (name, size) in enumerate(zip(names, runs, strict=True)):
            begin, end = "0", self.signature.size(size)
            if depth == 0 and self.limits is not None:
                begin, end = self.limits.begin, self.limits.end
            heads.append(f"for (int {name} = {begin}; {name} < {end}; ++{name})")
        return heads

    def _pragmas(self, placed: Sequence[Sequence[str]], runs: Shape) -> list[str]:
        """What is said of each loop: what a test fails at is for one thread, and no vector."""
        pragmas = [""] * len(runs)
        if not runs:
            return pragmas
        inner = "\n".join(placed[-1])
        simd = self.vector and "gc_check_index" not in inner
        pragmas[-1] = "#pragma omp simd" if simd else ""
        if self.threads and evaluate_at(self.elements, _TYPICAL) >= PARALLEL:
            many = f"if ({self.signature.size(self.elements)} >= {PARALLEL})"
            if isinstance(self.elements, int):
                many = ""
            kind = "parallel for simd" if len(runs) == 1 and simd else "parallel for"
            pragmas[0] = f"#pragma omp {kind} schedule(static) {many}".rstrip()
        return pragmas


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
    placed: Sequence[Sequence[str]], heads: Sequence[str], pragmas: Sequence[str]
) -> list[str]:
    """The lines ahead of loops and those inside of each, with the loops around them."""
    lines = list(placed[0])
    for depth, (head, pragma) in enumerate(zip(heads, pragmas, strict=True)):
        indent = "  " * depth
        if pragma:
            lines.append(indent + pragma)
        lines.append(f"{indent}{head} {{")
        lines += [f"{indent}  {line}" for line in placed[depth + 1]]
    lines += [f"{'  ' * depth}}}" for depth in reversed(range(len(heads)))]
    return lines
