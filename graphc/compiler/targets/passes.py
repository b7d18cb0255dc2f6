"""Passes of a target: rewrites of a graph for the way in which it runs there.

They come behind the passes of all targets (`graphc.compiler.passes`), and keep the values of a
program's outputs as those do. Each target has a table of them; rows that several have are here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphc.compiler.graph import Node
from graphc.compiler.passes import Pass, PassObserver, run_passes
from graphc.compiler.schedule.layout import sink_transposes
from graphc.compiler.schedule.wide import divide_concatenations


@dataclass(frozen=True)
class TargetPass:
    """A pass of a target.

    Attributes:
        name: for dumps and reports.
        run: takes the outputs of a program and returns new ones of the same values.
        why: the reason for it on this target, as a sentence.
    """

    name: str
    run: Pass
    why: str


DIVIDE_CONCATENATIONS = TargetPass(
    "divide_concatenations",
    divide_concatenations,
    "A kernel has a parameter and text for each operand of a concatenation. One of hundreds takes "
    "a compiler long; it is divided into concatenations of concatenations.",
)

SINK_TRANSPOSES = TargetPass(
    "sink_transposes",
    sink_transposes,
    "A transpose between two kernels stores each element once more, in another order. Behind the "
    "arithmetic, two of them cancel.",
)


def run_target_passes(
    outputs: Sequence[Node],
    target: str,
    table: Sequence[TargetPass],
    observer: PassObserver | None = None,
) -> list[Node]:
    """Return the outputs of a program rewritten by the passes of a target, in order; `observer` is
    called after each."""
    return run_passes(outputs, [(one.name, one.run) for one in table], observer, target)
