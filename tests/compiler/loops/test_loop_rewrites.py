"""Rewrites of loops keep the meaning of random programs, or refuse them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.bind import bind
from graphc.compiler.loops.rewrites.fuse import fuse
from graphc.compiler.loops.rewrites.reorder import reorder
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.rewrites.split import Tail, split
from graphc.compiler.loops.rewrites.vectorise import vectorise
from graphc.compiler.loops.statement import LoopKind
from graphc.errors import RewriteError
from tests.compiler.loops.random_loops import SOME_SIZES, loops_of, plain_programs, same_meaning

Rewrite = Callable[[st.DrawFn, LoopProgram], LoopProgram]


def one_loop(draw: st.DrawFn, program: LoopProgram) -> str:
    return draw(st.sampled_from(loops_of(program)))


def two_loops(draw: st.DrawFn, program: LoopProgram) -> tuple[str, str]:
    """Draw two loops that follow each other in the text: what most pairs are that may change."""
    names = loops_of(program)
    if len(names) == 1:
        return names[0], names[0]
    first = draw(st.integers(0, len(names) - 2))
    return names[first], names[first + 1]


def some_split(draw: st.DrawFn, program: LoopProgram) -> LoopProgram:
    factor = draw(st.sampled_from([1, 2, 3, 4, 8]))
    return split(program, one_loop(draw, program), factor, draw(st.sampled_from(Tail)))


def some_bind(draw: st.DrawFn, program: LoopProgram) -> LoopProgram:
    kinds = st.sampled_from([LoopKind.TEAM, LoopKind.BLOCK, LoopKind.THREAD, LoopKind.UNROLLED])
    return bind(program, one_loop(draw, program), draw(kinds))


def some_vectorise(draw: st.DrawFn, program: LoopProgram) -> LoopProgram:
    name = one_loop(draw, program)
    changed = split(program, name, 4, draw(st.sampled_from([Tail.LOOP, Tail.GUARD])))
    return vectorise(changed, f"{name}_inner")


def some_tile(draw: st.DrawFn, program: LoopProgram) -> LoopProgram:
    outer, inner = two_loops(draw, program)
    for name in (outer, inner):
        program = split(program, name, 3, Tail.GUARD)
    return reorder(program, f"{outer}_inner", f"{inner}_outer")


REWRITES: dict[str, Rewrite] = {
    "split": some_split,
    "reorder": lambda draw, program: reorder(program, *two_loops(draw, program)),
    "tile": some_tile,
    "fuse": lambda draw, program: fuse(program, *two_loops(draw, program)),
    "bind": some_bind,
    "vectorise": some_vectorise,
    "simplify": lambda draw, program: simplify(program),
    "split and simplify": lambda draw, program: simplify(some_split(draw, program)),
}


@pytest.mark.parametrize("name", REWRITES)
def test_the_meaning_is_kept(name: str) -> None:
    done = []

    @settings(
        max_examples=30,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data(), plain_programs(recurrences=True))
    def check(data: st.DataObject, program: LoopProgram) -> None:
        try:
            changed = REWRITES[name](data.draw, program)
        except RewriteError:
            return
        done.append(changed != program)
        same_meaning(program, changed, *SOME_SIZES[1:])

    check()
    assert sum(done) >= 5, f"{sum(done)} of 30 programs were changed"
