"""Where data sets lie, and what is read from there: arrays, never pickles."""

from __future__ import annotations

import gzip
import math
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from graphc.errors import DataError, MissingFileError
from graphc.utils.data_utils import datasets_folder

_PICKLES = (".pkl.gz", ".pkl", ".pickle")

# What a byte at the third place of an idx file says of its elements; all are big-endian.
_IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def located(path: str, ending: str = ".npz") -> Path:
    """The file that stands for a path of Keras': a pickle's name stands for the same name with
    another ending; a path that is not absolute starts in the folder of data sets."""
    for pickled in _PICKLES:
        if str(path).endswith(pickled):
            path = str(path).removesuffix(pickled) + ending
            break
    return datasets_folder() / Path(path).expanduser()


def missing(what: str, expected: str, how: str, pickles: Sequence[Path] = ()) -> MissingFileError:
    """The error for a data set that is not there.

    Args:
        what: its name.
        expected: which file was looked for.
        how: where to get it.
        pickles: files that may lie there instead; one that does is named.
    """
    lying = [str(path) for path in pickles if path.exists()]
    not_read = (
        f" {lying[0]} is a pickle, which may run any code when it is read, so it is not read."
        if lying
        else ""
    )
    return MissingFileError(f"{what}: there is no {expected}.{not_read} {how}")


def read_npz(path: Path, names: Sequence[str]) -> list[np.ndarray]:
    """Arrays of a .npz file by their names.

    Raises DataError for a file that is none, lacks one of them, or holds pickled objects.
    """
    with open(path, "rb") as file:  # NumPy leaves a damaged file open
        try:
            stored = np.load(file, allow_pickle=False)
        except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(f"{path} is not a whole .npz file of arrays ({error})") from error
        if not isinstance(stored, np.lib.npyio.NpzFile):
            raise DataError(f"{path} is not a .npz file, but one array")
        with stored:
            if lacking := [name for name in names if name not in stored]:
                raise DataError(
                    f"{path}: expected the arrays {', '.join(names)}, and {', '.join(lacking)} is "
                    f"not there; found {', '.join(stored.files) or 'none'}"
                )
            return [_array(path, stored, name) for name in names]


def _array(path: Path, stored: np.lib.npyio.NpzFile, name: str) -> np.ndarray:
    try:
        return stored[name]
    except (ValueError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DataError(f"{path}: {name!r} cannot be read ({error})") from error


def read_idx(path: Path) -> np.ndarray:
    """The array in an idx file, the format of MNIST; compressed by gzip or not.

    Format: two zero bytes, the type, the number of axes, their sizes as four bytes each, then the
    elements, all big-endian. Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of
    handwritten digits".

    Raises DataError for a file that is none, or is cut.
    """
    content = Path(path).read_bytes()
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{path} is not a whole gzip file ({error})") from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _IDX_TYPES:
        raise DataError(
            f"{path} is not an idx file: expected two zero bytes and a type, received "
            f"{content[:3]!r}"
        )
    dtype, axes = np.dtype(_IDX_TYPES[content[2]]), content[3]
    start = 4 + 4 * axes
    sizes = content[4:start].ljust(4 * axes, b"\0")  # a cut header has no sizes, so no elements
    shape = tuple(int(size) for size in np.frombuffer(sizes, ">u4"))
    expected = start + dtype.itemsize * math.prod(shape)
    if len(content) != expected:
        raise DataError(
            f"{path}: expected {expected} bytes for the shape {shape}, received {len(content)}; "
            "fetch it again"
        )
    array = np.frombuffer(content, dtype, offset=start).reshape(shape)
    return array.astype(dtype.newbyteorder("="))
