"""Run a program of kernels on the GPU."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from graphc.compiler.graph import CallStep, Node, State, Symbol
from graphc.compiler.graph import dim as dims
from graphc.compiler.program.launch import (
    Bindings,
    DeviceBuffer,
    DeviceProgram,
    Launch,
    launches,
    layers_of_functions,
)
from graphc.compiler.program.memory import ALIGNMENT, MemoryPlan, aligned, plan_memory
from graphc.compiler.program.memory_report import MemoryReport, memory_report
from graphc.compiler.runtime.executor import Observer
from graphc.compiler.runtime.fallback import FINE, Fallback
from graphc.compiler.runtime.gpu import cuda
from graphc.compiler.runtime.gpu.bound_program import (
    ARENA,
    CALL_STEP,
    FEEDS,
    BoundProgram,
    constants,
    described,
    states,
)
from graphc.compiler.runtime.gpu.device_array import DeviceArray, on_device
from graphc.compiler.runtime.gpu.nvcc import compiled
from graphc.compiler.runtime.gpu.observed import run_observed
from graphc.compiler.runtime.gpu.pool import PoolBlock
from graphc.compiler.runtime.gpu.workspace import PendingFetch
from graphc.compiler.runtime.index_checks import fed_indices
from graphc.compiler.runtime.observed import Observed
from graphc.compiler.runtime.out_of_memory import explanation, uncounted
from graphc.compiler.runtime.pending import Pending
from graphc.errors import CompilerError, DeviceError, NotFiniteError, OutOfMemoryError, ShapeError

_STATUS_BYTES = 8

# The most bound programs that are kept, one for each set of sizes. A `fit` needs four: the full and
# the last batch of training and of validation.
_MOST_BOUND_PROGRAMS = 16


class CudaExecutor:
    """A device program on the process's GPU; a `KernelExecutor`."""

    target: str | None = "cuda"

    def __init__(
        self,
        program: DeviceProgram,
        outputs: Sequence[Node],
        states_updated: Sequence[State] = (),
        name: str = "function",
        plan: Callable[[DeviceProgram, Bindings], MemoryPlan] = plan_memory,
    ):
        """Compile the program and load it.

        Args:
            program: what `lower(outputs, states_updated)` made.
            outputs: the nodes that are fetched, then one new value for each of `states_updated`.
            states_updated: the states that the program's launches write.
            name: of the function, for messages.
            plan: assigns offsets to the values that launches write.

        Raises DeviceError where the GPU, its driver or the compiler fail.
        """
        self.program = program
        self._outputs = program.outputs or tuple(outputs)  # the nodes that its buffers name
        self._fetched = self._outputs[: len(outputs) - len(states_updated)]
        self._states = tuple(dict.fromkeys([*states(program), *states_updated]))
        self._updated = tuple(states_updated)
        self._name = name
        self._plan = plan
        self._bound_programs: OrderedDict[frozenset[Any], BoundProgram] = OrderedDict()
        self._functions: dict[str, Any] = {}
        self._shared: dict[str, int] = {}
        self._fallback = Fallback(self._outputs, program.checks, name, program.given)
        self._fed_indices = fed_indices(program.checks)
        self._stale = False  # True if the status word may hold the failure of an earlier call
        self.summary = "no kernels"
        self._device = cuda.device()
        with self._device.current():
            self._module = self._load()
            # Since CUDA 12.2 a kernel is loaded when it is asked for, and that may wait for all
            # work on the GPU: not between two steps.
            for name in dict.fromkeys(launch.function for launch in launches(program.steps)):
                self._functions[name] = self._device.function(self._module, name)
            self._fixed, self._constants = self._upload_constants()

    def __del__(self) -> None:
        if hasattr(self, "_module"):
            self._device.discard(self._module, *self._functions.values())

    def run(
        self,
        feeds: Mapping[Node, np.ndarray],
        bindings: Mapping[Symbol, int],
        call_step: CallStep,
        observer: Observer | None = None,
    ) -> list[np.ndarray]:
        """Return the fetched values and set the states. See `Executor.run`.

        If nothing is fetched and no check can fail, it returns before the GPU is done.

        Raises DeviceError if the GPU fails. If a check on the device fails (an index out of range)
        it raises the interpreter's error, and the states are unchanged.
        """
        checked = self._check_may_fail(feeds, bindings)
        number = call_step.value
        with self._working():
            try:
                fetch = self._begin(feeds, bindings, call_step, checked, observer)
            except OutOfMemoryError as error:
                raise self._with_explanation(error, bindings) from None
            except NotFiniteError:
                # Raised by the observer, which saw only the values that kernels store. The
                # interpreter shows it every node, so that the error names the first that is
                # not finite.
                try:
                    self._fallback.run(feeds, bindings, number, observer)
                except NotFiniteError as first:
                    raise first from None
                raise
            fetched = fetch.wait() if fetch is not None else []
            status = int(fetched.pop().view(np.uint64)[0]) if checked else FINE
            self._stale = status != FINE
        if status != FINE:
            call_step.value = number  # no launch has set a state
            self._fallback.refuse(status, feeds, bindings, number)
        return self._results(fetched, bindings)

    def start(
        self, feeds: Mapping[Node, np.ndarray], bindings: Mapping[Symbol, int], call_step: CallStep
    ) -> Pending:
        """Run without waiting for the result, unless a check on the device may fail: its outcome
        has to be known before the next call."""
        if self._check_may_fail(feeds, bindings):
            return Pending.done(self.run(feeds, bindings, call_step))
        with self._working():
            try:
                fetch = self._begin(feeds, bindings, call_step, False, None)
            except OutOfMemoryError as error:
                raise self._with_explanation(error, bindings) from None
        if fetch is None:
            return Pending.done([])

        def wait() -> list[np.ndarray]:
            with self._working():
                return self._results(fetch.wait(), bindings)

        return Pending(wait)

    @contextmanager
    def _working(self) -> Iterator[None]:
        """Make the device current, and turn errors of pycuda into a DeviceError."""
        device = self._device
        try:
            with device.current():
                yield
        except device.errors as error:
            raise device.failure(error, f"running {self._name}") from error

    def _begin(
        self,
        feeds: Mapping[Node, np.ndarray],
        bindings: Mapping[Symbol, int],
        call_step: CallStep,
        checked: bool,
        observer: Observer | None,
    ) -> PendingFetch | None:
        """Launch all kernels, count the call, and begin to copy the fetched values to the host.

        If `checked`, the status word is copied as the last one. Returns None if nothing is copied.
        """
        device, number = self._device, call_step.value
        with self.bound(feeds, bindings, number) as bound:
            self._stale = checked
            if observer is None:
                device.launch_together(bound.launches, (call_step, number + 1))
            else:
                updated = [on_device(state, device) for state in self._updated]
                observed = Observed(self._outputs, self._updated, observer)
                run_observed(device, bound, observed, feeds, updated)
                call_step.value = number + 1
            sources = [
                (bound.address(buffer), math.prod(shape) * np.dtype(node.dtype).itemsize)
                for node, buffer, shape in zip(
                    self._fetched, self.program.fetches, self._shapes(bindings), strict=True
                )
            ]
            if checked:
                sources.append((self._status, _STATUS_BYTES))
            return device.workspace.start_fetch(sources) if sources else None

    def _shapes(self, bindings: Bindings) -> list[tuple[int, ...]]:
        return [
            tuple(dims.evaluate(size, bindings) for size in node.shape) for node in self._fetched
        ]

    def _results(self, fetched: Sequence[np.ndarray], bindings: Bindings) -> list[np.ndarray]:
        shapes = self._shapes(bindings)
        return [
            array.view(node.dtype).reshape(shape).copy()
            for array, node, shape in zip(fetched, self._fetched, shapes, strict=True)
        ]

    @contextmanager
    def bound(
        self,
        feeds: Mapping[Node, np.ndarray],
        bindings: Mapping[Symbol, int],
        call_step: int,
    ) -> Iterator[BoundProgram]:
        """Yield the launches of a call with all their arguments set; none of them has run.

        The device has to be current.
        """
        device, bound = self._device, self._bound_program(bindings)
        arena = device.workspace.arena(bound.arena_nbytes, f"what {self._name} computes")
        arrays = {state: on_device(state, device) for state in self._states}
        if self._stale:
            device.fill(self._status, 0xFF, _STATUS_BYTES)
            self._stale = False
        with device.workspace.inputs(bound.feeds, bound.feed_nbytes, feeds) as inputs:
            bound.move(ARENA, arena.address)
            bound.move(FEEDS, inputs)
            bound.move(CALL_STEP, call_step)
            for state, array in arrays.items():
                bound.move(state, array.address)
            yield bound

    # ---- preparation ----------------------------------------------------------------------------

    def _load(self) -> Any:
        """Return the module with the program's kernels; None if there are none."""
        steps = launches(self.program.steps)
        if not steps:
            return None
        layers = layers_of_functions(steps)
        facts = self._device.facts

        def load(content: bytes) -> Any:
            try:
                return self._device.load(content, self._name)
            except DeviceError as error:
                raise CompilerError(str(error)) from error

        binary = compiled(
            self.program.source,
            facts.arch,
            facts.driver_version,
            layers,
            self._name,
            load,
            self.program.code,
        )
        how = "from the cache"
        if binary.seconds is not None:
            how = f"compiled by nvcc in {binary.seconds:.3f} s"
        self.summary = f"{len(steps)} kernel{'' if len(steps) == 1 else 's'}, {how}"
        return binary.loaded

    def _upload_constants(self) -> tuple[dict[DeviceBuffer, int], PoolBlock]:
        """Upload the constants, and return their addresses and the block of memory that holds them
        behind the status word."""
        arrays = constants(self.program)
        offsets, nbytes = [], ALIGNMENT
        for _, array in arrays:
            offsets.append(nbytes)
            nbytes += aligned(array.nbytes)
        block = self._device.allocate(nbytes, f"the constants of {self._name}")
        image = np.zeros(nbytes, np.uint8)
        image[:_STATUS_BYTES] = 0xFF
        for (_, array), offset in zip(arrays, offsets, strict=True):
            whole = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
            image[offset : offset + array.nbytes] = whole
        self._device.upload(block.address, image)
        fixed = {
            buffer: block.address + offset
            for (buffer, _), offset in zip(arrays, offsets, strict=True)
        }
        return fixed, block

    @property
    def _status(self) -> int:
        """The address of the status word."""
        return self._constants.address

    def _bound_program(self, bindings: Bindings) -> BoundProgram:
        """Return the launches for these sizes, from a cache of the most recently used ones."""
        key = frozenset(bindings.items())
        bound = self._bound_programs.get(key)
        if bound is None:
            try:
                plan = self._plan(self.program, bindings)
            except ShapeError as error:
                raise uncounted(error, self._report, bindings) from None
            bound = BoundProgram(
                self.program, bindings, plan, self._fixed, self._status, self._function
            )
            self._bound_programs[key] = bound
            if len(self._bound_programs) > _MOST_BOUND_PROGRAMS:
                self._bound_programs.popitem(last=False)
        self._bound_programs.move_to_end(key)
        return bound

    def _function(self, launch: Launch, shared: int) -> Any:
        """Return the kernel of a launch, which may use `shared` bytes of dynamic shared memory."""
        name = launch.function
        if shared > self._shared.get(name, 0):
            self._shared[name] = shared
            self._device.allow_shared(self._functions[name], shared, described(launch))
        return self._functions[name]

    def _with_explanation(self, error: OutOfMemoryError, bindings: Bindings) -> OutOfMemoryError:
        """Return the error with a list of the largest values and the batch size that would fit."""
        device = self._device
        device.make_room()
        values = (state.value for state in self._states)
        own = sum(value.nbytes for value in values if isinstance(value, DeviceArray))
        nbytes = device.available() + own + self._constants.nbytes
        more = explanation(self._report, bindings, nbytes)
        return OutOfMemoryError(f"{error}{more}")

    def _report(self, bindings: Bindings) -> MemoryReport:
        return memory_report(self.program, bindings, self._name, self._plan)

    # ---- checks ---------------------------------------------------------------------------------

    def _check_may_fail(self, feeds: Mapping[Node, np.ndarray], bindings: Bindings) -> bool:
        """Return True if a check on the device may fail: if an index is computed, or is fed and out
        of range."""
        if not self.program.checks:
            return False
        fed = self._fed_indices
        return fed is None or not all(one.all_fit(feeds, bindings) for one in fed)
