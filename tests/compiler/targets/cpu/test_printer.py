"""Each form of statement as text, compiled and compared with NumPy."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from graphc.compiler.graph.dim import symbols
from graphc.compiler.interpret.random import philox4x32
from graphc.compiler.loops.buffer import BufferScope, new_buffer
from graphc.compiler.loops.index import variable
from graphc.compiler.loops.program import Body, LoopProgram, transformed
from graphc.compiler.loops.statement import (
    Allocate,
    AsyncCopy,
    Barrier,
    Let,
    LoopKind,
    Statement,
    Store,
)
from graphc.compiler.loops.value import Apply, Load
from graphc.compiler.targets.cpu import printer
from graphc.compiler.targets.cpu.printer import print_program
from tests.compiler.lowering.golden_text import check_golden
from tests.compiler.targets.cpu import hand_made
from tests.compiler.targets.cpu.compiled_programs import STATUS_FINE, CompiledPrograms
from tests.compiler.targets.cpu.hand_made import apply, let, loop, number

FOLDER = Path(__file__).parent / "golden"
(N,) = symbols(hand_made.N)


@pytest.mark.parametrize("make", hand_made.ALL, ids=lambda make: make.__name__)
def test_text(make) -> None:
    program = make()
    check_golden(program.name, print_program(program).text, FOLDER / f"{program.name}.cpp")


@pytest.fixture(scope="module")
def compiled() -> CompiledPrograms:
    return CompiledPrograms([make() for make in hand_made.ALL])


def _floats(*shape: int, dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(3).normal(size=shape).astype(dtype)


def _words(count: int, step: int, call: int) -> np.ndarray:
    """The first words of a draw with the key of the test below."""
    block = np.arange(count // 4, dtype="uint64")
    rest = (step, call & 0xFFFFFFFF, call >> 32)
    counter = [block, *(np.full_like(block, one) for one in rest)]
    return np.stack(philox4x32(counter, (17, 2**31 + 5)), axis=1).ravel()


@pytest.mark.parametrize("n", [1, 7, 300])
def test_elements_of_rows(compiled: CompiledPrograms, n: int) -> None:
    x, bias = _floats(n, 512), _floats(512)
    found, _ = compiled("elementwise", {"x0": x, "x1": bias}, {N: n})
    np.testing.assert_array_equal(found["y0"], np.maximum(x + bias, 0))


def test_what_a_condition_leaves_out_is_not_read(compiled: CompiledPrograms) -> None:
    x = _floats(3, 10)
    found, _ = compiled("padded", {"x0": x}, {N: 3})
    np.testing.assert_array_equal(found["y0"], np.pad(x, ((0, 0), (2, 2))))
    spread = np.full((3, 14), -1.5, "float32")
    spread[:, ::2] = x[:, :7]
    np.testing.assert_array_equal(found["y1"], spread)


def test_coordinates_of_a_position(compiled: CompiledPrograms) -> None:
    x = np.arange(120, dtype="int32").reshape(6, 4, 5)
    np.testing.assert_array_equal(compiled("flipped", {"x0": x})[0]["y0"], -x[:, ::-1])


def test_quotients_of_negative_indices_round_down(compiled: CompiledPrograms) -> None:
    index = np.arange(20) - 9
    expected = np.stack([index // 4, index % 4], axis=1)
    np.testing.assert_array_equal(compiled("rounded_down", {})[0]["y0"], expected)


@pytest.mark.parametrize("n", [1, 9000])
def test_a_sum_in_the_order_of_its_elements(compiled: CompiledPrograms, n: int) -> None:
    x = _floats(n, 10)
    expected = np.zeros(n, "float32")
    for k in range(10):
        expected += x[:, k]
    np.testing.assert_array_equal(compiled("row_sums", {"x0": x}, {N: n})[0]["y0"], expected)


def test_a_reduction_carries_its_place(compiled: CompiledPrograms) -> None:
    x = _floats(6, 9)
    x[1, 3] = x[1, 5] = 9
    x[2, 4] = np.nan
    x[3] = -np.inf
    expected = x.argmax(axis=1)
    np.testing.assert_array_equal(compiled("largest", {"x0": x}, {N: 6})[0]["y0"], expected)


def test_an_index_that_is_not_there_is_reported(compiled: CompiledPrograms) -> None:
    words, table = np.array([6, 0, 3, 3], "int32"), _floats(7, 5)
    found, status = compiled("gathered", {"x0": words, "x1": table}, {N: 4})
    np.testing.assert_array_equal(found["y0"], table[words])
    assert status == STATUS_FINE
    words[2] = 7
    found, status = compiled("gathered", {"x0": words, "x1": table}, {N: 4})
    assert status == 3 << 40 | 2
    np.testing.assert_array_equal(found["y0"], table[np.minimum(words, 6)])


@pytest.mark.parametrize("n", [1, 16, 33, 5000])
def test_tiles_with_a_remainder(compiled: CompiledPrograms, n: int) -> None:
    x = _floats(n, 4, dtype="float64")
    found, _ = compiled("in_tiles", {"x0": x}, {N: n})
    np.testing.assert_array_equal(found["y0"], 2 * x)
    row = np.arange(n)
    expected = np.where(row % 3 == 0, 0.5, 0.25)
    first = (row >= 1) & (row < 3)
    np.testing.assert_array_equal(found["y1"], np.where(first, 2 * x[:, 2], expected))


def test_phases_of_a_team(compiled: CompiledPrograms) -> None:
    x = _floats(2, 8, 6)
    np.testing.assert_array_equal(compiled("in_phases", {"x0": x})[0]["y0"], -x[:, ::-1])


def test_a_large_team_meets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The phases are divided over threads, too."""
    monkeypatch.setattr(printer, "LEAST_DIVIDED", 8)
    divided = CompiledPrograms([hand_made.in_phases()])
    assert "omp parallel" in divided.printed["in_phases"].text
    for _ in range(20):
        x = _floats(2, 8, 6)
        np.testing.assert_array_equal(divided("in_phases", {"x0": x})[0]["y0"], -x[:, ::-1])


