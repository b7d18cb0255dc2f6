"""The fusions that layers, losses and optimizers count on."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from types import FrameType
from typing import Any

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.passes import optimize
from graphc.compiler.program.launch import launches
from graphc.compiler.schedule import Kernel, Loop, fusion, kernels, make_schedule
from graphc.reference_models import REFERENCE_MODELS

X = g.input((BATCH, 10), "float32", "x")
T = g.input((BATCH, 10), "float32", "t")
WEIGHTS = g.shared(np.zeros((10, 7), "float32"), "W")
BIAS = g.shared(np.zeros(7, "float32"), "b")


def scheduled(outputs: Sequence[Node]) -> list[Kernel]:
    """The kernels of a graph after the passes."""
    return kernels(make_schedule(optimize(outputs)[0]))


def kinds(outputs: Sequence[Node]) -> list[str]:
    return [kernel.kind for kernel in scheduled(outputs)]


# ---- the size of a kernel -----------------------------------------------------------------------


@pytest.mark.parametrize(("links", "count"), [(95, 1), (96, 2)])
def test_a_kernel_holds_a_bounded_number_of_nodes(links: int, count: int) -> None:
    """Of a chain of ``h <- tanh(h * x)`` the products are computed where they are read, and the
    others are the 96 nodes that a kernel has at most: with the last product they would be 97."""
    h = T
    for _ in range(links):
        h = g.tanh(h * X)
    found = scheduled([h])
    assert [kernel.kind for kernel in found] == ["pointwise"] * count
    reasons = [reason for kernel in found for reason in kernel.reasons]
    assert reasons == ["not fused with mul: one kernel would have too many nodes or buffers"] * (
        count - 1
    )


# ---- reductions ---------------------------------------------------------------------------------


def crossentropy(probabilities: Node) -> Node:
    clipped = g.clip(probabilities, 1e-7, 1 - 1e-7)
    return g.mean(-g.sum(T * g.log(clipped), 1))


def test_softmax_is_one_kernel() -> None:
    (kernel,) = scheduled([g.softmax(X, 1)])
    assert kernel.kind == "rows"
    assert [node.op for node in kernel.anchors] == ["max", "sum"]
    assert (kernel.inputs, kernel.extents, kernel.reduced) == ((X,), X.shape, (1,))


@pytest.mark.parametrize("clips", [True, False])
def test_softmax_with_its_loss_and_gradient_is_two_kernels(clips: bool) -> None:
    """Rows, and the mean over them."""
    probabilities = g.softmax(X, 1)
    loss = crossentropy(probabilities) if clips else g.mean(-g.sum(T * g.log(probabilities), 1))
    rows, mean = scheduled([loss, *grad(loss, [X])])
    assert (rows.kind, mean.kind) == ("rows", "rows")
    assert set(rows.inputs) == {X, T}
    assert X not in mean.inputs
    assert T not in mean.inputs


def layer_norm(x: Node, scale: Node, shift: Node) -> Node:
    centred = x - g.mean(x, -1, keepdims=True)
    variance = g.mean(centred * centred, -1, keepdims=True)
    return centred / g.sqrt(variance + 1e-5) * scale + shift


def test_layer_norm_is_one_kernel_each_way() -> None:
    scale, shift = g.input((10,), "float32"), g.input((10,), "float32")
    out = layer_norm(X, scale, shift)
    assert kinds([out]) == ["rows"]
    loss = g.sum(out * T)
    assert kinds(grad(loss, [X])) == ["rows"]
    # The gradients of scale and shift are sums along the other axis.
    assert kinds(grad(loss, [X, scale, shift])) == ["rows", "columns"]


def test_batch_norm_is_two_kernels_each_way() -> None:
    """The statistics of a channel in one, what they are for in the other."""
    image = g.input((BATCH, 3, 8, 8), "float32")
    target = g.input((BATCH, 3, 8, 8), "float32")
    scale, shift = g.input((3, 1, 1), "float32"), g.input((3, 1, 1), "float32")
    centred = image - g.mean(image, (0, 2, 3), keepdims=True)
    variance = g.mean(centred * centred, (0, 2, 3), keepdims=True)
    out = centred / g.sqrt(variance + 1e-5) * scale + shift
    statistics, last = scheduled([out])
    assert (statistics.kind, last.kind) == ("columns", "pointwise")
    assert last.reasons == (
        "not fused with sum: it has few results, so that few blocks would do the work",
    )
    assert kinds(grad(g.sum(out * target), [image])) == ["columns", "pointwise"]


def test_reductions_along_other_axes_are_separate_kernels_with_a_reason() -> None:
    total = g.sum(g.sum(g.tanh(X * T), 1), 0)
    first, second = kernels(make_schedule([total]))
    assert (first.kind, second.kind) == ("rows", "rows")
    assert second.reasons == ("not fused with sum: it reduces other elements, or along other axes",)


# ---- products -----------------------------------------------------------------------------------


def relu(x: Node) -> Node:
    return g.maximum(x, 0.0)


def dropped(x: Node) -> Node:
    words = g.random.bits(x.shape, seed=1, stream=2)
    return x * g.cast(words > 2**30, "float32") * 1.25


@pytest.mark.parametrize(("most_shared", "stored"), [(0, [1, 2]), (49152, [3, 2])])
def test_terms_of_sums_are_stored_beside_no_product_on_a_cpu(
    most_shared: int, stored: list[int]
) -> None:
    """As those of the gradient of a depthwise convolution: what sums them computes them."""
    product = g.dot(X, g.input((10, 6), "float32", "w"))
    others = [g.input((BATCH, 6), "float32", name) for name in "ab"]
    outputs = [product, *(g.sum(product * one, 0) for one in others)]
    schedule = kernels(make_schedule(optimize(outputs)[0], most_shared=most_shared))
    assert [len(kernel.outputs) for kernel in schedule] == stored
    assert [kernel.kind for kernel in schedule] == ["matmul", "columns"]


def test_bias_activation_and_dropout_are_in_the_epilogue() -> None:
    (kernel,) = scheduled([dropped(relu(g.dot(X, WEIGHTS) + BIAS))])
    assert kernel.kind == "matmul"
    assert [node.op for node in kernel.anchors] == ["matmul"]
    assert set(kernel.inputs) == {X, WEIGHTS, BIAS}


def test_bias_and_activation_are_in_the_epilogue_of_a_convolution() -> None:
    image = g.input((BATCH, 3, 8, 8), "float32")
    taps = g.shared(np.zeros((4, 3, 3, 3), "float32"))
    bias = g.shared(np.zeros((4, 1, 1), "float32"))
    activated = relu(g.conv(image, taps) + bias)
    (kernel,) = scheduled([activated])
    assert (kernel.kind, set(kernel.inputs)) == ("conv", {image, taps, bias})


def test_a_residual_is_added_in_the_epilogue() -> None:
    square = g.shared(np.zeros((10, 10), "float32"))
    assert kinds([g.tanh(g.dot(X, square)) + X]) == ["matmul"]


def test_products_that_are_added_up_are_one_kernel() -> None:
    other = g.shared(np.ones((10, 7), "float32"))
    (kernel,) = scheduled([g.sigmoid(g.dot(X, WEIGHTS) + g.dot(T, other) + BIAS)])
    assert [node.op for node in kernel.anchors] == ["matmul", "matmul"]
    longer = g.shared(np.ones((5, 7), "float32"))
    assert kinds([g.dot(X, WEIGHTS) + g.dot(X[:, 5:], longer)]) == ["matmul", "matmul"]


def test_a_product_that_reads_a_product_is_a_kernel_of_its_own_and_says_so() -> None:
    second = g.shared(np.zeros((7, 3), "float32"))
    with g.origin("dense_1"):
        hidden = g.tanh(g.dot(X, WEIGHTS))
    _, last = scheduled([g.dot(hidden, second)])
    assert last.reasons == (
        "not fused with dense_1/matmul: a product and a product are kernels of their own",
    )


def test_a_row_of_a_product_is_spread_over_tiles() -> None:
    _, softmax = scheduled([g.softmax(g.dot(X, WEIGHTS), 1)])
    assert softmax.reasons == ("not fused with matmul: a row of the product is spread over tiles",)


def test_the_update_of_a_weight_is_in_the_epilogue_of_its_gradient() -> None:
    """RMSprop: a mean square and the weight, for each of the three layers' W and b."""
    step = REFERENCE_MODELS["mlp"].build()
    graph = step.function().graph()
    new = set(graph[-len(step.updates) :])
    holders = [kernel for kernel in kernels(make_schedule(graph)) if new & set(kernel.outputs)]
    # The biases of the first two layers are of one size: their sums are one kernel.
    assert sorted(kernel.kind for kernel in holders) == ["columns"] * 2 + ["matmul"] * 3
    assert sorted(len(new & set(kernel.outputs)) for kernel in holders) == [2, 2, 2, 2, 4]


