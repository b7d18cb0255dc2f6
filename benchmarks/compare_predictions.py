"""Compare predicted times with those that `graphc bench` measured on a card.

    python -m benchmarks.compare_predictions benchmarks/predictions/DATE.json bench.json [...]

`compare` is the same for a program: benchmarks/predict.py writes the predictions, and the reports
are those of `graphc bench MODEL --json`.
"""

from __future__ import annotations

import argparse
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from graphc.compiler.cards import CARDS
from graphc.errors import ArgumentError

WITHIN = 2.0
"""A prediction that is off by no more than this factor is counted as one that holds."""


@dataclass(frozen=True)
class Pair:
    """Milliseconds of one launch, or of a step."""

    what: str
    predicted: float
    measured: float

    @property
    def ratio(self) -> float:
        """The measured time as a multiple of the predicted one."""
        return self.measured / self.predicted


@dataclass(frozen=True)
class Comparison:
    """The predictions of one step beside what a card took.

    Attributes:
        model: whose step.
        card: the name of the card's predictions.
        device: all launches of a step; None where the report has no such time.
        step: a whole step.
        product: the square product that the report has for its peak; None without either.
        warm, cold: each launch, with its values in the L2 cache and without them.
        unmatched: launches that only the predictions, or only the report, have.
    """

    model: str
    card: str
    device: Pair | None
    step: Pair
    product: Pair | None
    warm: tuple[Pair, ...]
    cold: tuple[Pair, ...]
    unmatched: tuple[str, ...]

    @property
    def typical(self) -> float:
        """The geometric mean of the ratios of warm launches; 1 where there are none."""
        logs = [math.log(pair.ratio) for pair in self.warm]
        return math.exp(sum(logs) / len(logs)) if logs else 1.0

    @property
    def held(self) -> int:
        """The number of warm launches that took the predicted time within the factor `WITHIN`."""
        return sum(1 / WITHIN <= pair.ratio <= WITHIN for pair in self.warm)

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON has it."""
        return asdict(self) | {"typical": self.typical, "held": self.held}

    def __str__(self) -> str:
        lines = [
            f"{self.model} on {self.card}: {self.held} of {len(self.warm)} launches within a "
            f"factor of {WITHIN:g}; typically {self.typical:.2f} times the prediction",
            f"{'':24} {'predicted':>10} {'measured':>10} {'ratio':>6}  ms",
        ]
        totals = [pair for pair in (self.step, self.device, self.product) if pair is not None]
        cold = [Pair(f"{pair.what} cold", pair.predicted, pair.measured) for pair in self.cold]
        for pair in (*totals, *self.warm, *cold):
            lines.append(
                f"{pair.what:24} {pair.predicted:10.4f} {pair.measured:10.4f} {pair.ratio:6.2f}"
            )
        lines += [f"not compared: {name}" for name in self.unmatched]
        return "\n".join(lines)


def card_of(device: str) -> str:
    """Return the card whose predictions are those of a device, by the driver's name for it:
    ``Tesla T4``. ArgumentError where there are none."""
    for card in CARDS.values():
        short = card.title.removeprefix("NVIDIA ").removeprefix("GeForce ")
        if re.search(rf"\b{re.escape(short)}\b", device):
            return card.name
    raise ArgumentError(
        f"compare: there are no predictions of {device!r}; there are of "
        f"{', '.join(card.title for card in CARDS.values())}"
    )


def compare(predictions: Mapping[str, Any], measured: Mapping[str, Any]) -> Comparison:
    """Return the comparison of one step.

    Args:
        predictions: as benchmarks/predict.py writes them.
        measured: what ``graphc bench MODEL --json`` printed on a card.

    Raises ArgumentError where there is no prediction of the card, the model or the batch.
    """
    card, model = card_of(measured["facts"]["card"]), measured["model"]
    step = predictions["cards"].get(card, {}).get(model)
    if step is None or step["batch"] != measured["batch"]:
        batch = "none" if step is None else f"batch {step['batch']}"
        raise ArgumentError(
            f"compare: predictions of {model} on {card}: expected batch {measured['batch']}, "
            f"found {batch}"
        )
    kernels = {one["name"]: one for one in step["kernels"]}
    rows = {row["name"]: row for row in measured["rows"]}
    both = [name for name in kernels if name in rows]
    device = measured["device_step"]
    return Comparison(
        model=model,
        card=card,
        device=None if device is None else Pair("device", step["device_ms"], device["median"]),
        step=Pair("step", step["step_ms"], measured["step"]["median"]),
        product=_product(predictions["cards"][card], measured["peaks"]),
        warm=tuple(
            Pair(name, kernels[name]["warm_ms"], rows[name]["ms"]["median"]) for name in both
        ),
        cold=tuple(
            Pair(name, kernels[name]["cold_ms"], rows[name]["cold"]["median"])
            for name in both
            if rows[name]["cold"] is not None
        ),
        unmatched=tuple(sorted({*kernels} ^ {*rows})),
    )


def _product(steps: Mapping[str, Any], peaks: Mapping[str, Any] | None) -> Pair | None:
    if peaks is None or f"product-{peaks['matmul_size']}" not in steps:
        return None
    name = f"product-{peaks['matmul_size']}"
    milliseconds = 2e-6 * peaks["matmul_size"] ** 3 / peaks["matmul_gflops"]
    return Pair(name, steps[name]["device_ms"], milliseconds)


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("predictions", type=Path)
    parser.add_argument("reports", type=Path, nargs="+")
    arguments = parser.parse_args(given)
    predictions = json.loads(arguments.predictions.read_text(encoding="utf-8"))
    for path in arguments.reports:
        print(compare(predictions, json.loads(path.read_text(encoding="utf-8"))), end="\n\n")


if __name__ == "__main__":
    main()
