"""Running out of the host's memory: told before the first step, with what is large and fits."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.compiler.graph import BATCH
from graphc.compiler.graph.dim import symbols
from graphc.compiler.interpret import evaluate
from graphc.compiler.program import memory
from graphc.compiler.runtime import numpy_executor, out_of_memory
from graphc.compiler.runtime.cpu import executor as native
from graphc.compiler.runtime.cpu.frame import Arena
from graphc.compiler.runtime.host_memory import Room
from graphc.compiler.runtime.interpreted_memory import InterpretedMemory
from graphc.config import config
from graphc.errors import OutOfMemoryError, ShapeError
from tests.native.graph_programs import needs_compiler

ROOT = Path(__file__).parents[3]

LIMITED = """
import re, resource, sys
import numpy as np
from graphc.config import config
from graphc.errors import OutOfMemoryError
from graphc.layers import Dense
from graphc.models import Sequential

config.cpu = sys.argv[1]
model = Sequential([Dense(1000, input_dim=4, activation="tanh", name="wide"), Dense(1)])
model.compile("adam", "mse")
x, y = np.ones((400_000, 4), "float32"), np.ones((400_000, 1), "float32")
model.train_on_batch(x[:10], y[:10])
taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + 2**29,) * 2)
before = model.get_weights()
try:
    model.train_on_batch(x, y)
except OutOfMemoryError as error:
    print(error)
    fitting = int(re.search(r"largest batch that fits is (\\d+)", str(error))[1])
