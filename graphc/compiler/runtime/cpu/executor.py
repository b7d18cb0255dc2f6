"""The executor of `cpu=native`: a native program, one call of a shared object for each step."""

from __future__ import annotations

import ctypes
import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate
from types import MappingProxyType
from typing import Any

import numpy as np

from graphc.compiler.graph import CallStep, Node, State, Symbol, assign_together
from graphc.compiler.lowering.cpu import NativeProgram
from graphc.compiler.lowering.cpu.step import STEP
from graphc.compiler.program.launch import (
    Bindings,
    CallSizes,
    DeviceBuffer,
    launches,
    layers_of_functions,
    value_of,
)
from graphc.compiler.program.memory import plan_memory
from graphc.compiler.program.memory_report import MemoryReport, memory_report, scratch_blocks
from graphc.compiler.runtime.cpu.arrays import address_of, placed_array
from graphc.compiler.runtime.cpu.bound_shards import BoundShards
from graphc.compiler.runtime.cpu.compiler import loaded
from graphc.compiler.runtime.cpu.frame import ARENA, Arena, BoundSizes, Frame
from graphc.compiler.runtime.cpu.library import address_of_symbol
from graphc.compiler.runtime.cpu.partial_sums import PartialSums, row_of
from graphc.compiler.runtime.executor import Observer
from graphc.compiler.runtime.fallback import FINE, Fallback
from graphc.compiler.runtime.observed import Observed
from graphc.compiler.runtime.out_of_memory import FREELY, Kept, check_room, refused, uncounted
from graphc.compiler.runtime.pending import Pending
from graphc.compiler.shards import RowDivision
from graphc.errors import NotFiniteError, OutOfMemoryError, ShapeError

_INT32_MAX = 2**31 - 1

# Sets of sizes whose tables are kept: training and the last batch, validation and its.
_MOST_TABLES = 16

_ON_STEP = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)


