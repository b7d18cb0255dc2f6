"""What the texts of variable length of an HDF5 file take when they are read.

Such a text lies in a heap of the file, and where it is used are 16 bytes: its length, the heap's
address and its number there. Any number of these may point to one text, or tell any length, and
HDF5 makes room for all texts of an attribute before it looks: a file of a megabyte takes gigabytes.
No call of HDF5 tells before, so these 16 bytes are looked for here, in the whole file.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

import h5py

from graphc.errors import DataError

_SIGNATURE = b"GCOL"
_HEADER = struct.Struct("<4sB3xQ")  # signature, version, size with this header
_OBJECT = struct.Struct("<HHxxxxQ")  # number, count of uses, size
_USE = struct.Struct("<IQI")  # length, address of the heap, number

_MOST_SEARCHED = 1 << 32  # bytes, those of the file once for each heap
_HEAPS_OF_LARGE_FILES = 8
_MOST_USES = 4_000_000


class _Version(NamedTuple):
    """A file as it is now."""

    path: str
    size: int
    changed: int


def check_texts(file: h5py.File, most: int, place: str) -> None:
    """Raise DataError where the texts of variable length of a file are longer than `most` bytes, or
    one tells another length than it has; `place` begins the message."""
    path = os.fsdecode(file.filename)
    if file.id.get_create_plist().get_sizes() != (8, 8) or file.userblock_size:
        raise DataError(
            f"{place}: texts of variable length in a file with other sizes of addresses, or with "
            "something before its beginning; store texts of a fixed length"
        )
    found = os.stat(path)
    size, why = _taken(_Version(path, found.st_size, found.st_mtime_ns))
    if size > most:
        raise DataError(
            f"{place}: the texts of variable length in the file{why}; expected at most {most} "
            "bytes. Store each once, or texts of a fixed length"
        )


@lru_cache(maxsize=8)  # an attribute of each layer asks anew
def _taken(file: _Version) -> tuple[float, str]:
    """How many bytes the texts take, and for a message why."""
    with open(file.path, "rb") as stream:
        if not file.size:
            return 0, ""
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            most = _HEAPS_OF_LARGE_FILES + _MOST_SEARCHED // len(data)
            addresses = list(_places(data, _SIGNATURE, most))
            if not addresses:
                return float("inf"), " are in none of its places"
            if len(addresses) > most:
                return float("inf"), " are in too many heaps"
            sizes = {address: _sizes(data, address) for address in addresses}
            if any(one is None for one in sizes.values()):
                return float("inf"), " are in a damaged heap"
            total = 0
            for uses, (length, size) in enumerate(_uses(data, sizes), start=1):
                if length > size:
                    return float("inf"), f" tell a length of {length}, where {size} are stored"
                total += length
                if uses > _MOST_USES:
                    return float("inf"), f" seem to be used more than {_MOST_USES} times"
            return total, f" take {total} bytes"


def _places(data: mmap.mmap, wanted: bytes, most: int) -> Iterator[int]:
    """Where some bytes are in the file, at most so many places and one more."""
    place = data.find(wanted)
    while place >= 0 and most >= 0:
        yield place
        most -= 1
        place = data.find(wanted, place + 1)


def _uses(
    data: mmap.mmap, heaps: Mapping[int, Mapping[int, int] | None]
) -> Iterator[tuple[int, int]]:
    """For each use of a text the length that it tells, and the one that is stored; 0 of both for
    what looks like a use and is none."""
    for address, sizes in heaps.items():
        # Without its upper zeros: what ends in them is found slowly among the zeros of arrays.
        searched = struct.pack("<Q", address).rstrip(b"\0")
        for place in _places(data, searched, len(data)):
            if place < 4 or place + 12 > len(data):
                continue
            length, found, number = _USE.unpack_from(data, place - 4)
            if found == address and sizes and number in sizes:
                yield length, sizes[number]
            else:
                yield 0, 0


def _sizes(data: mmap.mmap, address: int) -> dict[int, int] | None:
    """The sizes of the texts of a heap by their numbers; none of what only looks like a heap. None
    for a heap with free room of no size, which HDF5 would look through for ever."""
    sizes: dict[int, int] = {}
    if address + _HEADER.size > len(data):
        return sizes
    _, version, size = _HEADER.unpack_from(data, address)
    end = min(address + size, len(data))
    place = address + _HEADER.size
    while version == 1 and place + _OBJECT.size <= end:
        number, _, size = _OBJECT.unpack_from(data, place)
        if number:
            sizes[number] = size
            place += _OBJECT.size + -(-size // 8) * 8
        elif size:  # free, with this head
            place += size
        else:
            return None
    return sizes
