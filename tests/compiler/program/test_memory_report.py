"""Memory of a program, by hand; and the largest batch that fits."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import state_of
from graphc.compiler.graph.dim import symbols
from graphc.compiler.lowering.cpu import lower_native
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.program.launch import DeviceProgram, launches
from graphc.compiler.program.memory_report import MemoryReport, largest_batch, memory_report

(BATCH,) = symbols(g.BATCH)


def report(program: DeviceProgram, batch: int) -> MemoryReport:
    return memory_report(program, {BATCH: batch}, "f")


@pytest.fixture
def program() -> DeviceProgram:
    """w += sum over the batch of x . table, and the sum is fetched."""
    x = g.input((g.BATCH, 256), "float32", name="x")
    w = g.shared(np.zeros(256, "float32"), name="w")
    table = g.as_node(np.arange(256 * 256, dtype="float32").reshape(256, 256))
    with g.origin("layer_1"):
        total = g.sum(g.matmul(x, table), axis=0)
    return lower([total, w + total], [state_of(w)])


def test_what_has_memory_of_its_own(program: DeviceProgram) -> None:
    found = report(program, 10)
    assert found.states == 256 * 4
    assert found.inputs == 2 * 10 * 256 * 4  # two places
    assert found.constants == 256 + 256 * 256 * 4  # the status word, then the table
    held = {use.name: use.held for use in found.buffers}
    assert held["w"] == "state"
    assert held["x"] == "input"
    assert found.peak == found.states + found.inputs + found.constants + found.arena


def test_the_arena_holds_what_is_computed(program: DeviceProgram) -> None:
    found = report(program, 10)
    (product,) = [use for use in found.buffers if use.name == "layer_1/matmul"]
    assert (product.shape, product.nbytes, product.held) == ((10, 256), 10 * 256 * 4, "arena")
    assert found.arena >= found.live >= (10 + 1) * 256 * 4  # the product with its sum


def rows_added() -> tuple[list[g.Node], g.Node, g.Node]:
    """Rows of 8 numbers, added into the five of a table."""
    at, rows = g.input((g.BATCH,), "int32"), g.input((g.BATCH, 8), "float32")
    return [g.scatter_add(at, rows, 5)], at, rows


def test_scratch_of_listed_places_by_hand() -> None:
    """Three arrays of an int for each index, and two of an int for each row, in whole pages of the
    calling thread; sums of rows that do not fit into registers are each thread's own."""
    program = lower_native(rows_added()[0]).program
    for threads in (1, 4):
        found = memory_report(program, {BATCH: 3000}, "f", target="cpu", threads=threads)
        assert found.scratch == 3 * 12288 + 2 * 4096  # 12,000 bytes are three pages
        assert found.threads == threads
    wide = lower_native([g.scatter_add(g.input((g.BATCH,), "int32"), g.input((g.BATCH, 5000)), 5)])
    few = memory_report(wide.program, {BATCH: 3}, "f", target="cpu", threads=1)
    assert few.scratch == 5 * 4096 + 20480  # a row of 5,000 is 20,000 bytes
    assert few.peak == few.states + few.inputs + few.constants + few.arena + few.scratch
    assert few.as_dict()["scratch"] == few.scratch
    assert "scratch of 1 thread 41.0 kB" in few.summary.replace("\n", " ")


def test_each_thread_has_tiles_of_its_own() -> None:
    """The sums of a strip of 32 rows, and once the panels of the right factor."""
    x, w = g.input((g.BATCH, 200)), g.input((200, 1000))
    product = g.matmul(x, w)
    program = lower_native([g.tanh(product), product * 2.0]).program
    one, three = (
        memory_report(program, {BATCH: 1000}, "f", target="cpu", threads=threads).scratch
        for threads in (1, 3)
    )
    sums, panels = 32 * 4096, 200 * 4096  # 1,000 columns are whole panels of 1,024
    assert one == sums + panels
    assert three == one + 2 * sums


def test_a_gpu_has_no_scratch(program: DeviceProgram) -> None:
    assert report(program, 10).scratch == 0


def test_live_is_what_one_step_needs() -> None:
    x = g.input((g.BATCH, 256), "float32")
    node = x
    for _ in range(6):  # products do not fuse: two values are alive at once
        node = g.matmul(node, g.input((256, 256), "float32"))
    found = report(lower([node]), 64)
    assert found.live >= 2 * 64 * 256 * 4
    values = [use for use in found.buffers if use.held == "arena" and use.name == "matmul"]
    assert len(values) == 6
    assert found.arena < 6 * 64 * 256 * 4


def test_who_touches_a_value_and_where_it_lies(program: DeviceProgram) -> None:
    found = {use.name: use for use in report(program, 10).buffers}
    names = [launch.name for launch in launches(program.steps)]
    product = found["layer_1/matmul"]
    assert product.writers == (names[0],)
    assert set(product.readers) <= set(names[1:])
    assert product.offset is not None
    assert product.node is not None
    assert product.node.op == "matmul"
    w = found["w"]
    assert (w.offset, w.writers, w.node.op) == (None, w.readers, "shared")
    assert (found["x"].readers, found["x"].writers) == ((names[0],), ())
    assert {"offset", "readers", "writers"} <= report(program, 10).as_dict()["buffers"][0].keys()


def test_the_largest_come_first(program: DeviceProgram) -> None:
    sizes = [use.nbytes for use in report(program, 1000).buffers]
    assert sizes == sorted(sizes, reverse=True)
    assert [use.nbytes for use in report(program, 1000).largest(2)] == sizes[:2]


def test_table_fits_the_page(program: DeviceProgram) -> None:
    lines = str(report(program, 128)).splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.endswith("layer_1/matmul float32[128, 256]") for line in lines)
    assert report(program, 128)._repr_html_().count("<tr>") == 1 + len(report(program, 128).buffers)


@pytest.mark.parametrize("batch", [1, 2, 63, 64, 1000])
def test_largest_batch_is_the_last_that_fits(program: DeviceProgram, batch: int) -> None:
    nbytes = report(program, batch).peak
    assert largest_batch(partial(memory_report, program, title="f"), nbytes, {BATCH: 7}) >= batch
    for memory in (nbytes - 1, nbytes, nbytes + 12345):
        found = largest_batch(partial(memory_report, program, title="f"), memory, {BATCH: 7})
        assert found == 0 or report(program, found).peak <= memory
        assert report(program, found + 1).peak > memory


def test_largest_batch_where_none_fits_or_none_counts(program: DeviceProgram) -> None:
    assert largest_batch(partial(memory_report, program, title="f"), 1000, {BATCH: 7}) == 0
    fixed = lower([g.exp(g.input((3,), "float32"))])
    assert largest_batch(partial(memory_report, fixed, title="f"), 10, {}) is None
