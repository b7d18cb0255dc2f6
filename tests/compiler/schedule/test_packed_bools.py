"""Bools that a kernel stores for the same readers are one byte; all others stay as they are."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.graph import BATCH, Node, toposort
from graphc.compiler.passes import optimize
from graphc.compiler.schedule import Kernel, make_schedule
from graphc.compiler.schedule.packed_bools import unpacked


def matrix(rows: object = BATCH, columns: int = 300) -> Node:
    return g.input((rows, columns))


def product(x: Node) -> Node:
    return g.matmul(x, matrix(x.shape[-1]))


def argument() -> Node:
    """Return a comparison: of a product of fewer terms than the others, so no kernel has both."""
    return product(matrix(BATCH, 200))


def stored(outputs: Sequence[Node]) -> list[Node]:
    """Return what kernels store as bytes, packed or not."""
    steps = [step for step in make_schedule(outputs) if isinstance(step, Kernel)]
    return [x for step in steps for x in step.outputs if x.dtype in ("bool", "uint8")]


def bools(x: Node, count: int) -> list[Node]:
    return [g.less(x, float(k)) for k in range(count)]


def chosen(conditions: Sequence[Node], x: Node) -> Node:
    for k, condition in enumerate(conditions):
        x = g.where(condition, x, float(k))
    return x


def test_a_relu_stores_one_byte_for_its_gradient() -> None:
    x, w, last = matrix(), matrix(300), matrix(300)
    hidden = g.maximum(g.matmul(x, w), 0.0)
    loss = g.sum(g.square(g.matmul(hidden, last)))
    outputs = optimize([loss, *grad(loss, [w, last])])[0]
    (byte,) = stored(outputs)
    assert [x.op for x in byte.inputs] == ["less", "equal"]


def test_readers_find_each_bool_as_before() -> None:
    conditions = bools(argument(), 3)
    reader = chosen(conditions, product(product(matrix())))
    *_, last = make_schedule([reader])
    (byte,) = stored([reader])
    assert set(byte.inputs) == set(conditions)
    assert set(unpacked([byte], toposort([reader]))) == set(conditions)
    assert set(conditions) < set(last.inputs)


def test_a_byte_has_eight_bools_and_the_ninth_is_alone() -> None:
    conditions = bools(argument(), 9)
    byte, ninth = stored([chosen(conditions, product(product(matrix())))])
    assert (len(byte.inputs), {*byte.inputs, ninth}) == (8, set(conditions))


def test_bools_that_are_fetched_stay_as_they_are() -> None:
    conditions = bools(argument(), 2)
    outputs = [*conditions, chosen(conditions, product(product(matrix())))]
    assert set(stored(outputs)) == set(conditions)


def test_bools_of_other_readers_are_not_packed_together() -> None:
    one, other = bools(argument(), 2)
    outputs = [
        product(chosen([one], product(g.tanh(product(matrix()))))),
        chosen([other], product(product(matrix()))),
    ]
    assert set(stored(outputs)) == {one, other}


def test_bools_that_a_loop_reads_stay_as_they_are() -> None:
    conditions = bools(argument(), 2)
    (final,), _ = g.scan(
        lambda carries, _: ((product(chosen(conditions, carries[0])),), ()),
        [product(matrix())],
        [],
        length=4,
    )
    assert set(stored([final])) == set(conditions)
