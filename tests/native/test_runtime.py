"""The executor of native programs beside computing: states, errors, cache, threads."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.compiler.graph.binding import bind
from graphc.compiler.lowering.cpu import lower_native, sections
from graphc.compiler.program.launch import launches
from graphc.compiler.program.memory import ALIGNMENT
from graphc.compiler.runtime.cpu import compiler as native_compiler
from graphc.compiler.runtime.cpu.executor import NativeExecutor
from graphc.config import config
from graphc.errors import DeviceError, IndexRangeError, NotFiniteError
from tests.campaigns.interrupts import Counted
from tests.native.graph_programs import assembly, flushes, needs_compiler, needs_gcc


@pytest.fixture(autouse=True)
def _native() -> None:
    config.cpu = "native"


@pytest.fixture
def empty_cache(tmp_path: Path) -> Path:
    config.cuda_cache = str(tmp_path / "cache")
    return tmp_path / "cache"


@needs_compiler
def test_states_and_results_begin_at_lines_of_the_cache() -> None:
    state = g.shared(np.arange(1000, dtype="float32"))
    doubled = function([], state * 2, updates={state: state + 1})()
    np.testing.assert_array_equal(doubled, np.arange(1000) * 2)
    np.testing.assert_array_equal(g.get_value(state), np.arange(1000) + 1)
    assert doubled.ctypes.data % ALIGNMENT == 0
    assert state.attrs["state"].buffer.ctypes.data % ALIGNMENT == 0


@needs_compiler
def test_threads_keep_the_scratch_memory_that_the_report_counts() -> None:
    """To the byte, where no array is as wide as the processor's vectors make it."""
    at, rows = g.input((g.BATCH,), "int32"), g.input((g.BATCH, 83), "float32")
    table = g.shared(np.zeros((11, 83), "float32"))
    step = function([at, rows], [], updates=[(table, g.scatter_add(at, rows, 11))])
    counted = step.memory_report(1500).scratch
    step(np.arange(3, dtype="int32"), np.ones((3, 83), "float32"))
    (prepared,) = step._prepared.values()

    def grown() -> int:
        before = prepared._executor.scratch
        step(np.arange(1500, dtype="int32") % 11, np.ones((1500, 83), "float32"))
        return prepared._executor.scratch - before

    with ThreadPoolExecutor(1) as fresh:  # a thread that has none yet
        assert fresh.submit(grown).result() == counted > 0
    assert step.memory_report(1500).scratch == counted


@flushes
@needs_compiler
@pytest.mark.parametrize("size", [3, 1 << 20], ids=["one thread", "all threads"])
def test_subnormal_operands_and_results_are_zero(size: int) -> None:
    """The caller's own arithmetic is as before."""
    x = g.input((g.BATCH,), "float32")
    least = np.finfo("float32").tiny
    quarter, large = function([x], [x * -0.25, x * 2.0**20])(np.full(size, least, "float32"))
    assert not quarter.any()
    assert np.signbit(quarter).all()
    np.testing.assert_array_equal(large, least * np.float32(2.0**20))
    large, is_there = function([x], [x * 2.0**20, x > 0.0])(np.full(size, least / 8, "float32"))
    assert not large.any()
    assert not is_there.any()
    assert least / np.float32(8.0) > 0


@flushes
@needs_compiler
def test_means_of_squares_decay_to_zero() -> None:
    """Of a gradient that stays 0: subnormal numbers would remain where they are, as 0.9 of the
    smallest one rounds to itself."""
    mean = g.shared(np.full(1000, 4.0 * np.finfo("float32").tiny, "float32"))
    step = function([], [], updates=[(mean, mean * 0.9)])
    for _ in range(30):
        step()
    assert not g.get_value(mean).any()


def doubled() -> tuple[g.Node, g.Node]:
    x = g.input((g.BATCH, 3), "float32", name="x")
    return x, x * 2.0


