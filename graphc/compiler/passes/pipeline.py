"""The passes in order, and `optimize`, which runs those of a mode.

A pass takes the outputs of a program and returns new ones of the same values.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from graphc.compiler import graph as g
from graphc.compiler.graph import Node
from graphc.compiler.passes.dump import Dump
from graphc.compiler.passes.fold import fold
from graphc.compiler.passes.narrow_pooling import narrow_pooling
from graphc.compiler.passes.rewrite import Firing, recorded_firings
from graphc.compiler.passes.scan_accumulate import sink_accumulations
from graphc.compiler.passes.scan_merge import merge_scans
from graphc.compiler.passes.scan_motion import hoist_products, sink_products
from graphc.compiler.passes.scan_trim import trim_scans
from graphc.compiler.passes.simplify import simplify, simplify_differentiable
from graphc.compiler.passes.stabilize import stabilize
from graphc.errors import ArgumentError

Pass = Callable[[Sequence[Node]], list[Node]]
PassObserver = Callable[[str, list[Node], list[Node]], None]

# The last fold and simplify, and the second trim_scans, clean up after the passes between, which
# move work out of loops: these leave constants, identities and unread results of loops behind.
PIPELINE: tuple[tuple[str, Pass], ...] = (
    ("fold", fold),
    ("simplify", simplify),
    ("stabilize", stabilize),
    ("merge_scans", merge_scans),
    ("trim_scans", trim_scans),
    ("hoist_products", hoist_products),
    ("sink_accumulations", sink_accumulations),
    ("sink_products", sink_products),
    ("trim_scans", trim_scans),
    ("narrow_pooling", narrow_pooling),
    ("fold", fold),
    ("simplify", simplify),
)

_FAST_COMPILE: tuple[tuple[str, Pass], ...] = (("fold", fold), ("simplify", simplify))

_PASSES_OF_MODE = {
    "FAST_RUN": PIPELINE,
    "FAST_COMPILE": _FAST_COMPILE,
    "DebugMode": PIPELINE,
    "NanGuardMode": PIPELINE,
}


@dataclass(frozen=True)
class PassReport:
    """The effect of one pass: nodes (those in the bodies of scans included) and seconds."""

    name: str
    nodes_before: int
    nodes_after: int
    seconds: float


def optimize(
    outputs: Sequence[Node],
    mode: str = "FAST_RUN",
    keep: Iterable[Node] = (),
    label: str | None = "function",
    observer: PassObserver | None = None,
) -> tuple[list[Node], list[PassReport]]:
    """Return the outputs of a program rewritten by the passes of a mode.

    Args:
        outputs: all outputs of one program.
        mode: FAST_COMPILE runs fold and simplify alone, every other mode all of `PIPELINE`.
        keep: nodes that are not rewritten, nor are nodes that only they read; no rule sees their
            inputs.
        label: name of the folder that the flag ``dump`` makes for the function; None makes none.
        observer: called after each pass with its name and the outputs before and after it.

    Returns:
        The new outputs, in order, and a report for each pass. ArgumentError for an unknown mode.
    """
    if mode not in _PASSES_OF_MODE:
        raise ArgumentError(f"unknown mode {mode!r}; the modes are {', '.join(_PASSES_OF_MODE)}")
    current, restored = _hide_kept(outputs, keep)
    dump = Dump(label)
    dump.write("input", current)
    reports = []
    nodes = g.count_nodes(current)
    for name, run in _PASSES_OF_MODE[mode]:
        start = time.perf_counter()
        before, current = current, run(current)
        seconds = time.perf_counter() - start
        nodes_before = nodes
        if current != before:
            nodes = g.count_nodes(current)
        reports.append(PassReport(name, nodes_before, nodes, seconds))
        dump.write(name, current)
        if observer is not None:
            observer(name, before, current)
    return g.substitute(current, restored), reports


@dataclass(frozen=True)
class PassRecord:
    """One pass as it ran: its report, the outputs after it, and the rules that fired in it."""

    report: PassReport
    outputs: tuple[Node, ...]
    firings: tuple[Firing, ...]


def recorded_passes(outputs: Sequence[Node], mode: str = "FAST_RUN") -> list[PassRecord]:
    """Run the passes of a mode as `optimize` does, and return a record of each."""
    after: list[list[Node]] = []
    ends: list[int] = []

    def observe(name: str, before: list[Node], current: list[Node]) -> None:
        after.append(current)
        ends.append(len(firings))

    with recorded_firings() as firings:
        _, reports = optimize(outputs, mode, label=None, observer=observe)
    starts = [0, *ends]
    return [
        PassRecord(report, tuple(current), tuple(firings[start:end]))
        for report, current, start, end in zip(reports, after, starts, ends, strict=False)
    ]


def simplify_for_gradient(outputs: Sequence[Node], keep: Iterable[Node] = ()) -> list[Node]:
    """Return the outputs simplified and stabilised, to be differentiated with respect to `keep`.

    Where `stabilize` replaces a formula that overflows by one that is finite, the gradient becomes
    finite too. The nodes of `keep` are not rewritten, and no rule sees their inputs.
    """
    current, restored = _hide_kept(outputs, keep)
    for run in (simplify_differentiable, stabilize, simplify_differentiable):
        current = run(current)
    return g.substitute(current, restored)


_serials = itertools.count()


def _hide_kept(
    outputs: Sequence[Node], keep: Iterable[Node]
) -> tuple[list[Node], dict[Node, Node]]:
    """Return the outputs with an input for each kept node, and the substitution that undoes it."""
    hidden = {
        node: g.make("input", serial=("kept", next(_serials)), shape=node.shape, dtype=node.dtype)
        for node in keep
        if node.inputs or node.op == "constant"
    }
    return g.substitute(outputs, hidden), {new: old for old, new in hidden.items()}
