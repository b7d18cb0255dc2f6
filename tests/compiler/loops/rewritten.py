"""Comparison of a program that has a meaning with what a rewrite made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from graphc.compiler.graph.dim import Symbol
from graphc.compiler.loops.evaluate import evaluate
from graphc.compiler.loops.program import LoopProgram, walk
from graphc.compiler.loops.text import head_line
from graphc.errors import RewriteError
from tests.compiler.loops.random_loops import arrays_for, same_meaning

_NO_SIZES: Mapping[Symbol, int] = {}


def assert_same(
    before: LoopProgram,
    after: LoopProgram,
    sizes: Mapping[Symbol, int] = _NO_SIZES,
    rtol: float | None = None,
) -> None:
    """Compare what two programs compute, in each order of turns. The first one does not raise."""
    evaluate(before, arrays_for(before, sizes), sizes)
    same_meaning(before, after, sizes, rtol=rtol)


def lines_of(program: LoopProgram) -> list[str]:
    """Return the statements of a program, each as one line without its note."""
    return [head_line(statement) for statement in walk(program.body)]


def each_that_applies(
    rewrites: Sequence[Callable[[], LoopProgram]],
) -> list[LoopProgram]:
    """Return what rewrites make, without those that refuse."""
    found = []
    for rewrite in rewrites:
        try:
            found.append(rewrite())
        except RewriteError:
            continue
    return found