def test_small_products_of_one_operand_share_a_launch() -> None:
    """The input gates of a recurrent layer; two large ones are better off alone."""
    gates = [g.shared(np.full((10, 7), k, "float32")) for k in range(3)]
    (kernel,) = scheduled([g.dot(X, gate) for gate in gates])
    assert [node.op for node in kernel.anchors] == ["matmul"] * 3
    large = [g.shared(np.full((10, 8_000), k, "float32")) for k in range(2)]
    assert kinds([g.dot(X, one) for one in large]) == ["matmul", "matmul"]
    assert kinds([g.dot(X, gates[0]), g.dot(T, gates[1])]) == ["matmul", "matmul"]


def test_pooling_takes_in_what_it_alone_reads() -> None:
    image, other = g.input((BATCH, 3, 8, 8), "float32"), g.input((BATCH, 3, 8, 8), "float32")
    seen = g.tanh(image + other)
    assert kinds([g.max_pool(seen, (2, 2)) * 2.0]) == ["window"]
    assert kinds([g.max_pool(seen, (3, 3), (2, 2))]) == ["pointwise", "window"]  # they overlap


def test_pooling_stores_what_others_read_elsewhere() -> None:
    image, other = g.input((BATCH, 3, 8, 8), "float32"), g.input((BATCH, 3, 8, 8), "float32")
    seen = g.tanh(image + other)
    pooled = g.max_pool(seen, (2, 2))
    (kernel,) = scheduled([pooled * 2.0, seen])
    assert kernel.kind == "window"
    assert set(kernel.outputs) == {pooled * 2.0, seen}
    weights = g.input((8, 5), "float32")
    assert kinds([pooled, g.dot(seen, weights)]) == ["window", "matmul"]
    assert kinds([pooled, seen * image]) == ["pointwise", "window"]  # which has the same elements
    # A row and a column of elements are in no window.
    rest = g.max_pool(seen, (3, 3), (3, 3))
    assert kinds([rest, seen]) == ["pointwise", "window"]


