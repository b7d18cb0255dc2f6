"""Which loops run in one launch, in which stages, and why others do not."""

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.schedule import Loop, make_schedule
from graphc.compiler.schedule.kernel import Persistent
from graphc.compiler.schedule.persistent import (
    FEW_NODES,
    MOST_NODES,
    MOST_SHARED,
    MOST_THREADS,
    WARP,
    columns_in_registers,
    elementwise_operands,
    is_literal,
    persistent,
    rows_per_block,
)

BATCH = g.BATCH
UNITS = 8
xs = g.input((g.symbol("time"), BATCH, UNITS), "float32")
h0 = g.input((BATCH, UNITS), "float32")
U, V, R = (g.shared(np.zeros((UNITS, UNITS), "float32")) for _ in range(3))


def plan_of(step, starts=(h0,), series=(xs,), most_shared=None) -> Persistent | str:
    finals, stacks = g.scan(step, list(starts), list(series))
    steps = make_schedule([*finals, *stacks], most_shared=most_shared)
    (loop,) = (found for found in steps if isinstance(found, Loop))
    plan = persistent(loop, most_shared)
    assert (loop.persistent is None) == isinstance(plan, str)
    if isinstance(plan, str):
        assert loop.reasons == (plan,)
        assert plan in loop.steps[0].reasons
    return plan


def test_a_gru_has_two_stages() -> None:
    def gru(carries, slices):
        (h,) = carries
        z = g.sigmoid(slices[0] + g.dot(h, U))
        r = g.sigmoid(slices[0] + g.dot(h, V))
        return (z * h + (1.0 - z) * g.tanh(slices[0] + g.dot(r * h, R)),), (r,)

    plan = plan_of(gru)
    assert isinstance(plan, Persistent)
    # The first has r and r * h, a left operand; the second the new state.
    assert [[node.op for node in stage] for stage in plan.stages] == [["sigmoid", "mul"], ["add"]]
    assert [node.op for node in plan.tiles] == ["mul"]
    # The product of z is computed beside that of r: it waits for nothing.
    products = [node for node in plan.stage_of if node.op == "matmul"]
    assert {node.inputs[1]: plan.stage_of[node] for node in products} == {U: 0, V: 0, R: 1}
    # All columns are in registers; the state and r * h are in shared memory.
    assert set(plan.columns) == {U, V, R}
    assert plan.nbytes == 2 * 4 * UNITS * rows_per_block(UNITS)


def test_products_of_one_row_are_one_stage() -> None:
    plan = plan_of(lambda c, s: ((g.tanh(s[0] + g.dot(c[0], U)) * g.dot(c[0], V),), ()))
    assert isinstance(plan, Persistent)
    assert [len(stage) for stage in plan.stages] == [1]
    assert not plan.tiles


def test_what_a_row_reads_of_itself_waits_in_shared_memory() -> None:
    """A mean over the row of a product is computed once, not once an element."""

    def centred(carries, slices):
        x = g.dot(carries[0], U) + slices[0]
        return (x - g.mean(x, 1, keepdims=True),), ()

    plan = plan_of(centred)
    assert isinstance(plan, Persistent)
    # x; then its mean, one number a row; then the difference.
    shapes = [[node.shape for node in stage] for stage in plan.stages]
    assert shapes == [[(BATCH, UNITS)], [(BATCH,)], [(BATCH, UNITS)]]


def test_left_operands_that_no_carry_reaches_wait_too() -> None:
    def dropped(carries, slices):
        kept = g.random.bernoulli((BATCH, UNITS), 0.5, seed=1, scan_step=slices[1])
        return (g.tanh(carries[0] + g.dot(g.where(kept, slices[0], 0.0), U)),), ()

    plan = plan_of(dropped, series=(xs, g.iota(xs.shape[0])))
    assert isinstance(plan, Persistent)
    assert [node.op for node in plan.tiles] == ["where"]
    assert len(plan.stages) == 2


@pytest.mark.parametrize("widest", [1, 5, 32, 50, 128, 129, 1000])
def test_rows_of_a_block(widest: int) -> None:
    rows = rows_per_block(widest)
    assert rows >= 1
    assert rows * widest <= WARP or rows == 1
    assert (rows + 1) * widest > WARP  # the next row would begin another warp


