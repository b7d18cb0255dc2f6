"""Hardware facts that kernels are laid out for: those common to every card, and those of large
ones."""

WARP = 32
"""Threads that run in lockstep and exchange registers by shuffles."""

PACK = 4
"""Contiguous elements that a thread takes at once: of float32, the 16 bytes of a wide load."""


def power_of_two(size: int) -> int:
    """Return the smallest power of two that is at least a size: the threads of a reduction tree."""
    return 1 << max(0, size - 1).bit_length()
