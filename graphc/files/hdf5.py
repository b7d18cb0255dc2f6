"""HDF5 files: written completely or not at all, and read with checks, since others may have written
them.

Another process inspects a file before it is opened (`inspector`). While it is read, links to other
files are refused, only texts and numbers are made from it, and shapes are checked before arrays are
read: a file of a few kilobytes may declare arrays that no memory holds.
"""

from __future__ import annotations

import math
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import h5py
import numpy as np

from graphc.errors import (
    DataError,
    GraphcError,
    MissingFileError,
    OutOfMemoryError,
    StorageError,
)
from graphc.files.inspection import (
    MOST_TEXTS,
    TooLargeError,
    check_size_of_texts,
    driver_for,
    identity_of,
    identity_of_open,
    name_of_open,
    why_not_numbers,
)
from graphc.files.inspector import INSPECTOR
from graphc.files.noting_file import NotingFile
from graphc.paths import GivenPath, checked_path, shown_path
from graphc.rows.descriptors import OwnDescriptor
from graphc.whole_files import unwritten, written_whole

CHECKSUM = "crc32"
"""The attribute of an array that has the checksum of its stored bytes."""
STORED_AS = "stored_as"
"""The attribute of an array that has its dtype, since equal bytes may mean different numbers."""

_MOST_INSPECTIONS = 4
"""The number of times that a file is inspected, if others change it meanwhile."""


@contextmanager
def written(path: GivenPath, **kwargs: Any) -> Iterator[h5py.File]:
    """Open a new HDF5 file at `path`, which is written whole or not at all; keywords go to
    `h5py.File`.

    Raises:
        MissingFileError: no such folder.
        StorageError: a disk or a quota is full, a folder or a file may not be written, or the HDF5
            library fails.
    """
    with written_whole(path) as part, NotingFile(part) as noting:
        try:
            with _begun(path, noting, **kwargs) as file:
                yield file
        except (OSError, RuntimeError, ValueError) as error:
            # An error of HDF5 may follow from a failed write, which is then raised below.
            if noting.refused is None:
                if not _is_of_hdf5(error):
                    raise
                raise _broken(path, "fails in this file", error) from error
        if noting.refused is not None:
            raise unwritten(os.fsdecode(path), noting.refused)


def _begun(path: GivenPath, noting: NotingFile, **kwargs: Any) -> h5py.File:
    try:
        return h5py.File(noting, "w", **kwargs)
    except RuntimeError as error:
        raise _broken(path, "begins no file", error) from error


def _is_of_hdf5(error: Exception) -> bool:
    """Return True for an error of the HDF5 library, by the text of h5py's message."""
    return isinstance(error, ValueError | RuntimeError) and str(error).startswith("Unable to ")


def _broken(path: GivenPath, how: str, error: Exception) -> StorageError:
    """Return the error for HDF5 after a failed allocation, which may leave the library unusable."""
    return StorageError(
        f"{shown_path(os.fsdecode(path))}: HDF5 {how} ({error}); nothing was written. Where memory "
        "has run out before, the library may stay unusable in this process: the weights are in "
        "get_weights(), and numpy.savez can write them"
    )


class OpenFile(h5py.File):
    """An HDF5 file open for reading; `filename` is the path that the user gave.

    Attributes:
        descriptor: a descriptor of the same file, for rows that are read without the library.
    """

    def __init__(self, path: str, name: str, descriptor: int, **kwargs: Any):
        """`name` opens the file, also if `path` names another one by now."""
        super().__init__(name, "r", driver=driver_for(name), **kwargs)
        self._path = path
        self.descriptor = OwnDescriptor(descriptor)

    @property
    def filename(self) -> str:
        return self._path

    def close(self) -> None:
        super().close()
        self.descriptor.close()


