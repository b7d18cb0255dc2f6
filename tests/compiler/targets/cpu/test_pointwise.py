"""Mappings of pointwise kernels: which loops they make, and that these compute what the plain
program does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.dim import Size, symbols
from graphc.compiler.graph.dim import evaluate as size_of
from graphc.compiler.loops.build import BuiltKernel, buffers_of, build, plain_program
from graphc.compiler.loops.evaluate import evaluate
from graphc.compiler.loops.program import LoopProgram, loops_in, values_of, walk, walk_value
from graphc.compiler.loops.statement import Allocate, Check, For, Let, LoopKind, UseIntrinsic
from graphc.compiler.loops.value import RandomWord, Select
from graphc.compiler.passes import optimize
from graphc.compiler.schedule import kernels, make_schedule
from graphc.compiler.targets.cpu.crosswise import strided_loads
from graphc.compiler.targets.cpu.pointwise import POINTWISE, conditions_in, divisions
from graphc.compiler.targets.mapping import MappedProgram, choose
from graphc.compiler.targets.target import Target
from tests.compiler.lowering import kinds
from tests.compiler.lowering.golden_text import check_golden
from tests.compiler.targets.cpu.compiled_programs import STATUS_FINE, CompiledPrograms

CPU = Target("cpu", 64, 32, (32 << 10, 1 << 20), 2)
LARGE_SETS = replace(CPU, cache_bytes=(48 << 10, 1 << 20))
FOLDER = Path(__file__).parent / "golden"
(B,) = symbols(BATCH)


def _dense() -> list[Node]:
    x, bias = g.input((BATCH, 12), name="x"), g.input((12,), name="bias")
    with g.origin("dense_1"):
        return [g.maximum(x + bias, np.float32(0))]


def _runs() -> list[Node]:
    x = g.input((BATCH, 3, 700), name="x")
    return [
        g.exp(g.reshape(x, (BATCH, 2100))) * np.float32(2),
        g.reshape(x, (BATCH, 30, 70)) + x[0, 0, 0],
    ]


def _padded() -> list[Node]:
    with g.origin("zeropadding2d_1"):
        return [g.pad(g.input((BATCH, 2, 5, 6), name="x"), [(0, 0), (0, 0), (1, 2), (2, 1)])]


def _concatenated() -> list[Node]:
    parts = [g.input((BATCH, width), name=f"part{width}") for width in (3, 5, 4)]
    with g.origin("merge_1"):
        return [g.concat([parts[0], g.tanh(parts[1]), parts[2]], 1)]


def _stacked() -> list[Node]:
    return [g.exp(g.concat([g.input((BATCH, 4), name="x"), g.input((3, 4), name="y")], 0))]


def _upsampled() -> list[Node]:
    x = g.input((BATCH, 2, 3, 4), name="x")
    wide = g.broadcast_to(g.reshape(x, (BATCH, 2, 3, 1, 4, 1)), (BATCH, 2, 3, 2, 4, 2))
    return [g.reshape(wide, (BATCH, 2, 6, 8)) + np.float32(1)]


def _flipped() -> list[Node]:
    return [g.flip(g.input((BATCH, 6), name="x"), (1,))]


def _transposed() -> list[Node]:
    return [g.transpose(g.input((BATCH, 3, 40), name="x"), (0, 2, 1)) * np.float32(3)]


def _gathered() -> list[Node]:
    table, words = g.input((9, 20), name="table"), g.input((BATCH, 7), "int32", name="words")
    with g.origin("embedding_1"):
        return [g.take(table, words)]


def _picked() -> list[Node]:
    numbers, places = g.input((9,), name="numbers"), g.input((BATCH, 3), "int32", name="places")
    return [g.take(numbers, places) * np.float32(2)]


def _dropped() -> list[Node]:
    """A row is a part of the words that are drawn at once, and a draw of all is one row."""
    x, y = g.input((BATCH, 1300), name="x"), g.input((BATCH, 1300), name="y")
    bias = g.input((1300,), name="bias")
    drawn = g.random.uniform(x.shape, seed=1, stream=2) < 0.8
    with g.origin("dropout_1"):
        return [g.where(drawn, x + bias, 0.0), y * drawn]


def _dropped_runs() -> list[Node]:
    """Runs of 12 words: those of several are drawn at once."""
    x, bias = g.input((BATCH, 6, 12), name="x"), g.input((6, 1), name="bias")
    noise = g.random.uniform(x.shape, seed=3, stream=2)
    return [x * noise + g.broadcast_to(bias, x.shape[1:])]


def _dropped_rows() -> list[Node]:
    """Rows of 12 words: as many rows as are drawn at once are a loop."""
    x, bias = g.input((BATCH, 12), name="x"), g.input((12,), name="bias")
    return [(x + bias) * g.random.uniform(x.shape, seed=3, stream=2)]


def _few_drawn() -> list[Node]:
    return [g.random.uniform((37,), seed=3, stream=9) + g.input((37,), name="x")]


def _drawn_crosswise() -> list[Node]:
    """Words one by one: their elements do not lie side by side."""
    x = g.input((5, 30), name="x")
    return [x * g.transpose(g.random.uniform((30, 5), seed=3, stream=9))]


def _shard() -> list[Node]:
    """Rows of a part: each row has a shift of its own."""
    x = g.input((3, BATCH, 70), name="x")
    first, whole = g.input((), "int64", name="first"), g.input((), "int64", name="whole")
    words = g.random.range_of_draw(g.random.bits(x.shape, 1, 2), 1, whole, first)
    return [g.where(g.less(g.cast(words, "int64"), 2**31), x * 2.0, 0.0)]


def _across() -> list[Node]:
    return [g.transpose(g.input((300, 70), name="x"), (1, 0))]


def _one_tile_across() -> list[Node]:
    return [g.transpose(g.input((30, 40), name="x"), (1, 0))]


def _one_tile_changed() -> list[Node]:
    return [g.transpose(g.input((30, 40), name="x"), (1, 0)) * np.float32(2)]


def _batch_across() -> list[Node]:
    x, y = g.input((BATCH, 270, 70), name="x"), g.input((BATCH, 70, 270), name="y")
    return [g.exp(g.transpose(x, (0, 2, 1))) * y]


def _channels_innermost() -> list[Node]:
    x = g.input((2, 20, 20, 18), name="x")
    return [g.exp(g.transpose(x, (0, 3, 1, 2)))]


def _outermost_innermost() -> list[Node]:
    return [g.transpose(g.input((270, 3, 40), name="x"), (2, 1, 0)) * np.float32(2)]


def _unknown_across() -> list[Node]:
    return [g.transpose(g.input((BATCH, 40), name="x"), (1, 0)) + np.float32(2)]


def _ints_across() -> list[Node]:
    return [g.transpose(g.input((300, 70), "int32", name="x"), (1, 0))]


def _bools_across() -> list[Node]:
    """Of a type without transposes in registers: a tile is copied element by element."""
    x, y = g.input((300, 70), "bool", name="x"), g.input((70, 300), name="y")
    return [g.where(g.transpose(x, (1, 0)), y, 2.0)]


def _joined_across() -> list[Node]:
    """Maps of several sizes, flattened with their channels innermost, side by side."""
    x, y = g.input((BATCH, 20, 165), name="x"), g.input((BATCH, 20, 300), name="y")
    rows = [g.reshape(g.transpose(one, (0, 2, 1)), (BATCH, -1)) for one in (x, y)]
    with g.origin("merge_1"):
        return [g.concat(rows, 1)]


def _joined_to_itself_across() -> list[Node]:
    """One array in two loops, each of which has tiles of it."""
    x, y = g.input((BATCH, 90, 70), name="x"), g.input((2, BATCH, 70, 90), name="y")
    transposed = g.reshape(g.transpose(x, (0, 2, 1)), (1, BATCH, 70, 90))
    return [g.maximum(g.concat([transposed, transposed], 0), y)]


def _thin_across() -> list[Node]:
    """Few channels and many places: tiles are as long as they are thin."""
    x, mask = g.input((BATCH, 600, 20), name="x"), g.input((BATCH, 20, 600), "bool", name="mask")
    return [g.where(mask, g.transpose(x, (0, 2, 1)), 0.0)]


VECTORS = [
    _dense,
    _runs,
    _padded,
    _concatenated,
    _stacked,
    _upsampled,
    _flipped,
    _transposed,
    _gathered,
    _picked,
    _dropped,
    _dropped_runs,
    _dropped_rows,
    _few_drawn,
    _drawn_crosswise,
    _shard,
]
TILES = [
    _across,
    _one_tile_across,
    _one_tile_changed,
    _batch_across,
    _channels_innermost,
    _outermost_innermost,
    _unknown_across,
    _ints_across,
    _bools_across,
    _joined_across,
    _joined_to_itself_across,
    _thin_across,
]
TAKEN = [*VECTORS, *TILES]


def _built(make: Callable[[], list[Node]]) -> BuiltKernel:
    (kernel,) = kernels(make_schedule(optimize(make())[0]))
    return build(kernel, make.__name__.strip("_"), buffers_of(kernel))


def _plain(outputs: list[Node], name: str) -> LoopProgram:
    (kernel,) = kernels(make_schedule(outputs))
    return plain_program(kernel, name, buffers_of(kernel))


def _mapped(make: Callable[[], list[Node]]) -> MappedProgram:
    return choose(_built(make).program, CPU, POINTWISE)


def _arrays(program: LoopProgram, batch: int) -> dict[str, np.ndarray]:
    """Floats, and integers that are indices of nine rows."""
    draw = np.random.default_rng(4)
    arrays = {}
    for buffer in program.inputs:
        shape = [size_of(size, {B: batch}) for size in buffer.shape]
        if buffer.dtype == "int64":  # of a shard: the rows of the whole, and the first of its own
            arrays[buffer.name] = np.asarray(2**33 + len(arrays), "int64")
        elif buffer.dtype == "bool":
            arrays[buffer.name] = draw.integers(0, 2, shape).astype("bool")
        elif buffer.dtype == "int32":
            arrays[buffer.name] = draw.integers(0, 9, shape, "int32")
        else:
            arrays[buffer.name] = draw.normal(size=shape).astype(buffer.dtype)
    return arrays


@pytest.fixture(scope="module")
def compiled() -> CompiledPrograms:
    mapped = [_mapped(make).program for make in TAKEN]
    plain = [_built(make).program for make in TAKEN]
    return CompiledPrograms([*mapped, *(replace(one, name=f"plain_{one.name}") for one in plain)])


def _batches(make: Callable[[], list[Node]]) -> tuple[int, ...]:
    is_known = all(isinstance(size, int) for output in make() for size in output.shape)
    return (1,) if is_known else (1, 3, 167)


@pytest.mark.parametrize(
    ("make", "batch"),
    [
        pytest.param(make, batch, id=f"{batch}-{make.__name__.strip('_')}")
        for make in TAKEN
        for batch in _batches(make)
    ],
)
def test_elements_are_those_of_the_plain_program(
    compiled: CompiledPrograms, make: Callable[[], list[Node]], batch: int
) -> None:
    built, mapped = _built(make), _mapped(make)
    plain = built.program
    assert mapped.names == ("vectors" if make in VECTORS else "tiles",)
    arrays = _arrays(plain, batch)
    call_step = {"call_step": 2**33 + 5} if plain.arguments else {}
    arguments = {**built.words, **call_step}
    found, status = compiled(plain.name, arrays, {B: batch}, arguments)
    assert status == STATUS_FINE
    if batch > 3:  # the evaluator takes an element at a time
        expected, _ = compiled(f"plain_{plain.name}", arrays, {B: batch}, arguments)
    else:
        expected = evaluate(plain, arrays, {B: batch}, arguments=arguments).outputs
        again = evaluate(mapped.program, arrays, {B: batch}, arguments=arguments).outputs
        for name, array in expected.items():
            np.testing.assert_array_equal(again[name], array)
    for name, array in expected.items():
        np.testing.assert_allclose(found[name].reshape(array.shape), array, rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("make", TAKEN, ids=lambda make: make.__name__.strip("_"))
def test_loops_go_where_elements_lie(make: Callable[[], list[Node]]) -> None:
    """Nothing is divided, no element chooses between places; the innermost loops are vectors, but
    for those that test an index."""
    body = _mapped(make).program.body
    assert divisions(body) == []
    assert not any(
        isinstance(part, Select)
        for statement in walk(body)
        for value in values_of(statement)
        for part in walk_value(value)
    )
    loops = [one for one in walk(body) if isinstance(one, For)]
    for loop in loops:
        if not any(isinstance(x, For | UseIntrinsic | Check) for x in walk(loop.body)):
            assert loop.kind is LoopKind.VECTOR or make is _bools_across
    outermost = [one for one in body if isinstance(one, For)]
    symbolic = [one for one in outermost if not isinstance(one.ends[0].constant, int)]
    assert all(one.kind is LoopKind.TEAM for one in symbolic)


@pytest.mark.parametrize("make", [_dropped, _dropped_runs, _dropped_rows, _few_drawn, _shard])
def test_words_are_drawn_ahead_of_the_loop_that_reads_them(
    make: Callable[[], list[Node]],
) -> None:
    body = _mapped(make).program.body
    calls = [one for one in walk(body) if isinstance(one, UseIntrinsic)]
    assert calls
    assert {one.intrinsic.source for one in calls} == {"host_random.h"}
    values = (value for one in walk(body) for value in values_of(one))
    assert not any(isinstance(x, RandomWord) for value in values for x in walk_value(value))


@pytest.mark.parametrize("make", TILES)
def test_what_is_read_crosswise_is_transposed(make: Callable[[], list[Node]]) -> None:
    """By blocks, where they have vectors; and nothing is moved with a stride by the elements."""
    program = _mapped(make).program
    calls = [one for one in walk(program.body) if isinstance(one, UseIntrinsic)]
    assert {one.intrinsic.source for one in calls} == (
        set() if make is _bools_across else {"host_transpose.h"}
    )
    for loop in loops_in(program.body):
        if loop.kind is LoopKind.VECTOR:
            assert strided_loads(program, loop.variable.name) == []


def test_tiles_are_as_long_as_they_are_thin() -> None:
    body = _mapped(_thin_across).program.body
    shapes = [one.buffer.shape for one in walk(body) if isinstance(one, Allocate)]
    assert [shape for shape in shapes if shape] == [(1, 20, 256)]


@pytest.mark.parametrize(
    ("length", "staged"),
    [(1024, (1, 32, 128)), (1023, (1, 32, 128)), (2048, (1, 32, 128)), (1000, ()), (512, ())],
)
def test_rows_that_meet_in_the_cache_are_stored_one_by_one(
    length: int, staged: tuple[int, ...]
) -> None:
    """Rows that are stored whole pages apart, nearly."""
    assert _staged((BATCH, length, 32), LARGE_SETS) == ([staged] if staged else [])
    assert _staged((BATCH, length, 32), CPU) == []  # 8 lines a set


def test_rows_that_come_from_memory_are_stored_as_they_are_read() -> None:
    without_caches = replace(CPU, cache_bytes=())
    assert _staged((8, 1024, 64), LARGE_SETS) == []  # 4 MiB, with a cache of 1 MiB
    assert _staged((8, 1024, 64), without_caches) == [(1, 64, 128)]
    assert _staged((BATCH, 1024, 64), LARGE_SETS) == [(1, 64, 128)]


def _staged(shape: tuple[Size, ...], target: Target) -> list[tuple[Size, ...]]:
    """The shapes of the tiles that a transposition of the last two axes stages."""

    def transposed() -> list[Node]:
        return [g.transpose(g.input(shape, name="x"), (0, 2, 1))]

    program = choose(_built(transposed).program, target, POINTWISE).program
    shapes = (one.buffer.shape for one in walk(program.body) if isinstance(one, Allocate))
    return [shape for shape in shapes if shape]


@pytest.mark.parametrize("name", ["runs", "padded", "concatenated", "joined_across"])
def test_text(compiled: CompiledPrograms, name: str) -> None:
    check_golden(name, compiled.printed[name].text, FOLDER / f"mapped_{name}.cpp")


def test_an_index_that_is_not_there_is_reported(compiled: CompiledPrograms) -> None:
    for make in (_gathered, _picked):
        plain = _built(make).program
        arrays = _arrays(plain, 5)
        (name,) = (one.name for one in plain.inputs if one.dtype == "int32")
        arrays[name].flat[8] = 9
        _, status = compiled(plain.name, arrays, {B: 5})
        expected = evaluate(plain, arrays, {B: 5}).status
        assert expected is not None
        assert (status >> 32, status & 0xFFFFFFFF) == (expected.number, expected.position)


def test_an_update_has_loops_for_each_part() -> None:
    _, outputs, _ = kinds.update()
    (kernel,) = kernels(make_schedule(optimize(outputs)[0]))
    assert len(kernel.parts) > 1
    mapped = choose(plain_program(kernel, "k0", buffers_of(kernel)), CPU, POINTWISE)
    assert mapped.names == ("vectors",)
    assert len([one for one in mapped.program.body if isinstance(one, For)]) == len(kernel.parts)
    names = [one.local.name for one in walk(mapped.program.body) if isinstance(one, Let)]
    assert len(set(names)) == len(names)  # a scalar that each part reads has a name in each


def test_strided_elements_that_lie_nowhere_side_by_side_are_gathered() -> None:
    gathered = g.transpose(g.input((700, 600), name="x"), (1, 0))[::2]
    found = choose(_plain([gathered * np.float32(2)], "k0"), CPU, POINTWISE)
    assert found.names == ("strided vectors",)
    vectors, tiles = (reason for _, reason in found.refusals)
    assert vectors.endswith("expected elements side by side, found x0[i1, 2*i0]")
    assert tiles.endswith("a loop along which its strided elements lie side by side, found none")


def test_parts_that_are_stored_nowhere_side_by_side_have_loops_of_their_own() -> None:
    rows = g.input((2, 16, 9), name="x")
    taps = [g.reshape(rows[:, :, tap : tap + 7], (2, 16, 7, 1)) for tap in range(3)]
    windows = g.reshape(g.transpose(g.concat(taps, 3), (0, 2, 1, 3)), (2, 7, 48))
    plain = _plain([windows], "k0")
    found = choose(plain, CPU, POINTWISE)
    assert found.names == ("parts in order",)
    assert not list(conditions_in(found.program.body))
    arrays = _arrays(plain, 1)
    (expected,) = evaluate(plain, arrays).outputs.values()
    (again,) = evaluate(found.program, arrays).outputs.values()
    np.testing.assert_array_equal(again, expected)


def test_sums_are_no_parts() -> None:
    """The maxima of a convolution of one tap have registers, and are taken in their order."""
    x, weights = g.input((BATCH, 1, 130, 1), name="x"), g.input((1, 1, 1, 1), name="w")
    (kernel,) = kernels(make_schedule([g.max_pool(g.conv(x, weights), (10, 1))], most_shared=0))
    plain = plain_program(kernel, "k0", buffers_of(kernel))
    (parts,) = (one for one in POINTWISE if one.name == "parts in order")
    assert parts.when(plain, CPU).refusal == "it does more than to store elements"
