"""``graphc cache``: show the contents of the folder of compiled kernels, and empty it."""

from __future__ import annotations

import argparse
import time

from graphc.amounts import shown_size
from graphc.cli.command import Command
from graphc.compiler.runtime.cache.eviction import KINDS, Usage, clear, usage
from graphc.compiler.runtime.cache.kernels import chosen_folder, refusal
from graphc.compiler.runtime.cache.private_files import PrivateFolder
from graphc.config import config
from graphc.errors import StorageError


def report(usage: Usage, folder: str) -> str:
    """Return the lines that ``graphc cache`` prints."""
    bound = "without a bound" if config.cache_size == "none" else f"of at most {config.cache_size}"
    count, nbytes = sum(usage.files.values()), sum(usage.nbytes.values())
    lines = [
        f"folder  {folder} (flag cuda_cache)",
        f"holds   {_files(count)}, {shown_size(nbytes)} {bound} (flag cache_size)",
        *_rows(usage),
    ]
    if usage.oldest is not None:
        day = time.strftime("%Y-%m-%d %H:%M", time.localtime(usage.oldest))
        lines.append(f"oldest  last used {day}")
    return "\n".join(lines)


def _rows(usage: Usage) -> list[str]:
    return [
        f"  {kind:<20} {usage.files[kind]:>8} {shown_size(usage.nbytes[kind]):>10}"
        for kind in dict.fromkeys(KINDS.values())
        if kind in usage.files
    ]


def _files(count: int) -> str:
    return f"{count} file{'' if count == 1 else 's'}"


def _run(arguments: argparse.Namespace) -> None:
    path = chosen_folder()
    reason = refusal(path)
    if reason:
        raise StorageError(
            f"the folder of compiled kernels {path} is not used: {reason}. Let the flag cuda_cache "
            "name another one, or make this one yours alone (chmod 700)"
        )
    with PrivateFolder(path) as folder:
        if not arguments.clear:
            print(report(usage(folder), str(path)))
            return
        try:
            gone = clear(folder)
        except OSError as error:
            raise StorageError(f"{path} cannot be emptied ({error})") from error
    print(
        f"removed {_files(sum(gone.files.values()))}, "
        f"{shown_size(sum(gone.nbytes.values()))}: {path}"
    )
    for row in _rows(gone):
        print(row)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--clear", action="store_true", help="remove all of it; the next start compiles anew"
    )


COMMAND = Command(
    name="cache",
    summary="show what the folder of compiled kernels holds, or empty it",
    description="""\
Shows the folder in which compiled kernels are kept: files and bytes by kind, when what is oldest
was last used, and how much it may hold. What was used least recently goes by itself beyond that.

With --clear all of it is removed. Programs that run go on, and what they need next is compiled
anew. Files that graphc has not made stay.

examples:
  graphc cache
  graphc cache --clear
  GRAPHC_FLAGS=cache_size=4GB graphc cache    check that a flag arrives
""",
    run=_run,
    add_arguments=_add_arguments,
)
