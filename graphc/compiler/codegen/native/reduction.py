"""Kernels of kind rows and columns as loops.

A row's walks come one after the other, while its values are in the cache. Where the innermost axis
is reduced, a row is walked along it, and the sums of the vector's lanes are added in the end. Where
the innermost axis is kept, `LANES` neighbouring rows are walked together, one a lane: what a row
has one value of is an array of them.

A long sum is made of sums of `CHUNK` terms, so that its error does not grow with its length. The
order of all additions is in the text: it depends neither on threads nor on sizes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from graphc.compiler.codegen.launch import Launch
from graphc.compiler.codegen.native.context import NativeContext
from graphc.compiler.codegen.native.hoist import by_level
from graphc.compiler.codegen.native.nest import PARALLEL
from graphc.compiler.codegen.native.walks import PLACE, ROW, Axis, NativeWalks
from graphc.compiler.codegen.reduction import Domain, domain_of, row_outputs, typical, walks_of
from graphc.compiler.codegen.signature import Signature
from graphc.compiler.codegen.walk_text import ELEMENT, Accumulator, WalkText, mentions
from graphc.compiler.graph.dim import Dim, Size
from graphc.compiler.schedule.kernel import Kernel

LANES = 64
CHUNK = 512
_MOST_HELD = 2048
"""Elements of a row whose values are kept from walk to walk."""

_ROW_VALUE = re.compile(r"const ([\w<> ]+?) (\w+) = ")
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
    results = printer.results(outputs)
    lines = text.by_lanes(texts, results) if lanes else text.by_rows(texts, results)
    how = f"{domain.kept} rows of {domain.reduced}"
    return [context.function(name, kernel, signature, lines, how)]


class _Text:
    def __init__(self, printer: NativeWalks, signature: Signature, domain: Domain):
        self._printer = printer
        self._signature = signature
        self._domain = domain

    # ---- a row at a time ------------------------------------------------------------------------

    def by_rows(self, walks: Sequence[WalkText], results: str) -> list[str]:
        """Loops over the rows, inside of each its walks."""
        body: list[str] = []
        for walk in walks:
            body += [f"// {walk.title}", *_lines(walk.before), *_arrays(walk, self._domain.reduced)]
            body += self._walk(walk)
        body += _lines(results)
        kept = self._printer.kept
        body = [*self._places(body, {ROW: kept}), *body]
        return _around(kept, body, self._signature, self._threads())

    def _walk(self, walk: WalkText) -> list[str]:
        """The loops over a row's elements."""
        axes = self._printer.reduced
        body = _lines(walk.lines)
        body = [*self._places(body, {ELEMENT: self._printer.axes, PLACE: axes}), *body]
        names = [one.name for one in walk.accumulators]
        placed = by_level(body, [axis.name for axis in axes], names)
        loops = self._innermost(walk, axes, placed[-1]) if axes else []
        for axis, inside in zip(reversed(axes[:-1]), reversed(placed[1:-1]), strict=True):
            loops = [_head(axis, self._signature), *_indented([*inside, *loops]), "}"]
        lines = [*_starts(walk), *placed[0], *loops]
        return [*lines, *_ends(walk)]

    def _innermost(self, walk: WalkText, axes: Sequence[Axis], body: Sequence[str]) -> list[str]:
        axis = axes[-1]
        size = self._signature.size(axis.size)
        simple = all(
            one.functions.removeprefix("gc_reduce_") in _SIMPLE for one in walk.accumulators
        )
        pragma = _simd(walk.accumulators) if simple and _is_plain(body) else ""
        long = isinstance(axis.size, Dim) or axis.size > CHUNK
        if not walk.long_sum or (len(axes) == 1 and not long):
            return [*_pragma(pragma), _head(axis, self._signature), *_indented(body), "}"]
        parts = [(one, f"part_{one.name}") for one in walk.accumulators]
        inside = [_renamed(line, parts) for line in body]
        partial = _simd(walk.accumulators, "part_") if pragma else ""
        starts = [f"{one.carried} {part} = {one.identity};" for one, part in parts]
        ends = [
            f"{one.name} = {one.functions}::combine({one.name}, {part});" for one, part in parts
        ]
        if not long:
            loop = [*_pragma(partial), _head(axis, self._signature), *_indented(inside), "}"]
            return [*starts, *loop, *ends]
        chunk, end = f"chunk_{axis.name}", f"end_{axis.name}"
        turn = [
            f"const int {end} = {size} - {chunk} < {CHUNK} ? {size} : {chunk} + {CHUNK};",
            *starts,
            *_pragma(partial),
            f"for (int {axis.name} = {chunk}; {axis.name} < {end}; ++{axis.name}) {{",
            *_indented(inside),
            "}",
            *ends,
        ]
        head = f"for (int {chunk} = 0; {chunk} < {size}; {chunk} += {CHUNK}) {{"
        return [head, *_indented(turn), "}"]

    # ---- several rows side by side --------------------------------------------------------------

    def by_lanes(self, walks: Sequence[WalkText], results: str) -> list[str]:
        """Loops over tiles of neighbouring rows, inside of each the walks of all of them."""
        *outer, last = self._printer.kept
        size = self._signature.size(last.size)
        small = not isinstance(last.size, Dim) and last.size <= LANES
        width = size if small else "width"
        body: list[str] = []
        blocks: list[tuple[list[str], WalkText | None]] = []
        for walk in walks:
            blocks.append((_lines(walk.before), walk))
        blocks.append((_lines(results), None))
        # What a lane has one value of goes from block to block in arrays.
        held: dict[str, str] = {}
        for number, (before, reduced) in enumerate(blocks):
            later = [
                line for lines, other in blocks[number:] if other for line in _lines(other.lines)
            ]
            later += [line for lines, _ in blocks[number + 1 :] for line in lines]
            body += self._of_lanes(before, held, later, last, width)
            if reduced is not None:
                body += [f"// {reduced.title}", *self._walk_lanes(reduced, held, last, width)]
                ends = _ends(reduced)
                known = {one.name: one.carried for one in reduced.accumulators}
                wanted = [*later, *(line for lines, _ in blocks[number + 1 :] for line in lines)]
                body += self._of_lanes(ends, held, wanted, last, width, known)
        if small:
            head = []
        else:
            head = [f"const int width = {size} - tile < {LANES} ? {size} - tile : {LANES};"]
        loops = _around(outer, [*head, *body], self._signature, "") if outer else [*head, *body]
        if small:
            return _around(outer, body, self._signature, self._threads()) if outer else body
        tiles = f"for (int tile = 0; tile < {size}; tile += {LANES}) {{"
        return [*_pragma(self._threads()), tiles, *_indented(loops), "}"]

    def _of_lanes(
        self,
        lines: Sequence[str],
        held: dict[str, str],
        later: Sequence[str],
        last: Axis,
        width: str,
        accumulators: dict[str, str] | None = None,
    ) -> list[str]:
        """Lines of a row for all lanes; what they define and `later` reads is put into arrays."""
        if not any(line.strip() for line in lines):
            return []
        body = _lines("\n".join(lines))
        for name in accumulators or {}:
            body = [re.sub(rf"\b{name}\b", f"{name}[lane]", line) for line in body]
        wanted = "\n".join(later)
        arrays, keeps = [], []
        for line in body:
            found = _ROW_VALUE.match(line)
            if found and found[2] not in held and mentions(wanted, found[2]):
                held[found[2]] = found[1]
                arrays.append(f"{found[1]} of_{found[2]}[{LANES}];")
                keeps.append(f"of_{found[2]}[lane] = {found[2]};")
        return [*arrays, *self._lane_loop([*body, *keeps], held, last, width, set(keeps))]

    def _lane_loop(
        self,
        body: Sequence[str],
        held: dict[str, str],
        last: Axis,
        width: str,
        own: Sequence[str] | set[str] = (),
    ) -> list[str]:
        lines = [*self._lane_heads(body, held, last, own), *body]
        pragma = "#pragma omp simd" if _is_plain(lines) else ""
        head = f"for (int lane = 0; lane < {width}; ++lane) {{"
        return [*_pragma(pragma), head, *_indented(lines), "}"]

    def _lane_heads(
        self, body: Sequence[str], held: dict[str, str], last: Axis, own: Sequence[str] | set[str]
    ) -> list[str]:
        """What the lines of a lane read that belongs to the lane."""
        text = "\n".join(body)
        defined = {found[2] for line in body if (found := _ROW_VALUE.match(line))}
        lines = [
            f"const {kind} {name} = of_{name}[lane];"
            for name, kind in held.items()
            if name not in defined and mentions(text, name)
        ]
        places = self._places(body, {ROW: self._printer.kept})
        small = not isinstance(last.size, Dim) and last.size <= LANES
        lines = [f"const int {last.name} = {'lane' if small else 'tile + lane'};", *lines]
        return [*lines, *places]

    def _walk_lanes(
        self, walk: WalkText, held: dict[str, str], last: Axis, width: str
    ) -> list[str]:
        axes = self._printer.reduced
        body = _lines(walk.lines)
        body = [*self._places(body, {ELEMENT: self._printer.axes, PLACE: axes}), *body]
        body = [*self._lane_heads(body, held, last, ()), *body]
        names = [one.name for one in walk.accumulators]
        for name in names:
            body = [re.sub(rf"\b{name}\b", f"{name}[lane]", line) for line in body]
        variables = [*(axis.name for axis in axes), "lane"]
        placed = by_level(body, variables, names)
        lines: list[str] = []
        for one in walk.accumulators:
            lines.append(f"{one.carried} {one.name}[{LANES}];")
            lines += _fill(one.name, one.identity, width)
        inner = [
            *_pragma("#pragma omp simd" if _is_plain(placed[-1]) else ""),
            f"for (int lane = 0; lane < {width}; ++lane) {{",
            *_indented(placed[-1]),
            "}",
        ]
        if not axes:
            return [*lines, *placed[0], *inner]
        axis, size = axes[-1], self._signature.size(axes[-1].size)
        long = isinstance(axis.size, Dim) or axis.size > CHUNK
        whole = [*placed[-2], *inner]
        if walk.long_sum and (len(axes) > 1 or long):
            parts = [(one, f"part_{one.name}") for one in walk.accumulators]
            whole = [_renamed(line, parts) for line in whole]
            starts, ends = [], []
            for one, part in parts:
                starts.append(f"{one.carried} {part}[{LANES}];")
                starts += _fill(part, one.identity, width)
                ends += [
                    f"for (int lane = 0; lane < {width}; ++lane) {{",
                    f"  {one.name}[lane] = "
                    f"{one.functions}::combine({one.name}[lane], {part}[lane]);",
                    "}",
                ]
            chunk, end = f"chunk_{axis.name}", f"end_{axis.name}"
            loop = [
                f"for (int {chunk} = 0; {chunk} < {size}; {chunk} += {CHUNK}) {{",
                f"  const int {end} = {size} - {chunk} < {CHUNK} ? {size} : {chunk} + {CHUNK};",
                *_indented(starts),
                f"  for (int {axis.name} = {chunk}; {axis.name} < {end}; ++{axis.name}) {{",
                *_indented(_indented(whole)),
                "  }",
                *_indented(ends),
                "}",
            ]
        else:
            loop = [_head(axis, self._signature), *_indented(whole), "}"]
        for axis, inside in zip(reversed(axes[:-1]), reversed(placed[1 : len(axes)]), strict=True):
            loop = [_head(axis, self._signature), *_indented([*inside, *loop]), "}"]
        return [*lines, *placed[0], *loop]

    # ---- both -----------------------------------------------------------------------------------

    def _places(self, body: Sequence[str], places: dict[str, Sequence[Axis]]) -> list[str]:
        """The lines that work out the positions that are read."""
        text = "\n".join(line.split("//")[0] for line in body)
        return [
            self._printer.place_line(name, axes)
            for name, axes in places.items()
            if mentions(text, name)
        ]

    def _threads(self) -> str:
        domain = self._domain
        total = domain.kept * domain.reduced
        least = PARALLEL // 2 if isinstance(total, Dim) else PARALLEL
        if typical(total) < least or domain.kept == 1:
            return ""
        when = f" if ({self._signature.size(total)} >= {PARALLEL})"
        return f"#pragma omp parallel for schedule(static){when if isinstance(total, Dim) else ''}"


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip()]


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _pragma(text: str) -> list[str]:
    return [text] if text else []


