"""Loops that one launch runs whole: their plain programs, and these as a GPU runs them, beside the
interpreter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.evaluate import TurnOrder
from graphc.compiler.loops.program import LoopProgram, walk
from graphc.compiler.loops.statement import Allocate
from graphc.compiler.schedule import Kernel, Loop
from graphc.compiler.targets.cuda.facts import any_card
from graphc.compiler.targets.cuda.printer import print_program
from graphc.compiler.targets.cuda.scans import SCANS
from graphc.compiler.targets.mapping import Mapping, choose
from graphc.compiler.targets.target import Target
from tests.compiler.loops.build.plain_executor import PlainExecutor, both
from tests.compiler.loops.build.random_bodies import random_body

UNITS = 6
ANY_CARD = any_card()
rng = np.random.default_rng(0)
xs = g.input((g.symbol("time"), g.BATCH, UNITS), "float64")
h0 = g.input((g.BATCH, UNITS), "float64")


def weight(*shape: int) -> g.Node:
    return g.shared(rng.normal(size=shape) / np.sqrt(shape[0]))


U, V, W = (weight(UNITS, UNITS) for _ in range(3))


class Mapped(PlainExecutor):
    """A graph whose loops run by a mapping."""

    def __init__(
        self,
        outputs: list[g.Node],
        mapping: Mapping,
        order: TurnOrder = TurnOrder.FORWARD,
        target: Target = ANY_CARD,
    ):
        super().__init__(outputs, most_shared=1 << 20)
        self.order = order
        self.mapped: list[LoopProgram] = []
        self._mapping = mapping
        self._target = target

    def _mapped(self, kernel: Kernel | Loop, program: LoopProgram) -> LoopProgram:
        if not isinstance(kernel, Loop):
            return program
        mapped = choose(program, self._target, [self._mapping])
        assert not mapped.is_plain, mapped.refusals
        assert print_program(mapped.program).text  # a launch can be all of it
        self.mapped.append(mapped.program)
        return mapped.program


def check(outputs: list[g.Node], executor: PlainExecutor, rows: int, steps: int) -> None:
    feeds = {h0: rng.normal(size=(rows, UNITS)), xs: rng.normal(size=(steps, rows, UNITS))}
    for ours, theirs in both(outputs, feeds, 0, executor):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-12)


def gated() -> list[g.Node]:
    """Return the results of loops with two stages, carries that change places, one of numbers, one
    that stays, and a stack of what a step began with."""

    def step(carries: tuple[g.Node, ...], slices: tuple[g.Node, ...]) -> tuple:
        h, a, b, total, same = carries
        r = g.sigmoid(slices[0] + g.dot(h, U))
        new = g.tanh(slices[0] + g.dot(r * h, V)) + h * a
        return (new, b, a, total + g.sum(new, 1), same), (h, g.dot(same, W))

    starts = [h0, h0 * 0.5, g.tanh(h0), g.sum(h0, 1), h0 + 1.0]
    outputs = []
    for reverse in (False, True):
        finals, stacks = g.scan(step, starts, [xs], reverse=reverse)
        outputs += [*finals, *stacks]
    return outputs


@pytest.mark.parametrize("steps", [1, 3])
def test_a_plain_program_is_the_loop(steps: int) -> None:
    outputs = gated()
    check(outputs, PlainExecutor(outputs, most_shared=None), 2, steps)


@pytest.mark.parametrize("order", TurnOrder)
@pytest.mark.parametrize("mapping", SCANS, ids=lambda one: one.name)
def test_threads_compute_the_same(mapping: Mapping, order: TurnOrder) -> None:
    """Of seven rows a block has five, and the next one two."""
    outputs = gated()
    check(outputs, Mapped(outputs, mapping, order), 7, 3)


@pytest.mark.parametrize("rows", [1, 3, 40])
@pytest.mark.parametrize("mapping", SCANS, ids=lambda one: one.name)
def test_rows_of_one_number(mapping: Mapping, rows: int) -> None:
    numbers, start = g.input((g.symbol("time"), g.BATCH), "float64"), g.input((g.BATCH,), "float64")
    finals, stacks = g.scan(
        lambda carries, slices: ((g.tanh(carries[0] * 0.5 + slices[0]),), (carries[0],)),
        [start],
        [numbers],
        reverse=True,
    )
    outputs = [*finals, *stacks]
    feeds = {start: rng.normal(size=rows), numbers: rng.normal(size=(3, rows))}
    for ours, theirs in both(outputs, feeds, 0, Mapped(outputs, mapping)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_one_row_and_one_step() -> None:
    start, series = g.input((1, UNITS), "float64"), g.input((1, 1, UNITS), "float64")
    finals, stacks = g.scan(
        lambda carries, slices: ((g.tanh(g.dot(carries[0], U) + slices[0]),), (carries[0],)),
        [start],
        [series],
    )
    outputs = [*finals, *stacks]
    feeds = {start: rng.normal(size=(1, UNITS)), series: rng.normal(size=(1, 1, UNITS))}
    for ours, theirs in both(outputs, feeds, 0, Mapped(outputs, SCANS[0])):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_random_bodies(seed: int) -> None:
    outputs = random_body(seed, h0, xs, (U, V, W))
    check(outputs, PlainExecutor(outputs, most_shared=None), 2, 2)
    for mapping in SCANS:
        check(outputs, Mapped(outputs, mapping, TurnOrder.SHUFFLED), 6, 2)


def shared_bytes(program: LoopProgram) -> int:
    """Return the bytes of the arrays that a program has in shared memory."""
    buffers = (one.buffer for one in walk(program.body) if isinstance(one, Allocate))
    return sum(8 * one.elements for one in buffers if one.scope is BufferScope.SHARED)


@pytest.mark.parametrize("matrices", [0, 1, 2])
def test_matrices_that_do_not_fit_shared_memory_stay_where_they_are(matrices: int) -> None:
    """Registers hold columns of one of three, which have 64 elements of two words each."""
    wide = 64
    joined = weight(wide, 2 * wide)
    weights = [weight(wide, wide), joined[:, :wide], joined[:, wide:]]

    def step(carries: tuple[g.Node, ...], slices: tuple[g.Node, ...]) -> tuple:
        return (g.tanh(sum(g.dot(carries[0], one) for one in weights)),), ()

    outputs = list(g.scan(step, [g.dot(h0, weight(UNITS, wide))], [xs])[0])
    target = replace(ANY_CARD, most_shared_bytes=matrices * 8 * wide * wide + 8 * wide)
    executor = Mapped(outputs, SCANS[0], target=target)
    check(outputs, executor, 1, 2)
    (program,) = executor.mapped
    assert shared_bytes(program) == target.most_shared_bytes