def opened(path: GivenPath, *, arrays: bool = True, **kwargs: Any) -> OpenFile:
    """Inspect an HDF5 file and open it for reading; keywords go to `h5py.File`.

    The path is opened once, and the inspecting process gets that file: others may replace it at any
    time.

    Args:
        arrays: inspect the numbers of arrays, too, which takes as long as reading them.

    Raises:
        ArgumentError: `path` is not a path.
        MissingFileError: no such file.
        DataError: not an HDF5 file, one that is cut short or damaged, or one that crashes the
            library or exceeds the limits of time and memory.
    """
    path = checked_path("an HDF5 file", path)
    shown = shown_path(path)
    if os.path.exists(path) and not os.path.isfile(path):  # opening a device may have effects
        raise _no_file(shown)
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (FileNotFoundError, NotADirectoryError):
        raise MissingFileError(f"there is no file {shown}") from None
    except OSError as error:
        raise _unreadable(shown, error) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _no_file(shown)
        return _open_inspected(path, descriptor, arrays, **kwargs)
    except (OSError, RuntimeError) as error:
        raise _unreadable(shown, error) from error
    finally:
        os.close(descriptor)


def _open_inspected(path: str, descriptor: int, arrays: bool, **kwargs: Any) -> OpenFile:
    """Return the file of a descriptor, inspected and unchanged since."""
    name = name_of_open(descriptor) or path
    for _ in range(_MOST_INSPECTIONS):
        known = INSPECTOR.inspect(path, descriptor, arrays)
        # Changed since, or replaced: a file that loses its name gets another time of change.
        if known not in (None, identity_of(os.stat(name))):
            continue
        file = OpenFile(path, name, descriptor, **kwargs)
        if known in (None, identity_of_open(file, name)):
            return file
        file.close()
    raise DataError(
        f"{shown_path(path)} was changed each of {_MOST_INSPECTIONS} times that it was "
        "inspected; load it when nothing writes to it any more"
    )


def _no_file(shown: str) -> DataError:
    return DataError(f"{shown} is not a regular file; give the path of an HDF5 file")


def _unreadable(shown: str, error: Exception) -> DataError:
    return DataError(
        f"{shown} cannot be read as an HDF5 file ({error}); it is of another kind, or damaged"
    )


@contextmanager
def damage_errors(where: str) -> Iterator[None]:
    """Prefix errors in the block with `where`.

    Raises:
        DataError: HDF5 reports a damaged file.
        OutOfMemoryError: memory does not suffice.
    """
    try:
        yield
    except GraphcError as error:
        raise type(error)(f"{where}: {error}") from error
    except MemoryError as error:
        raise OutOfMemoryError(
            f"{where}: memory does not suffice for its contents ({error}); end other programs"
        ) from error
    except (OSError, LookupError, RuntimeError, ValueError, TypeError) as error:
        raise DataError(f"{where}: the file is damaged ({error})") from error


def texts(group: h5py.Group | h5py.Dataset, attribute: str) -> list[str]:
    """Return the texts of an attribute that is a list of texts or one text, as bytes or as str."""
    place = f"{group.name}: the attribute {attribute}"
    if attribute not in group.attrs:
        raise DataError(f"{place}: expected texts, there is no such attribute")
    found = group.attrs.get_id(attribute)
    size = 0 if found.shape is None else math.prod(found.shape)
    if size and found.get_type().get_class() != h5py.h5t.STRING:
        raise DataError(f"{place}: expected texts, received values of type {found.dtype}")
    try:
        check_size_of_texts(found, place)
    except TooLargeError as error:
        raise DataError(str(error)) from None
    if not size:  # of any type, as h5py writes an empty list
        return []
    value = group.attrs[attribute]
    several = value.reshape(-1).tolist() if isinstance(value, np.ndarray) else [value]
    try:
        # h5py gives texts that are not in UTF-8 as str with surrogates.
        encoded = [one if isinstance(one, bytes) else one.encode("utf-8") for one in several]
        return [one.decode("utf-8") for one in encoded]
    except UnicodeError as error:
        raise DataError(f"{place}: expected texts in UTF-8 ({error})") from error


def attribute_numbers(group: h5py.Group | h5py.Dataset, attribute: str) -> np.ndarray:
    """Return an attribute that is a number or several; an array of None if it is missing or of
    another type. Other types are not read, since they may take any amount of memory."""
    nothing = np.asarray(None)
    if attribute not in group.attrs:
        return nothing
    found = group.attrs.get_id(attribute)
    if found.get_type().get_class() not in (h5py.h5t.INTEGER, h5py.h5t.FLOAT):
        return nothing
    size = 0 if found.shape is None else math.prod(found.shape)
    return np.asarray(group.attrs[attribute]) if 0 < size <= MOST_TEXTS else nothing