def square(size: int) -> g.Node:
    return g.shared(np.zeros((size, size), "float32"))


def three_products(size: int, most_shared: int | None = None) -> Persistent | str:
    weights = [square(size) for _ in range(3)]

    def step(carries, slices):
        return (sum(g.dot(carries[0], weight) for weight in weights),), ()

    return plan_of(step, [g.zeros((BATCH, size), "float32")], [xs], most_shared)


def test_columns_in_registers_then_matrices_in_shared_memory() -> None:
    plan = three_products(72)
    assert isinstance(plan, Persistent)
    assert (len(plan.columns), len(plan.matrices)) == (2, 1)
    assert plan.nbytes == 4 * 72 * 72 + 4 * 72


def test_the_shared_memory_of_any_card_is_the_limit() -> None:
    plan = three_products(88)
    assert isinstance(plan, Persistent)
    assert (len(plan.columns), len(plan.matrices)) == (1, 2)
    assert 48 * 1024 < plan.nbytes <= MOST_SHARED
    reason = three_products(92)
    assert isinstance(reason, str)
    rows = 4 * 92  # a row of the state
    assert f"{3 * 4 * 92 * 92} bytes" in reason
    assert f"{2 * 4 * 92 * 92 + rows} bytes of shared memory" in reason
    assert reason.endswith(f"a block has {MOST_SHARED}")
    exactly = three_products(92, 2 * 4 * 92 * 92 + rows)
    assert isinstance(exactly, Persistent)
    assert isinstance(three_products(92, exactly.nbytes - 1), str)


def test_the_first_columns_that_there_is_room_for_are_in_registers() -> None:
    words = [100, None, 80, 60, 1]
    assert columns_in_registers(words, FEW_NODES) == [True, False, False, True, False]
    assert columns_in_registers(words, 2 * FEW_NODES) == [False, False, True, False, False]


def test_long_steps_keep_fewer_columns_in_registers() -> None:
    def plan(length: int) -> Persistent | str:
        weights = [square(50) for _ in range(3)]

        def step(carries, slices):
            h = sum(g.dot(carries[0], weight) for weight in weights)
            for _ in range(length):
                h = g.tanh(h)
            return (h,), ()

        return plan_of(step, [g.zeros((BATCH, 50), "float32")], [xs])

    plans = [plan(length) for length in (1, FEW_NODES, 2 * FEW_NODES)]
    assert [len(found.columns) for found in plans if isinstance(found, Persistent)] == [3, 2, 1]
    reason = plan(MOST_NODES)
    assert isinstance(reason, str)
    assert f"{MOST_NODES} are the most" in reason


@pytest.mark.parametrize(
    ("step", "starts", "words"),
    [
        (lambda c, s: ((g.tanh(c[0] - g.mean(c[0], 0)),), ()), [h0], f"expected {BATCH} rows"),
        (lambda c, s: ((c[0] + s[0],), (g.sum(c[0], 0),)), [h0], f"expected {BATCH} rows"),
        (lambda c, s: ((c[0][::-1],), ()), [h0], "other rows of the batch"),
        (lambda c, s: ((c[0] + 1,), ()), [g.zeros((), "int32")], "scalar"),
        (lambda c, s: ((), (s[0] * 2.0,)), [], "no value is carried from step to step"),
        (
            lambda c, s: ((g.dot(c[0], g.dot(g.transpose(s[0], (1, 0)), s[0])),), ()),
            [h0],
            "rows",
        ),
        (
            lambda c, s: ((c[0], g.dot(c[0], c[1])), ()),
            [h0, g.zeros((UNITS, UNITS), "float32")],
            "rows",
        ),
        (lambda c, s: ((c[0], c[1] + 1.0), ()), [h0, g.zeros((3,), "float32")], "rows"),
        (
            lambda c, s: ((c[0] * 0.5,), ()),
            [g.zeros((BATCH, MOST_THREADS + 1), "float32")],
            f"{MOST_THREADS} threads",
        ),
    ],
)
def test_why_a_loop_does_not_qualify(step, starts, words: str) -> None:
    reason = plan_of(step, starts)
    assert isinstance(reason, str)
    assert words in reason


