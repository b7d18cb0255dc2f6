"""Passes over graphs: each takes the outputs of a program and gives new ones of equal value."""

from graphc.compiler.passes.fold import fold
from graphc.compiler.passes.pipeline import PIPELINE, PassReport, optimize, simplify_for_gradient
from graphc.compiler.passes.simplify import decide, simplify
from graphc.compiler.passes.stabilize import stabilize

__all__ = [
    "PIPELINE",
    "PassReport",
    "decide",
    "fold",
    "optimize",
    "simplify",
    "simplify_for_gradient",
    "stabilize",
]
