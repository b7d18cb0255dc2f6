"""Graphs as native programs, beside what the interpreter makes of them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from platform import machine
from typing import TypeVar

import numpy as np
import pytest

from graphc import resources
from graphc.compiler.graph import CallStep, Node, State
from graphc.compiler.graph.binding import bind
from graphc.compiler.interpret import evaluate
from graphc.compiler.lowering.cpu import NativeProgram, lower_native
from graphc.compiler.program.launch import Bindings, CallSizes, DeviceProgram
from graphc.compiler.program.memory_report import scratch_blocks
from graphc.compiler.runtime.cpu import toolchain
from graphc.compiler.runtime.cpu.compiler import loaded
from graphc.compiler.runtime.cpu.executor import NativeExecutor
from graphc.compiler.runtime.cpu.toolchain import compiler_path

_T = TypeVar("_T")

needs_compiler = pytest.mark.skipif(
    compiler_path() is None, reason="needs a C++ compiler (g++ or clang++) for native programs"
)


flushes = pytest.mark.skipif(
    machine() not in ("x86_64", "AMD64"), reason="other processors round as ever"
)


def _is_gcc() -> bool:
    """Return True if the compiler is GCC as it is, without a sanitizer's calls in its text."""
    path = compiler_path()
    said = subprocess.run([path, "--version"], capture_output=True, text=True) if path else None
    return said is not None and "Free Software Foundation" in said.stdout


needs_gcc = pytest.mark.skipif(not _is_gcc(), reason="reads assembly as g++ writes it")


def run_in_fresh_thread(
    executor: NativeExecutor,
    feeds: Mapping[Node, np.ndarray],
    bindings: Bindings,
    call_step: int,
    threads: int | None = None,
) -> list[np.ndarray]:
    """Run in a thread that has no scratch memory yet, nor has its team; they get no more than the
    memory report counts. `threads` is how many they may be, by default as many as here."""
    count = threads or executor.threads

    def run() -> list[np.ndarray]:
        with with_threads(executor.program, count):
            before = executor.scratch
            found = executor.run(feeds, bindings, CallStep(call_step))
            grown = executor.scratch - before
            at = CallSizes(bindings, executor.threads)
        assert grown <= sum(scratch_blocks(executor.program, at).values())
        return found

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()


class Compiled:
    """A graph as native code; one compiler run for all sizes."""

    def __init__(self, outputs: Sequence[Node], states: Sequence[State] = ()):
        """`outputs` are what is fetched, then one new value for each of `states`."""
        self.program = lower_native(outputs, states)
        self._executor = NativeExecutor(self.program, states)
        self._states = states

    def __call__(self, feeds: Mapping[Node, np.ndarray], call_step: int = 0) -> list[np.ndarray]:
        """Return the fetched values and set the states. The bits of either are those of another
        run."""
        bindings = bind(list(feeds), list(feeds.values()))
        old = [state.get() for state in self._states]
        first = self._executor.run(feeds, bindings, CallStep(call_step))
        after = [state.get() for state in self._states]
        for state, value in zip(self._states, old, strict=True):
            state.set(value)
        again = run_in_fresh_thread(self._executor, feeds, bindings, call_step)
        for one, another in zip(
            [*first, *after], [*again, *(state.get() for state in self._states)], strict=True
        ):
            assert one.tobytes() == another.tobytes()
        return first


def both(
    outputs: Sequence[Node],
    feeds: Mapping[Node, np.ndarray],
    call_step: int = 0,
    program: NativeProgram | None = None,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each output what native code gives, and what the interpreter does."""
    executor = NativeExecutor(program or lower_native(outputs))
    bindings = bind(list(feeds), list(feeds.values()))
    ours = run_in_fresh_thread(executor, feeds, bindings, call_step)
    theirs = evaluate(outputs, feeds, call_step)
    for one, another in zip(ours, theirs, strict=True):
        assert (one.shape, one.dtype) == (another.shape, another.dtype)
    return list(zip(ours, theirs, strict=True))


def on_threads(program: DeviceProgram, run: Callable[[], _T]) -> list[_T]:
    """Return what `run`, which calls the program, returns on 1, 2 and 3 threads: each time of a new
    thread, whose native code has no team yet."""

    def limited(count: int) -> _T:
        with with_threads(program, count):
            return run()

    found = []
    for count in (1, 2, 3):
        with ThreadPoolExecutor(1) as pool:
            found.append(pool.submit(limited, count).result())
    return found


@contextmanager
def with_threads(program: DeviceProgram, count: int) -> Iterator[None]:
    """Let this thread run native code, that of the program and any other, on so many threads."""
    library = loaded(program.source, {}, "test").functions
    before = library.omp_get_max_threads()
    library.omp_set_num_threads(count)
    try:
        yield
    finally:
        library.omp_set_num_threads(before)


def check_on_threads(
    program: NativeProgram, outputs: Sequence[Node], feeds: Mapping[Node, np.ndarray]
) -> None:
    """A program gives what the interpreter does, and the same bits on 1, 2 and 3 threads."""
    executor = NativeExecutor(program)
    bindings = bind(list(feeds), list(feeds.values()))
    found = [run_in_fresh_thread(executor, feeds, bindings, 7, count) for count in (1, 2, 3)]
    for ours, second, third, theirs in zip(*found, evaluate(outputs, feeds, 7), strict=True):
        assert ours.tobytes() == second.tobytes() == third.tobytes()
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        scale = 1e-5 if ours.dtype == np.float32 else 1e-13
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=scale * max(1, np.abs(theirs).max()))


def assembly(outputs: Sequence[Node], folder: Path) -> str:
    """Return the assembly that the compiler makes of a program."""
    return assembly_of_source(lower_native(outputs).program.source, folder)


def assembly_of_source(program: str, folder: Path) -> str:
    """Return the assembly that the compiler makes of a program's text."""
    source, text = folder / "step.cpp", folder / "step.s"
    source.write_text(program)
    include = f"-I{resources.folder('kernels')}"
    command = [
        str(compiler_path()),
        *toolchain.FLAGS,
        toolchain.OPENMP,
        "-S",
        include,
        str(source),
        "-o",
        str(text),
    ]
    subprocess.run(command, check=True)
    return text.read_text()
