"""Draw a table of `benchmarks/results` as the chart of the README.

    python benchmarks/speed_chart.py benchmarks/results/2026-12-01-peers-sapphire-rapids.md

Each row is a model and each mark a library: the median time of its training step, as a multiple of
graphc's in the same run. The chart goes to docs/images/training_speed.svg.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot  # its backend is chosen above

ROOT = Path(__file__).resolve().parents[1]
CHART = ROOT / "docs/images/training_speed.svg"

OURS = "graphc-native"
LIBRARIES = {
    "torch": ("PyTorch, eager", "o"),
    "torch-compiled": ("PyTorch, compiled", "s"),
    "torch-own-lstm": ("torch.nn.LSTM", "P"),
    "jax": ("JAX", "^"),
    "keras": ("Keras 3 on TensorFlow", "D"),
    "pytensor": ("PyTensor", "v"),
}
"""Names in the table -> names in the legend and marks; other rows of the table are left out."""


def times(text: str) -> dict[str, dict[str, float]]:
    """Return the milliseconds of each library's step, by model, of the first table of a model."""
    found: dict[str, dict[str, float]] = {}
    for heading, table in re.findall(r"^### ([^\n]+)\n(.*?)(?=^##|\Z)", text, re.M | re.S):
        model = heading.split(",")[0]
        rows = re.findall(r"^\| ([\w-]+) \| ([\d.]+) \|", table, re.M)
        found.setdefault(model, {name: float(milliseconds) for name, milliseconds in rows})
    return found


def draw(by_model: dict[str, dict[str, float]], path: Path) -> None:
    """Write the chart."""
    # The same bytes from the same table.
    pyplot.rcParams.update({"svg.hashsalt": "graphc", "font.size": 10, "svg.fonttype": "none"})
    figure, axes = pyplot.subplots(figsize=(7.5, 3.2), layout="constrained")
    axes.axvline(1, color="black", linewidth=1.5)
    models = list(by_model)
    for name, (label, mark) in LIBRARIES.items():
        points = [
            (of_model[name] / of_model[OURS], row)
            for row, of_model in enumerate(by_model.values())
            if name in of_model
        ]
        axes.scatter(*zip(*points, strict=True), marker=mark, s=45, label=label, zorder=2)
    labels = [f"{model}: {of_model[OURS]:.3g} ms" for model, of_model in by_model.items()]
    axes.set_yticks(range(len(models)), labels)
    axes.set_ylim(len(models) - 0.5, -0.5)
    axes.set_xscale("log")
    axes.set_xticks([1, 2, 5, 10, 20, 50], ["graphc", "2x", "5x", "10x", "20x", "50x"])
    axes.minorticks_off()
    axes.set_xlim(0.9, 50)
    axes.set_xlabel("time of a training step, as a multiple of graphc's (left is faster)")
    axes.grid(axis="x", linewidth=0.4)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Draw the table that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path, help="a Markdown file of benchmarks/results")
    draw(times(parser.parse_args().table.read_text(encoding="utf-8")), CHART)
    print(CHART.relative_to(ROOT))


if __name__ == "__main__":
    main()
