"""Every product has a mapping of its own: none runs by the loops of its plain program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from graphc import grad
from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.dim import typical
from graphc.compiler.loops.build import buffers_of, plain_program
from graphc.compiler.passes import optimize
from graphc.compiler.schedule import kernels, make_schedule
from graphc.compiler.targets.cpu.in_order import IN_ORDER
from graphc.compiler.targets.cpu.mappings import CPU_MAPPINGS
from graphc.compiler.targets.cpu.products.tiny_sides import AS_REDUCTIONS
from graphc.compiler.targets.mapping import PLAIN, choose
from graphc.compiler.targets.target import Target

WIDE = Target("cpu", 64, 32, cache_bytes=(48 << 10, 2 << 20, 32 << 20), threads=2)
TARGETS = st.sampled_from(
    [
        WIDE,
        replace(WIDE, threads=1),
        replace(WIDE, threads=64),
        Target("cpu", 32, 16, cache_bytes=(32 << 10, 512 << 10, 32 << 20), threads=2),
        Target("cpu", 16, 32, threads=8),
    ]
)
SIZES = st.one_of(
    st.just(BATCH), st.integers(1, 5000), st.sampled_from([8, 32, 64, 128, 256, 257, 512, 784])
)
LEADING = st.sampled_from([(), (), (BATCH,), (12,), (BATCH, 4)])
BEHIND = {
    "nothing": lambda result, shape: result,
    "another result": lambda result, shape: result + g.input(shape, "float32"),
    "a bias": lambda result, shape: g.maximum(result + g.input(shape[-1:], "float32"), 0.0),
    "a weight of each row, computed": lambda result, shape: (
        g.sigmoid(result) * g.exp(g.input((*shape[:-1], 1), "float32"))
    ),
    "a weight of each matrix, computed": lambda result, shape: (
        result * g.exp(g.input((*shape[:-2], 1, 1), "float32"))
    ),
}
_REDUCTIONS = {one.name for one in AS_REDUCTIONS}


def operand(is_transposed: bool, *shape: int) -> Node:
    if not is_transposed:
        return g.input(shape, "float32")
    *leading, rows, columns = shape
    return transposed(g.input((*leading, columns, rows), "float32"))


def transposed(x: Node) -> Node:
    return g.transpose(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


@given(
    LEADING,
    st.tuples(SIZES, SIZES, SIZES),
    st.tuples(st.booleans(), st.booleans()),
    st.sampled_from(sorted(BEHIND)),
    TARGETS,
)
def test_no_product_runs_in_order(
    leading: tuple[int, ...],
    sizes: tuple[int, int, int],
    are_transposed: tuple[bool, bool],
    behind: str,
    target: Target,
) -> None:
    """Where one did, a convolutional network trained with a batch of 512 in 3.4 times the time
    (two threads, Sapphire Rapids)."""
    rows, terms, columns = sizes
    left = operand(are_transposed[0], *leading, rows, terms)
    right = operand(are_transposed[1], *leading, terms, columns)
    result = BEHIND[behind](g.matmul(left, right), (*leading, rows, columns))
    *_, kernel = kernels(make_schedule([result], most_shared=0))
    program = plain_program(kernel, "k0", buffers_of(kernel))
    found = choose(program, target, CPU_MAPPINGS["matmul"])
    assert not {PLAIN, IN_ORDER.name} & set(found.names), found.refusals
    if min(map(typical, sizes)) >= 8:
        assert not _REDUCTIONS & set(found.names), found.refusals


def squared(x: Node) -> Node:
    return g.matmul(x, x)


def by_its_transpose(x: Node) -> Node:
    return g.matmul(x, transposed(x))


def of_its_transpose(x: Node) -> Node:
    return g.matmul(transposed(x), x)


@given(
    LEADING,
    SIZES.filter(lambda size: size is not BATCH and size >= 8),
    SIZES,
    st.sampled_from([squared, by_its_transpose, of_its_transpose]),
    TARGETS,
)
def test_no_product_of_an_array_with_itself_runs_in_order(
    leading: tuple[int, ...],
    rows: int,
    columns: int,
    product: Callable[[Node], Node],
    target: Target,
) -> None:
    """Nor its gradients, of which each side may be both in two products. One did, as what was
    copied for one side was read by the other, too: 256 rows of 1,024 times their transpose and its
    gradient took 17 ms, not 1.0, the square of 512 x 512 191, not 1.8 (two threads, Zen 5)."""
    x = g.input((*leading, rows, rows if product is squared else columns), "float32")
    result = product(x)
    (gradient,) = grad(g.sum(result * result), [x])
    outputs = optimize([result, gradient])[0]
    for kernel in kernels(make_schedule(outputs, most_shared=0)):
        if kernel.kind == "matmul":
            program = plain_program(kernel, "k0", buffers_of(kernel))
            found = choose(program, target, CPU_MAPPINGS["matmul"])
            assert not {PLAIN, IN_ORDER.name} & set(found.names), found.refusals


def test_batched_products_of_one_operand_run_alone() -> None:
    """No mapping has several of them in one kernel: sums of two of 64 times 64 x 64, with their
    gradients, took 8.7 ms, not 0.5 (two threads, Zen 5)."""
    left, right, other = (g.input((BATCH, 40, 40), "float32") for _ in range(3))
    for outputs in (
        [g.matmul(left, right), g.matmul(left, other)],
        [g.matmul(left, right) + g.matmul(other, left)],
    ):
        made = kernels(make_schedule(outputs, most_shared=0))
        assert [one.kind for one in made] == ["matmul", "matmul"]
        for kernel in made:
            program = plain_program(kernel, "k0", buffers_of(kernel))
            found = choose(program, WIDE, CPU_MAPPINGS["matmul"])
            assert found.names == ("panels of columns",), found.refusals


def test_a_loss_of_each_row_leaves_the_product_its_mapping() -> None:
    """As of a sigmoid with binary_crossentropy, where the weight of a sample is one of each row of
    the gradient: 100 rows of 784 by 1,000 took 7.5 ms, not 1.05 (two threads, Sapphire Rapids)."""
    target, weight = g.input((BATCH, 1000), "float32"), g.input((BATCH,), "float32")
    logits = g.input((BATCH, 1000), "float32")
    loss = g.mean((g.sigmoid(logits) - target) ** 2.0, -1) * weight
    (gradient,) = grad(g.sum(loss) / g.sum(weight), [logits])
    product = g.matmul(g.input((BATCH, 784), "float32"), g.input((784, 1000), "float32"))
    (behind,) = optimize(g.substitute([gradient], {logits: product}))[0]
    kernel = next(x for x in kernels(make_schedule([behind], most_shared=0)) if x.kind == "matmul")
    found = choose(plain_program(kernel, "k0", buffers_of(kernel)), WIDE, CPU_MAPPINGS["matmul"])
    assert "blocks of columns" in found.names, found.refusals


def test_a_term_for_each_result_beside_what_is_read_crosswise_is_an_element_of_tiles() -> None:
    """As of the gradient of one output behind `Flatten` with channels last, whose mask has channels
    first: 32 x 16,384 took 1.4 ms, not 0.3 (two threads, Zen 4)."""
    product = g.matmul(g.input((BATCH, 1), "float32"), g.input((1, 64 * 256), "float32"))
    images = g.transpose(g.input((BATCH, 64, 256), "float32"), (0, 2, 1))
    (kernel,) = kernels(make_schedule([g.reshape(product, images.shape) * images], most_shared=0))
    found = choose(plain_program(kernel, "k0", buffers_of(kernel)), WIDE, CPU_MAPPINGS["matmul"])
    assert found.names == ("tiles",), found.refusals
