"""Passes over graphs: each takes the outputs of a program and gives new ones of equal value."""

from graphc.compiler.passes.fold import fold
from graphc.compiler.passes.pipeline import (
    PIPELINE,
    Pass,
    PassObserver,
    PassRecord,
    PassReport,
    optimize,
    recorded_passes,
    run_passes,
    simplify_for_gradient,
)
from graphc.compiler.passes.simplify import decide, simplify
from graphc.compiler.passes.stabilize import stabilize

__all__ = [
    "PIPELINE",
    "Pass",
    "PassObserver",
    "PassRecord",
    "PassReport",
    "decide",
    "fold",
    "optimize",
    "recorded_passes",
    "run_passes",
    "simplify",
    "simplify_for_gradient",
    "stabilize",
]