def has(group: h5py.Group, name: str) -> bool:
    """Return True if a group has an entry of this name. A link is a DataError."""
    links = group.id.links
    if not links.exists(name.encode()):
        return False
    if links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
        raise DataError(f"{group.name}: {name!r} is a link to another place; store it here")
    return True


def member(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
    """Return the entry of a group under a name, which may be a path.

    Raises:
        DataError: there is no such entry, or it is a link, which may lead to another file.
    """
    found = group
    for part in name.split("/"):
        if not part or not isinstance(found, h5py.Group) or not has(found, part):
            raise DataError(f"{group.name}: expected an entry {name!r}, there is none")
        found = found[part]
    return found


def write_array(group: h5py.Group, name: str, value: np.ndarray) -> h5py.Dataset:
    """Write an array with two attributes, which Keras ignores: its dtype and the checksum of its
    bytes."""
    stored = group.create_dataset(name, data=value)
    stored.attrs[STORED_AS] = stored.dtype.str.encode("ascii")
    stored.attrs[CHECKSUM] = np.uint32(_checksum(np.asarray(value)))
    return stored


def read_array(found: h5py.Dataset) -> np.ndarray:
    """Return the numbers of a data set. The caller has checked its shape.

    Raises:
        DataError: the dtype or the checksum differs from the stored one.
    """
    if STORED_AS in found.attrs and texts(found, STORED_AS) != [found.dtype.str]:
        raise DataError(
            f"{found.name}: expected numbers of the dtype {texts(found, STORED_AS)[:1]}, as they "
            f"were written, received {found.dtype.str!r}. Load another copy of the file; if they "
            f"were changed on purpose, delete the attribute {STORED_AS!r}"
        )
    value = np.asarray(found[()])  # in the file's order of bytes
    if CHECKSUM not in found.attrs:
        return value
    expected = attribute_numbers(found, CHECKSUM)
    if expected.shape != () or expected.dtype.kind not in "iu":
        raise DataError(
            f"{found.name}: the attribute {CHECKSUM}: expected a whole number, received "
            f"{expected!r:.60}"
        )
    received = _checksum(value)
    if received != int(expected):
        raise DataError(
            f"{found.name}: expected numbers with the CRC-32 {int(expected):08x}, as they were "
            f"written, received {received:08x}. Load another copy of the file; if they were "
            f"changed on purpose, delete their checksum: "
            f"del h5py.File(path, 'a')[{found.name!r}].attrs[{CHECKSUM!r}]"
        )
    return value


def write_text(group: h5py.Group, name: str, text: str) -> int:
    """Write a text as an attribute, in UTF-8, and return its checksum, which the caller stores."""
    group.attrs[name] = text.encode("utf-8")
    return zlib.crc32(text.encode("utf-8"))


def check_text(group: h5py.Group, name: str, expected: int, checksum: str) -> None:
    """Raise DataError unless an attribute is a text with the expected checksum.

    Args:
        group: the group that has the attribute.
        name: the attribute.
        expected: the checksum.
        checksum: for the message, the attribute that stores the checksum, as an expression that
            follows ``h5py.File(...)``.
    """
    found = texts(group, name) if name in group.attrs else []
    if len(found) != 1 or zlib.crc32(found[0].encode("utf-8")) != expected:
        seen = "another text is there" if found else "there is none"
        raise DataError(
            f"{group.name}: the attribute {name}: expected the text with the CRC-32 "
            f"{expected:08x}, as it was written; {seen}. Load another copy of the file; if it was "
            f"changed on purpose, delete its checksum: del h5py.File(path, 'a'){checksum}"
        )


def _checksum(value: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(value).view(np.uint8).data)


def numbers(group: h5py.Group, name: str) -> h5py.Dataset:
    """Return a data set of numbers in a group. The caller checks its shape before reading.

    Raises:
        DataError: it is missing, stored in another file, or not of numbers.
    """
    place = f"{group.name}: {name!r}"
    found = member(group, name)
    why = why_not_numbers(found)
    if why:
        raise DataError(f"{place}{why}")
    return found
