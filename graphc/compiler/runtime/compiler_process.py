"""A compiler as a process: its version, and what it says of generated source."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from graphc.compiler.runtime.cache import KernelCache, content_key
from graphc.errors import DeviceError

_SHOWN_LINES = 20


def run(command: list[str], what: str, fix: str) -> subprocess.CompletedProcess[str]:
    """Run a compiler; `what` it is and the `fix` are for the DeviceError where it does not run."""
    try:
        return subprocess.run(command, capture_output=True, text=True, errors="replace")
    except OSError as error:
        raise DeviceError(
            f"{what} {command[0]} does not run ({error}). What to do: {fix}"
        ) from error


def version_of(path: str, cache: KernelCache, what: str, fix: str) -> str:
    """What ``--version`` prints. It is asked for once and kept in the cache, by the program's path,
    size and time of change. DeviceError where the compiler does not run."""
    status = Path(path).stat()
    key = content_key([str(Path(path).resolve()), str(status.st_size), str(status.st_mtime_ns)])
    kept = cache.read(f"{key}.version")
    if kept is not None:
        return kept.decode()
    done = run([path, "--version"], what, fix)
    if done.returncode or not done.stdout.strip():
        raise DeviceError(
            f"{what} {path} does not run: '--version' ended with status {done.returncode}: "
            f"{done.stderr.strip()}. What to do: {fix}"
        )
    cache.write(f"{key}.version", done.stdout.encode())
    return done.stdout


def lines_of(done: subprocess.CompletedProcess[str]) -> list[str]:
    """All that a compiler said."""
    return f"{done.stdout}{done.stderr}".strip().splitlines()


def first_lines(said: list[str]) -> str:
    """The first lines of what a compiler said, for the end of a message."""
    return "\n".join(f"  {line}" for line in said[:_SHOWN_LINES])


def kernel_at_fault(
    said: list[str], path: Path, source: str, beginning: re.Pattern[str], layers: Mapping[str, str]
) -> str:
    """`` in the kernel k1_rows (of dense_1)``: what the first line of the source that a compiler
    names, as ``k.cu(12)`` or ``k.cu:12:``, belongs to; empty where it names none.

    Args:
        said: what the compiler said.
        path, source: the file and its text.
        beginning: matches where a kernel begins; its group is the kernel's name.
        layers: of each kernel, by its name.
    """
    place = re.compile(re.escape(path.name) + r"[(:](\d+)[):]")
    line = next((int(found[1]) for text in said if (found := place.search(text))), None)
    begun = beginning.findall("\n".join(source.splitlines()[:line])) if line is not None else []
    if not begun:
        return ""
    of = f" (of {layers[begun[-1]]})" if layers.get(begun[-1]) else ""
    return f" in the kernel {begun[-1]}{of}"