class NativeExecutor:
    """A native program in this process; a `KernelExecutor`."""

    target: str | None = "cpu"

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
        self.program = program.program
        self._states = tuple(states)
        self._name = name
        self._fetched = self.program.outputs[: len(self.program.outputs) - len(states)]
        self._tables: OrderedDict[frozenset[Any], BoundSizes] = OrderedDict()
        self._latest: tuple[Bindings, BoundSizes | None] = {}, None
        self._fallback = Fallback(
            self.program.outputs, self.program.checks, name, self.program.given
        )
        self._lock = threading.RLock()  # an observer may call this function
        self._launches = launches(self.program.steps)
        layers = layers_of_functions(self.program.steps)
        source, code = self.program.source, self.program.code
        library = loaded(source, layers, name, code, program.sections)
        how = "from the cache"
        if library.seconds is not None:
            how = f"compiled in {library.seconds:.3f} s"
        count = len(self._launches)
        self.summary = f"native code, {count} kernel{'' if count == 1 else 's'}, {how}"
        self._runtime = library.runtime
        self._library = library.functions  # unloaded with this executor
        self._step_at = address_of_symbol(library.functions, STEP)
        self._words = np.array([word.value for word in program.words], np.uint32)
        self._words_at = address_of(self._words)
        self._slots = {buffer: slot for slot, buffer in enumerate(program.buffers)}
        fetches = self.program.fetches
        self._fetches = [
            (buffer.origin, fetches.index(buffer), self._slots.get(buffer), np.dtype(buffer.dtype))
            for buffer in fetches
        ]
        self._constants: dict[int, np.ndarray] = {}
        self._fed: list[tuple[int, Node]] = []
        self._state_slots: list[tuple[int, State]] = []
        for slot, buffer in enumerate(program.buffers):
            origin = buffer.origin
            if isinstance(origin, np.ndarray):
                self._constants[slot] = np.ascontiguousarray(origin)
            elif isinstance(origin, State):
                self._state_slots.append((slot, origin))
            elif isinstance(origin, Node):
                self._fed.append((slot, origin))
        self._frame = self._new_frame()
        self._sums: PartialSums | None = None

    def run(
        self,
        feeds: Mapping[Node, np.ndarray],
        bindings: Mapping[Symbol, int],
        call_step: CallStep,
        observer: Observer | None = None,
        into: Mapping[int, np.ndarray] = MappingProxyType({}),
    ) -> list[np.ndarray]:
        """Return the fetched values and set the states. See `Executor.run`.

        Kernels write what they compute for some of the values, by number, `into` contiguous arrays.
        An observer receives the values that kernels store, in the order of running; where it raises
        NotFiniteError, the interpreter shows it each node, so that the first of them is named.

        Raises OutOfMemoryError where the values need more memory than there is.
        """
        try:
            with self._lock:
                if observer is None:
                    states = self._state_slots
                    return self._call(self._frame, ARENA, states, feeds, bindings, call_step, into)
                return self._observe(feeds, bindings, call_step, observer)
        except OutOfMemoryError:
            raise
        except MemoryError as error:
            raise refused(error, self._report, bindings, self._kept) from error
        except NotFiniteError:
            assert observer is not None
            try:
                self._fallback.run(feeds, bindings, call_step.value, observer)
            except NotFiniteError as first:
                raise first from None
            raise

    def start(
        self, feeds: Mapping[Node, np.ndarray], bindings: Mapping[Symbol, int], call_step: CallStep
    ) -> Pending:
        """As `run`: the values are there when this returns."""
        return Pending.done(self.run(feeds, bindings, call_step))

    def can_sum_shards(self, sums: int) -> bool:
        """Return whether `run_shards` takes this program: what is summed, the first `sums` of what
        is fetched, is computed by kernels, and nothing else that is fetched is the same value."""
        of_sums, others = self._fetches[:sums], self._fetches[sums:]
        return all(origin is None for origin, *_ in of_sums) and all(
            origin is not None or first >= sums for origin, first, *_ in others
        )

    def bound_shards(
        self,
        division: RowDivision,
        inputs: Sequence[Node],
        bindings: Sequence[Mapping[Symbol, int]],
        sums: int,
        same: Collection[int] = (),
    ) -> BoundShards:
        """Return the program bound to the shards of a batch.

        Args:
            division: of what is fed.
            inputs: which inputs that is, in order.
            bindings: the sizes of each shard.
            sums: how many of the fetched values are summed over the shards.
            same: the numbers of inputs that are fed the same arrays at each call.
        """
        firsts = dict.fromkeys([first for _, first, *_ in self._fetches[:sums]])
        return BoundShards(
            division,
            inputs,
            bindings,
            [self._bind(one) for one in bindings],
            [self._new_frame() for _ in bindings],
            self._fed,
            sums,
            {number: self._fetches[number][2] for number in firsts},
            [
                (slot, number)
                for number, (origin, first, slot, _) in enumerate(self._fetches[sums:])
                if origin is None and first == sums + number and slot is not None
            ],
            same,
        )

    def run_shards(
        self,
        bound: BoundShards,
        arrays: Sequence[np.ndarray],
        call_step: CallStep,
        into: Sequence[np.ndarray] | None = None,
    ) -> tuple[list[np.ndarray], list[list[np.ndarray]]]:
        """Run once for each shard of a batch, in one call of native code.

        No state may be set. All shards draw what the call `call_step` does, which is not counted.

        Args:
            bound: what `bound_shards` returned.
            arrays: what is fed, as `bound.division` divides it.
            call_step: the number of the call.
            into: contiguous arrays with a line for each row of the shards, which these write the
                other fetched values into.

        Returns:
            The sums, added in the binary tree of `graphc.parallel.tree`, in memory that the next
            call overwrites; and what else each shard fetches, unless `into` has it.

        An error in a shard is that of `run`.
        """
        assert not self._states
        try:
            with self._lock:
                return self._run_shards(bound, arrays, call_step, into)
        except OutOfMemoryError:
            raise
        except MemoryError as error:
            raise refused(error, self._report, bound.bindings[0], self._kept) from error

    def _run_shards(
        self,
        bound: BoundShards,
        arrays: Sequence[np.ndarray],
        call_step: CallStep,
        into: Sequence[np.ndarray] | None,
    ) -> tuple[list[np.ndarray], list[list[np.ndarray]]]:
        memory, shards = self._partial_sums(bound), len(bound.tables)
        bound.place(ARENA.address(bound.nbytes), self._state_slots, memory)
        kept = bound.set_arrays(arrays, into)  # while kernels read them
        results: list[list[np.ndarray]] = []
        if into is None and bound.sums < len(self._fetches):
            results = [self._results_of(bound, arrays, shard, memory) for shard in range(shards)]
        ran = self._runtime.tree_sum(
            self._step_at,
            bound.at,
            shards,
            bound.divided_at,
            bound.divided,
            self._words_at,
            call_step.value,
            self._frame.status_at,
            len(bound.summed),
            memory.summands_at,
            memory.at,
        )
        del kept
        if ran < shards:
            status, feeds = self._frame.status.value, bound.feeds_of(arrays, ran)
            self._fallback.refuse(status, feeds, bound.bindings[ran], call_step.value)
        if into is not None:
            self._complete(bound, arrays, into)
        found = memory.rows[0]
        if bound.sums != len(found):  # a value is summed twice
            once = dict(zip(bound.summed, found, strict=True))
            found = [once[first] for _, first, *_ in self._fetches[: bound.sums]]
        return found, [self._without_aliases(one)[bound.sums :] for one in results]

    def _results_of(
        self, bound: BoundShards, arrays: Sequence[np.ndarray], shard: int, memory: PartialSums
    ) -> list[np.ndarray]:
        """Return arrays for what a shard fetches; those of `memory` for what is summed."""
        row = dict(zip(bound.summed, memory.rows[row_of(shard)], strict=True))
        feeds = bound.feeds_of(arrays, shard)
        return self._results(bound.frames[shard], bound.tables[shard], feeds, row)

    def _complete(
        self, bound: BoundShards, arrays: Sequence[np.ndarray], into: Sequence[np.ndarray]
    ) -> None:
        """Write what no kernel writes, or what one has written elsewhere, into arrays of the rows
        of all shards."""
        for number, whole in enumerate(into, bound.sums):
            origin, first, *_ = self._fetches[number]
            if origin is None and first < number:
                whole[...] = into[first - bound.sums]
            elif origin is not None:
                for shard in range(len(bound.tables)):
                    rows = bound.division.rows_of_shard(whole, 0, shard)
                    value = self._unwritten(origin, bound.feeds_of(arrays, shard))
                    rows[...] = value.reshape(rows.shape)

    def _partial_sums(self, bound: BoundShards) -> PartialSums:
        """The memory of the sums over the shards."""
        if self._sums is not None and self._sums is bound.memory:
            return self._sums
        wanted, shards = (
            [bound.tables[0].shapes[number] for number in bound.summed],
            len(bound.tables),
        )
        if self._sums is None or not self._sums.serve(wanted, shards):
            self._sums = None  # first, so that its memory may serve
            dtypes = [self._fetches[number][-1] for number in bound.summed]
            self._sums = PartialSums(wanted, dtypes, shards)
        return self._sums

    def seconds(
        self, feeds: Mapping[Node, np.ndarray], bindings: Mapping[Symbol, int], call_step: CallStep
    ) -> np.ndarray:
        """Run as `run` does, and give the seconds that each kernel took, all its calls together, in
        the order of `program.launch.launches`; and last those of the whole program."""
        spent, frame = np.zeros(len(self._launches) + 1), self._new_frame()
        frame.set_watch(address_of(spent))
        with self._lock:
            self._call(frame, ARENA, self._state_slots, feeds, bindings, call_step)
        return spent

    @property
    def threads(self) -> int:
        """The number of threads over which kernels are divided at most."""
        return self._runtime.threads

    @property
    def scratch(self) -> int:
        """The bytes of scratch memory that all threads of the process hold."""
        return self._runtime.scratch

    def _new_frame(self) -> Frame:
        slots = len(self._native.buffers)
        return Frame(self._step_at, self._words_at, self._constants, slots)

    def _call(
        self,
        frame: Frame,
        arena: Arena,
        states: Sequence[tuple[int, State]],
        feeds: Mapping[Node, np.ndarray],
        bindings: Mapping[Symbol, int],
        call_step: CallStep,
        into: Mapping[int, np.ndarray] = MappingProxyType({}),
    ) -> list[np.ndarray]:
        """Run the program.

        Args:
            states: the states that it reads and writes, with their slots in the table of addresses.
            into: as of `run`.
        """
        tables = self._bind(bindings)
        frame.set_arena(tables, arena.address(tables.nbytes))
        frame.set_states(states)
        kept = self._set_feeds(frame, feeds)  # while kernels read them
        results = self._results(frame, tables, feeds, into)
        frame.set_call_step(call_step)
        self._runtime.run(frame.call_at)
        status = frame.status.value
        if status != FINE:
            self._fallback.refuse(status, feeds, bindings, call_step.value)
        del kept
        return self._without_aliases(results)

    def _without_aliases(self, results: list[np.ndarray]) -> list[np.ndarray]:
        """Return what is fetched, where it is fetched twice with an array for each."""
        for number, (origin, first, *_) in enumerate(self._fetches):
            if origin is None and first < number:
                results[number] = results[first].copy()
        return results

    def _set_feeds(self, frame: Frame, feeds: Mapping[Node, np.ndarray]) -> list[np.ndarray]:
        """Write the addresses of the feeds into a frame, and return the arrays at them."""
        arrays = []
        for slot, node in self._fed:
            array = np.ascontiguousarray(feeds[node])
            frame.addresses[slot] = address_of(array)
            arrays.append(array)
        return arrays

    def _results(
        self,
        frame: Frame,
        tables: BoundSizes,
        feeds: Mapping[Node, np.ndarray],
        given: Mapping[int, np.ndarray] = MappingProxyType({}),
    ) -> list[np.ndarray]:
        """Arrays for what is fetched: kernels write into them, or they are copies of what no
        kernel writes. For some, by their numbers, arrays are `given`."""
        results: list[np.ndarray] = []
        for number, (origin, first, slot, dtype) in enumerate(self._fetches):
            if origin is not None:
                results.append(self._unwritten(origin, feeds))
            elif first < number:
                results.append(results[first])
            else:
                array = given.get(number)
                if array is None:
                    array, address = placed_array(tables.shapes[number], dtype)
                else:
                    address = address_of(array)
                results.append(array)
                if slot is not None:  # else it has no elements
                    frame.addresses[slot] = address
        return results

    @staticmethod
    def _unwritten(
        origin: State | Node | np.ndarray, feeds: Mapping[Node, np.ndarray]
    ) -> np.ndarray:
        """Return a copy of what no kernel writes: a state, an argument or a constant."""
        if isinstance(origin, State):
            return origin.get()
        return np.array(feeds[origin] if isinstance(origin, Node) else origin, order="C")

    def _bind(self, bindings: Bindings) -> BoundSizes:
        """The tables for these sizes; those of the latest sets are kept."""
        latest, tables = self._latest
        if bindings is latest and tables is not None:  # they do not change
            return tables
        key = frozenset(bindings.items())
        tables = self._tables.get(key)
        if tables is None:
            try:
                plan = plan_memory(self.program, bindings)
            except ShapeError as error:
                raise uncounted(error, self._report, bindings) from None
            self._check_room(plan.nbytes, bindings)
            inner = {
                slot: plan.offsets[buffer]
                for buffer, slot in self._slots.items()
                if buffer.origin is None
            }
            shapes = [
                tuple(value_of(size, bindings) for size in node.shape) for node in self._fetched
            ]
            table = self._sizes(bindings)
            tables = BoundSizes(
                table,
                address_of(table),
                plan.nbytes,
                np.array(list(inner), np.intp),
                np.array(list(inner.values()), np.uintp),
                shapes,
            )
            self._tables[key] = tables
            if len(self._tables) > _MOST_TABLES:
                self._tables.popitem(last=False)
        self._tables.move_to_end(key)
        self._latest = bindings, tables
        return tables

    def _report(self, bindings: Bindings) -> MemoryReport:
        return memory_report(self.program, bindings, self._name, target="cpu", threads=self.threads)

    def _check_room(self, arena: int, bindings: Bindings) -> None:
        at = CallSizes(bindings, self.threads)
        scratch = sum(scratch_blocks(self.program, at).values())
        if self._kept.lacks(arena, scratch) > FREELY:
            self._runtime.start_threads()
            check_room(self._report, bindings, self._kept)

    @property
    def _kept(self) -> Kept:
        return Kept(ARENA.nbytes, self.scratch)

    def _sizes(self, bindings: Bindings) -> np.ndarray:
        values = [value_of(size, bindings) for size in self._native.sizes]
        for size, value in zip(self._native.sizes, values, strict=True):
            if value > _INT32_MAX:
                raise ShapeError(
                    f"{self._name}: the size {size} is {value:,}; a kernel counts up to "
                    f"{_INT32_MAX:,}: make the batch smaller"
                )
        return np.array(values, np.int32)

    # ---- what an observer sees ------------------------------------------------------------------

    def _observe(
        self,
        feeds: Mapping[Node, np.ndarray],
        bindings: Mapping[Symbol, int],
        call_step: CallStep,
        observer: Observer,
    ) -> list[np.ndarray]:
        """As `run`, in memory of its own: an observer may call functions too. States are set when
        all is computed, from copies that it ran on."""
        observed = Observed(self.program.outputs, self._states, observer)
        observed.begin(feeds)
        frame = self._new_frame()
        spent = np.zeros(len(self._launches) + 1)
        groups = [launches((step,)) for step in self.program.steps]
        firsts = [0, *accumulate(map(len, groups))]
        reported = [False] * len(groups)
        raised: list[BaseException] = []

        def read(buffer: DeviceBuffer) -> np.ndarray:
            value = np.empty([value_of(size, bindings) for size in buffer.shape], buffer.dtype)
            if value.size:
                address = int(frame.addresses[self._slots[buffer]])
                ctypes.memmove(address_of(value), address, value.nbytes)
            return value

        def report_step(step: int) -> int:
            seconds = float(spent[firsts[step] : firsts[step + 1]].sum())
            try:
                written = [one for one in groups[step] if one.runs(bindings)]
                observed.report(written, read, seconds)
            except BaseException as error:
                raised.append(error)
                return 1
            reported[step] = True  # last, and no call: an interrupt after it would be lost
            return 0

        on_step = _ON_STEP(report_step)
        new = {state: State(state.get(), state.name) for state in self._states}
        states = [(slot, new.get(state, state)) for slot, state in self._state_slots]
        count = CallStep(call_step.value)
        frame.set_watch(address_of(spent), ctypes.cast(on_step, ctypes.c_void_p))
        results = self._call(frame, Arena(), states, feeds, bindings, count)
        if raised:
            raise raised[0]
        if not all(reported):  # ctypes drops what is raised as it calls Python
            raise KeyboardInterrupt
        assign_together(
            [(state, copy.buffer) for state, copy in new.items()], (call_step, count.value)
        )
        return results