assert all(map(np.array_equal, before, model.get_weights()))
model.train_on_batch(x[:fitting], y[:fitting])
assert not any(map(np.array_equal, before, model.get_weights()))
print(fitting)
"""


@needs_compiler
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="Linux")
@pytest.mark.parametrize(("cpu", "values"), [("native", 2), ("numpy", 4)])
def test_a_batch_that_is_too_large(cpu, values):
    """Under half a GB beside what the process has: the weights stay, and what is told to fit does.

    `values` are at least so many arrays of (batch, 1000) float32 that lie side by side.
    """
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, cpu], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    *lines, fitting = done.stdout.splitlines()
    said = "\n".join(lines)
    assert re.search(r"sequential_1.train needs [\d,]+ bytes more than it has, and this proc", said)
    assert "by its RLIMIT_AS, has " in said
    assert "1,600,000,000  wide/tanh float32[400000, 1000]" in said
    assert 2**29 / (4000 * (values + 4)) < int(fitting) < 2**29 / (4000 * values)


@needs_compiler
@pytest.mark.parametrize("cpu", ["native", "numpy"])
def test_a_control_group_that_has_less(cpu, monkeypatch):
    """The weights stay, and where there is room again the same function runs."""
    config.cpu = cpu
    x = g.input((BATCH, 1000), "float32", name="x")
    total = g.shared(np.zeros((), "float32"), name="total")
    with g.origin(g.Origin("dense_1")):
        wide = g.tanh(x * 2.0)
    step = function([x], wide, updates=[(total, total + 1.0)], name="f")
    rows = np.zeros((64, 1000), "float32")
    for module in (native, numpy_executor, out_of_memory):
        monkeypatch.setattr(module, "FREELY", 0)
    monkeypatch.setattr(native, "ARENA", Arena())  # of other tests' calls, it may be large enough
    monkeypatch.setattr(
        out_of_memory, "memory_room", lambda: Room(100_000, "the control group /jobs")
    )
    with pytest.raises(OutOfMemoryError) as caught:
        step(rows)
    said = str(caught.value)
    assert re.search(
        r"f needs [\d,]+ bytes more .* the control group /jobs has 100,000 bytes", said
    )
    assert re.search(r"256,000  dense_1/\w+ float32\[64, 1000\] \(arena\)", said)
    fitting = int(re.search(r"largest batch that fits is (\d+)", said)[1])
    assert 0 < fitting < 50
    assert total.attrs["state"].get() == 0
    assert step(rows[:fitting]).shape == (fitting, 1000)
    monkeypatch.setattr(out_of_memory, "memory_room", lambda: None)
    assert step(rows).shape == (64, 1000)
    assert total.attrs["state"].get() == 2


@needs_compiler
def test_an_arena_that_the_system_refuses(monkeypatch):
    config.cpu = "native"
    x = g.input((BATCH, 3), "float32", name="x")
    double = function([x], x * 2.0, name="double")
    rows = np.ones((2, 3), "float32")

    def refused(*_: object) -> int:
        raise MemoryError("Unable to allocate 3 bytes")

    with monkeypatch.context() as changed:
        changed.setattr(Arena, "address", refused)
        with pytest.raises(OutOfMemoryError, match=r"double: Unable to allocate 3 bytes; .*free"):
            double(rows)
    np.testing.assert_array_equal(double(rows), 2 * rows)


@needs_compiler
def test_more_elements_than_kernels_count(monkeypatch):
    """Counted up to 10,000 here; the error names the layer, its sizes and the batch."""
    config.cpu = "native"
    x = g.input((BATCH, 64), "float32", name="x")
    with g.origin(g.Origin("wide")):
        wide = g.tanh(x[:, :, None] * g.as_node(np.ones(10, "float32")))
    step = function([x], wide, name="f")
    assert step(np.zeros((15, 64), "float32")).shape == (15, 64, 10)
    monkeypatch.setattr(memory, "MOST_ELEMENTS", 10_000)
    with pytest.raises(
        ShapeError,
        match=r"wide/\w+ has 10240 elements, float32\[batch, 64, 10\]; a kernel counts up to 9999: "
        r".*The largest batch that kernels count is 15; cpu=numpy on device=cpu counts further",
    ):
        step(np.zeros((16, 64), "float32"))
    config.cpu = "numpy"
    assert function([x], wide)(np.zeros((16, 64), "float32")).shape == (16, 64, 10)


LONG = np.zeros(2**24, "float32")


def plane() -> tuple[g.Node, g.Node, g.Node]:
    """More numbers than there are addresses."""
    x, y = g.input((BATCH,), "float32", name="x"), g.input((None,), "float32", name="y")
    return x, y, g.sum(g.tanh(g.reshape(x, (BATCH, 1)) + y))


def test_the_interpreter_looks_before_it_begins():
    config.cpu = "numpy"
    x, y, total = plane()
    expected = f"f needs {2 * 4 * 2**48:,} bytes more"  # of a sum, and of its tanh
    with pytest.raises(OutOfMemoryError, match=expected[:-14]) as caught:
        function([x, y], total, name="f")(LONG, LONG)
    assert "tanh float32[16777216, 16777216] (arena)" in str(caught.value)


def test_what_the_interpreter_meets(monkeypatch):
    """Where the system told nothing before."""
    config.cpu = "numpy"
    monkeypatch.setattr(out_of_memory, "memory_room", lambda: None)
    x, y, total = plane()
    with pytest.raises(
        OutOfMemoryError, match=r"f: <add: float32\[batch, y_0\]>: Unable .*smaller batch"
    ):
        function([x, y], total, name="f")(LONG, LONG)
    with pytest.raises(OutOfMemoryError, match=r"^<add: float32\[batch, y_0\]>: Unable to"):
        evaluate([total], {x: LONG, y: LONG})


def test_values_of_the_interpreter_by_hand():
    """Each lives from the step that makes it to the last that reads it, also through a view."""
    x = g.input((BATCH, 8), "float32", name="x")  # 32 bytes a row
    column = g.reshape(x, (BATCH, 8, 1))
    wide = g.exp(g.broadcast_to(column, (BATCH, 8, 64)))  # 2048
    other = g.tanh(wide)  # 2048, beside `wide`
    back = g.sum(other, 2)  # 32, beside `other`
    out = g.sum(back * g.sum(wide, 2), 1)  # `wide` lives until here
    (batch,) = symbols(BATCH)
    report = InterpretedMemory([out], "f").report({batch: 100})
    arena = {use.name: use.nbytes for use in report.buffers if use.held == "arena"}
    assert (arena["exp"], arena["tanh"]) == (204_800, 204_800)
    assert report.inputs == 3328  # in whole 256 bytes
    assert 409_600 < report.arena < 409_600 + 4 * 3328
    assert "broadcast" not in arena


def report(arena: int, scratch: int = 0) -> SimpleNamespace:
    """As far as the room for it is looked at."""
    sizes = {"arena": arena, "scratch": scratch, "states": 7, "constants": 3}
    return SimpleNamespace(title="the step of a model", **sizes)


@pytest.fixture
def may_have(monkeypatch) -> list[int | None]:
    """The bytes that explanations name as what a call may have."""
    found: list[int | None] = []
    monkeypatch.setattr(
        out_of_memory,
        "explanation",
        lambda report_at, bindings, nbytes: found.append(nbytes) or ".",
    )
    return found


@pytest.mark.parametrize(
    ("arena", "scratch", "kept", "lacks"),
    [
        (100, 20, out_of_memory.Kept(), 120),
        (100, 20, out_of_memory.Kept(100, 20), 0),
        (100, 20, out_of_memory.Kept(99, 19), 2),
        (100, 20, out_of_memory.Kept(500, 0), 20),  # the one does not stand for the other
        (100, 20, out_of_memory.Kept(0, 500), 100),
    ],
)
def test_what_is_kept_need_not_be_taken(arena, scratch, kept, lacks):
    assert kept.lacks(arena, scratch) == lacks


@pytest.mark.parametrize(("room", "fits"), [(119, False), (120, True), (None, True)])
def test_a_call_may_take_all_that_there_is(monkeypatch, may_have, room, fits):
    found = None if room is None else Room(room, "the machine")
    monkeypatch.setattr(out_of_memory, "memory_room", lambda: found)
    arguments = (lambda bindings: report(130, 20)), {}, out_of_memory.Kept(30, 0)
    if fits:
        out_of_memory.check_room(*arguments)
    else:
        with pytest.raises(
            OutOfMemoryError,
            match="^the step of a model needs 120 bytes more than it has, and the machine has 119 ",
        ):
            out_of_memory.check_room(*arguments)
        # Nothing of the room is spared where it is small; what the call has already may stay.
        assert may_have == [0 + 7 + 3 + 30]


@pytest.mark.parametrize(
    ("room", "spared"), [(2**20, 2**20), (2**24, 2**24), (2**25, 2**24), (2**30, 2**25)]
)
def test_some_room_is_left_for_what_else_a_process_does(monkeypatch, may_have, room, spared):
    monkeypatch.setattr(out_of_memory, "memory_room", lambda: Room(room, "the machine"))
    kept = out_of_memory.Kept(500, 9)
    out_of_memory.refused(MemoryError(), lambda bindings: report(100, 5), {}, kept)
    assert may_have == [room - spared + 7 + 3 + 500 + 5]


@pytest.mark.parametrize(
    ("room", "more"), [(Room(50, "the machine"), "; the machine has 50 bytes free"), (None, "")]
)
def test_the_error_for_what_the_system_refuses(monkeypatch, may_have, room, more):
    monkeypatch.setattr(out_of_memory, "memory_room", lambda: room)
    for error, why in (
        (MemoryError("no 3 bytes"), "no 3 bytes"),
        (MemoryError(), "the system has no memory for it"),
    ):
        found = out_of_memory.refused(error, lambda bindings: report(100), {}, out_of_memory.Kept())
        assert str(found) == (
            f"the step of a model: {why}{more}; use a smaller batch, or end other programs."
        )
    assert may_have == [None if room is None else 10] * 2
