"""What is computed together: from a graph to kernels and loops of kernels."""

from graphc.compiler.schedule.build import make_schedule
from graphc.compiler.schedule.kernel import KINDS, Kernel, Loop, Schedule, Step, kernels

__all__ = ["KINDS", "Kernel", "Loop", "Schedule", "Step", "kernels", "make_schedule"]
