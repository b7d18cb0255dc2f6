"""Reading HDF5 files that others have written: nothing outside of the file is followed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import h5py
import numpy as np

from graphc.errors import DataError, GraphcError, MissingFileError


def opened(path: str | os.PathLike) -> h5py.File:
    """An HDF5 file for reading.

    Raises:
        MissingFileError: no such file.
        DataError: not an HDF5 file, or one that is cut short.
    """
    try:
        return h5py.File(path, "r")
    except FileNotFoundError:
        raise MissingFileError(f"there is no file {os.fspath(path)}") from None
    except OSError as error:
        raise DataError(f"{os.fspath(path)} cannot be read as an HDF5 file ({error})") from error


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
    except (OSError, KeyError, RuntimeError, ValueError, TypeError) as error:
        raise DataError(f"{where}: the file is damaged ({error})") from error


def texts(group: h5py.Group, attribute: str) -> list[str]:
    """An attribute that is a list of texts, stored as bytes or as str."""
    value = group.attrs[attribute]
    found = value.reshape(-1).tolist() if isinstance(value, np.ndarray) else [value]
    decoded = [one.decode("utf-8") if isinstance(one, bytes) else one for one in found]
    wrong = [one for one in decoded if not isinstance(one, str)]
    if wrong:
        raise DataError(
            f"{group.name}: the attribute {attribute}: expected texts, received {wrong[0]!r:.60}"
        )
    return decoded


def member(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
    """What a group has under a name, which may be a path. Links, also to other files, are refused.

    DataError where there is none.
    """
    found = group
    for part in name.split("/"):
        if not isinstance(found, h5py.Group) or part not in found:
            raise DataError(f"{group.name}: expected an entry {name!r}, there is none")
        if not isinstance(found.get(part, getlink=True), h5py.HardLink):
            raise DataError(f"{group.name}: {name!r} is a link to another place; store it here")
        found = found[part]
    return found


def numbers(group: h5py.Group, name: str) -> h5py.Dataset:
    """A data set of numbers in a group, which lies in this file."""
    found = member(group, name)
    if not isinstance(found, h5py.Dataset) or found.dtype.kind not in "biuf":
        raise DataError(f"{group.name}: {name!r}: expected an array of numbers, found {found}")
    if found.external or found.is_virtual:
        raise DataError(f"{group.name}: {name!r} lies in other files; store it in this one")
    return found
