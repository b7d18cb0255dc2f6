"""Rewrites of loops keep the meaning of random programs, or refuse them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphc.compiler.loops.index import as_index
from graphc.compiler.loops.program import LoopProgram, loop_beside, walk
from graphc.compiler.loops.rewrites.buffers.flatten import flatten
from graphc.compiler.loops.rewrites.conditions.cut import cut
from graphc.compiler.loops.rewrites.conditions.version import version
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.execution.unroll import unroll
from graphc.compiler.loops.rewrites.execution.vectorise import vectorise
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.loops.fuse import fuse, join
from graphc.compiler.loops.rewrites.loops.hoist import hoist
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.loops.swap import swap
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.statement import Let, LoopKind
from graphc.compiler.loops.value import at_least, is_multiple_of
from graphc.errors import RewriteError
from tests.compiler.loops.random_loops import SOME_SIZES, N, loops_of, plain_programs, same_meaning

LARGER = dict(zip(SOME_SIZES[0], (9, 4), strict=True))
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


def some_fission(draw: st.DrawFn, program: LoopProgram) -> LoopProgram:
    name = one_loop(draw, program)
    return fission(program, name, draw(st.integers(1, 4)))


def fission_and_join(draw: st.DrawFn, program: LoopProgram) -> LoopProgram:
    changed = some_fission(draw, program)
    (name,) = set(loops_of(changed)) - set(loops_of(program))
    return join(changed, loops_of(changed)[loops_of(changed).index(name) - 1], name)


def fission_and_swap(draw: st.DrawFn, program: LoopProgram) -> LoopProgram:
    name = one_loop(draw, program)
    changed = fission(program, name, draw(st.integers(1, 4)))
    return swap(changed, name, loop_beside(changed, name, 1).variable.name)


def some_hoist(draw: st.DrawFn, program: LoopProgram) -> LoopProgram:
    names = [one.local.name for one in walk(program.body) if isinstance(one, Let)]
    return hoist(program, draw(st.sampled_from(names)))


def some_version(draw: st.DrawFn, program: LoopProgram) -> LoopProgram:
    condition = draw(st.sampled_from([is_multiple_of(as_index(N), 4), at_least(as_index(N), 6)]))
    return version(program, condition, loop=draw(st.sampled_from([None, *loops_of(program)])))


def some_cut(draw: st.DrawFn, program: LoopProgram) -> LoopProgram:
    return cut(program, one_loop(draw, program), draw(st.integers(0, 9)))


REWRITES: dict[str, Rewrite] = {
    "cut": some_cut,
    "fuse and flatten": lambda draw, program: flatten(fuse(program, *two_loops(draw, program))),
    "split": some_split,
    "reorder": lambda draw, program: reorder(program, *two_loops(draw, program)),
    "tile": some_tile,
    "fuse": lambda draw, program: fuse(program, *two_loops(draw, program)),
    "bind": some_bind,
    "vectorise": some_vectorise,
    "fission": some_fission,
    "fission and join": fission_and_join,
    "fission and swap": fission_and_swap,
    "unroll": lambda draw, program: unroll(program, one_loop(draw, program)),
    "hoist": some_hoist,
    "version": some_version,
    "simplify": lambda draw, program: simplify(program),
    "split and simplify": lambda draw, program: simplify(some_split(draw, program)),
}


@pytest.mark.parametrize("name", REWRITES)
def test_the_meaning_is_kept(name: str) -> None:
    check_meaning(REWRITES[name])


def test_several_in_turn_keep_the_meaning() -> None:
    def several(draw: st.DrawFn, program: LoopProgram) -> LoopProgram:
        for name in draw(st.lists(st.sampled_from(sorted(REWRITES)), min_size=3, max_size=5)):
            try:
                changed = REWRITES[name](draw, program)
            except RewriteError:
                continue
            if not loops_of(changed):
                break
            program = changed
        return program

    check_meaning(several)


def check_meaning(rewrite: Rewrite) -> None:
    """Compare random programs with what a rewrite makes of them, where it applies."""
    done = []

    @settings(
        max_examples=20,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data(), plain_programs(recurrences=True))
    def check(data: st.DataObject, program: LoopProgram) -> None:
        try:
            changed = rewrite(data.draw, program)
        except RewriteError:
            return
        done.append(changed != program)
        same_meaning(program, changed, SOME_SIZES[1], LARGER)

    check()
    assert sum(done) >= 2, f"{sum(done)} programs were changed"
