"""HDF5 files: written whole, and read though others have written them.

Of a file that is read nothing leads outside of it, no object is made but texts and numbers, and
nothing larger is read than what the caller expects: a file of a few kilobytes may declare arrays
that no memory holds.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from graphc.errors import DataError, GraphcError, MissingFileError
from graphc.files.heaps import check_texts
from graphc.files.noting_file import NotingFile
from graphc.lookup import path_like
from graphc.whole_files import unwritten, written_whole

_MOST_TEXTS = 100_000
_MOST_TEXT_BYTES = 1 << 26

# Each once: a file inflated twice grows a million times. Others are loaded from plug-ins.
_FILTERS = {
    h5py.h5z.FILTER_DEFLATE,
    h5py.h5z.FILTER_SHUFFLE,
    h5py.h5z.FILTER_FLETCHER32,
    h5py.h5z.FILTER_LZF,
}
_SPARE_BYTES = 1 << 16


@contextmanager
def written(path: str | os.PathLike, **kwargs: Any) -> Iterator[h5py.File]:
    """A new HDF5 file at `path`, whole or not at all; keywords go to `h5py.File`.

    Raises:
        MissingFileError: no such folder.
        StorageError: a disk or a quota is full, a folder or a file may not be written.
    """
    with written_whole(path) as part, NotingFile(part) as noting:
        try:
            with h5py.File(noting, "w", **kwargs) as file:
                yield file
        except (OSError, RuntimeError):  # HDF5 may have missed what was lost
            if noting.refused is None:
                raise
        if noting.refused is not None:
            raise unwritten(path, noting.refused)


def opened(path: str | os.PathLike) -> h5py.File:
    """An HDF5 file for reading.

    Raises:
        MissingFileError: no such file.
        DataError: not an HDF5 file, or one that is cut short.
    """
    if not os.path.exists(path_like("an HDF5 file", path)):
        raise MissingFileError(f"there is no file {os.fspath(path)}")
    if not Path(path).is_file():  # opening a pipe would wait for a writer
        raise DataError(f"{os.fspath(path)} is no file; give the name of an HDF5 file")
    try:
        return h5py.File(path, "r")
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"{os.fspath(path)} cannot be read as an HDF5 file ({error}); it is of another kind, "
            "or damaged"
        ) from error


@contextmanager
def reading(path: str | os.PathLike, owner: str) -> Iterator[h5py.File]:
    """An HDF5 file for reading, with `damage_told` inside; `owner` is who reads it."""
    with opened(path) as file, damage_told(f"{os.fspath(path)} for {owner}"):
        yield file


@contextmanager
def damage_told(where: str) -> Iterator[None]:
    """Errors inside begin with `where`; what HDF5 raises for a damaged file is a DataError."""
    try:
        yield
    except GraphcError as error:
        raise type(error)(f"{where}: {error}") from error
    except (OSError, LookupError, RuntimeError, ValueError, TypeError, MemoryError) as error:
        raise DataError(f"{where}: the file is damaged ({error})") from error


def texts(group: h5py.Group, attribute: str) -> list[str]:
    """An attribute that is a list of texts, or one text, stored as bytes or as str."""
    place = f"{group.name}: the attribute {attribute}"
    if attribute not in group.attrs:
        raise DataError(f"{place}: expected texts, there is no such attribute")
    found = group.attrs.get_id(attribute)
    size = 0 if found.shape is None else math.prod(found.shape)
    stored = size * found.get_type().get_size()
    if size and found.get_type().get_class() != h5py.h5t.STRING:
        raise DataError(f"{place}: expected texts, received values of type {found.dtype}")
    if size > _MOST_TEXTS or stored > _MOST_TEXT_BYTES:
        raise DataError(
            f"{place}: expected at most {_MOST_TEXTS} texts of {_MOST_TEXT_BYTES} bytes together, "
            f"it declares {size} of {stored} bytes"
        )
    if not size:  # of any type, as h5py writes an empty list
        return []
    if found.get_type().is_variable_str():
        check_texts(group.file, _MOST_TEXT_BYTES, place)
    value = group.attrs[attribute]
    several = value.reshape(-1).tolist() if isinstance(value, np.ndarray) else [value]
    try:
        # h5py gives texts that are not in UTF-8 as str with surrogates.
        encoded = [one if isinstance(one, bytes) else one.encode("utf-8") for one in several]
        return [one.decode("utf-8") for one in encoded]
    except UnicodeError as error:
        raise DataError(f"{place}: expected texts in UTF-8 ({error})") from error


def attribute_numbers(group: h5py.Group, attribute: str) -> np.ndarray:
    """An attribute that is a number or several; an array of None where it is nothing of that
    kind, or is not there. Other types are not read: they may take any memory."""
    nothing = np.asarray(None)
    if attribute not in group.attrs:
        return nothing
    found = group.attrs.get_id(attribute)
    if found.get_type().get_class() not in (h5py.h5t.INTEGER, h5py.h5t.FLOAT):
        return nothing
    size = 0 if found.shape is None else math.prod(found.shape)
    return np.asarray(group.attrs[attribute]) if 0 < size <= _MOST_TEXTS else nothing


def has(group: h5py.Group, name: str) -> bool:
    """Whether a group has an entry of its own; one that is a link to another place is an error."""
    links = group.id.links
    if not links.exists(name.encode()):
        return False
    if links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
        raise DataError(f"{group.name}: {name!r} is a link to another place; store it here")
    return True


def member(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
    """What a group has under a name, which may be a path. Links, also to other files, are refused.

    DataError where there is none.
    """
    found = group
    for part in name.split("/"):
        if not part or not isinstance(found, h5py.Group) or not has(found, part):
            raise DataError(f"{group.name}: expected an entry {name!r}, there is none")
        found = found[part]
    return found


def numbers(group: h5py.Group, name: str) -> h5py.Dataset:
    """A data set of numbers in a group, which lies in this file, whole. Its shape is the caller's
    to check before it reads."""
    place = f"{group.name}: {name!r}"
    found = member(group, name)
    if not isinstance(found, h5py.Dataset) or found.dtype.kind not in "biuf":
        raise DataError(f"{place}: expected an array of numbers, found {found}")
    if found.external or found.is_virtual:
        raise DataError(f"{place} lies in other files; store it in this one")
    if found.shape is None:
        raise DataError(f"{place}: expected an array of numbers, found an empty one")
    if found.size and not found.id.get_storage_size():
        raise DataError(f"{place}: declares the shape {found.shape}, but no numbers were written")
    if found.id.get_storage_size() > found.file.id.get_filesize():
        raise DataError(
            f"{place}: declares the shape {found.shape}, for which the file is too short"
        )
    if found.chunks is not None:
        _check_chunks(found, place)
    return found


def _check_chunks(found: h5py.Dataset, place: str) -> None:
    """Raise DataError for an array in pieces of which some are missing, or that grow beyond its
    size when they are read."""
    count = math.prod(
        -(-size // piece) for size, piece in zip(found.shape, found.chunks, strict=True)
    )
    if found.id.get_num_chunks() != count:
        raise DataError(
            f"{place}: expected {count} pieces, the file has {found.id.get_num_chunks()} of them"
        )
    plan = found.id.get_create_plist()
    filters = [plan.get_filter(k)[0] for k in range(plan.get_nfilters())]
    if len(set(filters)) != len(filters) or not set(filters) <= _FILTERS:
        raise DataError(
            f"{place}: expected no other compression than gzip or lzf, once, received the filters "
            f"{filters} of HDF5; store it anew"
        )
    piece = math.prod(found.chunks) * found.dtype.itemsize
    # Pieces at the ends of axes are stored whole.
    if piece > 2**found.ndim * found.nbytes + _SPARE_BYTES:
        raise DataError(
            f"{place}: an array of {found.nbytes} bytes in pieces of {piece}; store it anew"
        )
    stored = found.id.get_storage_size()
    if stored > 2 * count * piece + _SPARE_BYTES:
        raise DataError(
            f"{place}: an array of {found.nbytes} bytes takes {stored} in the file; store it anew"
        )