def test_softmax_its_loss_and_their_gradient_are_one_kernel_of_the_mlp() -> None:
    """The mean over samples of weight 1 needs their count; nobody waits for the mean itself."""
    graph = REFERENCE_MODELS["mlp"].build().function().graph()
    found = kernels(make_schedule(graph))
    (rows,) = [one for one in found if one.kind == "rows" and one.extents == (BATCH, 10)]
    assert [node.op for node in rows.anchors] == ["max", "sum", "sum", "sum"]
    assert len(rows.outputs) == 2  # the samples' losses and the gradient of the scores


def test_updates_without_a_gradient_kernel_share_launches() -> None:
    variables = [g.shared(np.zeros(k + 1, "float32")) for k in range(12)]
    steps = make_schedule([0.9 * x + k for k, x in enumerate(variables)])
    assert [step.kind for step in steps] == ["update", "update"]
    assert sum(len(step.parts) for step in steps) == 12


def test_a_kernel_of_too_many_pointers_for_an_update_stays_alone() -> None:
    many = [g.input((BATCH, 7), "float32") for _ in range(70)]
    (step,) = make_schedule([g.concat(many, axis=1)])
    assert step.kind == "pointwise"
    outputs = [g.concat(many, axis=1), g.tanh(many[0]), g.exp(many[1])]
    steps = make_schedule(outputs)
    assert sorted(step.kind for step in steps) == ["pointwise", "update"]


