"""The passes in order, and `optimize`, which runs those of a mode.

A pass takes the outputs of a program and returns new ones of the same values. Behind those of a
mode, which are the same for all targets, come those of a target (`graphc.compiler.targets.passes`).
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
from graphc.compiler.passes.reciprocals import hoist_reciprocals
from graphc.compiler.passes.rewrite import Firing, recorded_firings
from graphc.compiler.passes.scan_accumulate import sink_accumulations
from graphc.compiler.passes.scan_merge import merge_scans
from graphc.compiler.passes.scan_motion import hoist_products, sink_products
from graphc.compiler.passes.scan_trim import trim_scans
from graphc.compiler.passes.simplify import simplify, simplify_differentiable
from graphc.compiler.passes.stabilize import stabilize
from graphc.errors import ArgumentError

Pass = Callable[[Sequence[Node]], list[Node]]

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
    ("hoist_reciprocals", hoist_reciprocals),
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
    """The effect of one pass: nodes (those in the bodies of scans included) and seconds.

    Attributes:
        target: the target whose pass it is, 'cuda' or 'cpu'; empty for one of all targets.
    """

    name: str
    nodes_before: int
    nodes_after: int
    seconds: float
    target: str = ""

    @property
    def title(self) -> str:
        """Its name, behind that of its target."""
        return f"{self.target}-{self.name}" if self.target else self.name


PassObserver = Callable[[PassReport, list[Node], list[Node]], None]
"""Called after a pass with its report, and the outputs before and after it."""


def optimize(
    outputs: Sequence[Node],
    mode: str = "FAST_RUN",
    keep: Iterable[Node] = (),
    dump: Dump | None = None,
    observer: PassObserver | None = None,
) -> tuple[list[Node], list[PassReport]]:
    """Return the outputs of a program rewritten by the passes of a mode.

    Args:
        outputs: all outputs of one program.
        mode: FAST_COMPILE runs fold and simplify alone, every other mode all of `PIPELINE`.
        keep: nodes that are not rewritten, nor are nodes that only they read; no rule sees their
            inputs.
        dump: where the graphs go that the flag ``dump`` asks for; None writes none.
        observer: called after each pass.

    Returns:
        The new outputs, in order, and a report for each pass. ArgumentError for an unknown mode.
    """
    if mode not in _PASSES_OF_MODE:
        raise ArgumentError(f"unknown mode {mode!r}; the modes are {', '.join(_PASSES_OF_MODE)}")
    current, restored = _hide_kept(outputs, keep)
    reports = []
    if dump is not None:
        dump.write("input", current)

    def observe(report: PassReport, before: list[Node], after: list[Node]) -> None:
        reports.append(report)
        if dump is not None:
            dump.write(report.title, after)
        if observer is not None:
            observer(report, before, after)

    current = run_passes(current, _PASSES_OF_MODE[mode], observe)
    return g.substitute(current, restored), reports


def run_passes(
    outputs: Sequence[Node],
    passes: Iterable[tuple[str, Pass]],
    observer: PassObserver | None = None,
    target: str = "",
) -> list[Node]:
    """Return the outputs of a program rewritten by passes, in order.

    Args:
        outputs: all outputs of one program.
        passes: by name.
        observer: called after each of them; without one nothing is counted.
        target: the target whose passes they are; empty for those of all targets.
    """
    current = list(outputs)
    nodes = 0 if observer is None else g.count_nodes(current)
    for name, run in passes:
        start = time.perf_counter()
        before, current = current, run(current)
        seconds = time.perf_counter() - start
        if observer is not None:
            nodes_before = nodes
            if current != before:
                nodes = g.count_nodes(current)
            observer(PassReport(name, nodes_before, nodes, seconds, target), before, current)
    return current


@dataclass(frozen=True)
class PassRecord:
    """One pass as it ran: its report, the outputs after it, whether these are others than before,
    and the rules that fired in it."""

    report: PassReport
    outputs: tuple[Node, ...]
    changed: bool
    firings: tuple[Firing, ...]


def recorded_passes(
    outputs: Sequence[Node],
    mode: str = "FAST_RUN",
    target_passes: Iterable[tuple[str, Pass]] = (),
    target: str = "",
) -> list[PassRecord]:
    """Run the passes of a mode as `optimize` does, then those of a target, and return a record of
    each."""
    records: list[PassRecord] = []

    def observe(report: PassReport, before: list[Node], after: list[Node]) -> None:
        records.append(PassRecord(report, tuple(after), after != before, tuple(firings)))
        firings.clear()

    with recorded_firings() as firings:
        optimized, _ = optimize(outputs, mode, observer=observe)
        run_passes(optimized, target_passes, observe, target)
    return records


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
