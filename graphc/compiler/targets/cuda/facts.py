"""The facts of GPUs by which programs are mapped."""

from __future__ import annotations

from graphc.compiler.cards import WARP
from graphc.compiler.schedule.persistent import MOST_SHARED
from graphc.compiler.targets.target import Target

VECTOR_BYTES = 16
"""Bytes of the widest load of a thread."""

REGISTERS = 255
"""Registers of 32 bits that one thread may have (CUDA C++ Programming Guide, the table "Technical
Specifications per Compute Capability")."""

SHARED_BYTES = 48 << 10
"""Bytes of shared memory that a block has on each card without asking for more."""

MOST_SHARED_BYTES = 227 << 10
"""Bytes of shared memory that a block has at most if it asks for more, on cards of compute
capability 9.0 and 10.0."""

MOST_THREADS = 1024
"""Threads that a block may have on each card."""


def any_card(shared_bytes: int | None = None) -> Target:
    """Return the facts of a card of which no more is known than the shared memory of a block: the
    text is one for all of these.

    Args:
        shared_bytes: None for what each card has.
    """
    shared = SHARED_BYTES if shared_bytes is None else shared_bytes
    most = MOST_SHARED if shared_bytes is None else shared_bytes
    return Target(
        "cuda", VECTOR_BYTES, REGISTERS, shared_bytes=shared, most_shared_bytes=most, lanes=WARP
    )


GRID_THREADS = 256
"""Threads of a block whose threads do not wait for each other: 8 warps, which hide each other's
latencies, and few enough that a block that ends soon leaves its place to the next."""
