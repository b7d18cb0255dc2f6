"""Draw the figures of a grid: python -m benchmarks.forms.chart FILE.json [--before FILE.json]

Each row is a kind of operation and each mark a form: on the left its speed as a multiple of
PyTorch's, on the right the share of its time that the work takes at least. A bar is the median of
the kind. With --before the forms of an earlier file stand above them, in grey. The chart goes to
docs/images/forms.svg.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot  # its backend is chosen above
from matplotlib.axes import Axes

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "docs/images/forms.svg"

Rows = Sequence[dict[str, Any]]


def of_torch(row: dict[str, Any]) -> float:
    """graphc's speed as a multiple of PyTorch's."""
    return float(row["torch"] / row["graphc"])


def of_floor(row: dict[str, Any]) -> float:
    """The least time over graphc's."""
    return float(row["floor"] / row["graphc"])


def _marks(
    axes: Axes,
    rows: Rows,
    kinds: Sequence[str],
    value: Callable[[dict[str, Any]], float],
    shift: float,
    colour: str,
) -> None:
    for place, kind in enumerate(kinds):
        values = sorted(value(row) for row in rows if row["kind"] == kind)
        if not values:
            continue
        axes.plot(values, [place + shift] * len(values), "|", color=colour, markersize=9, alpha=0.6)
        axes.plot(statistics.median(values), place + shift, "D", color=colour, markersize=5)


def draw(rows: Rows, before: Rows, path: Path) -> None:
    """Write the chart."""
    # The same bytes from the same figures.
    pyplot.rcParams.update({"svg.hashsalt": "graphc", "font.size": 10, "svg.fonttype": "none"})
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    figure, (speed, share) = pyplot.subplots(
        1, 2, figsize=(9, 4), sharey=True, layout="constrained"
    )
    for axes, value in ((speed, of_torch), (share, of_floor)):
        if before:
            _marks(axes, before, kinds, value, -0.2, "#888888")
        _marks(axes, rows, kinds, value, 0.2 if before else 0.0, "#0b6fb8")
        axes.axvline(1, color="black", linewidth=1.2)
        axes.grid(axis="x", linewidth=0.4)
        axes.set_xscale("log")
        axes.minorticks_off()
    speed.set_yticks(range(len(kinds)), kinds)
    speed.set_ylim(len(kinds) - 0.4, -0.6)
    speed.set_xticks([0.25, 0.5, 1, 2, 4, 8], ["1/4", "1/2", "1", "2", "4", "8"])
    speed.set_xlabel("speed as a multiple of PyTorch's (right is faster)")
    share.set_xticks([0.1, 0.2, 0.5, 1, 2], ["10 %", "20 %", "50 %", "100 %", "200 %"])
    share.set_xlabel("least time of the work, over the time taken")
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


def _rows(file: Path) -> Rows:
    rows: Rows = json.loads(file.read_text(encoding="utf-8"))["rows"]
    return rows


def main() -> None:
    """Draw the file that the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("figures", type=Path, help="a file of python -m benchmarks.forms --write")
    parser.add_argument("--before", type=Path, help="such a file of an earlier time")
    options = parser.parse_args()
    draw(_rows(options.figures), _rows(options.before) if options.before else [], CHART)
    print(CHART.relative_to(ROOT))


if __name__ == "__main__":
    main()
