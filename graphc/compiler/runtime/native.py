"""The executor of `cpu=native`: a native program, one call of a shared object for each step."""

from __future__ import annotations

import ctypes
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from graphc.compiler.codegen.launch import Bindings, Buffer, value_of
from graphc.compiler.codegen.memory import ALIGNMENT, launches, plan_memory
from graphc.compiler.codegen.native import NativeProgram
from graphc.compiler.codegen.native.step import STEP
from graphc.compiler.graph import Node, State, Symbol
from graphc.compiler.runtime.executor import Observer
from graphc.compiler.runtime.fallback import FINE, Fallback
from graphc.compiler.runtime.native_compiler import loaded
from graphc.compiler.runtime.pending import Pending
from graphc.errors import ShapeError

_INT32_MAX = 2**31 - 1

# Sets of sizes whose tables are kept: training and the last batch, validation and its.
_MOST_TABLES = 16


class _Arena(threading.local):
    """The memory of what programs compute: one for each thread, as large as the largest."""

    def __init__(self) -> None:
        self._memory = np.empty(0, np.uint8)

    def address(self, nbytes: int) -> int:
        """Where it begins; what lay in it is lost where it grows."""
        if self._memory.size < nbytes + ALIGNMENT:
            self._memory = np.empty(nbytes + ALIGNMENT, np.uint8)
        return -(-_address(self._memory) // ALIGNMENT) * ALIGNMENT


_arena = _Arena()


@dataclass(frozen=True)
class _Tables:
    """A program with its sizes bound.

    Attributes:
        sizes: the table of extents.
        nbytes: of the arena.
        inner: which places of the table of addresses are of the arena.
        offsets: how many bytes from its start each of them is.
        shapes: of what is fetched.
    """

    sizes: np.ndarray
    nbytes: int
    inner: np.ndarray
    offsets: np.ndarray
    shapes: list[tuple[int, ...]]


class NativeExecutor:
    """A native program in this process; an `Executor`."""

    def __init__(
        self,
        program: NativeProgram,
        states: Sequence[State] = (),
        name: str = "function",
    ):
        """Compile and load.

        Args:
            program: what `lower_native` made.
            states: the states that it updates.
            name: of the function, for messages.

        Raises DeviceError where there is no compiler or it fails.
        """
        self._native = program
        self._program = program.program
        self._states = tuple(states)
        self._name = name
        self._fetched = self._program.outputs[: len(self._program.outputs) - len(states)]
        self._tables: OrderedDict[frozenset, _Tables] = OrderedDict()
        self._fallback = Fallback(self._program.outputs, self._program.checks, name)
        self._lock = threading.Lock()
        steps = launches(self._program.steps)
        layers = {step.name: ", ".join(step.kernel.layers) for step in steps}
        library = loaded(self._program.source, layers, name)
        how = "from the cache"
        if library.seconds is not None:
            how = f"compiled in {library.seconds:.3f} s"
        self.made = f"native code, {len(steps)} kernel{'' if len(steps) == 1 else 's'}, {how}"
        self._step = library.functions[STEP]
        pointer = ctypes.c_void_p
        self._step.argtypes = [*[pointer] * 3, ctypes.c_uint64, *[pointer] * 3]
        self._step.restype = None
        self._words = np.array(program.words, np.uint32)
        self._status = np.array([FINE], np.uint64)
        self._addresses = np.zeros(len(program.buffers), np.uintp)
        self._places = {buffer: place for place, buffer in enumerate(program.buffers)}
        self._constants: list[np.ndarray] = []
        self._fed: list[tuple[int, Node]] = []
        self._held: list[tuple[int, State]] = []
        for place, buffer in enumerate(program.buffers):
            origin = buffer.origin
            if isinstance(origin, np.ndarray):
                self._constants.append(np.ascontiguousarray(origin))
                self._addresses[place] = _address(self._constants[-1])
            elif isinstance(origin, State):
                self._held.append((place, origin))
            elif isinstance(origin, Node):
                self._fed.append((place, origin))

    def run(
        self,
        feeds: Mapping[Node, np.ndarray],
        bindings: Mapping[Symbol, int],
        call_step: int,
        observer: Observer | None = None,
    ) -> list[np.ndarray]:
        """What is fetched; the states are set. See `Executor.run`.

        With an observer the interpreter runs, which has every node's value to show.
        """
        if observer is not None:
            return self._observe(feeds, bindings, call_step, observer)
        with self._lock:
            tables = self._bind(bindings)
            kept = [np.ascontiguousarray(feeds[node]) for _, node in self._fed]
            arena = _arena.address(tables.nbytes)
            addresses = self._addresses
            addresses[tables.inner] = tables.offsets + np.uintp(arena)
            for (place, _), array in zip(self._fed, kept, strict=True):
                addresses[place] = _address(array)
            for place, state in self._held:
                addresses[place] = _address(_own(state))
            results = self._results(tables, feeds)
            self._step(
                _address(addresses),
                _address(tables.sizes),
                _address(self._words),
                call_step,
                _address(self._status),
                None,
                None,
            )
            status = int(self._status[0])
            self._status[0] = FINE
            if status != FINE:
                self._fallback.refuse(status, feeds, bindings, call_step)
        return results

    def start(
        self, feeds: Mapping[Node, np.ndarray], bindings: Mapping[Symbol, int], call_step: int
    ) -> Pending:
        """As `run`: the values are there when this returns."""
        return Pending.done(self.run(feeds, bindings, call_step))

    def _results(self, tables: _Tables, feeds: Mapping[Node, np.ndarray]) -> list[np.ndarray]:
        """Arrays for what is fetched: kernels write into them, or they are copies of what no
        kernel writes."""
        given: dict[Buffer, np.ndarray] = {}
        results = []
        for buffer, node, shape in zip(
            self._program.fetches, self._fetched, tables.shapes, strict=True
        ):
            origin = buffer.origin
            if isinstance(origin, State):
                results.append(origin.get())
            elif isinstance(origin, Node):
                results.append(np.array(feeds[origin], order="C"))
            elif origin is not None:
                results.append(np.array(origin, order="C"))
            elif buffer not in given:
                given[buffer] = np.empty(shape, node.dtype)
                results.append(given[buffer])
                place = self._places.get(buffer)
                if place is not None:  # else it has no elements
                    self._addresses[place] = _address(given[buffer])
            else:
                results.append(given[buffer])
        return results

    def _bind(self, bindings: Bindings) -> _Tables:
        """The tables for these sizes; those of the latest sets are kept."""
        key = frozenset(bindings.items())
        tables = self._tables.get(key)
        if tables is None:
            plan = plan_memory(self._program, bindings)
            inner = {
                place: plan.offsets[buffer]
                for buffer, place in self._places.items()
                if buffer.origin is None
            }
            shapes = [
                tuple(value_of(size, bindings) for size in node.shape) for node in self._fetched
            ]
            tables = _Tables(
                self._sizes(bindings),
                plan.nbytes,
                np.array(list(inner), np.intp),
                np.array(list(inner.values()), np.uintp),
                shapes,
            )
            self._tables[key] = tables
            if len(self._tables) > _MOST_TABLES:
                self._tables.popitem(last=False)
        self._tables.move_to_end(key)
        return tables

    def _sizes(self, bindings: Bindings) -> np.ndarray:
        values = [value_of(size, bindings) for size in self._native.sizes]
        for size, value in zip(self._native.sizes, values, strict=True):
            if value > _INT32_MAX:
                raise ShapeError(
                    f"{self._name}: the size {size} is {value:,}; a kernel counts up to "
                    f"{_INT32_MAX:,}: make the batch smaller"
                )
        return np.array(values, np.int32)

    # ---- what the interpreter does --------------------------------------------------------------

    def _observe(
        self,
        feeds: Mapping[Node, np.ndarray],
        bindings: Mapping[Symbol, int],
        call_step: int,
        observer: Observer,
    ) -> list[np.ndarray]:
        results = self._fallback.run(feeds, bindings, call_step, observer)
        fetched = len(self._fetched)
        for state, value in zip(self._states, results[fetched:], strict=True):
            state.place(value)
        return results[:fetched]


def _address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


def _own(state: State) -> np.ndarray:
    """A state's value in host memory, as a whole array that may be written into."""
    array = state.buffer
    if not (array.flags.c_contiguous and array.flags.writeable):
        array = np.array(array, order="C")
        state.place(array)
    return array
