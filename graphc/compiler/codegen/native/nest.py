"""Loops over the elements of a kernel's results, so that the innermost one can be vectorised.

Every index map works on positions in C order; a loop over positions would divide to find the
coordinates. So text is printed twice: once to see where the positions are divided, and then into
loops over runs of axes between these places, each as long as nothing divides it. The coordinates
are the loops' variables then, and positions are sums that move by one in the innermost loop.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from graphc.compiler.codegen.c_text import grouped, minus, modulo, over
from graphc.compiler.codegen.emitter import Emitter, Given, note, splat
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.native.context import NativeSignature
from graphc.compiler.codegen.native.hoist import by_level
from graphc.compiler.codegen.reduction import typical
from graphc.compiler.codegen.signature import Signature
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Dim, Shape, Size, exact_quotient, product

PRODUCTS = 1 << 19
"""Multiplications from which on a product is divided over threads."""

STRETCH = 256
"""Elements that are walked along the innermost axis before the axis ahead of it moves on, where
memory is read crosswise."""

DRAWN = "drawn"
"""The variable that counts the elements of a part whose random words were drawn."""

WORDS = 1024
"""``GC_WORDS``: random words that are drawn at once, at most."""

PARALLEL = 1 << 16
"""Elements from which on a loop is divided over threads: fewer are dearer to hand to another core
than to compute (40,000 on two: 28 us for 6)."""


class NativeEmitter(Emitter):
    """Prints elements; of positions it notes where they are divided.

    Attributes:
        divided: of positions that are looked at, by how many elements they are divided, in the
            order in which it is asked.
        walked: the position whose neighbours are computed next.
        draws: by their arguments, the rows of random words that are read along with it.
    """

    by_position = False

    def __init__(self, signature: NativeSignature, given: Givens | None = None):
        super().__init__(signature)
        if given is not None:
            self.given.update(given(self))
        self.divided: dict[str, dict[Size, None]] = {}
        self.walked = ""
        self.draws: dict[str, str] = {}
        self._facts: list[tuple[str, Shape, tuple[str, ...]]] = []

    def _run(self, index: Index, start: int, stop: int) -> str:
        if index.linear in self.divided:
            both = product(index.shape[stop:]), product(index.shape[start:])
            self.divided[index.linear].update(dict.fromkeys(both))
        return super()._run(index, start, stop)

    def _value(self, node: Node, index: Index) -> str:
        drawn = node.op == "random" and node not in self.given
        if drawn and self.walked and self.position(index) == self.walked:
            (step,) = node.inputs
            if step in self.signature.counters or splat(step) is not None:
                return self._drawn(node, self.value(step, Index((), coords=())))
        return super()._value(node, index)

    def element(self, node: Node, place: str) -> str:
        return f"gc_flag({place})" if node.dtype == "bool" else place

    def _drawn(self, node: Node, step: str) -> str:
        """The word of the walked element, of a row of them that is drawn ahead of the loop."""
        seed = self.signature.word(node.attrs["seed"], "a seed of random words")
        stream = self.signature.word(node.attrs["stream"], "a stream of random words")
        arguments = f"{step}, {self.signature.call_step()}, {seed}, {stream}"
        if arguments not in self.draws:
            self.draws[arguments] = self.name("words")
        word = f"{self.draws[arguments]}[{DRAWN}]"
        return self.define("unsigned int", word, note=note(node))

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
        trial.walked = "i"
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
        emitter.walked = position if runs else ""
        if row is not None:
            emitter.know_rows(position, row, names[0], across)
        stores = body(emitter, position)
        placed = by_level(emitter.text.split("\n"), names, [DRAWN])
        placed[-1] += stores
        heads, pragmas = self._heads(names, runs), self._pragmas(placed, runs)
        if emitter.draws:
            return self._with_draws(emitter, placed, heads, pragmas, names, runs)
        if len(runs) > 1 and typical(runs[-1]) > STRETCH and _is_crosswise(placed[-1], names[-1]):
            return self._crosswise(placed, heads, pragmas, names[-1], runs[-1])
        return nested(placed, heads, pragmas)

    def _crosswise(
        self,
        placed: Sequence[Sequence[str]],
        heads: Sequence[str],
        pragmas: Sequence[str],
        name: str,
        run: Size,
    ) -> list[str]:
        """The nest with its innermost loop in stretches, and the loop around it inside of these: a
        line of memory that is read crosswise is in the cache when its neighbour is wanted."""
        end = self.signature.size(run)
        stretch = f"for (int part = 0; part < {end}; part += {STRETCH})"
        line = f"const int end = {minus(end, 'part')} < {STRETCH} ? {end} : part + {STRETCH};"
        loop = f"for (int {name} = part; {name} < end; ++{name})"
        first = pragmas[0] if len(heads) == 2 else ""
        around = "" if len(heads) == 2 else pragmas[-2]
        return nested(
            [*placed[:-2], [line], *placed[-2:]],
            [*heads[:-2], stretch, heads[-2], loop],
            [*pragmas[:-2], first, around, pragmas[-1]],
        )

    def _with_draws(
        self,
        emitter: NativeEmitter,
        placed: Sequence[Sequence[str]],
        heads: Sequence[str],
        pragmas: Sequence[str],
        names: Sequence[str],
        runs: Shape,
    ) -> list[str]:
        """The nest with its innermost loop in parts, ahead of each the words that it reads; or,
        where that loop is short, with the words of several runs of it ahead of them."""
        name, size = names[-1], self.signature.size
        outer = _drawn_together(runs)
        if outer < len(runs) - 1:
            inner, zeros = runs[outer:], ("0",) * (len(runs) - outer)
            start = emitter.place(Index(runs, coords=(*names[:outer], *zeros)))
            words = _words(emitter, start, str(product(inner)))
            drawn = (
                f"const int {DRAWN} = {emitter.place(Index(inner, coords=tuple(names[outer:])))};"
            )
            inside = [*placed[outer + 1 : -1], [drawn, *placed[-1]]]
            together = [*placed[:outer], [*placed[outer], *words], *inside]
            return nested(together, heads, pragmas)
        limits = self.limits if len(runs) == 1 else None
        begin, end = (limits.begin, limits.end) if limits else ("0", size(runs[-1]))
        start = emitter.place(Index(runs, coords=(*names[:-1], "part")))
        stop = f"const int end = {minus(end, 'part')} < GC_WORDS ? {end} : part + GC_WORDS;"
        lines = [stop, *_words(emitter, start, "end - part")]
        loop = f"for (int {name} = part; {name} < end; ++{name})"
        body = [f"const int {DRAWN} = {name} - part;", *placed[-1]]
        alone = len(runs) == 1
        parts = f"for (int part = {begin}; part < {end}; part += GC_WORDS)"
        threads = pragmas[0].replace(" simd", "") if alone and "parallel" in pragmas[0] else ""
        simd = "#pragma omp simd" if "simd" in pragmas[-1] else ""
        return nested(
            [*placed[:-1], lines, body], [*heads[:-1], parts, loop], [*pragmas[:-1], threads, simd]
        )

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
        if self.threads:
            kind = "parallel for simd" if len(runs) == 1 and simd else "parallel for"
            pragmas[0] = next(iter(parallel((self.elements,), self.signature, kind)), pragmas[0])
        return pragmas


def _drawn_together(runs: Shape) -> int:
    """The first of the innermost runs whose words are drawn at once."""
    first, count = len(runs) - 1, runs[-1]
    while first > 1 and not isinstance(count, Dim) and not isinstance(runs[first - 1], Dim):
        more = product(runs[first - 1 :])
        if isinstance(more, Dim) or more > WORDS:
            break
        first -= 1
    return first


def _words(emitter: NativeEmitter, start: str, count: str) -> list[str]:
    """The lines that draw rows of words, of `count` elements from `start` on."""
    lines = []
    for arguments, words in emitter.draws.items():
        lines.append(f"unsigned int of_{words}[GC_ROOM];")
        row = f"gc_random_row(of_{words}, {start}, {count}, {arguments})"
        lines.append(f"const unsigned int* {words} = {row};")
    return lines


def _is_crosswise(lines: Sequence[str], name: str) -> bool:
    """Whether a position that lines work out does not move by one as the variable does."""
    for line in lines:
        found = re.match(r"const int \w+ = (.*);$", line)
        if (
            found
            and re.search(rf"\b{name}\b(?! ?[/%])", found[1])
            and not re.search(rf"(?:\+ |^){name}$", found[1])
        ):
            return True
    return False


def parallel(
    work: Shape, signature: Signature, kind: str = "parallel for", least: int = PARALLEL
) -> list[str]:
    """The pragma that divides a loop over threads, where the product of these sizes is `least` or
    more: elements, or multiplications."""
    total = product(work)
    # A batch may be larger than the typical one.
    if typical(total) < (least // 2 if isinstance(total, Dim) else least):
        return []
    many = ""
    if isinstance(total, Dim):
        factors = " * ".join(grouped(signature.size(size)) for size in work)
        many = f" if ((gc_int64){factors} >= {least})"
    return [f"#pragma omp {kind}{' schedule(static)' if ' for' in kind else ''}{many}"]


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