images = g.input((BATCH, 1, 4, 4), "float32")
kernel = g.shared(np.zeros((1, 1, 3, 3), "float32"))
numbers = g.input((BATCH,), "int32")


@pytest.mark.parametrize(
    ("step", "op"),
    [
        (lambda h: g.conv(h, kernel, padding=1), "conv"),
        (lambda h: g.max_pool(h, (3, 3), strides=1, padding=1), "max_pool"),
        (lambda h: g.average_pool(h, (3, 3), strides=1, padding=1), "sum_pool"),
        (lambda h: h + g.mean(g.scatter_add(numbers, h, 3)), "scatter_add"),
        (lambda h: g.scan(lambda c, _: ((c[0] * 0.5,), ()), [h], length=2)[0][0], "scan"),
    ],
)
def test_bodies_with_kernels_of_other_kinds(step, op: str) -> None:
    reason = plan_of(lambda c, s: ((step(c[0]),), ()), [images])
    assert isinstance(reason, str)
    assert f": its body has a {op} (" in reason


rows = g.input((UNITS, UNITS), "float32")


@pytest.mark.parametrize(
    "step",
    [
        lambda h: g.transpose(h, (1, 0)),
        lambda h: g.concat([h[4:], h[:4]], 0),
        lambda h: g.pad(h[1:], ((1, 0), (0, 0))),
        lambda h: g.take(h, g.constant(np.arange(UNITS, dtype="int32"))),
        lambda h: g.broadcast_to(h[0], h.shape),
        lambda h: g.dot(U, h),
        lambda h: h - g.broadcast_to(g.max(h, 0), h.shape),
    ],
)
def test_bodies_that_read_other_rows(step) -> None:
    reason = plan_of(lambda c, s: ((step(c[0]) * 0.5,), ()), [rows])
    assert isinstance(reason, str)
    assert "reads other rows of the batch than its own" in reason or "expected 8 rows" in reason


@pytest.mark.parametrize(
    "step",
    [
        lambda h: g.reshape(g.transpose(g.reshape(h, (8, 2, 4)), (0, 2, 1)), (8, 8)),
        lambda h: g.concat([h[:, 4:], h[:, :4]], 1),
        lambda h: g.pad(h[:, 1:], ((0, 0), (1, 0))),
        lambda h: g.flip(h, (1,)),
        lambda h: h - g.broadcast_to(g.max(h, 1, keepdims=True), h.shape),
        lambda h: g.dot(h, U),
    ],
)
def test_bodies_that_read_their_own_row(step) -> None:
    assert isinstance(plan_of(lambda c, s: ((step(c[0]) * 0.5,), ()), [rows]), Persistent)


def test_a_matrix_that_changes_from_step_to_step() -> None:
    matrices = g.input((xs.shape[0], UNITS, UNITS), "float32")
    reason = plan_of(lambda c, s: ((g.dot(c[0], s[1]),), ()), [h0], [xs, matrices])
    assert isinstance(reason, str)
    assert "changes from step to step" in reason


def test_what_a_target_reads_at_its_own_element() -> None:
    """Through pointwise ops, in their order, up to what is known already."""
    a, b, c = (g.input((4, 4), "float32") for _ in range(3))
    step = g.input((), "int32")
    series = g.input((5, 4, 4), "float32")
    other = g.take(series, g.input((), "int32"))
    first, second, known = g.dot(a, b), g.dot(b, c), g.dot(c, a)
    here = g.take(series, step)
    transposed = g.transpose(g.flip(here, 0))
    targets = [g.tanh(first + transposed) * known, second + first + other + g.sum(g.dot(a, a))]
    found = list(elementwise_operands(targets, {known}, step))
    assert found == [first, transposed, second]


def test_a_number_is_a_literal_however_it_is_spread() -> None:
    spread = g.broadcast_to(g.constant(2.0), (3, 4))
    assert is_literal(g.constant(2.0))
    assert is_literal(spread)
    assert not is_literal(g.broadcast_to(g.input((), "float32"), (3, 4)))
    assert not is_literal(g.constant([1.0, 2.0]))