def _head(axis: Axis, signature: Signature) -> str:
    size = signature.size(axis.size)
    return f"for (int {axis.name} = 0; {axis.name} < {size}; ++{axis.name}) {{"


def _around(
    axes: Sequence[Axis], body: Sequence[str], signature: Signature, threads: str
) -> list[str]:
    lines = list(body)
    for axis in reversed(axes):
        lines = [_head(axis, signature), *_indented(lines), "}"]
    return [*_pragma(threads if axes else ""), *lines]


def _starts(walk: WalkText) -> list[str]:
    return [f"{one.carried} {one.name} = {one.identity};" for one in walk.accumulators]


def _ends(walk: WalkText) -> list[str]:
    return [
        f"const {one.result_type} {one.result} = {one.functions}::result({one.name});"
        + (f"  // {one.note}" if one.note else "")
        for one in walk.accumulators
    ]


def _arrays(walk: WalkText, count: Size) -> list[str]:
    return [f"{kind} {name}[{count}];" for kind, name in walk.arrays]


def _fill(name: str, value: str, width: str) -> list[str]:
    return [f"for (int lane = 0; lane < {width}; ++lane) {name}[lane] = {value};"]


def _renamed(line: str, parts: Sequence[tuple[Accumulator, str]]) -> str:
    for one, part in parts:
        line = re.sub(rf"\b{one.name}\b", part, line)
    return line


def _simd(accumulators: Sequence[Accumulator], prefix: str = "") -> str:
    """The pragma of a loop whose lanes are put together in the end, in the lanes' order."""
    clauses = [
        f" reduction({one.functions.replace('reduce', 'lanes')} : {prefix}{one.name})"
        for one in accumulators
    ]
    return f"#pragma omp simd{''.join(clauses)}"


def _is_plain(lines: Sequence[str]) -> bool:
    """Whether lines test no index: a test that fails writes to memory of all lanes."""
    return not any("gc_check_index" in line for line in lines)
