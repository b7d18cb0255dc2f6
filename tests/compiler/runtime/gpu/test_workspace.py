"""Memory that calls share, on a stand-in for a device that does everything as late as it may."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from graphc.compiler.graph import Node
from graphc.compiler.graph import input as graph_input
from graphc.compiler.runtime.gpu.workspace import Workspace


def _nothing() -> None:
    """Do what an operation does once it is done."""


class Stream:
    """Operations in order; none runs before somebody waits for it, or each at once."""

    def __init__(self, at_once: bool = False) -> None:
        self.operations: list[Callable[[], object]] = []
        self.done = 0
        self._at_once = at_once

    def put(self, operation: Callable[[], object]) -> None:
        self.operations.append(operation)
        if self._at_once:
            self.run()

    def wait_for_event(self, event: Event) -> None:
        self.put(event.waiting())

    def run(self, until: int | None = None) -> None:
        while self.done < (len(self.operations) if until is None else until):
            operation = self.operations[self.done]
            self.operations[self.done] = _nothing  # and what it held may end
            self.done += 1
            operation()


class Event:
    """A point in a stream; before it is recorded, one that has been passed."""

    def __init__(self) -> None:
        self._recorded = (Stream(), 0)

    def record(self, stream: Stream) -> None:
        self._recorded = (stream, len(stream.operations))

    def waiting(self) -> Callable[[], object]:
        stream, until = self._recorded
        return partial(stream.run, until)

    def synchronize(self) -> None:
        self.waiting()()


class Block:
    """Device memory."""

    def __init__(self, address: int, nbytes: int):
        self.address = address
        self.nbytes = nbytes
        self.content = np.zeros(nbytes, np.uint8)


class Device:
    """A stand-in for a device, as a workspace sees it, whose memory has a limit."""

    errors = RuntimeError

    def __init__(self, limit: int = 1 << 30, copies_at_once: bool = False):
        self.compute, self.copy = Stream(), Stream(copies_at_once)
        self._limit = limit
        self._blocks: weakref.WeakValueDictionary[int, Block] = weakref.WeakValueDictionary()
        self._next = 1 << 20

    def event(self) -> Event:
        return Event()

    def allocate(self, nbytes: int, what: str) -> Block:
        assert nbytes > 0, "a driver refuses to allocate nothing"
        assert self.taken() + nbytes <= self._limit, f"no memory for {what}"
        block = self._blocks[self._next] = Block(self._next, nbytes)
        self._next += nbytes
        return block

    def taken(self) -> int:
        return sum(block.nbytes for block in self._blocks.values())

    def pinned(self, nbytes: int) -> np.ndarray:
        return np.zeros(nbytes, np.uint8)

    def discard(self, *objects: object) -> None:
        """Nothing to do: memory ends with its last reference."""

    def at(self, address: int, nbytes: int) -> np.ndarray:
        for start, block in self._blocks.items():
            if start <= address and address + nbytes <= start + block.nbytes:
                return block.content[address - start : address - start + nbytes]
        raise AssertionError("an address of memory that was given up")

    def start_upload(self, address: int, pinned: np.ndarray, stream: Stream) -> None:
        stream.put(lambda: np.copyto(self.at(address, pinned.nbytes), pinned))

    def start_download(self, pinned: np.ndarray, address: int, stream: Stream) -> None:
        stream.put(lambda: np.copyto(pinned, self.at(address, pinned.nbytes)))

    def wait(self, what: str) -> None:
        self.compute.run()
        self.copy.run()


class TestArena:
    def test_it_is_kept_as_long_as_it_is_large_enough(self):
        workspace = Workspace(Device())
        first = workspace.arena(1000, "f")
        assert first.nbytes == 1000
        assert workspace.arena(1000, "g") is first
        assert workspace.arena(1, "g") is first
        assert workspace.arena(1001, "g").nbytes == 1001

    def test_the_old_one_makes_room_for_the_larger(self):
        workspace = Workspace(Device(limit=1500))
        workspace.arena(1000, "f")
        assert workspace.arena(1500, "g").nbytes == 1500

    def test_of_no_bytes(self):
        workspace = Workspace(Device())
        assert workspace.arena(0, "f") is workspace.arena(1, "f")


@pytest.mark.parametrize("copies_at_once", [False, True])
class TestInputs:
    def launched(self, workspace: Workspace, device: Device, x: Node, value: np.ndarray) -> list:
        """Launch what reads the inputs of a call; the list has what it saw, once it has run."""
        seen: list[np.ndarray] = []
        with workspace.inputs({x: 64}, 64 + value.nbytes, {x: value}) as address:
            device.compute.put(lambda: seen.append(device.at(address + 64, value.nbytes).copy()))
        return seen

    @pytest.mark.parametrize("lengths", [[5] * 6, [3, 90, 5, 700, 700, 9000, 2]])
    def test_each_call_reads_its_own(self, lengths, copies_at_once):
        device = Device(copies_at_once=copies_at_once)
        workspace, x = Workspace(device), graph_input((None,), "int32")
        values = [np.arange(n, dtype=np.int32) + 100 * k for k, n in enumerate(lengths)]
        seen = [self.launched(workspace, device, x, value) for value in values]
        device.wait("the end")
        for value, (got,) in zip(values, seen, strict=True):
            np.testing.assert_array_equal(got.view(np.int32), value)

    def test_one_call_is_copied_while_another_runs(self, copies_at_once):
        device = Device(copies_at_once=copies_at_once)
        workspace, x = Workspace(device), graph_input((None,), "int32")
        value = np.zeros((4096 - 64) // 4, np.int32)  # a slot of 4096 bytes holds it just so
        for _ in range(2):  # the slots get their memory, for which they wait
            self.launched(workspace, device, x, value)
        third, fourth = (self.launched(workspace, device, x, value) for _ in range(2))
        device.copy.run()
        assert third == fourth == []
        self.launched(workspace, device, x, value)
        assert fourth == []

    def test_after_a_launch_that_failed(self, copies_at_once):
        device = Device(copies_at_once=copies_at_once)
        workspace, x = Workspace(device), graph_input((None,), "int32")
        values = np.arange(6, dtype=np.int32)
        seen = [self.launched(workspace, device, x, value) for value in values[:3]]
        failed = []
        with (
            pytest.raises(KeyError),
            workspace.inputs({x: 64}, 68, {x: values[3]}) as address,
        ):
            device.compute.put(lambda: failed.append(device.at(address + 64, 4).copy()))
            raise KeyError
        seen += [failed, *(self.launched(workspace, device, x, value) for value in values[4:])]
        device.wait("the end")
        assert [int(got.view(np.int32)[0]) for (got,) in seen] == values.tolist()

    def test_the_old_memory_makes_room_for_more(self, copies_at_once):
        device = Device(limit=3 * 4096, copies_at_once=copies_at_once)
        workspace, x = Workspace(device), graph_input((None,), "int32")
        for elements in (1000, 1000, 2000):  # 4096 bytes a slot, then 8192 for the first
            self.launched(workspace, device, x, np.zeros(elements, np.int32))
        assert device.taken() == 3 * 4096

    def test_no_bytes_need_no_slot(self, copies_at_once):
        device = Device(copies_at_once=copies_at_once)
        with Workspace(device).inputs({}, 0, {}) as address:
            assert address == 0
        assert device.taken() == 0


class TestFetches:
    def test_the_values_are_there_behind_the_wait(self):
        device = Device()
        workspace = Workspace(device)
        block = device.allocate(300, "x")
        device.compute.put(lambda: block.content.__setitem__(slice(None), 7))
        fetch = workspace.start_fetch(
            [(block.address, 100), (block.address, 0), (block.address + 100, 65)]
        )
        assert not device.compute.done
        parts = fetch.wait()
        assert [part.nbytes for part in parts] == [100, 0, 65]
        assert all((part == 7).all() for part in parts)
        assert parts[2].ctypes.data - parts[0].ctypes.data == 128, "aligned for any dtype"

    def test_memory_is_used_again_when_the_fetch_is_gone(self):
        device = Device()
        workspace = Workspace(device)
        block = device.allocate(64, "x")

        def fetched(value: int):
            device.compute.put(partial(block.content.fill, value))
            return workspace.start_fetch([(block.address, 64)])

        first = fetched(1)
        (kept,) = first.wait()
        second = fetched(2)
        assert not np.shares_memory(kept, second.wait()[0])
        assert (kept == 1).all()
        del first
        third = fetched(3)
        assert np.shares_memory(kept, third.wait()[0])
        del second, third  # the last of them unread
        gc.collect()
        unread = fetched(4)
        del unread
        fifth, sixth = fetched(5), fetched(6)
        assert [int(one.wait()[0][0]) for one in (fifth, sixth)] == [5, 6]


def test_dropping_gives_the_memory_up():
    device = Device()
    workspace, x = Workspace(device), graph_input((None,), "int32")
    workspace.arena(1000, "f")
    for k in range(2):
        with workspace.inputs({x: 0}, 4096, {x: np.full(1024, k, np.int32)}):
            pass
    device.wait("the end")
    workspace.drop()
    assert device.taken() == 0
    with workspace.inputs({x: 0}, 16, {x: np.full(4, 3, np.int32)}) as address:
        device.at(address, 16)
    assert workspace.arena(10, "f").nbytes == 10