def test_without_a_compiler_it_is_an_error_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("CXX", raising=False)
    x, y = doubled()
    with pytest.raises(DeviceError, match=r"none of g\+\+, clang\+\+.*install.*cpu=numpy"):
        function([x], y)
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(DeviceError, match="CXX=no-such-compiler is no program on PATH"):
        function([x], y)


@needs_compiler
def test_a_warm_start_runs_no_compiler_whatever_layers_and_seeds_are_called(
    monkeypatch: pytest.MonkeyPatch, empty_cache: Path
) -> None:
    def program(layer: str, seed: int) -> str:
        x = g.input((g.BATCH, 3), "float32")
        with g.origin(g.Origin(layer, "Dropout")):
            words = g.random.bits(x.shape, seed=seed, stream=1)
            y = g.where(words < g.as_node(2**31, "uint32"), x, 0.0)
        return str(function([x], y).report)

    assert "compiled in" in program("one", 7)
    monkeypatch.setattr(native_compiler, "_compiled", lambda *_: pytest.fail("compiled again"))
    assert "from the cache" in program("another", 8)


@needs_compiler
def test_a_source_that_does_not_compile_is_an_error_with_kernel_layer_and_path(
    empty_cache: Path,
) -> None:
    source = "static void k0_rows(int a) {\n  a = wrong;\n}\n"
    with pytest.raises(DeviceError) as raised:
        native_compiler.loaded(source, {"k0_rows": "dense_1"}, "net.train")
    message = str(raised.value)
    assert "net.train" in message
    assert "in the kernel k0_rows (of dense_1)" in message
    assert "wrong" in message
    path = next(empty_cache.glob("*.cpp"))
    assert str(path) in message
    assert path.read_text() == source


