"""The targets that compute a graph: the interpreter, native code or CUDA, with passes or
without."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import ModuleType

import numpy as np
from threadpoolctl import threadpool_limits

from graphc.compiler.function import CallStep, function, prepared
from graphc.compiler.graph import Node, state_of
from graphc.compiler.interpret import evaluate
from graphc.compiler.lowering import cpu as native
from graphc.compiler.runtime.cpu import toolchain
from graphc.compiler.targets import cpu
from graphc.config import config
from tests.campaigns.graphs.builder import Program

if "GRAPHC_CUDA_DRIVER" in os.environ:
    from tests.cuda_emulator import emulator

Call = Callable[[], list[np.ndarray]]

CALL_STEP = 2**32 + 5
_SMALL_WORK = 4  # elements from which threads divide what they have no use to divide


@dataclass(frozen=True)
class Target:
    """A way to compute a graph.

    Attributes:
        kind: numpy, the interpreter; native; or cuda, on the emulated driver.
        passes: whether passes rewrite the graph before.
        level: of the C++ compiler's optimisation.
        compiler: its name; empty takes the one that graphc finds.
        threads: the numbers of threads that have to give the same bits.
    """

    kind: str
    passes: bool
    level: int = 1
    compiler: str = ""
    threads: tuple[int, ...] = ()

    def run(self, programs: Sequence[Program]) -> list[list[list[np.ndarray]]]:
        """Return for each of two calls what each program's outputs are, new values of states last.

        The second call is of larger sizes, where a program allows some. All programs are compiled
        together; their states are as before.
        """
        calls = [_joined(programs), _joined([program.grown or program for program in programs])]
        with self._set():
            found = self._of(calls)
        return [_split(arrays, programs) for arrays in found]

    def _of(self, calls: Sequence[Program]) -> list[list[np.ndarray]]:
        """Return the outputs in each call of one graph: the same bits when it is made again, and
        with any number of threads."""
        if self.kind == "numpy" and not self.passes:
            return [evaluate(call.outputs, call.feeds, CALL_STEP) for call in calls]
        run = _through_door(calls[0])
        if self.kind == "cuda":
            return [_in_each_order(partial(run, call)) for call in calls]
        found = [run(call) for call in calls]
        again = [("a second call", run(calls[0]))] if not self.threads else []
        for count in self.threads:
            with threadpool_limits(count, "openmp"):
                again.append((f"{count} threads", run(calls[0])))
        for what, others in again:
            for k, (one, other) in enumerate(zip(found[0], others, strict=True)):
                if one.tobytes() != other.tobytes():
                    raise AssertionError(f"output {k} has other bits in {what}")
        return found

    @contextmanager
    def _set(self) -> Iterator[None]:
        """Set the flags, the compiler, and from which work on threads divide it."""
        flags, path, optimize = toolchain.FLAGS, os.environ.get("CXX"), prepared.optimize
        least = _thresholds()
        with config.changed():
            config.device = "gpu" if self.kind == "cuda" else "cpu"
            config.cpu = "auto" if self.kind == "cuda" else self.kind
            config.mode = "FAST_RUN"
            if not self.passes:
                prepared.optimize = _as_they_are
            toolchain.FLAGS = tuple(f"-O{self.level}" if x == "-O3" else x for x in flags)
            if self.compiler:
                os.environ["CXX"] = self.compiler
            if self.threads:
                for module, name, _ in least:
                    setattr(module, name, _SMALL_WORK)
            try:
                yield
            finally:
                toolchain.FLAGS, prepared.optimize = flags, optimize
                for module, name, value in least:
                    setattr(module, name, value)
                if path is None:
                    os.environ.pop("CXX", None)
                else:
                    os.environ["CXX"] = path


def _thresholds() -> list[tuple[ModuleType, str, int]]:
    """Return where native code's modules say from which work on threads divide it."""
    names = ("PARALLEL", "PRODUCTS", "LEAST", "LEAST_DIVIDED", "LEAST_OF_LONG_SUMS")
    packages = tuple(f"{package.__name__}." for package in (native, cpu))
    modules = [m for name, m in sys.modules.items() if name.startswith(packages)]
    return [(m, name, vars(m)[name]) for m in modules for name in names if name in vars(m)]


def _joined(programs: Sequence[Program]) -> Program:
    """Return one program of all: what is fetched first, then the states' new values."""
    fetched: list[Node] = []
    new: list[Node] = []
    for program in programs:
        count = len(program.outputs) - len(program.states)
        fetched += program.outputs[:count]
        new += program.outputs[count:]
    return Program(
        [*fetched, *new],
        [state for program in programs for state in program.states],
        {x: array for program in programs for x, array in program.feeds.items()},
        {symbol: size for program in programs for symbol, size in program.sizes.items()},
    )


def _split(found: list[np.ndarray], programs: Sequence[Program]) -> list[list[np.ndarray]]:
    """Return each program's part of the outputs of `_joined`."""
    fetched = [len(program.outputs) - len(program.states) for program in programs]
    results, place, new = [], 0, sum(fetched)
    for program, count in zip(programs, fetched, strict=True):
        states = len(program.states)
        results.append([*found[place : place + count], *found[new : new + states]])
        place, new = place + count, new + states
    return results


def _through_door(program: Program) -> Callable[[Program], list[np.ndarray]]:
    """Return calls of the function that a user would make of a program."""
    count = len(program.outputs) - len(program.states)
    updates = list(zip(program.states, program.outputs[count:], strict=True))
    run = function(
        list(program.feeds),
        program.outputs[:count],
        updates,
        on_unused_input="ignore",
        call_step=(counter := CallStep()),
    )

    def call(fed: Program) -> list[np.ndarray]:
        counter.value = CALL_STEP
        return _and_states(program, lambda: run(*fed.feeds.values()))

    return call


def _in_each_order(call: Call) -> list[np.ndarray]:
    """Return what a call gives: the same bits in each order of a kernel's threads and blocks."""
    found, *others = emulator.in_each_order(call)
    for order, other in zip(emulator.orders()[1:], others, strict=True):
        for k, (one, another) in enumerate(zip(found, other, strict=True)):
            if one.tobytes() != another.tobytes():
                raise AssertionError(f"output {k} has other bits in the order {order}")
    return found


def _as_they_are(outputs: Sequence[Node], *_: object, **__: object) -> tuple[list[Node], list]:
    """Stand in for the passes."""
    return list(outputs), []


def _and_states(program: Program, run: Call) -> list[np.ndarray]:
    """Return what is fetched and what the states are then, which are set back."""
    states = [state_of(x) for x in program.states]
    before = [state.get() for state in states]
    try:
        fetched = [np.asarray(array) for array in run()]
        return [*fetched, *(state.get() for state in states)]
    finally:
        for state, value in zip(states, before, strict=True):
            state.set(value)
