"""The bytes that launches move, counted by hand from the spread of their work: one kernel of each
kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node, State
from graphc.compiler.graph.dim import symbols
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.program.describe import describe
from graphc.compiler.program.kernel_list import KernelDescription, KernelList

LENGTH = g.symbol("length")
FLOAT = 4


def described(
    outputs: Sequence[Node], batch: int = 10, length: int = 1, states: Sequence[State] = ()
) -> KernelList:
    bindings = {symbols(BATCH)[0]: batch, symbols(LENGTH)[0]: length}
    return describe(lower(outputs, states), bindings, "f")


def elements(kernel: KernelDescription) -> dict[str, float]:
    """The elements of four bytes that a kernel moves, by what it reads; of what it writes the name
    is "result"."""
    found: Counter[str] = Counter()
    for value, written, nbytes in kernel.moves:
        found["result" if written else value] += nbytes // FLOAT
    assert kernel.moved == FLOAT * found.total()
    return dict(found)


def moves(outputs: Sequence[Node], batch: int = 10, length: int = 1) -> dict[str, float]:
    """`elements` of a program's only kernel."""
    (kernel,) = described(outputs, batch, length)
    assert kernel.ratio == pytest.approx(kernel.moved / kernel.fewest, abs=5e-4)
    return elements(kernel)


def x(*shape: g.Size, dtype: str = "float32", name: str = "x") -> Node:
    return g.input(shape, dtype, name=name)


def test_pointwise_reads_a_bias_once_a_block() -> None:
    out = x(BATCH, 512) + x(512, name="bias")
    # A block takes 1024 elements, two rows.
    assert moves([out]) == {"x": 5120, "bias": 5 * 512, "result": 5120}


def test_what_is_spread_over_neighbours_counts_once_for_them() -> None:
    image = x(BATCH, 64, 16, 16)
    out = image * x(64, 1, 1, name="scale")
    # The 1024 elements of a block are four channels of 256.
    assert moves([out]) == {"x": 163840, "scale": 160 * 4, "result": 163840}


@pytest.mark.parametrize(("batch", "blocks"), [(1, 1), (10, 2), (100, 12)])
def test_the_place_of_a_shards_draw_is_read_once_a_block(batch: int, blocks: int) -> None:
    image = x(3, BATCH, 5, 8)
    places = x(7, dtype="int64", name="places")
    words = g.random.range_of_draw(g.random.bits(image.shape, 1, 2), 1, places[3], places[4])
    out = g.where(g.less(g.cast(words, "int64"), 2**31), image, 0.0)
    # Two int64 are four elements of four bytes; a block takes 1024 elements.
    assert moves([out], batch) == {"places": 4 * blocks, "x": 120 * batch, "result": 120 * batch}


def test_parts_of_a_concatenation_are_read_once() -> None:
    out = g.exp(g.concat([x(BATCH, 30), x(BATCH, 70, name="y")], 1))
    assert moves([out]) == {"x": 300, "y": 700, "result": 1000}


@pytest.mark.parametrize("length", [50, 1000, 15_000])
def test_a_row_that_is_held_is_read_once(length: int) -> None:
    assert moves([g.softmax(x(BATCH, length))]) == {"x": 10 * length, "result": 10 * length}


@pytest.mark.parametrize(("length", "walks"), [(500, 1), (1000, 2), (100_000, 2)])
def test_a_row_is_read_once_a_walk(length: int, walks: int) -> None:
    """Two walks where the registers of a warp do not hold a length that only a call knows: the
    maximum with the sum, and the results."""
    found = moves([g.softmax(x(BATCH, LENGTH))], length=length)
    assert found == {"x": walks * 10 * length, "result": 10 * length}


def test_statistics_of_channels_and_columns_read_them_once() -> None:
    """The squared differences are summed along with the mean."""
    assert moves([g.var(x(BATCH, 3, 8, 8), (0, 2, 3))]) == {"x": 10 * 3 * 64, "result": 3}
    assert moves([g.var(x(BATCH, 70), 0)]) == {"x": 10 * 70, "result": 70}