# ---- loops --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "products"), [("lstm", [[4]]), ("gru_ae", [[1, 2], [1, 2]])])
def test_the_steps_of_a_loop(name: str, products: list[list[int]]) -> None:
    """LSTM: one kernel a step with the four products; GRU: two, as h~ needs r."""
    step = REFERENCE_MODELS[name].build()
    (predictions,), _ = optimize([step.predictions])
    loops = [x for x in make_schedule([predictions]) if isinstance(x, Loop)]
    found = [
        [(kernel.kind, sum(x.op == "matmul" for x in kernel.body)) for kernel in loop.steps]
        for loop in loops
    ]
    assert found == [[("matmul", count) for count in loop] for loop in products]


# ---- the whole ----------------------------------------------------------------------------------


def test_the_training_step_of_the_mlp_takes_at_most_20_launches() -> None:
    program = REFERENCE_MODELS["mlp"].build().function().program()
    assert len(launches(program.steps)) <= 20


def test_a_chain_of_10_000_nodes() -> None:
    """No walk recurses, kernels stay of a size, and each value is computed by one variable."""
    node = X
    for k in range(7_000):
        node = g.tanh(node) if k % 2 else g.reshape(node + 1.5, (10, -1) if k % 4 else (-1, 10))
    size = len(g.every_node([node]))
    assert size >= 10_000
    steps = make_schedule([node])
    assert len(steps) < 20
    assert sum(len(step.body) for step in steps) < 1.1 * size
    computed = Counter(
        one
        for launch in launches(lower([node]).steps)
        for held in launch.names.values()
        for one in held
    )
    assert len(computed) == computed.total() == 7_000  # all but the reshapes


def test_a_diamond_makes_no_cycle() -> None:
    """The sum reads what the last node reads too: fused around it they would need each other."""
    first = g.dot(X, WEIGHTS)
    total = g.sum(first, 0)
    outputs = [g.tanh(first) * g.broadcast_to(total, first.shape)]
    steps = make_schedule(outputs)
    assert [step.kind for step in steps] == ["matmul", "columns", "pointwise"]
    assert any("reads the one and is read by the other" in x for x in steps[-1].reasons)


# ---- large graphs -------------------------------------------------------------------------------


def lines_of_fusion(layers: int) -> int:
    """The lines that the fusion of a training step of so many layers runs."""
    weights = [g.shared(np.zeros((10, 10), "float32"), f"W{k}") for k in range(layers)]
    h = X
    for w in weights:
        h = g.maximum(h @ w, 0.0)
    gradients = grad(g.mean(g.square(h - T)), weights)
    updated = [w - 0.1 * gradient for w, gradient in zip(weights, gradients, strict=True)]
    outputs = optimize(updated)[0]
    count = 0

    def step(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal count
        count += event == "line"
        return step

    def enter(frame: FrameType, event: str, arg: Any) -> Any:
        return step if frame.f_code.co_filename == fusion.__file__ else None

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        make_schedule(outputs)
    finally:
        sys.settrace(before)
    return count


def test_the_work_grows_as_the_graph_does() -> None:
    """Merging the kernel of a layer with what its gradient needs leaves the layers behind it as
    they are: they know it by a bit that it had before."""
    small, large = lines_of_fusion(40), lines_of_fusion(160)
    assert large < 4.5 * small
