"""The memory that this process may still take: of the machine, of its control groups, of its own
limits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]  # a module elsewhere


@dataclass(frozen=True)
class Room:
    """Memory that may still be allocated.

    Attributes:
        nbytes: how much.
        of: whose it is, for messages.
    """

    nbytes: int
    of: str

    def __str__(self) -> str:
        return f"{self.of} has {self.nbytes:,} bytes free"


def memory_room(root: Path = Path("/")) -> Room | None:
    """Return the least of what the machine, the control groups of this process and its own limits
    leave; None where the system reports nothing (it has no /proc).

    Pages of files count as free, since the system drops them, and swap space does: what is refused
    by this is more than there is.
    """
    rooms = [*_of_machine(root), *_of_groups(root), *_of_limits(root)]
    return min(rooms, key=lambda room: room.nbytes, default=None)


# ---- the machine --------------------------------------------------------------------------------


def _of_machine(root: Path) -> Iterator[Room]:
    found = _meminfo(root)
    if "MemAvailable" in found:
        yield Room(found["MemAvailable"] + found.get("SwapFree", 0), "the machine")
    overcommit = _number(root / "proc/sys/vm/overcommit_memory")
    if overcommit == 2 and {"CommitLimit", "Committed_AS"} <= found.keys():
        left = found["CommitLimit"] - found["Committed_AS"]
        yield Room(max(0, left), "the machine, by vm.overcommit_memory=2,")


def _meminfo(root: Path) -> dict[str, int]:
    """Bytes by name."""
    found = {}
    for line in _lines(root / "proc/meminfo"):
        name, _, value = line.partition(":")
        number, _, unit = value.strip().partition(" ")
        if number.isdecimal() and unit == "kB":
            found[name] = int(number) * 1024
    return found


# ---- control groups -----------------------------------------------------------------------------


def _of_groups(root: Path) -> Iterator[Room]:
    """Yield the room that each control group of this process leaves, from the innermost
    outwards."""
    swap = _meminfo(root).get("SwapFree", 0)
    for kind, mount, folder in _groups(root):
        while True:
            left = (_left_2 if kind == "cgroup2" else _left_1)(folder, swap)
            if left is not None:
                name = PurePosixPath("/", folder.relative_to(mount))
                yield Room(max(0, left), f"the control group {name}")
            if folder == mount:
                break
            folder = folder.parent


def _groups(root: Path) -> Iterator[tuple[str, Path, Path]]:
    """For each hierarchy that limits memory: its kind, where it is mounted, and this process's
    group in it, as far as that is seen from here."""
    paths = {}
    for line in _lines(root / "proc/self/cgroup"):
        _, _, rest = line.partition(":")
        controllers, _, name = rest.partition(":")
        if not controllers:
            paths["cgroup2"] = PurePosixPath(name)
        elif "memory" in controllers.split(","):
            paths["cgroup"] = PurePosixPath(name)
    for line in _lines(root / "proc/self/mountinfo"):
        ahead, _, behind = line.partition(" - ")
        fields, (kind, *options) = ahead.split(), behind.split() or [""]
        if kind not in paths or len(fields) < 5:
            continue
        shown, mounted = PurePosixPath(fields[3]), PurePosixPath(fields[4])
        if kind == "cgroup" and "memory" not in {*options[-1].split(","), *mounted.name.split(",")}:
            continue
        mount, path = root / mounted.relative_to("/"), paths[kind]
        folder = mount
        if path.is_relative_to(shown) and ".." not in path.parts:
            folder = mount / path.relative_to(shown)
        yield kind, mount, folder if folder.is_dir() else mount


def _left_2(group: Path, swap: int) -> int | None:
    limit, taken = _number(group / "memory.max"), _number(group / "memory.current")
    if limit is None or taken is None:
        return None
    most_swap = _number(group / "memory.swap.max")
    if most_swap is not None:
        swap = min(swap, max(0, most_swap - (_number(group / "memory.swap.current") or 0)))
    return limit - taken + _of_files(group, "") + swap


def _left_1(group: Path, swap: int) -> int | None:
    limit = _number(group / "memory.limit_in_bytes")
    taken = _number(group / "memory.usage_in_bytes")
    if limit is None or taken is None:
        return None
    left = limit - taken + _of_files(group, "total_")
    both = _number(group / "memory.memsw.limit_in_bytes")
    if both is not None:
        taken_of_both = _number(group / "memory.memsw.usage_in_bytes") or taken
        swap = min(swap, max(0, both - taken_of_both - (limit - taken)))
    return left + swap


def _of_files(group: Path, prefix: str) -> int:
    """The bytes of a group that are pages of files."""
    wanted = {f"{prefix}inactive_file", f"{prefix}active_file"}
    lines = (line.split() for line in _lines(group / "memory.stat"))
    return sum(int(value) for name, value in lines if name in wanted)


# ---- limits of the process ----------------------------------------------------------------------


def _of_limits(root: Path) -> Iterator[Room]:
    fields = " ".join(_lines(root / "proc/self/statm")).split()
    if resource is None or len(fields) < 6:
        return
    page = os.sysconf("SC_PAGE_SIZE")
    for name, taken in (("RLIMIT_AS", fields[0]), ("RLIMIT_DATA", fields[5])):
        limit, _ = resource.getrlimit(getattr(resource, name))
        if limit != resource.RLIM_INFINITY:
            yield Room(max(0, limit - int(taken) * page), f"this process, by its {name},")


def _number(path: Path) -> int | None:
    """The number in a file; None where it is not there, or says that there is no limit."""
    text = " ".join(_lines(path)).strip()
    return int(text) if text.isdecimal() else None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
