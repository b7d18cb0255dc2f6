"""The transport of arrays between ranks through the memory of their GPUs, by NCCL.

What a rank sends is copied to its GPU, moved from there to other GPUs, and copied from these to
their hosts, all in a stream of its own.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.compiler.runtime.gpu import cuda
from graphc.compiler.runtime.gpu.pool import size_class
from graphc.config import config
from graphc.errors import RankError
from graphc.parallel import nccl
from graphc.parallel.mpi import Mpi
from graphc.parallel.transport import Transfer, Transport, check_exchange, check_parts, check_root

_WHAT = "moving sums between GPUs"

_instance: BetweenGpus | None = None


def sums_transport(ranks: Transport[np.ndarray]) -> Transport[np.ndarray]:
    """Return what moves sums between ranks, as the flag `ranks` says: NCCL, or the same ranks.

    Raises:
        DeviceError: a GPU that fails, a library that is too old.
        MissingPackageError: no NCCL.
        RankError: a host with fewer GPUs than ranks.
    """
    global _instance
    if config.ranks != "nccl" or ranks.size == 1:
        return ranks
    if _instance is None:
        assert isinstance(ranks, Mpi)
        _instance = BetweenGpus(ranks, nccl.NcclLibrary(), ranks.heartbeat.check)
        atexit.register(_instance.close)  # before the device is
    return _instance


class BetweenGpus:
    """A `Transport` of arrays in host memory, whose bytes NCCL moves between GPUs.

    Args:
        host: the ranks' transport between hosts, which carries NCCL's id.
        library: NCCL.
        check: raises where another rank has failed.

    Attributes:
        host_transport: as it was given `host`.
    """

    def __init__(
        self, host: Transport[np.ndarray], library: nccl.NcclLibrary, check: Callable[[], None]
    ) -> None:
        self.rank, self.size, self.host_transport = host.rank, host.size, host
        self._check = check
        self._free: list[_StagingBuffer] = []
        self._busy: list[_StagingBuffer] = []  # kept, also for a transfer that is not waited for
        self._device = device = cuda.device()
        with device.current():
            self._stream = device.new_stream()
            self._nccl = nccl.Nccl(host, library, _Stream(device, self._stream), check)

    def all_to_all(
        self,
        sent: np.ndarray,
        sent_sizes: Sequence[int],
        received: np.ndarray,
        received_sizes: Sequence[int],
    ) -> Transfer:
        """Begin copies to the GPU, between GPUs and back."""
        check_exchange(self, sent.nbytes, sent_sizes, received.nbytes, received_sizes)
        with self._device.current():
            there, back = self._stage(sent.nbytes), self._stage(received.nbytes)
            there.upload(sent, 0, self._stream)
            self._nccl.all_to_all(
                there.memory(sent.nbytes), sent_sizes, back.memory(received.nbytes), received_sizes
            )
            return self._copied_back(back, received, [there, back])

    def all_gather(self, whole: np.ndarray, sizes: Sequence[int]) -> Transfer:
        """Begin copies to the GPU, between GPUs and back."""
        check_parts("all_gather", self.size, whole.nbytes, sizes)
        start = sum(sizes[: self.rank])
        with self._device.current():
            stage = self._stage(whole.nbytes)
            stage.upload(whole[start : start + sizes[self.rank]], start, self._stream)
            self._nccl.all_gather(stage.memory(whole.nbytes), sizes)
            return self._copied_back(stage, whole, [stage])

    def broadcast(self, whole: np.ndarray, root: int) -> Transfer:
        """Begin copies to the GPU, between GPUs and back."""
        check_root(self.size, root)
        with self._device.current():
            stage = self._stage(whole.nbytes)
            if root == self.rank:
                stage.upload(whole, 0, self._stream)
            self._nccl.broadcast(stage.memory(whole.nbytes), root)
            return self._copied_back(stage, whole, [stage])

    def failed(self, error: BaseException) -> None:
        """Send the failure to the other ranks, from host to host."""
        self._nccl.failed(error)

    def close(self) -> None:
        """Give up NCCL; transfers of others that have failed are not waited for."""
        if self._device.is_lost:
            self._nccl.abort()
            return
        with self._device.current():
            try:
                self._check()
            except RankError:  # which the program has met
                self._nccl.abort()
            else:
                self._nccl.close()

    def _stage(self, nbytes: int) -> _StagingBuffer:
        """A stage of at least so many bytes that no transfer uses."""
        fitting = [stage for stage in self._free if stage.nbytes >= nbytes]
        if fitting:
            stage = min(fitting, key=lambda one: one.nbytes)
            self._free.remove(stage)
        else:
            if self._free:  # too small: its memory may serve
                self._free.pop().drop()
            stage = _StagingBuffer(self._device, nbytes)
        self._busy.append(stage)
        return stage

    def _copied_back(
        self, stage: _StagingBuffer, array: np.ndarray, used: Sequence[_StagingBuffer]
    ) -> Transfer:
        stage.download(array.nbytes, self._stream)

        def finish() -> None:
            array[:] = stage.host[: array.nbytes]
            for one in used:
                self._busy.remove(one)
                self._free.append(one)

        return _Staged(self._nccl, stage.is_copied, finish)


class _Staged:
    """A transfer under way, whose bytes are copied where they belong once they have come."""

    def __init__(
        self, transport: nccl.Nccl, is_done: Callable[[], bool], finish: Callable[[], None]
    ) -> None:
        self._transport, self._is_done, self._finish = transport, is_done, finish

    def go_on(self) -> None:
        """Do nothing: the GPU's stream goes on."""

    def wait(self) -> None:
        """Return when this rank's part is done; raise RankError where another rank failed."""
        self._transport.wait(self._is_done)
        self._finish()


