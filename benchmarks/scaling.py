"""The predicted time of a training step on many ranks, from the bytes that it sends.

    python benchmarks/scaling.py --alpha 20 --beta 0.5

A rank computes one shard of the model's own batch, so that R ranks take a batch R times as large.
Then each sends the other R - 1 their slices of its gradients, and its slice of the new values:

    t(R) = t(1) + 2 (R - 1) (alpha + beta * 4 P / R)        P parameters of 4 bytes

t(1) is measured here, on one thread; alpha and beta are those that benchmarks/ranks.py fits, in
microseconds and in nanoseconds a byte. Nothing of it was checked on more than one machine.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphc.config import config
from graphc.reference_models import REFERENCE_MODELS

ITEM_BYTES = 4
RANKS = [2**k for k in range(11)]  # 1 to 1,024
PAYING = 0.5
"""The efficiency below which a rank more adds less than half of its work."""

_LEAST_STEPS = 9


@dataclass(frozen=True)
class Link:
    """A connection that moves bytes between ranks.

    Attributes:
        alpha: seconds for each message, whatever its length.
        beta: seconds a byte.
    """

    alpha: float
    beta: float


def bytes_sent(parameters: int, ranks: int) -> float:
    """Return the bytes that a rank sends in a step, partial gradients and new values, where the
    shards of each are one complete part of the tree, and slices are even."""
    return 2 * ITEM_BYTES * parameters * (ranks - 1) / ranks


def moving_seconds(parameters: int, ranks: int, link: Link) -> float:
    """Return the time of the two transfers of a step, to one rank after the other."""
    return 2 * (ranks - 1) * link.alpha + bytes_sent(parameters, ranks) * link.beta


def efficiency(seconds: float, parameters: int, ranks: int, link: Link) -> float:
    """Return the share of a step in which a rank computes, where that takes so many seconds."""
    return seconds / (seconds + moving_seconds(parameters, ranks, link))


def last_paying(seconds: float, parameters: int, link: Link, ranks: Sequence[int] = RANKS) -> int:
    """Return the most ranks of these with which the efficiency is at least `PAYING`."""
    return max(
        one for one in ranks if efficiency(seconds, parameters, one, link) >= PAYING or one == 1
    )


def measured(name: str, seconds: float) -> tuple[int, float]:
    """Return a model's parameters, and the median time of a step on its own batch."""
    model = REFERENCE_MODELS[name]
    step = model.build()
    function, arrays = step.function(), step.data(model.batch)
    function(*arrays)
    times: list[float] = []
    ends = time.perf_counter() + seconds
    while len(times) < _LEAST_STEPS or time.perf_counter() < ends:
        started = time.perf_counter()
        function(*arrays)
        times.append(time.perf_counter() - started)
    return sum(one.get_value().size for one in step.weights), float(np.median(times))


def table(rows: dict[str, tuple[int, float]], link: Link) -> str:
    """Return the predictions in Markdown; `rows` has parameters and seconds of a step."""
    ranks = [one for one in RANKS if one in (1, 2, 4, 16, 64, 256, 1024)]
    lines = [
        "| model | parameters | step (ms) | "
        + " | ".join(f"{one} ranks" for one in ranks[1:])
        + " | pays up to |",
        "|---" * (len(ranks) + 3) + "|",
    ]
    for name, (parameters, seconds) in rows.items():
        shares = [f"{efficiency(seconds, parameters, one, link):.0%}" for one in ranks[1:]]
        pays = last_paying(seconds, parameters, link)
        lines.append(
            f"| `{name}` | {parameters:,} | {seconds * 1e3:.1f} | {' | '.join(shares)} | {pays:,} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure the steps, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", default=list(REFERENCE_MODELS))
    parser.add_argument("--alpha", type=float, required=True, help="microseconds a message")
    parser.add_argument("--beta", type=float, required=True, help="nanoseconds a byte")
    parser.add_argument("--seconds", type=float, default=2.0, help="of a model")
    chosen = parser.parse_args()
    config.cpu = "native"
    rows = {name: measured(name, chosen.seconds) for name in chosen.models}
    print(table(rows, Link(chosen.alpha * 1e-6, chosen.beta * 1e-9)))


if __name__ == "__main__":
    main()
