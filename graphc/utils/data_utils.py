"""Files of data: fetched once, kept in a folder."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from graphc.errors import ArgumentError
from graphc.lookup import whole_number
from graphc.paths import GivenPath, checked_path
from graphc.public.calls import public
from graphc.releases import since
from graphc.utils.archives import unpack_tar
from graphc.utils.download import check_file, checked_digests, fetch

_GIBIBYTE = 1 << 30


def datasets_folder() -> Path:
    """Where data sets lie: $GRAPHC_DATASETS, by default ~/.graphc/datasets."""
    return Path(os.environ.get("GRAPHC_DATASETS") or "~/.graphc/datasets").expanduser()


def get_file(
    fname: str,
    origin: str,
    untar: bool = False,
    md5_hash: str | None = None,
    cache_subdir: str = "datasets",
    *,
    sha256: str | None = None,
    size_limit: int = 4 * _GIBIBYTE,
    cache_dir: str | os.PathLike[str] | None = None,
) -> str:
    """The path of a file (or unpacked folder), which is fetched if it is not there yet.

    A file is there whole or not at all: it is fetched under another name, checked, and renamed.
    One that Keras fetched, in ``~/.keras/<cache_subdir>``, is used in its place.

    Args:
        fname: its name in the folder of data sets: a name, not a path.
        origin: its address: https (http for a server on this machine); so is every address that it
            redirects to.
        untar: `origin` is a tar archive; it is kept as `fname` + '.tar.gz' and unpacked into the
            folder `fname`. Archives with links, or with paths that lead out of them, are refused.
        md5_hash, sha256: the expected digest of the file, in hexadecimal digits; a file that is
            there already is checked too.
        cache_subdir: the folder beside that of the data sets, `cache_dir`, that the file is in:
            'models' for weights.
        size_limit: the largest size in bytes, of the file and of what it unpacks to.
        cache_dir: the folder; by default $GRAPHC_DATASETS or ~/.graphc/datasets.

    Raises:
        ArgumentError: an `fname`, `origin` or digest that is not one.
        DownloadError: the file could not be fetched whole and as expected.
    """
    plain = isinstance(fname, str) and Path(fname).name == fname and "\\" not in fname
    if not plain or fname in ("", ".."):
        raise ArgumentError(
            f"get_file: fname: expected a name without a folder, received {fname!r}; the folder is "
            "cache_dir"
        )
    if untar and fname.endswith((".tar", ".tar.gz", ".tgz")):
        raise ArgumentError(
            f"get_file: with untar=True, fname is the name of the folder; received {fname!r}, "
            f"give {fname.split('.tar')[0].removesuffix('.tgz')!r}"
        )
    limit = whole_number("get_file: size_limit", size_limit, 1)
    if not isinstance(cache_subdir, str) or Path(cache_subdir).name != cache_subdir:
        raise ArgumentError(
            f"get_file: cache_subdir: expected the name of a folder, received {cache_subdir!r}"
        )
    checksums = checked_digests({"sha256": sha256, "md5": md5_hash})
    folder = datasets_folder() if cache_dir is None else Path(cache_dir).expanduser()
    if cache_subdir != "datasets":
        folder = folder.parent / cache_subdir
    of_keras = Path("~/.keras").expanduser() / cache_subdir / fname
    if cache_dir is None and not untar and of_keras.is_file() and not (folder / fname).exists():
        check_file(of_keras, checksums)
        return str(of_keras)
    unpacked = folder / fname
    if untar and unpacked.is_dir():
        return str(unpacked)
    file = folder / f"{fname}.tar.gz" if untar else unpacked
    if file.exists():
        check_file(file, checksums)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        fetch(origin, file, checksums, limit)
    if untar:
        unpack_tar(file, unpacked, limit)
    return str(unpacked)


@since("1.0.7")
def validate_file(fpath: GivenPath, md5_hash: str) -> bool:
    """Tell whether a file has this md5, in hexadecimal digits."""
    (wanted,) = checked_digests({"md5": md5_hash}).values()
    with open(checked_path("validate_file", fpath), "rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest() == wanted


public(__name__)
