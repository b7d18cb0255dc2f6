"""The message where a call's values do not fit: the largest of them, and the batch that fits."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from graphc.compiler.program.launch import Bindings
from graphc.compiler.program.memory_report import MemoryReport, Reporter, largest_batch
from graphc.compiler.runtime.host_memory import Room, memory_room
from graphc.errors import OutOfMemoryError, ShapeError

FREELY = 1 << 24
"""Bytes that are allocated without a look at how many there are, which takes some milliseconds."""


def explanation(report_at: Reporter, bindings: Bindings, nbytes: int | None) -> str:
    """Lines for the end of a message.

    Args:
        report_at: gives the report of what does not fit with these sizes.
        nbytes: what it may have, with what it has already; None where it is unknown.
    """
    report = report_at(bindings)
    largest = report.largest()
    width = max((len(f"{use.nbytes:,}") for use in largest), default=0)
    lines = ["", report.summary, "The largest values, in bytes:"]
    lines += [f"  {use.nbytes:>{width},}  {use} ({use.held})" for use in largest]
    fitting = None if nbytes is None else largest_batch(report_at, nbytes, bindings)
    if fitting is not None:
        lines.append(f"The largest batch that fits is {fitting}" if fitting else "No batch fits")
    return "\n".join(lines)


@dataclass(frozen=True)
class Kept:
    """Bytes that earlier calls have left for this one: the arena's, and the threads' scratch."""

    arena: int = 0
    scratch: int = 0

    def lacks(self, arena: int, scratch: int) -> int:
        """Return the bytes that a call which needs so many takes beyond those that are kept."""
        return max(0, arena - self.arena) + max(0, scratch - self.scratch)


def check_room(report_at: Reporter, bindings: Bindings, kept: Kept) -> None:
    """Raise OutOfMemoryError where a call takes more of the host's memory than there is.

    Args:
        report_at: gives the report of what runs on the host.
        bindings: the sizes of the call.
        kept: what it need not take.

    For those that lack more than `FREELY`: looking takes longer than a small call.
    """
    report = report_at(bindings)
    more, room = kept.lacks(report.arena, report.scratch), memory_room()
    if room is not None and more > room.nbytes:
        raise OutOfMemoryError(
            f"{report.title} needs {more:,} bytes more than it has, and {room}; {_WHAT_TO_DO}"
            f"{explanation(report_at, bindings, _available(room, report, kept))}"
        )


def refused(
    error: MemoryError, report_at: Reporter, bindings: Bindings, kept: Kept
) -> OutOfMemoryError:
    """The error for a call that the system gave no memory; arguments as of `check_room`."""
    report, room = report_at(bindings), memory_room()
    why = str(error) or "the system has no memory for it"
    if room is not None:
        why += f"; {room}"
    nbytes = None if room is None else _available(room, report, kept)
    return OutOfMemoryError(
        f"{report.title}: {why}; {_WHAT_TO_DO}{explanation(report_at, bindings, nbytes)}"
    )


def uncounted(error: ShapeError, report_at: Reporter, bindings: Bindings) -> ShapeError:
    """The error for sizes with more elements than a kernel counts, with the batch that is counted;
    arguments as of `explanation`."""
    fitting = largest_batch(report_at, sys.maxsize, bindings)
    batch = "" if fitting is None else f". The largest batch that kernels count is {fitting}"
    return ShapeError(f"{error}{batch}; cpu=numpy on device=cpu counts further")


_WHAT_TO_DO = "use a smaller batch, or end other programs"


def _available(room: Room, report: MemoryReport, kept: Kept) -> int:
    """The bytes that a call may have, with those that it has already."""
    spared = min(room.nbytes, max(room.nbytes // 32, FREELY))  # for what else the process does
    # Inputs are not counted: those of a smaller batch may come beside these.
    persistent = report.states + report.constants
    return room.nbytes - spared + persistent + kept.arena + min(kept.scratch, report.scratch)
