"""Memory that all functions of a device share, one call after another.

An arena, as large as the largest that a function needs: what launches hand to each other. Two slots
for inputs: while one call's launches read the one, the next call's inputs are copied into the
other. Page-locked memory for what is fetched, as much as is under way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Protocol

import numpy as np

from graphc.compiler.graph import Node
from graphc.compiler.runtime.gpu.pool import PoolBlock, size_class


class Stream(Protocol):
    """A queue of work of the device."""

    def wait_for_event(self, event: Event) -> object:
        """Do nothing of what is put into it from now on before the event has come."""


class Event(Protocol):
    """A mark in a stream."""

    def record(self, stream: Stream) -> object:
        """Put the mark behind all that the stream has to do so far."""

    def synchronize(self) -> object:
        """Return when the device has come to the mark; at once if it is in no stream."""


class DeviceMemory(Protocol):
    """The memory of a device and the copies to and from it, as far as a workspace uses them.

    `graphc.compiler.runtime.gpu.cuda.Device` has all of it, and says what each does.
    """

    @property
    def compute(self) -> Stream: ...
    @property
    def copy(self) -> Stream: ...
    @property
    def errors(self) -> type[Exception]: ...

    def allocate(self, nbytes: int, what: str) -> PoolBlock: ...
    def pinned(self, nbytes: int) -> np.ndarray: ...
    def discard(self, *objects: object) -> None: ...
    def event(self) -> Event: ...
    def wait(self, what: str) -> None: ...
    def start_upload(self, address: int, pinned: np.ndarray, stream: Stream) -> None: ...
    def start_download(self, pinned: np.ndarray, address: int, stream: Stream) -> None: ...


class InputSlot:
    """A place for the inputs of one call.

    Attributes:
        host, block: page-locked memory and the device's, of one size.
        copied: recorded in the copy stream behind the copy from `host` to `block`.
        read: recorded in the compute stream behind the last launch that reads `block`.
    """

    def __init__(self, device: DeviceMemory):
        self._device = device
        self.host = np.empty(0, np.uint8)
        self.block: PoolBlock | None = None
        self.copied = device.event()
        self.read = device.event()

    def reserve(self, nbytes: int) -> None:
        """Make it this large or a little larger. Nothing may be under way in it."""
        size = size_class(nbytes)
        self.block = None  # first, so that its memory may serve
        self.block = self._device.allocate(size, "the inputs of a call")
        self._device.discard(self.host)
        self.host = self._device.pinned(size)
        # The block may have been another's, and launches that read it may not have run yet: those
        # in the compute stream would see to that, the copy stream does not know of them.
        self._device.wait("making room for inputs")

    def drop(self) -> None:
        """Give up the memory. Nothing may be under way in it."""
        self._device.discard(self.host)
        self.host = np.empty(0, np.uint8)
        self.block = None


class Receipt:
    """Page-locked memory that device memory is copied to, and the event behind the copies.

    It goes back to the workspace when it is read, and when it is dropped unread: the next one to
    have its memory waits for the copies then.
    """

    def __init__(self, device: DeviceMemory, nbytes: int):
        self.host = device.pinned(nbytes)
        self.copied = device.event()


class PendingFetch:
    """Copies to the host that are under way."""

    def __init__(self, workspace: Workspace, receipt: Receipt, views: list[np.ndarray]):
        self._workspace = workspace
        self._receipt = receipt
        self._views = views

    def wait(self) -> list[np.ndarray]:
        """Arrays of uint8 in page-locked memory, good for as long as this object lives. The device
        has to be current; raises what pycuda raises."""
        self._receipt.copied.synchronize()
        return list(self._views)

    def __del__(self) -> None:
        self._workspace.take_back(self._receipt)


class Workspace:
    """The arena, slots and receipts that calls on a device use in turn; see the head of this
    file."""

    def __init__(self, device: DeviceMemory):
        self._device = device
        self._arena: PoolBlock | None = None
        self._slots = (InputSlot(device), InputSlot(device))
        self._calls = 0
        self._receipts: dict[int, deque[Receipt]] = {}

    def arena(self, nbytes: int, what: str) -> PoolBlock:
        """The arena, at least this large; `what` names the function that needs it.

        The caller holds on to it for as long as it puts launches into the compute stream: those of
        an arena that was given up are done before others that get its memory.
        """
        if self._arena is None or self._arena.nbytes < nbytes:
            self._arena = None  # first, so that its memory may serve
            self._arena = self._device.allocate(max(nbytes, 1), what)
        return self._arena

    @contextmanager
    def inputs(
        self, offsets: Mapping[Node, int], nbytes: int, feeds: Mapping[Node, np.ndarray]
    ) -> Iterator[int]:
        """Copy the inputs to a slot: ``with workspace.inputs(...) as address: launch``.

        Args:
            offsets: for each input, where in the slot it goes.
            nbytes: the size of all.
            feeds: the arrays.
        """
        if not nbytes:
            yield 0
            return
        device, slot = self._device, self._slots[self._calls % 2]
        self._calls += 1
        slot.copied.synchronize()  # the host's half is free for writing
        if slot.host.nbytes < nbytes:
            slot.read.synchronize()
            slot.reserve(nbytes)
        block, host = slot.block, slot.host  # held until the call ends, whatever is dropped
        assert block is not None
        for node, offset in offsets.items():
            array = feeds[node]
            view = host[offset : offset + array.nbytes]
            np.copyto(view.view(array.dtype).reshape(array.shape), array)
        device.copy.wait_for_event(slot.read)  # the device's half too, when the stream is there
        device.start_upload(block.address, host[:nbytes], device.copy)
        slot.copied.record(device.copy)
        device.compute.wait_for_event(slot.copied)
        try:
            yield block.address
        except BaseException:
            with suppress(device.errors):
                slot.read.record(device.compute)
            raise
        slot.read.record(device.compute)

    def start_fetch(self, sources: Sequence[tuple[int, int]]) -> PendingFetch:
        """Begin to copy device memory, (address, bytes) pairs, to the host, after all work that was
        queued before."""
        starts = np.cumsum([0] + [-(-nbytes // 64) * 64 for _, nbytes in sources])
        receipt = self._receipt(int(starts[-1]))
        views = []
        for start, (_, nbytes) in zip(starts, sources, strict=False):
            views.append(receipt.host[start : start + nbytes])
        # Made before the copies: it gives the receipt back if one of them fails, too.
        fetch = PendingFetch(self, receipt, views)
        for view, (address, _) in zip(views, sources, strict=True):
            if view.nbytes:
                self._device.start_download(view, address, self._device.compute)
        receipt.copied.record(self._device.compute)
        return fetch

    def _receipt(self, nbytes: int) -> Receipt:
        size = size_class(nbytes)
        free = self._receipts.setdefault(size, deque())
        if not free:
            return Receipt(self._device, size)
        receipt = free.popleft()
        receipt.copied.synchronize()  # of a fetch that was not waited for
        return receipt

    def take_back(self, receipt: Receipt) -> None:
        """Keep page-locked memory for the next fetch. May be called from a finaliser."""
        self._receipts[receipt.host.nbytes].append(receipt)

    def drop(self) -> None:
        """Give up the arena and the slots, where memory is short. Nothing may be under way on the
        device; a call that has begun holds its own."""
        self._arena = None
        for slot in self._slots:
            slot.drop()
