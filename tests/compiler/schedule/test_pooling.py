"""Which pooling a convolution's kernel computes behind its results, and why not another."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.passes import optimize
from graphc.compiler.schedule import Kernel, Loop, make_schedule

IMAGE = g.input((BATCH, 3, 18, 18), "float32", name="image")


def kernels(*outputs: Node) -> list[Kernel]:
    schedule = make_schedule(optimize(outputs)[0])
    assert all(isinstance(step, Kernel) for step in schedule)
    return list(schedule)


def convolved(
    filters: int = 8, size: Sequence[int] = (3, 3), image: Node = IMAGE, **attrs: object
) -> Node:
    """A convolution with its bias and relu; of `IMAGE` by default to 16 x 16."""
    weights = g.input((filters, image.shape[1], *size), "float32", name="W")
    bias = g.input((filters, *(1 for _ in size)), "float32", name="b")
    return g.maximum(g.conv(image, weights, **attrs) + bias, 0.0)


def dropped(x: Node) -> Node:
    kept = g.random.uniform(x.shape, seed=1, stream=2) < 0.75
    return g.where(kept, x / 0.75, 0.0)


def test_pooling_and_dropout_are_computed_with_the_convolution() -> None:
    pooled = g.max_pool(convolved(), (2, 2))
    (kernel,) = kernels(dropped(pooled))
    assert (kernel.kind, [x.op for x in kernel.anchors]) == ("conv", ["conv"])
    assert kernel.extents == (BATCH, 8, 16, 16)
    assert [x.shape for x in kernel.outputs] == [(BATCH, 8, 8, 8)]


def test_a_step_of_training_stores_nothing_of_the_convolutions_size_but_the_gradient() -> None:
    x = convolved()
    loss = g.sum(dropped(g.max_pool(x, (2, 2))) * g.input((BATCH, 8, 8, 8), "float32"))
    found = kernels(loss, *grad(loss, [IMAGE]))
    first = found[0]
    assert first.kind == "conv"
    assert {"argmax_pool", "gather_pool", "random", "maximum"} <= {node.op for node in first.body}
    assert {node.shape for node in first.outputs} == {(BATCH, 8, 8, 8)}
    large = [x for kernel in found for x in kernel.outputs if x.shape == (BATCH, 8, 16, 16)]
    assert [node.op for node in large] == ["max_unpool"]


def test_the_convolutions_value_is_stored_once_where_others_read_it() -> None:
    x = convolved()
    (kernel,) = kernels(g.max_pool(x, (2, 2)), x)
    assert kernel.kind == "conv"
    assert [node.shape for node in kernel.outputs] == [(BATCH, 8, 16, 16), (BATCH, 8, 8, 8)]


def test_one_pass_gives_the_argmax_and_gathers_at_it() -> None:
    seen = g.tanh(IMAGE * g.input((3, 1, 1), "float32"))
    pooled = g.max_pool(g.maximum(seen, 0.0), (3, 3))
    found = kernels(pooled, *grad(g.sum(g.square(pooled)), [IMAGE]))
    (pooled,) = (kernel for kernel in found if any(x.op == "argmax_pool" for x in kernel.body))
    assert pooled.kind == "window"
    assert {"argmax_pool", "gather_pool"} <= {node.op for node in pooled.outputs}
    assert not any(node.op == "max_pool" for kernel in found for node in kernel.body)


def test_a_gather_of_what_a_loop_makes_of_its_argmax_has_a_pass_of_its_own() -> None:
    """The loop reads the spread values by a view, which no kernel computes."""
    image, values = g.input((2, 1, 4, 4), "float32"), g.input((2, 1, 2, 2), "float32")
    windows = {"window": (2, 2), "strides": (2, 2), "padding": ((0, 0), (0, 0))}
    argmax = g.make("argmax_pool", image, **windows)
    spread = g.make("max_unpool", argmax, values, size=(4, 4), **windows)
    read = g.reshape(spread, (32,))
    start = g.input((32,), "float32")
    (final,), _ = g.scan(lambda c, _: ((g.sin(c[0]) + read,), ()), [start], [], length=3)
    gathered = g.make("gather_pool", argmax, g.reshape(final, image.shape), **windows)
    before, spreading, loop, behind = make_schedule([gathered])
    assert isinstance(loop, Loop)
    assert [before.outputs, spreading.outputs] == [(argmax,), (spread,)]
    assert behind.outputs == (gathered,)


def test_on_a_cpu_any_windows_that_do_not_overlap_are_computed_with_the_convolution() -> None:
    loss = g.sum(dropped(g.max_pool(convolved(), (5, 4), strides=(6, 4))))
    schedule = make_schedule(optimize([loss, *grad(loss, [IMAGE])])[0], most_shared=0)
    convolution, *others = (kernel for kernel in schedule if kernel.kind != "rows")
    assert {node.shape for node in convolution.outputs} == {(BATCH, 8, 2, 4)}
    # Nor does it store the gradient: the convolution that reads it spreads it.
    assert not any(x.shape == (BATCH, 8, 16, 16) for kernel in others for x in kernel.outputs)
    assert make_schedule([g.max_pool(convolved(), (3, 3), (2, 2))], most_shared=0)[1].reasons


@pytest.mark.parametrize(("window", "is_fused"), [(4, True), (3, False)])
def test_on_a_cpu_windows_of_what_others_read_cover_all_elements(
    window: int, is_fused: bool
) -> None:
    """Else a kernel would compute the convolution twice."""
    x = convolved()
    schedule = make_schedule([g.max_pool(x, (window, window)), x], most_shared=0)
    assert [kernel.kind for kernel in schedule] == ["conv"] if is_fused else ["conv", "window"]
    reasons = [reason for kernel in schedule for reason in kernel.reasons]
    assert any("leave out elements" in reason for reason in reasons) != is_fused


@pytest.mark.parametrize("window", [(2, 1, 2), (1, 2, 2), (2, 2, 2)])
def test_averages_too_and_along_two_or_all_of_three_axes(window: tuple[int, ...]) -> None:
    video = g.input((BATCH, 2, 6, 10, 10), "float32")
    x = convolved(size=(3, 3, 3), image=video)
    assert [k.kind for k in kernels(g.average_pool(x, window))] == ["conv"]


@pytest.mark.parametrize(
    ("pooled", "reason"),
    [
        (g.max_pool(convolved(), (3, 3), strides=(2, 2)), "its windows overlap"),
        (g.max_pool(convolved(), (4, 4)), "are not the 2 x 2 (x 2)"),
        (g.max_pool(convolved(), (2, 2), strides=(3, 3)), "do not divide"),
        (g.max_pool(convolved(size=(4, 3)), (2, 2)), "do not divide"),
        (g.max_pool(convolved(filters=1), (2, 2)), "one filter"),
        (g.max_pool(convolved(size=(1, 1)), (2, 2)), "with a single tap"),
        (g.max_pool(convolved(strides=2), (2, 2)), "few tiles"),
        (g.max_pool(convolved(size=(2, 2), input_dilation=2, padding=1), (2, 2)), "classes"),
        (g.max_pool(g.flip(convolved(), 3), (2, 2)), "at other elements"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_reasons_why_others_are_separate_kernels(pooled: Node, reason: str) -> None:
    first, second = kernels(pooled)
    assert (first.kind, second.kind) == ("conv", "window")
    assert any(reason in sentence for sentence in second.reasons), second.reasons


def test_one_pooling_for_a_convolution() -> None:
    x = convolved()
    first, second = kernels(g.max_pool(x, (2, 2)), g.average_pool(x, (2, 2)))
    assert (first.kind, second.kind) == ("conv", "window")
    assert any("has another pooling" in sentence for sentence in second.reasons)


def test_a_reader_of_both_elements_and_windows_is_a_separate_kernel() -> None:
    x = convolved()
    spread = g.reshape(g.max_pool(x, (2, 2)), (BATCH, 8, 8, 1, 8, 1))
    both = g.reshape(x, (BATCH, 8, 8, 2, 8, 2)) - spread
    first, second = kernels(both)
    assert (first.kind, second.kind) == ("conv", "pointwise")
    assert len(first.outputs) == 2
