"""Classes of windows: none has holes, and all together mean the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import pytest

from graphc.compiler.graph import BATCH
from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.program import LoopProgram, loops_in, walk
from graphc.compiler.loops.statement import If
from graphc.compiler.targets.convolution_classes import in_classes
from graphc.compiler.targets.convolution_loops import convolution_loops_of
from graphc.errors import RewriteError
from tests.compiler.loops.random_loops import same_meaning
from tests.compiler.targets.convolution_cases import convolution, gradient
from tests.compiler.targets.cuda.products.cases import plain

(B,) = symbols(BATCH)


class Case(NamedTuple):
    """A convolution with the taps of each class of windows."""

    program: Callable[[], LoopProgram]
    taps: list[list[int]]


CASES: Mapping[str, Case] = {
    "no holes": Case(lambda: plain(convolution(4, 3, (6, 3), padding=1)), [[3]]),
    "strides": Case(
        lambda: plain(gradient(0, convolution(4, 3, (9, 3), (6, 3), strides=2, padding=1))),
        [[1, 1], [1, 2], [2, 1], [2, 2]],
    ),
    "one axis of two": Case(
        lambda: plain(gradient(0, convolution(4, 3, (7, 3), (6, 3), strides=(1, 2)))),
        [[3, 2], [3, 1]],
    ),
    "a step that divides no side": Case(
        lambda: plain(gradient(0, convolution(4, 3, (13, 5), strides=3, padding=2))),
        [[1], [2], [2]],
    ),
    "classes without taps": Case(
        lambda: plain(gradient(0, convolution(4, 3, (9, 2), strides=4))), [[1], [1], [], []]
    ),
    "strides between holes": Case(
        lambda: plain(convolution(4, 3, (9, 3), input_dilation=2, strides=3, padding=1)), [[1], [2]]
    ),
    "holes in windows that meet all": Case(
        lambda: plain(convolution(4, 3, (9, 3), input_dilation=2, kernel_dilation=2)), [[3], []]
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_classes_mean_the_same(name: str) -> None:
    program = CASES[name].program()
    loops = convolution_loops_of(program, may_have_holes=True)
    assert not isinstance(loops, str)
    windows, terms = len(loops.windows) - 1, len(loops.terms)
    (filters,) = (one.variable.name for one in loops.filters)
    after, nests = in_classes(program, filters, windows, terms)
    found = [[after.loop(one).ends[0].constant for one in x[2 + windows :]] for x in nests]
    assert found == CASES[name].taps
    assert not any(one.equal for x in walk(after.body) if isinstance(x, If) for one in x.conditions)
    assert len(loops_in(after.body)) >= len(nests)
    same_meaning(program, after, {B: 1}, {B: 3}, is_finite=True)


@pytest.mark.parametrize("strides", [6, 17])
def test_many_classes_are_refused(strides: int) -> None:
    program = plain(gradient(0, convolution(4, 3, (40, 7), (40, 7), strides=strides)))
    loops = convolution_loops_of(program, may_have_holes=True)
    assert not isinstance(loops, str)
    with pytest.raises(RewriteError, match="at most 32 classes, found 36|holes that come again"):
        in_classes(program, loops.filters[0].variable.name, 2, 3)
