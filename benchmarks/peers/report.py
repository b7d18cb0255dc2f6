"""The report of the workers' measurements, computed and printed."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

TOLERANCE = 1e-4
"""Relative, of each of the first losses: sums are of another order in each library."""


@dataclass
class Measured:
    """One peer and one workload.

    Attributes:
        rounds: seconds a step, one number a round.
        steps: of a round.
        cold, warm: seconds from a model's first layer to the end of its first step, with empty
            caches on disk and in another process behind; None where not measured.
        imported: seconds to import the library.
        mib: the process's largest resident size.
        losses: of the first steps, without dropout.
        versions: of the library.
        failed: what it did not do, and why; there is nothing more then. "" where all went well.
    """

    rounds: list[float] = field(default_factory=list)
    steps: int = 0
    cold: float | None = None
    warm: float | None = None
    imported: float | None = None
    mib: float | None = None
    losses: list[float] = field(default_factory=list)
    versions: str = ""
    failed: str = ""

    @property
    def median(self) -> float:
        """Seconds a step; NaN without rounds."""
        return statistics.median(self.rounds) if self.rounds else float("nan")


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """The first and the third."""
    first, third = np.percentile(values, (25, 75))
    return float(first), float(third)


def best_peer(measured: dict[str, Measured], own: Sequence[str]) -> str:
    """The name of the quickest that is not graphc; "" where there is none."""
    medians = {name: one.median for name, one in measured.items() if one.rounds and name not in own}
    return min(medians, key=medians.__getitem__, default="")


def disagreement(losses: Sequence[float], expected: Sequence[float]) -> float:
    """The largest relative difference of two rows of losses; inf where one is not finite."""
    a, b = np.asarray(losses), np.asarray(expected)
    if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return float("inf")
    return float(np.max(np.abs(a - b) / np.maximum(np.abs(b), 1e-12)))


def table(
    title: str,
    measured: dict[str, Measured],
    own: Sequence[str],
    other_arithmetic: Sequence[str],
    floor: tuple[float, float],
) -> str:
    """One workload, as a table in Markdown.

    Args:
        own: names that are graphc's.
        other_arithmetic: names whose losses are not compared.
        floor: seconds for the operations and for the bytes.
    """
    best = best_peer(measured, own)
    floor_ms = sum(floor) * 1e3
    lines = [
        f"### {title}",
        "",
        f"Floor {floor_ms:.2f} ms: {floor[0] * 1e3:.2f} for FLOPs, {floor[1] * 1e3:.2f} for bytes.",
        "",
        "| | ms a step | quartiles | to best peer | to floor | first step, s | again, s "
        "| peak MiB | losses |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    expected = reference(measured, other_arithmetic)
    for name, one in measured.items():
        if one.failed and not one.rounds:
            lines.append(f"| {name} | {one.failed} | | | | {_number(one.cold, 2)} | | | |")
            continue
        low, high = (value * 1e3 for value in quartiles(one.rounds))
        ratio = one.median / measured[best].median if best else float("nan")
        said = _agreement(one, expected, name in other_arithmetic)
        cells = [
            name,
            f"{one.median * 1e3:.2f}",
            f"{low:.2f}-{high:.2f}",
            f"{ratio:.2f}",
            f"{one.median * 1e3 / floor_ms:.1f}",
            _number(one.cold, 2),
            _number(one.warm, 2),
            _number(one.mib, 0),
            said,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def reference(measured: dict[str, Measured], other_arithmetic: Sequence[str]) -> list[float]:
    """The losses that the others are compared with: the first row's that has them."""
    rows = (m.losses for name, m in measured.items() if name not in other_arithmetic and m.losses)
    return next(rows, [])


def disagreeing(measured: dict[str, Measured], other_arithmetic: Sequence[str]) -> list[str]:
    """Names of the peers whose losses are not those of the first."""
    expected = reference(measured, other_arithmetic)
    return [
        name
        for name, one in measured.items()
        if name not in other_arithmetic
        and one.losses
        and disagreement(one.losses, expected) > TOLERANCE
    ]


def _agreement(one: Measured, expected: Sequence[float], other: bool) -> str:
    if other:
        return "another model"
    if not one.losses:
        return one.failed
    difference = disagreement(one.losses, expected)
    return f"{'agree' if difference <= TOLERANCE else 'DIFFER'}, {difference:.0e}"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