def test_parts_of_a_long_sum_are_written_and_read() -> None:
    first, second = described([g.sum(x(70_000, 10), 0)])
    parts = -(-70_000 // 256) * 10
    assert elements(first) == {"x": 700_000, "result": parts}
    assert elements(second) == {"sum/s0_parts": parts, "result": 10}


def test_the_scale_of_a_normalisation_is_read_once_a_block() -> None:
    values = x(BATCH, 64)
    centred = values - g.mean(values, 1, keepdims=True)
    spread = g.sqrt(g.mean(centred * centred, 1, keepdims=True) + 1e-3)
    # 64 elements are 16 packs, so 16 lanes: a block of 128 threads has eight rows.
    out = centred / spread * x(64, name="scale")
    assert moves([out]) == {"x": 640, "scale": 2 * 64, "result": 640}


def test_columns_read_what_a_row_has_once_a_block_of_columns() -> None:
    weights = g.reshape(x(BATCH, name="weights"), (BATCH, 1))
    out = g.sum(x(BATCH, 1024) * weights, 0)
    # Symbolic columns of 1024 are 64 blocks of 16.
    assert moves([out]) == {"x": 10240, "weights": 64 * 10, "result": 1024}


def test_operands_of_a_product_are_read_once_a_tile() -> None:
    out = g.matmul(x(BATCH, 256), x(256, 512, name="W")) + x(512, name="b")
    (kernel,) = described([out], batch=128)
    assert kernel.grid == (128, 1, 1)  # tiles of 16 x 32
    rows, columns = 128 // 16, 512 // 32
    assert moves([out], batch=128) == {
        "x": columns * 128 * 256,
        "W": rows * 256 * 512,
        "b": rows * 512,
        "result": 128 * 512,
    }
    assert kernel.fewest == FLOAT * (128 * 256 + 256 * 512 + 512 + 128 * 512)
    assert kernel.notes == ("reads W 8.0 times, x 16.0 times",)
    assert described([g.softmax(x(BATCH, 50))])[0].notes == ()


def test_operands_of_a_product_of_many_tiles_are_read_once_a_tile() -> None:
    out = g.matmul(x(6 * BATCH, 256), x(256, 1024, name="W")) + x(1024, name="b")
    (kernel,) = described([out], batch=70)
    rows, columns = 7, 1024 // 64  # 420 rows, the last tile is not full
    assert kernel.grid == (rows * columns, 1, 1)
    assert moves([out], batch=70) == {
        "x": columns * 420 * 256,
        "W": rows * 256 * 1024,
        "b": rows * 1024,
        "result": 420 * 1024,
    }


def test_partial_sums_are_written_and_read() -> None:
    out = g.matmul(x(64, 8192), x(8192, 32, name="W")) + x(32, name="b")
    first, second = described([out])
    parts = 8
    results = 64 * 32
    rows, columns = 4, 1  # tiles of 16 x 32
    assert first.grid == (rows * columns * parts, 1, 1)
    operands = columns * 64 * 8192 + rows * 8192 * 32
    assert first.moved == FLOAT * (operands + parts * results)
    # 256 threads of the second have eight rows.
    assert second.moved == FLOAT * (parts * results + 8 * 32 + results)
    assert (second.fewest, second.ratio) == (0, None)
    assert first.fewest == FLOAT * (64 * 8192 + 8192 * 32 + 32 + results)
    assert first.ratio == pytest.approx((first.moved + second.moved) / first.fewest, abs=5e-4)


def test_the_vector_of_a_product_is_read_once_a_block() -> None:
    out = g.matmul(x(100, 64), x(64, 1, name="v"))
    # Eight warps of a block have a row each.
    assert moves([out]) == {"x": 6400, "v": 13 * 64, "result": 100}


def test_a_block_of_a_convolution_reads_the_rows_of_its_windows() -> None:
    image, kernel = x(BATCH, 8, 34, 34), x(32, 8, 3, 3, name="W")
    out = g.conv(image, kernel) + g.reshape(x(32, name="b"), (1, 32, 1, 1))
    (described_one,) = described([out], batch=16)
    blocks = 16 * 32 * 32 // 128  # tiles of all 32 filters by 128 windows
    assert described_one.grid == (blocks, 1, 1)
    assert moves([out], batch=16) == {
        "x": blocks * 8 * 6 * 34,  # 4 rows of 32 windows, of 3 rows each
        "W": blocks * 32 * 8 * 9,
        "b": blocks * 32,
        "result": 16 * 32 * 32 * 32,
    }


def test_a_pooling_behind_a_convolution_reads_nothing() -> None:
    image, kernel = x(BATCH, 8, 34, 34), x(32, 8, 3, 3, name="W")
    out = g.maximum(g.conv(image, kernel), 0.0)
    pooled = g.max_pool(out, (2, 2)) * x(BATCH, 32, 16, 16, name="gate")
    blocks = 16 * 32 * 32 // 128
    # A block has two rows of 16 windows, of 2 rows of the convolution each.
    reads = {"x": blocks * 8 * 6 * 34, "W": blocks * 32 * 8 * 9, "gate": 16 * 32 * 16 * 16}
    windows, results = 16 * 32 * 16 * 16, 16 * 32 * 32 * 32
    assert moves([pooled], batch=16) == {**reads, "result": windows}
    assert moves([pooled, out], batch=16) == {**reads, "result": windows + results}


def test_a_pooling_stores_what_it_computes_on_the_way_once() -> None:
    seen = g.exp(x(BATCH, 3, 8, 8) + x(BATCH, 3, 8, 8, name="y"))
    found = moves([g.max_pool(seen, (2, 2)), seen])
    assert found == {"x": 1920, "y": 1920, "result": 480 + 1920}


def test_pooling_reads_overlapping_windows_again() -> None:
    out = g.max_pool(x(BATCH, 3, 9, 9), (3, 3), strides=(2, 2))
    assert moves([out]) == {"x": 9 * 10 * 3 * 4 * 4, "result": 480}


def test_the_gradient_of_pooling_reads_its_windows_place_for_each_element() -> None:
    places, cotangents = x(100, 3, 4, 4, dtype="int32", name="places"), x(100, 3, 4, 4, name="dy")
    pool = {"window": (2, 2), "strides": (2, 2), "padding": ((0, 0), (0, 0)), "size": (8, 8)}
    out = g.make("max_unpool", places, cotangents, **pool)
    assert moves([out]) == {"places": 19200, "dy": 19200, "result": 19200}


def test_the_place_of_a_maximum_and_what_is_picked_there_are_one_walk() -> None:
    seen, mask = x(100, 3, 8, 8), x(100, 3, 8, 8, dtype="bool", name="mask")
    pool = {"window": (2, 2), "strides": (2, 2), "padding": ((0, 0), (0, 0))}
    places = g.make("argmax_pool", seen, **pool)
    outputs = [places, *(g.make("gather_pool", places, y, **pool) for y in (seen, mask))]
    # The mask is read at the maxima alone; a bool is a quarter of an element.
    assert moves(outputs) == {"x": 19200, "mask": 1200, "result": 2 * 4800 + 1200}


def test_a_gather_reads_the_rows_that_it_takes() -> None:
    out = g.take(x(1000, 64), x(32, dtype="int32", name="words"))
    # A block has 1024 elements, sixteen rows.
    assert moves([out]) == {"x": 32 * 64, "words": 32, "result": 32 * 64}


def test_every_block_of_a_scatter_reads_every_index() -> None:
    words, cotangents = x(BATCH, dtype="int32", name="words"), x(BATCH, 64, name="dy")
    out = g.scatter_add(words, cotangents, 1000)
    (kernel,) = described([out])
    blocks = kernel.grid[0]
    assert (blocks, kernel.grid[1]) == (250, 1)
    assert moves([out]) == {"words": 250 * 10, "dy": 640, "result": 64000}


def test_an_update_reads_and_writes_each_parameter_once() -> None:
    lr = g.shared(np.float32(0.1), "lr")
    weights = [g.shared(np.zeros(n, "float32"), f"W{n}") for n in (2048, 64)]
    outputs = [w - lr * x(*w.shape, name=f"d{w.shape[0]}") for w in weights]
    (kernel,) = described(outputs, states=[w.attrs["state"] for w in weights])
    assert kernel.kind == "update"
    # The rate once a block of 1024 elements.
    assert kernel.moved == FLOAT * (3 * 2048 + 2 + 3 * 64 + 1)


def recurrent(units: int, steps: int, rows: int) -> list[Node]:
    """A recurrent layer's states, of which none is kept but the last."""
    matrix = g.shared(np.zeros((units, units), "float32"), "U")
    final, _ = g.scan(
        lambda h, x_t: ([g.tanh(g.matmul(h[0], matrix) + x_t[0])], []),
        [g.zeros((rows, units), "float32")],
        [x(steps, rows, units)],
    )
    return final


def test_a_persistent_loop_reads_its_matrix_once_a_block() -> None:
    (kernel,) = described(recurrent(units=32, steps=7, rows=20))
    assert kernel.kind == "scan"
    blocks = kernel.grid[0]
    assert blocks > 1
    assert elements(kernel) == {"U": blocks * 32 * 32, "x": 7 * 20 * 32, "result": 20 * 32}


def test_a_loop_of_launches_reads_its_matrix_in_each_step() -> None:
    kernels = described(recurrent(units=256, steps=7, rows=16))
    (step,) = [kernel for kernel in kernels if kernel.times == 7]
    tiles = 256 // 32  # of 16 x 32
    assert step.grid == (tiles, 1, 1)
    assert elements(step)["U"] == 256 * 256
    # The state once a tile, an element of the sequence for each result.
    assert step.moved == FLOAT * (256 * 256 + tiles * 16 * 256 + 16 * 256 + 16 * 256)
    fixed = sum(kernel.moved for kernel in kernels if kernel.times == 1)
    assert kernels.moved == 7 * step.moved + fixed


def test_totals_and_the_table() -> None:
    kernels = described([g.softmax(x(BATCH, LENGTH)), g.max_pool(x(10, 3, 9, 9), (3, 3), (2, 2))])
    assert kernels.moved == sum(kernel.moved for kernel in kernels)
    assert kernels.fewest == sum(kernel.fewest for kernel in kernels)
    totals = kernels.as_dict()["totals"]
    assert totals["ratio"] == pytest.approx(totals["moved"] / totals["fewest"], abs=5e-4)
    for kernel in kernels:
        (line,) = [line for line in str(kernels).splitlines() if line.startswith(kernel.name)]
        assert line.endswith(f"{kernel.ratio:.2f}")
        assert kernel.as_dict()["moved"] == sum(one["bytes"] for one in kernel.as_dict()["moves"])