def test_words_bits_and_views(compiled: CompiledPrograms) -> None:
    packed = np.arange(24, dtype="uint8").reshape(3, 8)
    flags = np.arange(24).reshape(3, 8) % 3 == 0
    arguments = {"call_step": 2**40 + 3, "w0": 17, "w1": 2**31 + 5}
    whole = np.zeros((2, 3, 8), "float32")
    arrays = {"x0": packed, "x1": flags, "y1": whole}
    found, _ = compiled("drawn", arrays, arguments=arguments, indices={"step": 4})
    np.testing.assert_array_equal(found["y0"].ravel(), _words(24, 4, arguments["call_step"]))
    both = (packed >> 3 & 1).astype(bool) & flags
    np.testing.assert_array_equal(found["y1"][1], np.where(both, 1, 2))
    np.testing.assert_array_equal(found["y1"][0], 0)


def test_an_intrinsic_gets_its_sizes_and_strides(compiled: CompiledPrograms) -> None:
    x = _floats(40, 50)
    found, _ = compiled("transposed", {"x0": x})
    np.testing.assert_array_equal(found["y0"], x[10:30, 7:37].T)


def test_lanes_are_of_one_type_of_several_as_narrow() -> None:
    """The first by name: a text that is another one in each process is compiled again in each."""
    place = variable("p0")
    buffers = [new_buffer(f"x{k}", one, (64,)) for k, one in enumerate(("uint32", "int32"))]
    y = new_buffer("y0", "float32", (64,))
    total = functools.reduce(
        lambda one, other: apply("add", one, other),
        (Apply("cast", (Load(x, (place,)),), "float32", {"dtype": "float32"}) for x in buffers),
    )
    store = Store(Load(y, (place,)), apply("exp", total))
    body = (loop("p0", 64, store, kind=LoopKind.VECTOR),)
    text = print_program(LoopProgram("k0", tuple(buffers), (y,), (), body)).text
    assert "#pragma omp simd simdlen(GC_LANES(float))" in text


# ---- what a CPU does not run --------------------------------------------------------------------


def _refused(*body: object) -> str:
    x, y = new_buffer("x0", "float32", (8,)), new_buffer("y0", "float32", (8,))
    with pytest.raises(ValueError, match="k0 is not printed for a CPU") as caught:
        print_program(LoopProgram("k0", (x,), (y,), (), body))  # type: ignore[arg-type]
    return str(caught.value)


def test_loops_of_a_gpu_are_refused() -> None:
    assert "the loop over p0 is of a GPU's threads" in _refused(loop("p0", 8, kind=LoopKind.BLOCK))


def test_an_unrolled_loop_has_a_known_trip_count() -> None:
    said = _refused(loop("p0", hand_made.N, kind=LoopKind.UNROLLED))
    assert "p0 is written out, and its trip count is not known" in said


def test_registers_have_a_known_size() -> None:
    kept = new_buffer("kept", "float32", (hand_made.N,), BufferScope.REGISTER)
    assert "kept is in registers, and its size is not known" in _refused(Allocate(kept))


def test_an_asynchronous_copy_is_refused() -> None:
    x, y = new_buffer("x0", "float32", (8,)), new_buffer("y0", "float32", (8,))
    copy = AsyncCopy(Load(y, (variable("p0"),)), Load(x, (variable("p0"),)), 4)
    assert "a CPU has no AsyncCopy" in _refused(loop("p0", 2, copy))


def test_a_value_of_one_phase_is_not_there_in_the_next() -> None:
    y = new_buffer("y0", "float32", (8,))
    before = let("t0", apply("neg", number(2.0)))
    after = Store(Load(y, (variable("p0"),)), before.local)
    team = loop("p0", 8, before, Barrier(), after, kind=LoopKind.TEAM)
    assert "t0 of one phase of a team is read in the next" in _refused(team)
    assert "a barrier in the loop over q0" in _refused(
        loop("p0", 8, loop("q0", variable("p0"), Barrier(), after), kind=LoopKind.TEAM)
    )


def test_functions_are_compared_without_their_names_and_notes() -> None:
    first = hand_made.elementwise()

    def renamed(statement: Statement) -> Body:
        return (replace(statement, note="dense_2") if isinstance(statement, Let) else statement,)

    other = replace(first, name="k1", body=transformed(first.body, renamed))
    one, two = print_program(first), print_program(other)
    assert one.text != two.text
    assert one.code == two.code
    assert "dense" in one.text
    assert "dense" not in one.code
