"""A program that inspects HDF5 files in a process of its own, so that a file that crashes the HDF5
library crashes this process and not the caller's. `inspector` runs it, and sends a line for each
file."""

from __future__ import annotations

import json
import math
import os
import socket
import sys
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import h5py
import numpy as np

try:
    import resource
    import signal
except ImportError:  # Windows, which limits neither
    resource = None  # type: ignore[assignment]  # a module elsewhere

READY = "ready"

MOST_TEXTS = 100_000
MOST_TEXT_BYTES = 1 << 26
MOST_MEMORY = 1 << 30
_MOST_LEFT = 1 << 27
"""The memory that HDF5 may keep of earlier files: after an error it does not free all."""

# A small file takes 0.01 s, but may have a gigabyte of zeros, compressed. Arrays are read 3 to 100
# times as fast, and what has a name takes 0.1 to 0.4 ms.
_SECONDS = 5
_BYTES_A_SECOND = 20_000_000
_SECONDS_A_NAME = 0.002
_NAMES_AT_ONCE = 250

_PIECE_BYTES = 1 << 22

# Each once: a file inflated twice grows a million times. Others are loaded from plug-ins.
_FILTERS = {
    h5py.h5z.FILTER_DEFLATE,
    h5py.h5z.FILTER_SHUFFLE,
    h5py.h5z.FILTER_FLETCHER32,
    h5py.h5z.FILTER_LZF,
}
_SPARE_BYTES = 1 << 16

_FOLDERS_OF_OPEN = ("/proc/self/fd", "/dev/fd")

Identity = list[int]
"""The identity of a file and its contents: device, number, size, time of change."""


class TooLargeError(Exception):
    """A file holds something larger than any model has."""


def seconds_for(size: int) -> float:
    """Return the processor time that inspecting a file of so many bytes may take, beside the
    allowance for each name that is found in it."""
    return _SECONDS + size / _BYTES_A_SECOND