class _StagingBuffer:
    """Page-locked memory of the host and as much of the device's. The device has to be current.

    Attributes:
        host: the host's, as uint8.
        nbytes: its size.
    """

    def __init__(self, device: cuda.Device, nbytes: int) -> None:
        self._device = device
        self.nbytes = size_class(nbytes)
        self._block = device.allocate(self.nbytes, _WHAT)
        self.host = device.pinned(self.nbytes)
        self._copied: Any = device.event()
        # The block may have been another's: see `InputSlot.reserve`.
        device.wait(f"making room for {_WHAT}")

    def memory(self, nbytes: int) -> nccl.DeviceBytes:
        """The first bytes of the device's."""
        return nccl.DeviceBytes(self._block.address, nbytes)

    def upload(self, array: np.ndarray, start: int, stream: Any) -> None:
        """Copy to the device, from `start` on, when the stream comes to it."""
        if array.nbytes:
            part = self.host[start : start + array.nbytes]
            part[:] = array
            self._device.start_upload(self._block.address + start, part, stream)

    def download(self, nbytes: int, stream: Any) -> None:
        """Copy to the host when the stream comes to it."""
        if nbytes:
            self._device.start_download(self.host[:nbytes], self._block.address, stream)
        self._copied.record(stream)

    def is_copied(self) -> bool:
        """Return whether the last download is over. The device need not be current."""
        with self._device.current():
            return self._device.is_done(self._copied, _WHAT)

    def drop(self) -> None:
        """Give up the memory."""
        self._device.discard(self.host)
        self.host = np.empty(0, np.uint8)


class _Stream:
    """A stream as NCCL takes it."""

    def __init__(self, device: cuda.Device, stream: Any) -> None:
        self._device, self._stream = device, stream
        self.handle: int = stream.handle

    def mark(self) -> Callable[[], bool]:
        """Return a test whether all that has been put into it so far is done."""
        event = self._device.event()
        event.record(self._stream)

        def is_done() -> bool:
            with self._device.current():
                return self._device.is_done(event, _WHAT)

        return is_done
