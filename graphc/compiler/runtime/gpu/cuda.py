"""The GPU, through PyCUDA: the only file that imports it, at the first use of the device.

`device()` is the process's GPU, the first that CUDA_VISIBLE_DEVICES leaves; of several ranks on a
host each takes another, as far as there are so many. Its *primary* context
is used (CUDA Driver API, "Primary Context Management"), pushed for the length of a call and popped
after it, so that other users of the GPU in this process, such as PyTorch, keep working.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import logging
import operator
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import starmap
from typing import Any

import numpy as np

from graphc.compiler.graph import CallStep
from graphc.compiler.runtime.gpu import probe
from graphc.compiler.runtime.gpu.bound_program import PreparedLaunch, described
from graphc.compiler.runtime.gpu.pool import Pool, PoolBlock
from graphc.compiler.runtime.gpu.workspace import Workspace
from graphc.errors import DeviceError, OutOfMemoryError
from graphc.parallel.joining import take_gpu

_NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING: does not wait for the null stream, nor it for us
_DEFAULT_SHARED = 48 << 10
_HIGHEST_ERROR = 1000

_ENDING = frozenset(
    f"CUDA_ERROR_{name}"
    for name in (
        "ASSERT",
        "CONTAINED",
        "CONTEXT_IS_DESTROYED",
        "ECC_UNCORRECTABLE",
        "EXTERNAL_DEVICE",
        "HARDWARE_STACK_ERROR",
        "ILLEGAL_ADDRESS",
        "ILLEGAL_INSTRUCTION",
        "INVALID_ADDRESS_SPACE",
        "INVALID_PC",
        "LAUNCH_FAILED",
        "LAUNCH_TIMEOUT",
        "MISALIGNED_ADDRESS",
        "NVLINK_UNCORRECTABLE",
    )
)
"""The errors after which all calls fail, until the process ends (CUDA Driver API, "Data types used
by CUDA driver", CUresult)."""

_RESET = "CUDA_ERROR_CONTEXT_IS_DESTROYED"
_LOST = "the GPU cannot be used any more in this process, and what its memory held is lost"
_START_AGAIN = (
    "start the process again; or go on with device=cpu: set the values of shared variables (the "
    "weights of a model), and make functions (compile the model) again"
)

_log = logging.getLogger("graphc")
_lock = threading.Lock()
_device: Device | None = None


@dataclass(frozen=True)
class Facts:
    """The fixed properties of a GPU. Sizes in bytes; versions as (major, minor); `clock` is cycles
    a second of a multiprocessor at most, 0 where the driver does not say."""

    name: str
    capability: tuple[int, int]
    multiprocessors: int
    memory: int
    shared_per_block: int
    shared_opt_in: int
    driver_version: tuple[int, int]
    clock: float

    @property
    def arch(self) -> str:
        """The GPU's architecture as nvcc spells it: ``sm_75``."""
        return f"sm_{self.capability[0]}{self.capability[1]}"


def device() -> Device:
    """The GPU of this process; its context is made at the first call.

    DeviceError where pycuda cannot be imported, where the driver fails, in a process that was
    forked from one that had used the GPU, and where a kernel's error has ended that use.
    """
    global _device
    with _lock:
        if _device is None:
            _device = Device(take_gpu(probe.cuda_driver().addresses))
        _device.check_usable()
        return _device


def _event_of(cuda: Any, discard: Callable[[Any], None]) -> type:
    """Return the class of events that any thread may free: a frame that an error keeps alive is
    freed wherever Python collects it, and pycuda destroys an event in the thread of its context
    alone."""

    class Event(cuda.Event):
        def __del__(self) -> None:
            discard(self)  # which keeps it alive once more, until the context is current

    return Event


class Device:
    """One GPU: its context, two streams, memory and modules.

    Every other method has to be called inside ``with device.current():``.
    """

    def __init__(self, ordinal: int):
        self._cuda = cuda = _import_driver()
        self._process = os.getpid()
        self._lost = ""  # the error that ended the context, if one has
        self._turn = threading.RLock()
        # What held on to the driver and is needed no more: destroyed where the context is current.
        self._discarded: deque[Any] = deque()
        self._event = _event_of(cuda, self.discard)
        with self._named("starting the GPU"):
            cuda.init()
            handle = cuda.Device(ordinal)
            self.facts = _facts(cuda, handle)
            self._context = handle.retain_primary_context()
        self._pool = Pool(cuda.mem_alloc)
        with self.current():
            self.compute = self.new_stream()
            self.copy = self.new_stream()
            self.workspace = Workspace(self)
        atexit.register(self._close)

    @contextmanager
    def current(self) -> Iterator[None]:
        """The context is current in this thread, and no other thread is inside of such a block."""
        self.check_usable()
        with self._turn:
            self._context.push()
            try:
                self._destroy_discarded()
                yield
            finally:
                self._cuda.Context.pop()

    @property
    def is_lost(self) -> bool:
        """True once an error has ended the use of the GPU in this process."""
        return bool(self._lost)

    def _destroy_discarded(self) -> None:
        if self._discarded:
            # After an error that nobody has met yet, pycuda would print one line for each object.
            with self._named("beginning to use the GPU again"):
                self.compute.is_done()
        while self._discarded:
            self._discarded.popleft()

    def check_usable(self) -> None:
        """Raise DeviceError in a process that was forked after the first use of the GPU, and where
        an error has ended that use."""
        if os.getpid() != self._process:
            raise DeviceError(f"{probe.FORKED}. What to do: {probe.FORK_FIX}")
        if self._lost:
            raise DeviceError(f"{_LOST}, since {self._lost}. What to do: {_START_AGAIN}")

    # ---- memory --------------------------------------------------------------------------------

    def allocate(self, nbytes: int, what: str) -> PoolBlock:
        """Allocate device memory; `what` names it in the OutOfMemoryError where there is not
        enough."""
        with self._named(f"allocating {nbytes:,} bytes for {what}"):
            try:
                return self._pool.take(nbytes)
            except self._cuda.MemoryError:
                self.make_room()
            try:
                return self._pool.take(nbytes)
            except self._cuda.MemoryError:
                _, total = self._cuda.mem_get_info()
                raise OutOfMemoryError(
                    f"CUDA_ERROR_OUT_OF_MEMORY: {what} needs {nbytes:,} bytes; {self.facts.name} "
                    f"has {self.available():,} of {total:,} bytes free, and "
                    f"{self._pool.reserved:,} are in use by graphc. Use a smaller batch, or end "
                    "other programs on the GPU"
                ) from None

    def make_room(self) -> None:
        """Give all memory that no call and no function holds back to the driver."""
        self.wait("making room in the GPU's memory")
        self.workspace.drop()
        with self._named("making room in the GPU's memory"):
            self._pool.release()

    def available(self) -> int:
        """Return the most bytes that the next allocation could have."""
        with self._named("asking for the free memory"):
            return int(self._cuda.mem_get_info()[0] + self._pool.free)

    def pinned(self, nbytes: int) -> np.ndarray:
        """Page-locked host memory, as uint8. Give it to `discard` when it is needed no more."""
        with self._named(f"allocating {nbytes:,} bytes of page-locked memory"):
            buffer: np.ndarray = self._cuda.pagelocked_empty(nbytes, np.uint8)
            return buffer

    def upload(self, address: int, array: np.ndarray) -> None:
        """Copy a C-contiguous array to the device, behind all work so far; returns when it is
        done."""
        if array.nbytes:
            with self._named(f"copying {array.nbytes:,} bytes to the GPU"):
                self._cuda.memcpy_htod_async(address, array, self.compute)
                self.compute.synchronize()

    def download(self, array: np.ndarray, address: int) -> None:
        """Copy from the device into a C-contiguous array, behind all work so far; returns when it
        is done."""
        if array.nbytes:
            with self._named(f"copying {array.nbytes:,} bytes from the GPU"):
                self._cuda.memcpy_dtoh_async(array, address, self.compute)
                self.compute.synchronize()

    def start_upload(self, address: int, pinned: np.ndarray, stream: Any) -> None:
        """Copy page-locked memory to the device when the stream comes to it."""
        with self._named(f"copying {pinned.nbytes:,} bytes to the GPU"):
            self._cuda.memcpy_htod_async(address, pinned, stream)

    def start_download(self, pinned: np.ndarray, address: int, stream: Any) -> None:
        """Copy from the device to page-locked memory when the stream comes to it."""
        with self._named(f"copying {pinned.nbytes:,} bytes from the GPU"):
            self._cuda.memcpy_dtoh_async(pinned, address, stream)

    def start_copy(self, target: int, source: int, nbytes: int) -> None:
        """Copy inside the device when the compute stream comes to it."""
        with self._named(f"copying {nbytes:,} bytes on the GPU"):
            self._cuda.memcpy_dtod_async(target, source, nbytes, self.compute)

    def fill(self, address: int, byte: int, nbytes: int) -> None:
        """Set bytes when the compute stream comes to it."""
        with self._named(f"setting {nbytes:,} bytes on the GPU"):
            self._cuda.memset_d8_async(address, byte, nbytes, self.compute)

    def discard(self, *objects: Any) -> None:
        """Destroy modules, events, page-locked memory at the next time the context is current.

        May be called from anywhere, a finaliser too.
        """
        self._discarded.extend(objects)

    # ---- work ----------------------------------------------------------------------------------

    def load(self, binary: bytes, what: str) -> Any:
        """The module of a cubin; `what` says whose it is in a DeviceError."""
        driver = probe.dotted(self.facts.driver_version)
        with self._named(f"loading the kernels of {what} (driver for CUDA {driver})"):
            return self._cuda.module_from_buffer(binary)

    def function(self, module: Any, name: str) -> Any:
        """A kernel of a module, by name."""
        with self._named(f"looking for the kernel {name}"):
            return module.get_function(name)

    def allow_shared(self, function: Any, nbytes: int, what: str) -> None:
        """Let a kernel have this much dynamic shared memory: more than 48 KB has to be requested
        (CUDA C++ Programming Guide, "Shared Memory" of compute capability 7.x)."""
        if nbytes > self.facts.shared_opt_in:
            raise DeviceError(
                f"{what} needs {nbytes:,} bytes of shared memory; a block has at most "
                f"{self.facts.shared_opt_in:,} on {self.facts.name}"
            )
        if nbytes > _DEFAULT_SHARED:
            with self._named(f"asking for {nbytes:,} bytes of shared memory for {what}"):
                function.set_attribute(
                    self._cuda.function_attribute.MAX_DYNAMIC_SHARED_SIZE_BYTES, nbytes
                )

    def launch(self, step: PreparedLaunch) -> None:
        """Put a kernel into the compute stream. The parameters are read before this returns.

        Raises what pycuda raises; `failure` makes an error of it that names the kernel. (What
        Function.prepared_async_call does, without packing the parameters again.)
        """
        launch, *arguments = self._launching(step)
        launch(*arguments)

    def launch_together(
        self, steps: Sequence[PreparedLaunch], counted: tuple[CallStep, int]
    ) -> None:
        """Put kernels into the compute stream, in order, and set the count of calls to a number:
        all of it or, where an interrupt comes, nothing.

        Python raises an interrupt between two steps of its own code; one call of C does everything.
        DeviceError names the kernel that failed; those behind it are not launched.
        """
        calls = [self._launching(step) for step in steps]
        begun = iter([*calls, (setattr, counted[0], "value", counted[1])])
        try:
            deque(starmap(operator.call, begun), maxlen=0)
        except self.errors as error:
            failed = steps[len(steps) - operator.length_hint(begun)]
            raise self.failure(error, f"launching {described(failed.launch)}") from error

    def _launching(self, step: PreparedLaunch) -> tuple[Any, ...]:
        """The function that launches a kernel, and its arguments."""
        launch = step.function._launch_kernel
        return launch, step.grid, step.block, step.parameters, step.shared, self.compute

    def event(self) -> Any:
        """An event, for `record` and `Stream.wait_for_event`."""
        with self._named("making an event"):
            return self._event()

    def new_stream(self) -> Any:
        """A stream that waits for no other."""
        with self._named("making a stream"):
            return self._cuda.Stream(_NON_BLOCKING)

    def is_done(self, event: Any, what: str) -> bool:
        """Return whether its stream has come to an event. `what` says whose work is before it in a
        DeviceError."""
        with self._named(what):
            return bool(event.query())

    def wait(self, what: str) -> None:
        """Wait until all work is done. `what` names its owner in a DeviceError."""
        with self._named(what):
            self.copy.synchronize()
            self.compute.synchronize()

    # ---- errors --------------------------------------------------------------------------------

    @property
    def errors(self) -> type[Exception]:
        """The base of what pycuda raises."""
        error: type[Exception] = self._cuda.Error
        return error

    def failure(self, error: Exception, doing: str) -> DeviceError:
        """Return an exception of pycuda as an error of graphc: the CUDA error's name and what was
        done."""
        call, _, text = str(error).partition(" failed: ")
        text = text.strip()
        name = _error_names().get(text.partition(" - ")[0], type(error).__name__)
        said = f"{doing}: {name} ({call}: {text})"
        if name not in _ENDING:
            return DeviceError(said)
        self._lost = self._lost or said
        cause = "A kernel failed after it was launched"
        hint = "; CUDA_LAUNCH_BLOCKING=1 in the environment makes the error name the kernel"
        if name == _RESET:
            cause, hint = "Other code of this process has reset the GPU", ""
        return DeviceError(f"{said}. {cause}: {_LOST}. What to do: {_START_AGAIN}{hint}")

    @contextmanager
    def _named(self, doing: str) -> Iterator[None]:
        try:
            yield
        except self._cuda.Error as error:
            raise self.failure(error, doing) from error

    def _close(self) -> None:
        """Destroy what is left while the context is current, before the interpreter ends."""
        if os.getpid() != self._process:
            return
        with self._turn:
            if not self._lost:
                self._finish()
            # By name: pycuda's destructor would call cuCtxDetach, which refuses a primary context.
            # What is destroyed after this finds that its context is gone, and does nothing.
            self._context.detach()

    def _finish(self) -> None:
        self._context.push()
        try:
            self.compute.synchronize()
            self.copy.synchronize()
            self._discarded.clear()
            self._pool.release()
        except self._cuda.Error as error:
            # Of work that was not waited for; no caller is left to raise it to.
            _log.warning("%s", self.failure(error, "ending the use of the GPU"))
        finally:
            self._cuda.Context.pop()


def versions() -> tuple[str, tuple[int, ...]]:
    """Return pycuda's version, and that of the CUDA toolkit that it was built with."""
    import pycuda

    return pycuda.VERSION_TEXT, tuple(_import_driver().get_version())


def _import_driver() -> Any:
    """Import pycuda.driver. DeviceError where it cannot be imported."""
    try:
        import pycuda.driver as driver
    except ImportError as error:
        raise DeviceError(
            f"pycuda cannot be imported ({error}); expected it to be installed for this Python and "
            f"this driver. What to do: {probe.PYCUDA_FIX}"
        ) from error
    return driver


def _facts(cuda: Any, handle: Any) -> Facts:
    attribute, attribute_of = cuda.device_attribute, handle.get_attribute
    version = cuda.get_driver_version()
    try:
        clock = 1e3 * attribute_of(attribute.CLOCK_RATE)  # it is in kHz
    except cuda.Error:
        clock = 0.0
    return Facts(
        name=handle.name(),
        capability=tuple(handle.compute_capability()),
        multiprocessors=attribute_of(attribute.MULTIPROCESSOR_COUNT),
        memory=handle.total_memory(),
        shared_per_block=attribute_of(attribute.MAX_SHARED_MEMORY_PER_BLOCK),
        shared_opt_in=attribute_of(attribute.MAX_SHARED_MEMORY_PER_BLOCK_OPTIN),
        driver_version=(version // 1000, version % 1000 // 10),
        clock=clock,
    )


@functools.cache
def _error_names() -> dict[str, str]:
    """The name of each error by the driver's text for it; pycuda gives the text alone."""
    library = ctypes.CDLL(probe.DRIVER_LIBRARY)
    names: dict[str, str] = {}
    name, text = ctypes.c_char_p(), ctypes.c_char_p()
    for code in range(_HIGHEST_ERROR):
        unknown = library.cuGetErrorName(code, ctypes.byref(name))
        unknown = library.cuGetErrorString(code, ctypes.byref(text)) or unknown
        if not unknown and name.value is not None and text.value is not None:
            names.setdefault(text.value.decode(), name.value.decode())
    return names
