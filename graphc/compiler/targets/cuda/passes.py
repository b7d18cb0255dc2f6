"""The passes of GPUs."""

from __future__ import annotations

from functools import partial

from graphc.compiler.schedule.rotate import rotate_loops
from graphc.compiler.targets.passes import DIVIDE_CONCATENATIONS, SINK_TRANSPOSES, TargetPass


def cuda_passes(most_shared: int | None) -> tuple[TargetPass, ...]:
    """Return the passes of CUDA code, in order.

    Args:
        most_shared: the bytes of shared memory that a block may have; None for all GPUs. Loops that
            one launch runs are not rotated.
    """
    rotate = TargetPass(
        "rotate_loops",
        partial(rotate_loops, most_shared=most_shared),
        "The elementwise work at the beginning of a step and the products of the step before it "
        "are one kernel then, so a step takes one launch less.",
    )
    return DIVIDE_CONCATENATIONS, SINK_TRANSPOSES, rotate
