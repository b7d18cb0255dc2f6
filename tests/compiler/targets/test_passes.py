"""The passes of targets: each keeps the values of the graphs that it changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.graph import Node
from graphc.compiler.interpret import evaluate
from graphc.compiler.lowering.cpu import lower_native
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.passes import PassReport, optimize
from graphc.compiler.schedule.inline import MOST_CONCATENATED
from graphc.compiler.targets.cpu.convolutions import exchange
from graphc.compiler.targets.cpu.convolutions.exchange import exchange_operands
from graphc.compiler.targets.cpu.passes import CPU_PASSES
from graphc.compiler.targets.cuda.passes import cuda_passes
from graphc.compiler.targets.passes import TargetPass
from tests.compiler.arrangements import Inputs
from tests.compiler.graph.op_cases import movement, pointwise, reduce
from tests.compiler.graph.op_cases.case import Case

TARGETS = {"cpu": CPU_PASSES, "cuda": cuda_passes(-1)}  # of a card on which no loop is one launch
OF_EACH = [
    pytest.param(one, id=f"{target}-{one.name}") for target in TARGETS for one in TARGETS[target]
]
rng = np.random.default_rng(11)

Program = tuple[list[Node], dict[Node, np.ndarray]]


@pytest.fixture(autouse=True)
def small_convolutions_are_exchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "LEAST_MULTIPLICATIONS", 0)


def behind_transposes(case: Case) -> Program | None:
    """An op of the table whose operands are computed, and stored in another order."""
    if not all(array.ndim and array.size for array in case.arrays):
        return None
    inputs = Inputs()
    operands = []
    for array in case.arrays:
        order = tuple(reversed(range(array.ndim)))
        kept = g.where(g.constant(np.ones(array.T.shape, "bool")), fed := inputs.fed(array.T), fed)
        operands.append(g.make("transpose", kept, order=order))
    return [case.node(*operands)], inputs.feeds


def of_the_table() -> Iterator[Program]:
    for cases in (pointwise.CASES, reduce.CASES, movement.CASES):
        for case in cases:
            if case.op != "pack_bools" and (program := behind_transposes(case)) is not None:
                yield program


def joined() -> Iterator[Program]:
    """Concatenations of more operands than a kernel reads."""
    for dtype in ("bool", "int32", "int64", "uint32", "float32", "float64"):
        for count in (MOST_CONCATENATED + 1, MOST_CONCATENATED**2 + 1):
            parts = [g.input((2, 1 + k % 3), dtype) for k in range(count)]
            arrays = [rng.integers(0, 9, part.shape).astype(dtype) for part in parts]
            yield [g.concat(parts, axis=1)], dict(zip(parts, arrays, strict=True))


def loops() -> Iterator[Program]:
    """The gradients of loops, whose steps begin with elementwise work."""
    for steps in (1, 2, 5):
        xs, h0 = g.input((g.symbol("time"), 3, 4), "float64"), g.input((3, 4), "float64")
        u = g.shared(rng.normal(size=(4, 4)))

        def step(carries, slices, u=u):
            h = g.tanh(slices[0] + g.dot(carries[0], u))
            return (h,), (h,)

        _, (ys,) = g.scan(step, [h0], [xs])
        feeds = {xs: rng.normal(size=(steps, 3, 4)), h0: rng.normal(size=(3, 4))}
        yield optimize(grad(g.sum(ys * ys), [u, h0, xs]))[0], feeds


def gradient_of_weights(
    channels: int, filters: int, taps: tuple[int, ...], padding: object, **steps: object
) -> tuple[g.Node, g.Node, g.Node]:
    """Images of a symbolic batch, what is multiplied by the results, and the gradient."""
    images = g.input((g.BATCH, channels, *(8 + k for k in range(len(taps)))), "float64")
    weights = g.input((filters, channels, *taps), "float64")
    results = g.conv(images, weights, padding=padding, **steps)
    cotangents = g.input(results.shape, "float64")
    (found,) = optimize(grad(g.sum(results * cotangents), [weights]))[0]
    return images, cotangents, found


def few_filters_and_holes() -> Iterator[Program]:
    """Gradients of the weights of fewer filters than channels, and of images with holes."""
    windows = [
        ((3,), 1, 1),
        ((2, 3), 0, 1),
        ((3, 3), ((2, 0), (0, 2)), 1),
        ((4, 1), ((-1, 2), (0, -1)), 1),
        ((2, 2, 3), ((0, 1), (1, 0), (1, 1)), 1),
        ((3, 2), 1, (2, 1)),
        ((2, 4), ((0, 1), (2, 0)), (3, 2)),
    ]
    cases = [(*sizes, *one) for sizes in ((4, 1), (5, 3), (9, 7)) for one in windows]
    for channels, filters, taps, padding, dilation in [*cases, (35, 40, (3,), 1, 2)]:
        images, cotangents, found = gradient_of_weights(
            channels, filters, taps, padding, input_dilation=dilation
        )
        feeds = {
            x: rng.normal(size=[2 if size is g.BATCH else size for size in x.shape])
            for x in (images, cotangents)
        }
        yield [found], feeds


TRIGGERS: dict[str, tuple[Callable[[], Iterator[Program]], int]] = {
    "divide_concatenations": (joined, 12),
    "exchange_operands": (few_filters_and_holes, 22),
    "sink_transposes": (of_the_table, 100),
    "rotate_loops": (loops, 3),
}
"""Graphs for each pass, and how many of them it has to change at least."""


def test_the_passes_of_targets_are_these() -> None:
    names = {target: [one.name for one in table] for target, table in TARGETS.items()}
    assert names == {
        "cpu": ["divide_concatenations", "exchange_operands", "sink_transposes"],
        "cuda": ["divide_concatenations", "sink_transposes", "rotate_loops"],
    }
    for table in TARGETS.values():
        assert all(one.why.endswith(".") for one in table)


@pytest.mark.parametrize("one", OF_EACH)
def test_a_pass_keeps_the_values_of_the_graphs_that_it_changes(one: TargetPass) -> None:
    programs, least = TRIGGERS[one.name]
    changed = 0
    for outputs, feeds in programs():
        after = one.run(outputs)
        if after == outputs:
            continue
        changed += 1
        for old, new in zip(evaluate(outputs, feeds), evaluate(after, feeds), strict=True):
            assert (old.dtype, old.shape) == (new.dtype, new.shape)
            if old.dtype.kind == "f":
                largest = np.abs(old[np.isfinite(old)]).max(initial=1.0)
                # Sums over the axes of a transpose are added in another order.
                atol = 64 * np.finfo(old.dtype).eps * largest
                np.testing.assert_allclose(new, old, rtol=0, atol=atol)
            else:
                np.testing.assert_array_equal(new, old)
    assert changed >= least


@pytest.mark.parametrize("target", TARGETS)
def test_lowering_runs_the_passes_of_its_target(target: str) -> None:
    parts = [g.input((2, 3), "float32") for _ in range(MOST_CONCATENATED + 1)]
    whole = g.concat(parts, axis=0)
    seen: list[tuple[PassReport, list[Node], list[Node]]] = []

    def observe(*arguments) -> None:
        seen.append(arguments)

    if target == "cuda":
        program = lower([whole], [], 0, observe)
    else:
        program = lower_native([whole], [], observe).program
    assert [report.name for report, _, _ in seen] == [one.name for one in TARGETS[target]]
    assert {report.target for report, _, _ in seen} == {target}
    first, *others = seen
    assert (first[1], program.given) == ([whole], (whole,))
    assert first[0].nodes_after == first[0].nodes_before + 1  # all but the last operand
    assert all(before == after for _, before, after in others)
    assert program.outputs == tuple(first[2])


def convolutions(outputs: list[g.Node]) -> list[tuple[int, ...]]:
    return [node.shape for node in g.toposort(outputs) if node.op == "conv"]


def test_vectors_hold_the_larger_of_channels_and_filters() -> None:
    _, _, found = gradient_of_weights(9, 7, (3, 3), 1)
    assert convolutions([found]) == [(9, 7, 3, 3)]
    (after,) = exchange_operands([found])
    assert convolutions([after]) == [(7, 9, 3, 3)]
    assert convolutions(exchange_operands([after])) == [(7, 9, 3, 3)]


@pytest.mark.parametrize(
    ("sizes", "steps"),
    [
        pytest.param((7, 9, (3, 3)), {}, id="more filters"),
        pytest.param((7, 7, (3, 3)), {}, id="as many"),
        pytest.param((99, 32, (3, 3)), {}, id="filters fill a call"),
        pytest.param((9, 7, (7, 7)), {}, id="more taps than places"),
        pytest.param((4, 1, (1, 1)), {}, id="few channels of one tap"),
        pytest.param((9, 7, (3, 3)), {"strides": 2}, id="strides"),
        pytest.param((8, 16, (3, 3)), {"input_dilation": 2}, id="holes and few channels"),
        pytest.param((9, 7, (2, 2)), {"kernel_dilation": 2}, id="dilation"),
    ],
)
def test_other_gradients_of_weights_stay_as_they_are(sizes, steps) -> None:
    _, _, found = gradient_of_weights(*sizes, 0, **steps)
    assert exchange_operands([found]) == [found]


def test_small_gradients_of_weights_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, found = gradient_of_weights(9, 7, (3, 3), 1)
    for least, is_exchanged in ((9 * 7 * 9 * 72, True), (9 * 7 * 9 * 72 + 1, False)):
        monkeypatch.setattr(exchange, "LEAST_MULTIPLICATIONS", least)
        assert (exchange_operands([found]) != [found]) is is_exchanged


def test_the_samples_of_a_batch_are_no_channels() -> None:
    """A convolution of images has fewer windows than taps here, and fewer filters than samples."""
    found = g.conv(g.input((g.BATCH, 6, 8, 8), "float32"), g.input((8, 6, 5, 5), "float32"))
    assert exchange_operands([found]) == [found]


def test_an_unpooling_stays_the_right_operand() -> None:
    _, cotangents, found = gradient_of_weights(9, 3, (3, 3), 1)
    pooled = g.input((g.BATCH, 3, 4, 4), "float64")
    unpooled = g.make(
        "sum_unpool", pooled, window=(2, 2), strides=(2, 2), padding=((0, 0), (0, 0)), size=(8, 9)
    )
    (behind_pooling,) = g.substitute([found], {cotangents: unpooled})
    assert exchange_operands([behind_pooling]) == [behind_pooling]


def test_what_is_gathered_stays_an_image_unless_filters_are_few() -> None:
    for filters, is_exchanged in ((4, True), (7, False)):
        images, _, found = gradient_of_weights(9, filters, (3, 3), 1)
        parts = [g.input((g.BATCH, channels, 8, 9), "float64") for channels in (4, 5)]
        (behind_joint,) = g.substitute([found], {images: g.concat(parts, axis=1)})
        assert (exchange_operands([behind_joint]) != [behind_joint]) is is_exchanged
