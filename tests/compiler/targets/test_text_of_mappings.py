"""The text of a kernel by each mapping of each target, kept to be read and reviewed as code is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node, Size
from graphc.compiler.loops.build import buffers_of, plain_program
from graphc.compiler.loops.launches import launches_of
from graphc.compiler.loops.program import loops_in
from graphc.compiler.loops.rewrites.loops.part import part
from graphc.compiler.passes import optimize
from graphc.compiler.schedule import kernels, make_schedule
from graphc.compiler.targets.cpu import printer as cpu_printer
from graphc.compiler.targets.cpu.mappings import CPU_MAPPINGS, CPU_MAPPINGS_OF_ROWS
from graphc.compiler.targets.cuda import printer as cuda_printer
from graphc.compiler.targets.cuda.facts import any_card
from graphc.compiler.targets.cuda.mappings import CUDA_MAPPINGS
from graphc.compiler.targets.mapping import choose
from graphc.compiler.targets.target import Target
from tests.compiler.lowering.golden_text import check_golden
from tests.compiler.targets.convolution_cases import biased, gradient

LENGTH = g.symbol("length")
CPU = Target("cpu", 64, 32, (32 << 10, 1 << 20, 32 << 20), threads=2)
FOLDER = Path(__file__).parent
Examples = Mapping[str, Callable[[], Node | list[Node]]]


def x(*shape: Size) -> Node:
    return g.input(shape, "float32", name="x")


def w(*shape: Size) -> Node:
    return g.input(shape, "float32", name="w")


def places(*shape: Size) -> Node:
    return g.input(shape, "int32", name="places")


def transposed(node: Node) -> Node:
    return g.transpose(node, (*range(node.ndim - 2), node.ndim - 1, node.ndim - 2))


def shifted(node: Node, axis: int) -> Node:
    """The exponentials of a softmax over an axis, before they are divided by their sum."""
    return g.exp(node - g.max(node, axis=axis, keepdims=True))


def above_mean() -> Node:
    """The sums of columns, of whose elements none is below the mean."""
    of = x(BATCH, 512)
    return g.sum(g.maximum(of, g.mean(of, axis=0, keepdims=True)), axis=0)


def unpooled(filters: int, *sizes: int) -> Node:
    """The gradient of the values of a pooling of windows of two by two."""
    halves = (size // 2 for size in sizes)
    argmax = places(BATCH, filters, *halves)
    window = {"window": (2, 2), "strides": (2, 2), "padding": ((0, 0), (0, 0))}
    return g.make("max_unpool", argmax, x(*argmax.shape), size=sizes, **window)


def pooled_and_kept() -> list[Node]:
    """A pooling, and what is pooled, as a connection past it reads."""
    y = g.maximum(g.conv(x(BATCH, 3, 28, 28), w(16, 3, 5, 5), padding=2), 0.0)
    return [g.max_pool(y, (2, 2)), y]


def bias_and_relu() -> Node:
    return g.maximum(x(BATCH, 512) + g.input((512,), name="b"), np.float32(0))


def windows_of_a_row() -> Node:
    """Three neighbours of each channel, channel by channel, as windows with weights of their own
    read them."""
    image = x(BATCH, 16, 30)
    taps = [g.reshape(image[:, :, tap : tap + 28], (BATCH, 16, 28, 1)) for tap in range(3)]
    return g.reshape(g.transpose(g.concat(taps, 3), (0, 2, 1, 3)), (BATCH, 28, 48))


ON_A_CPU: Mapping[str, Examples] = {
    "pointwise": {
        "vectors": bias_and_relu,
        "tiles": lambda: g.transpose(x(BATCH, 32, 1024), (0, 2, 1)) * np.float32(3),
        "strided vectors": lambda: g.exp(g.transpose(x(BATCH, 3), (1, 0))),
        "parts in order": windows_of_a_row,
    },
    "rows": {
        "blocks in lanes": lambda: g.sum(x(1 << 20)),
        "transposed rows": lambda: g.max(x(BATCH, 10), axis=1),
        "rows in lanes": lambda: shifted(x(BATCH, 1024), 1),
        "transposed tiles of rows": lambda: g.softmax(g.transpose(x(BATCH, 21, 1024), (0, 2, 1))),
        "rows in order": lambda: g.sum(x(BATCH, 300)[:, ::3], axis=1),
    },
    "columns": {"tiles of rows": lambda: g.mean(x(BATCH, 512), axis=0)},
    "window": {
        "windows in vectors": lambda: g.max_pool(
            g.concat([x(BATCH, 8, 32, 32), g.maximum(x(BATCH, 4, 32, 32), 0.0)], 1), (2, 2)
        ),
        "rows of windows": lambda: g.max_pool(g.tanh(x(BATCH, 8, 64, 64)), (6, 6)),
    },
    "conv": {
        "matrices of samples": lambda: g.conv(x(BATCH, 32, 16, 16), w(32, 32, 1, 1)),
        "rows of images": lambda: g.conv(x(BATCH, 16, 28, 28), w(32, 16, 5, 5), padding=2),
        "parts of samples": lambda: gradient(
            1, g.conv(x(BATCH, 3, 28, 28), w(64, 3, 5, 5), padding=2)
        ),
        "blocks of weights": lambda: gradient(
            1, g.conv(x(BATCH, 64, 14, 14), w(64, 64, 5, 5), padding=2)
        ),
        "places of poolings": lambda: gradient(
            1, g.conv(x(BATCH, 3, 28, 28), w(20, 3, 5, 5)), unpooled(20, 24, 24)
        ),
        "tiles of images": lambda: g.conv(x(BATCH, 32, 28, 28), w(32, 32, 3, 3), padding=1),
        "tiles of samples": lambda: gradient(
            1, g.conv(x(BATCH, 32, 28, 28), w(32, 32, 3, 3), padding=1)
        ),
        "pooled tiles of images": lambda: g.max_pool(
            biased(g.conv(x(BATCH, 32, 28, 28), w(32, 32, 3, 3), padding=1)), (2, 2)
        ),
        "panels of windows": lambda: g.conv(x(BATCH, 16, 32, 32), w(32, 16, 5, 5), padding=2),
        "pooled rows of images": pooled_and_kept,
        "pooled panels of windows": lambda: g.average_pool(
            g.conv(x(BATCH, 3, 65, 65), w(16, 3, 5, 5), 2), (2, 2)
        ),
    },
    "scatter": {
        "places in order": lambda: g.scatter_add(places(BATCH), x(BATCH), 1000) * np.float32(3),
        "listed places of all rows": lambda: g.scatter_add(
            places(BATCH, 80), x(BATCH, 80, 128), 20_000
        ),
    },
    "matmul": {
        "one column": lambda: g.dot(x(BATCH, 1024), w(1024, 1)),
        "few columns": lambda: g.dot(x(BATCH, 1024), w(1024, 4)),
        "short sums": lambda: g.dot(x(BATCH, 4), w(4, 1024)),
        "few rows": lambda: g.dot(x(4, 784), w(784, 512)),
        "few rows by columns": lambda: g.dot(x(4, 1024), transposed(w(512, 1024))),
        "panels of columns": lambda: g.matmul(x(BATCH, 8, 128, 64), w(BATCH, 8, 64, 128)),
        "panels of one matrix": lambda: g.dot(x(BATCH, 784), w(784, 512)),
        "parts of sums": lambda: g.dot(x(32, 16384), w(16384, 32)),
        "blocks of columns": lambda: g.dot(x(BATCH, 512), w(256, 512).T),
        "strips of rows": lambda: g.dot(transposed(x(BATCH, 784)), w(BATCH, 512)),
        "panels of unknown columns": lambda: g.dot(x(BATCH, 100), w(100, LENGTH)),
    },
}
ON_A_GPU: Mapping[str, Examples] = {
    "pointwise": {"packs": bias_and_relu},
    "window": {
        "elements": lambda: g.max_pool(x(BATCH, 2, 6, 6), (2, 2)),
    },
    "rows": {
        "elements without terms": lambda: g.sum(x(BATCH, 0), axis=1),
        "a thread a row": lambda: g.sum(x(BATCH, 2), axis=1),
        "lanes of a warp a row": lambda: shifted(x(BATCH, 1024), 1),
        "blocks a row": lambda: g.sum(x(1 << 20)),
        "a block a row": lambda: g.sum(x(BATCH, 20_000), axis=1),
        "lanes of a warp a row of at most 512": lambda: shifted(x(BATCH, LENGTH), 1),
        "a block a long row": lambda: shifted(x(BATCH, 20_000), 1),
        "a block a row of any length": lambda: shifted(x(BATCH, LENGTH), 1),
    },
    "columns": {
        "blocks a tile of columns": lambda: g.sum(x(100_000, 32), axis=0),
        "tiles of columns": lambda: g.mean(x(BATCH, 512), axis=0),
        "tiles of columns that threads keep": above_mean,
        "tiles of columns that are read again": above_mean,
    },
    "matmul": {
        "tiles by blocks": lambda: g.dot(x(BATCH, 784), w(784, 512)),
        "elements of sums": lambda: (
            g.dot(x(BATCH, 784), w(784, 8)) + g.take(w(LENGTH - 1, 8), places(BATCH))
        ),
    },
    "scatter": {
        "tiles of sums by blocks": lambda: (
            w(20_000, 128) - g.scatter_add(places(BATCH), x(BATCH, 128), 20_000) * np.float32(0.1)
        ),
    },
    "conv": {
        "tiles of windows by blocks": lambda: g.conv(
            x(BATCH, 32, 28, 28), w(32, 32, 3, 3), padding=1
        ),
        "windows by classes": lambda: g.conv(
            x(BATCH, 16, 28), w(16, 16, 3), padding=((1, 2),), input_dilation=2
        ),
        "tiles of pooled windows by blocks": lambda: g.max_pool(
            biased(g.conv(x(BATCH, 32, 26, 26), w(32, 32, 3, 3))), (2, 2)
        ),
    },
}
OF_ROWS: Mapping[str, Examples] = {
    "matmul": {"strips of own rows": lambda: g.tanh(g.dot(x(BATCH, 128), transposed(w(64, 128))))}
}
WITHOUT_TEXT = {
    "coordinates": "the loops of the plain program, where positions prove nothing",
    "coordinates of sums": "as of elements, by the coordinates of each",
    "in order": "the loops of the plain program",
    "listed places of named rows": "of all rows, each under a test; embedding_step.cpp has one",
    "tiles of sums by coordinates": "as by blocks, by other indices",
    "lanes of a warp a row of at most 256": "as of at most 512",
    "a thread a row of any length": "the loops of the plain program, in each thread",
    "rows by blocks for all steps": "lowering/golden/scan.cu has one",
    "rows by blocks in order": "the loops of the plain program, in each block",
}


def named(examples: Mapping[str, Examples]) -> list[object]:
    return [pytest.param(kind, name, id=name) for kind in examples for name in examples[kind]]


@pytest.mark.parametrize(("kind", "name"), named(ON_A_CPU))
def test_text_on_a_cpu(kind: str, name: str) -> None:
    check_text(CPU, kind, name, ON_A_CPU[kind][name](), ".cpp")


@pytest.mark.parametrize(("kind", "name"), named(OF_ROWS))
def test_text_of_the_rows_of_a_thread(kind: str, name: str) -> None:
    check_text(CPU, kind, name, OF_ROWS[kind][name](), ".cpp", of_rows=True)


@pytest.mark.parametrize(("kind", "name"), named(ON_A_GPU))
def test_text_on_a_gpu(kind: str, name: str) -> None:
    check_text(any_card(), kind, name, ON_A_GPU[kind][name](), ".cu")


def check_text(
    target: Target,
    kind: str,
    name: str,
    made: Node | list[Node],
    suffix: str,
    of_rows: bool = False,
) -> None:
    outputs = made if isinstance(made, list) else [made]
    is_cpu = target is CPU
    rows = make_schedule(list(optimize(outputs)[0]), **({"most_shared": 0} if is_cpu else {}))
    (kernel,) = (one for one in kernels(rows) if one.kind == kind)
    table = (CPU_MAPPINGS if is_cpu else CUDA_MAPPINGS)[kind]
    plain = plain_program(kernel, "k0", buffers_of(kernel))
    if of_rows:
        table = CPU_MAPPINGS_OF_ROWS[kind]
        plain = part(plain, loops_in(plain.body)[0].variable.name)
    found = choose(plain, target, table)
    assert name in found.names, found.refusals
    each = (
        dict(zip(found.names, found.variants, strict=True)) if found.variants and not is_cpu else {}
    )
    program = replace(each.get(name, found.program), name=name.replace(" ", "_"))
    print_program = (cpu_printer if is_cpu else cuda_printer).print_program
    text = "\n".join(print_program(one).text for one in launches_of(program))
    path = FOLDER / target.name / "golden" / f"mapping_{program.name}{suffix}"
    check_golden(name, text, path)


@pytest.mark.parametrize(
    ("table", "examples"),
    [
        (CPU_MAPPINGS, ON_A_CPU),
        (CPU_MAPPINGS_OF_ROWS, {**ON_A_CPU, **OF_ROWS}),
        (CUDA_MAPPINGS, ON_A_GPU),
    ],
    ids=["cpu", "rows", "cuda"],
)
def test_each_mapping_has_a_text(table, examples) -> None:  # type: ignore[no-untyped-def]
    names = {mapping.name for mappings in table.values() for mapping in mappings}
    shown = {name for of_kind in examples.values() for name in of_kind}
    assert names - shown - set(WITHOUT_TEXT) == set()