@pytest.fixture
def three_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs are compiled as three translation units, however small they are."""
    monkeypatch.setattr(sections, "LEAST_COST", 1)
    monkeypatch.setattr(native_compiler, "cores", lambda: 3)


def normalised_product() -> tuple[g.Node, g.Node, np.ndarray]:
    """Return an input, what kernels of several kinds make of it, and values."""
    x = g.input((g.BATCH, 40), "float32", name="x")
    w = np.linspace(-1, 1, 40 * 24, dtype="float32").reshape(40, 24)
    y = g.dot(x, w)
    centred = y - g.mean(y, axis=0, keepdims=True)
    z = g.dot(centred, w.T) / g.sum(g.exp(y), axis=1, keepdims=True)
    return x, z, np.linspace(0, 1, 5 * 40, dtype="float32").reshape(5, 40)


@needs_compiler
@pytest.mark.usefixtures("empty_cache", "three_units")
def test_a_program_of_several_units_computes_what_one_of_one_unit_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x, y, values = normalised_product()
    several = function([x], y)(values)
    monkeypatch.setattr(native_compiler, "cores", lambda: 1)
    config.cuda_cache += "-of-one-unit"
    assert several.tobytes() == function([x], y)(values).tobytes()
    config.cpu = "numpy"
    np.testing.assert_allclose(several, function([x], y)(values), rtol=1e-4, atol=1e-6)


@needs_compiler
@pytest.mark.usefixtures("three_units")
def test_a_unit_that_does_not_compile_is_an_error_with_its_kernel_and_the_path(
    empty_cache: Path,
) -> None:
    _, y, _ = normalised_product()
    native = lower_native([y])
    kernels = [one.name for one in launches(native.program.steps)]
    for number, kernel in enumerate(kernels):
        source = native.program.source.replace(f"void {kernel}(", f"void {kernel}(wrong, ", 1)
        with pytest.raises(DeviceError) as raised:
            native_compiler.loaded(
                source, dict.fromkeys(kernels, ""), "net", sections=native.sections
            )
        assert f"in the kernel {kernel};" in str(raised.value)
        assert len(list(empty_cache.glob("*.cpp"))) == number + 1


@needs_compiler
def test_states_are_set_at_once_and_stay_one_value_for_all_functions() -> None:
    a, b = g.shared(np.arange(4.0), "a"), g.shared(np.ones((2, 2)), "b")
    b.set_value(np.asfortranarray([[1.0, 2.0], [3.0, 4.0]]))
    n = g.input((), "float64")
    swap = function([n], [a], updates=[(a, g.reshape(b, (4,)) + n), (b, g.reshape(a, (2, 2)))])
    (old,) = swap(np.array(10.0))
    np.testing.assert_array_equal(old, np.arange(4.0))
    np.testing.assert_array_equal(a.get_value(), [11, 12, 13, 14])
    np.testing.assert_array_equal(b.get_value(), [[0, 1], [2, 3]])
    config.cpu = "numpy"
    np.testing.assert_array_equal(function([], a + 1.0)(), [12, 13, 14, 15])
    old[:] = 0
    np.testing.assert_array_equal(a.get_value(), [11, 12, 13, 14])


@needs_compiler
def test_a_value_that_is_set_between_two_calls_is_read_where_it_lies_now() -> None:
    w, v = g.shared(np.ones(4, "float32"), "w"), g.shared(np.zeros((2, 2), "float32"), "v")
    x = g.input((g.BATCH, 4), "float32", name="x")
    step = function([x], g.dot(x, w) + g.sum(v), updates=[(w, w + 1.0)])
    config.cpu = "numpy"
    other = function([], [], updates=[(w, w * 10.0)])  # gives w another array
    data = np.ones((1, 4), "float32")
    assert step(data).tolist() == [4]
    assert step(data).tolist() == [8]
    other()
    assert step(data).tolist() == [120]
    w.set_value(np.arange(8, dtype="float32")[::2])
    assert step(data).tolist() == [12]
    kept = g.state_of(w).buffer
    kept.flags.writeable = False  # as of a file that is mapped
    w.set_value(w.get_value())
    g.state_of(v).assign(np.asfortranarray(np.float32([[1, 2], [3, 4]])))
    assert step(data).tolist() == [16 + 10]
    assert step(np.ones((3, 4), "float32")).tolist() == [20 + 10] * 3
    assert kept.tolist() == [1, 3, 5, 7]
    assert w.get_value().tolist() == [3, 5, 7, 9]


@needs_compiler
def test_feeds_of_other_orders_strides_and_kinds() -> None:
    x = g.input((g.BATCH, 3), "float32", name="x")
    double = function([x], x * 2.0)
    data = np.arange(12, dtype="float32").reshape(4, 3)
    for fed in (data, np.asfortranarray(data), data.astype(">f4"), data[::-1], data[:0:-2]):
        for _ in range(2):
            np.testing.assert_array_equal(double(fed), 2 * np.asarray(fed, "float32"))
    frozen = data.copy()
    frozen.flags.writeable = False
    np.testing.assert_array_equal(double(frozen), 2 * data)
    np.testing.assert_array_equal(double(np.ma.asarray(data)), 2 * data)


@needs_compiler
def test_what_is_fetched_aliases_nothing() -> None:
    x = g.input((3,), "float32")
    w = g.shared(np.ones(3, "float32"))
    c = g.constant(np.array([1, 2, 3], "float32"))
    y = x + w
    run = function([x], [y, y, x, w, c])
    fed = np.zeros(3, "float32")
    results = run(fed)
    for result in results:
        result += 5
    np.testing.assert_array_equal(fed, np.zeros(3))
    np.testing.assert_array_equal(w.get_value(), np.ones(3))
    np.testing.assert_array_equal(run(fed)[4], [1, 2, 3])


@needs_compiler
def test_the_nan_guard_names_the_node_and_changes_nothing() -> None:
    w = g.shared(np.zeros(2, "float32"), "w")
    x = g.input((2,), "float32", name="x")
    step = function([x], [], updates=[(w, w + g.log(x))], mode="NanGuardMode")
    with pytest.raises(NotFiniteError, match="log"):
        step(np.array([1, -1], "float32"))
    np.testing.assert_array_equal(w.get_value(), [0, 0])
    step(np.array([1, 1], "float32"))


@needs_compiler
def test_one_text_for_every_batch_and_none_is_compiled_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x = g.input((g.BATCH, 5), "float32")
    w = g.shared(np.ones((5, 4), "float32"))
    y = g.sum(g.tanh(g.dot(x, w)), 0)
    assert lower_native([y]).program.source == lower_native([y]).program.source
    run = function([x], y)
    run(np.ones((3, 5), "float32"))
    monkeypatch.setattr(native_compiler, "_compiled", lambda *_: pytest.fail("compiled again"))
    for batch in (1, 7, 128):
        fed = np.full((batch, 5), 0.1, "float32")
        np.testing.assert_allclose(run(fed), np.full(4, batch * np.tanh(0.5)), rtol=1e-5)


@needs_gcc
def test_no_library_function_is_called_from_a_loop(tmp_path: Path) -> None:
    """Loops with a call are not vectorised; of the mathematical functions each has text here."""
    x = g.input((g.BATCH, 1000), "float32")
    y = g.exp(x) + g.log(x) + g.tanh(x) + g.sigmoid(x) + g.sqrt(x) + g.erf(x)
    y = y + g.sin(x) + g.cos(x) + g.maximum(x, 0.0) + x**2.5
    text = assembly([y], tmp_path)
    called = re.findall(r"\tcall\w*\s+(\w+)", text)
    assert "GOMP_parallel" in called  # the text is that of a compiler which says ``call``
    others = {name for name in called if not name.startswith(("GOMP", "omp", "_Z"))}
    assert others <= {"clock_gettime"}  # of a watch, outside of kernels


def mapped(folder: Path) -> int:
    """Return the number of mapped parts of files in a folder."""
    return Path("/proc/self/maps").read_text().count(f"{folder}/")


@needs_compiler
@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="counts mappings by /proc")
def test_what_a_function_compiled_is_unloaded_when_it_goes(empty_cache: Path) -> None:
    """Also with threads of OpenMP that have run it, and kept memory for its tiles."""
    x = g.input((g.BATCH, 300), "float32", name="x")
    w = g.shared(np.ones((300, 70), "float32"))
    fed = {x: np.ones((64, 300), "float32")}
    shared = None  # the runtime library, which stays
    for factor in (1.0, 2.0, 3.0):
        program = lower_native([g.dot(x * factor, w)])
        assert any(launch.scratch for launch in launches(program.program.steps))
        executor = NativeExecutor(program)
        (result,) = executor.run(fed, bind(list(fed), list(fed.values())), g.CallStep())
        np.testing.assert_allclose(result, np.full((64, 70), factor * 300), rtol=1e-6)
        alive = mapped(empty_cache)
        del executor
        if shared is None:
            shared = mapped(empty_cache)
        assert mapped(empty_cache) == shared < alive


@needs_compiler
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_ahead_of_the_error_of_a_step_leaves_nothing_for_the_next() -> None:
    rows, table = g.input((2,), "int32", name="rows"), g.shared(np.arange(4, dtype="float32"))
    step = function([rows], g.take(table, rows), updates=[(table, table + 1.0)])
    step(np.array([0, 1], "int32"))
    is_raised = False
    for at in count(1):
        try:
            with Counted(at):
                step(np.array([0, 9], "int32"))
        except KeyboardInterrupt:
            np.testing.assert_array_equal(step(np.array([0, 3], "int32")), [at, at + 3])
        except IndexRangeError:
            is_raised = True
            break
    assert is_raised
    assert at > 20


@needs_compiler
def test_products_of_all_programs_of_a_type_are_in_one_library(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native_compiler, "_panels", {})
    for dtype in ("float32", "float64"):
        for columns in (40, 50):
            x = g.input((g.BATCH, 70), dtype)
            right = np.arange(70 * columns, dtype=dtype).reshape(70, columns)
            given = np.eye(9, 70, dtype=dtype)
            np.testing.assert_array_equal(function([x], g.dot(x, right))(given), right[:9])
    texts = [path.read_text() for path in empty_cache.glob("*.cpp")]
    assert sum("panel_library.h" in text for text in texts) == 2
    assert len(list(empty_cache.glob("*.so"))) == len(texts)