def identity_of(found: os.stat_result) -> Identity:
    return [found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def identity_of_open(file: h5py.File, name: str) -> Identity:
    """Return the identity of the file that was opened by this name, whatever the name stands for by
    now."""
    if os.name == "posix" and file.driver == "sec2":
        return identity_of(os.fstat(file.id.get_vfd_handle()))
    return identity_of(os.stat(name))


def name_of_open(descriptor: int) -> str | None:
    """Return a name by which this process can open the file of a descriptor even if it was renamed;
    None if the system has none."""
    names = (f"{folder}/{descriptor}" for folder in _FOLDERS_OF_OPEN)
    return next(filter(os.path.exists, names), None)


def driver_for(name: str) -> str | None:
    """Return the driver of HDF5 that opens a file by a name of `name_of_open`. The usual one (None)
    looks for the path that such a link stands for, and a file that was replaced has none."""
    return "stdio" if name.startswith(_FOLDERS_OF_OPEN) else None


def check_size_of_texts(found: h5py.h5a.AttrID, place: str) -> None:
    """Raise TooLargeError for an attribute that declares too many texts."""
    size = 0 if found.shape is None else math.prod(found.shape)
    stored = size * found.get_type().get_size()
    if size > MOST_TEXTS or stored > MOST_TEXT_BYTES:
        raise TooLargeError(
            f"{place}: expected at most {MOST_TEXTS} texts of {MOST_TEXT_BYTES} bytes together, "
            f"it declares {size} of {stored} bytes"
        )


def why_not_numbers(found: Any) -> str:
    """Return the reason why a member of a file is not an array of numbers stored in it; '' if it is
    one."""
    if not isinstance(found, h5py.Dataset) or found.dtype.kind not in "biuf":
        return f": expected an array of numbers, found {found}"
    if found.external or found.is_virtual:
        return " lies in other files; store it in this one"
    shape, stored = found.shape, found.id.get_storage_size()
    if shape is None:
        return ": expected an array of numbers, found an empty one"
    if math.prod(shape) and not stored:
        return f": declares the shape {shape}, but no numbers were written"
    if stored > found.file.id.get_filesize():
        return f": declares the shape {shape}, for which the file is too short"
    return "" if found.chunks is None else _why_not_chunks(found)


def _why_not_chunks(found: h5py.Dataset) -> str:
    """Return the fault of a chunked array, with missing chunks or chunks that grow beyond its size
    when read; '' if there is none."""
    count = math.prod(
        -(-size // piece) for size, piece in zip(found.shape, found.chunks, strict=True)
    )
    if found.id.get_num_chunks() != count:
        return f": expected {count} pieces, the file has {found.id.get_num_chunks()} of them"
    plan = found.id.get_create_plist()
    filters = [plan.get_filter(k)[0] for k in range(plan.get_nfilters())]
    if len(set(filters)) != len(filters) or not set(filters) <= _FILTERS:
        return (
            ": expected no other compression than gzip or lzf, once, received the filters "
            f"{filters} of HDF5; store it anew"
        )
    piece = math.prod(found.chunks) * found.dtype.itemsize
    # Pieces at the ends of axes are stored whole.
    if piece > 2**found.ndim * found.nbytes + _SPARE_BYTES:
        return f": an array of {found.nbytes} bytes in pieces of {piece}; store it anew"
    stored = found.id.get_storage_size()
    if stored > 2 * count * piece + _SPARE_BYTES:
        return f": an array of {found.nbytes} bytes takes {stored} in the file; store it anew"
    return ""


def inspect_objects(file: h5py.File, arrays: bool, found_one: Callable[[], None]) -> None:
    """Read all of a file; of its arrays the numbers too, where `arrays` is set. `found_one` is
    called at each group, array and attribute.

    Raises TooLargeError, and what h5py raises for a file that is damaged.
    """
    ways = [iter([file["/"]])]
    seen = {h5py.h5o.get_info(file["/"].id).addr}
    while ways:
        found = next(ways[-1], None)
        if found is None:
            ways.pop()
            continue
        found_one()
        _read_attributes(found, found_one)
        if isinstance(found, h5py.Group):
            ways.append(_members(found, seen))
        elif isinstance(found, h5py.Dataset) and not why_not_numbers(found) and arrays:
            _read_numbers(found)


_ABSENT = b"what is not there"
_KINDS = {h5py.h5g.GroupID: h5py.Group, h5py.h5d.DatasetID: h5py.Dataset}


def _members(group: h5py.Group, seen: set[int]) -> Iterator[Any]:
    """Yield the members of a group, without those at addresses that were seen: it may contain
    itself."""
    links = group.id.links
    links.exists(_ABSENT)
    for name in list(group.id):
        link = links.get_info(name)
        if link.type == h5py.h5l.TYPE_HARD and link.u not in seen:
            seen.add(link.u)
            opened = h5py.h5o.open(group.id, name)
            yield _KINDS.get(type(opened), h5py.Datatype)(opened)


def _read_attributes(found: Any, found_one: Callable[[], None]) -> None:
    h5py.h5a.exists(found.id, _ABSENT)
    if not h5py.h5a.get_num_attrs(found.id):
        return
    attributes = found.attrs
    for name in list(attributes):
        found_one()
        declared = attributes.get_id(name)
        kind = declared.get_type().get_class()
        size = 0 if declared.shape is None else math.prod(declared.shape)
        place = f"{found.name}: the attribute {name}"
        if kind == h5py.h5t.STRING and size:
            check_size_of_texts(declared, place)
            taken = sum(map(len, np.ravel(np.asarray(attributes[name], object))))
            # Many of them may be one text of the file.
            if taken > MOST_TEXT_BYTES:
                raise TooLargeError(
                    f"{place}: its {size} texts take {taken} bytes; expected at most "
                    f"{MOST_TEXT_BYTES}"
                )
        elif kind in (h5py.h5t.INTEGER, h5py.h5t.FLOAT) and 0 < size <= MOST_TEXTS:
            attributes[name]


def _read_numbers(found: h5py.Dataset) -> None:
    """Read an array in blocks of whole pieces of the file."""
    if found.nbytes <= _PIECE_BYTES:
        found[()]
        return
    block = list(found.chunks or [1] * found.ndim)
    for axis in reversed(range(found.ndim)):
        room = _PIECE_BYTES // (math.prod(block) * found.dtype.itemsize)
        if room > 1:
            block[axis] = min(block[axis] * room, found.shape[axis])
    starts = [range(0, size, step) for size, step in zip(found.shape, block, strict=True)]
    for start in product(*starts):
        found[tuple(slice(k, k + step) for k, step in zip(start, block, strict=True))]


def inspect_file(
    path: str, arrays: bool, found_one: Callable[[], None] = lambda: None
) -> tuple[str, str, Identity]:
    """Inspect a file. Return the verdict ('whole', 'unreadable', 'damaged', 'too large' or, where
    memory does not suffice, 'harmful'), the reason, and which file it was."""
    try:
        file = h5py.File(path, "r", driver=driver_for(path), locking=False)
    except (OSError, RuntimeError) as error:
        return "unreadable", str(error), []
    try:
        with file:
            which = identity_of_open(file, path)
            inspect_objects(file, arrays, found_one)
    except TooLargeError as error:
        return "too large", str(error), []
    except Exception as error:  # h5py translates errors of HDF5 into those of many classes
        of_memory = isinstance(error, MemoryError) or "memory alloc" in str(error).lower()
        kind = "harmful" if of_memory else "damaged"
        return kind, str(error) or type(error).__name__, []
    return "whole", "", which


class _Limits:
    """Limits of memory, beside what the process takes, and of the processor's time for a file."""

    def __init__(self, memory: int, seconds: float) -> None:
        self._names = 0
        self._most = _taken("VmSize") + memory
        if resource is None:
            return
        if _taken("VmSize"):
            _lower(resource.RLIMIT_AS, self._most)
        used = resource.getrusage(resource.RUSAGE_SELF)
        self._until = used.ru_utime + used.ru_stime + seconds
        _lower(resource.RLIMIT_CPU, math.ceil(self._until))

    def found_one(self) -> None:
        """Allow the time for one more name."""
        self._names += 1
        if resource is not None and self._names % _NAMES_AT_ONCE == 0:
            self._until += _NAMES_AT_ONCE * _SECONDS_A_NAME
            _lower(resource.RLIMIT_CPU, math.ceil(self._until))

    def met(self) -> bool:
        """Return True if memory ran out, whatever HDF5 reports."""
        return _taken("VmPeak") > 0.95 * self._most


def _taken(which: str) -> int:
    """Return the bytes that the process has reserved: now (VmSize) or at most (VmPeak); 0 if the
    system does not say."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(lines[which].split()[0]) * 1024 if which in lines else 0


def _lower(kind: int, wanted: int) -> None:
    _, most = resource.getrlimit(kind)
    resource.setrlimit(kind, (wanted if most < 0 else min(wanted, most), most))


def _requests() -> Iterator[tuple[bytes, list[int]]]:
    """Yield lines, each with the descriptor of its file, where systems pass descriptors on."""
    if not hasattr(socket, "recv_fds"):
        for line in sys.stdin.buffer:
            yield line, []
        return
    with socket.socket(fileno=sys.stdin.fileno()) as requests:
        while True:
            line = b""
            descriptors: list[int] = []
            while not line.endswith(b"\n"):
                piece, received, _, _ = socket.recv_fds(requests, 1 << 16, 1)
                if not piece:
                    return
                line, descriptors = line + piece, descriptors + received
            yield line, descriptors


def main() -> None:
    """Answer requests until there are no more, or until the process should restart to free
    memory."""
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    begun = _taken("VmSize")
    print(json.dumps(READY), flush=True)
    for line, descriptors in _requests():
        request = json.loads(line)
        limits = _Limits(request["memory"], request["seconds"])
        names = [*filter(None, map(name_of_open, descriptors)), request["path"]]
        kind, why, which = inspect_file(names[0], request["arrays"], limits.found_one)
        for one in descriptors:
            os.close(one)
        if kind == "damaged" and limits.met():
            kind = "harmful"
        last = kind == "harmful" or _taken("VmSize") > begun + _MOST_LEFT
        print(json.dumps([kind, why, which, last]), flush=True)
        if last:
            break


if __name__ == "__main__":
    main()
