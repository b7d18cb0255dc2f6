"""Measure the grid: python -m benchmarks.forms [--kind KIND ...] [--threads N] [--rounds N]

Each form runs on graphc, as native code, and on PyTorch, in two processes that take turns; times
are medians over the rounds of the median call. The results of both are compared. A row says

- *of PyTorch*: the speed of PyTorch's call, over that of graphc's: above 1 graphc is ahead;
- *of the floor*: the time of the work at rates measured by turns with both
  (`benchmarks/forms/rates.py`) over graphc's time.

--write FILE.json keeps all figures; `python -m benchmarks.forms.chart FILE.json` draws them.
--against FILE.json adds the ratio of the time there to the time now. --random SEED measures forms
of any shapes (`benchmarks/forms/random_forms.py`) for some --seconds, and prints the slow ones.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.forms.grid import FORMS, KINDS, Form
from benchmarks.forms.random_forms import DRAWN_KINDS, random_forms
from benchmarks.forms.rates import Meter
from benchmarks.forms.sides import SIDES, Side, keep, medians
from benchmarks.peers.worker import use_processors

_SECONDS = 0.06
"""Of one side's turn."""
_SLOW = 0.6
"""The share of PyTorch's speed below which a random form is printed."""
_RANDOM_SECONDS = 300.0
_TOLERANCE = 2e-3
"""Of a result, relative to its largest element: sums of up to 16,384 products in another order."""


@dataclass(frozen=True)
class Row:
    """The figures of a form: seconds of a call, and its work."""

    kind: str
    name: str
    graphc: float
    torch: float
    flops: int
    bytes: int
    exponentials: int
    floor: float

    @property
    def of_torch(self) -> float:
        """graphc's speed as a multiple of PyTorch's."""
        return self.torch / self.graphc

    @property
    def of_floor(self) -> float:
        """The share of graphc's time that the work takes at least."""
        return self.floor / self.graphc


def row(form: Form, sides: dict[str, Side], meter: Meter, rounds: int, folder: Path) -> Row:
    """Prepare a form on both sides, compare the results, and time it, by turns with its floor."""
    results = {}
    for name, side in sides.items():
        file = folder / f"{name}.npz"
        side.ask(prepare=form.described(), results=str(file))
        with np.load(file) as kept:
            results[name] = [kept[key] for key in kept.files]
    _compare(form, results["graphc"], results["torch"])
    # An update writes over what it reads, in place of results of its own.
    moved = sum(array.nbytes for array in form.arrays().values())
    moved += sum(array.nbytes for array in results["torch"])
    work = form.flops(), moved, form.exponentials()
    turns = {name: side.seconds_of_a_call(_SECONDS) for name, side in sides.items()}
    times = medians(turns | {"floor": meter.floor(*work)}, rounds)
    return Row(form.kind, form.name, times["graphc"], times["torch"], *work, floor=times["floor"])


def _compare(form: Form, ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> None:
    for k, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        if mine.shape != other.shape:
            raise RuntimeError(f"result {k}: shapes {mine.shape} and {other.shape}")
        largest = np.abs(other).max()
        difference = np.abs(mine.astype(np.float64) - other).max()
        if not difference <= _TOLERANCE * largest:
            raise RuntimeError(
                f"result {k} differs by {difference:.3g}; its largest: {largest:.3g}"
            )


def report(rows: Sequence[Row], before: dict[str, float]) -> str:
    """The table, and a summary a kind."""
    lines = [f"{'':66}{'graphc ms':>10}{'PyTorch':>9}{'of PyTorch':>11}{'of floor':>9}"]
    for r in rows:
        line = f"{r.name:<66}{r.graphc * 1e3:>10.3f}{r.torch * 1e3:>9.3f}"
        line += f"{r.of_torch:>11.2f}{r.of_floor:>9.2f}"
        if r.name in before:
            line += f"{before[r.name] / r.graphc:>9.2f} x before"
        lines.append(line)
    lines.append("")
    for kind in dict.fromkeys(r.kind for r in rows):
        group = [r for r in rows if r.kind == kind]
        speeds, shares = [r.of_torch for r in group], [r.of_floor for r in group]
        behind = sum(speed < 0.9 for speed in speeds)
        lines.append(
            f"{kind:<13}{len(group):>4} forms: {statistics.median(speeds):.2f} of PyTorch's speed "
            f"(least {min(speeds):.2f}; {behind} below 0.9), {statistics.median(shares):.2f} of "
            f"the floor's (least {min(shares):.2f})"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kind", choices=KINDS, nargs="+", default=KINDS)
    parser.add_argument("--only", default="", help="a part of the names of forms")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", type=Path, help="a file for all figures, JSON")
    parser.add_argument("--against", type=Path, help="such a file of another time")
    parser.add_argument("--random", type=int, metavar="SEED", help="forms of any shapes")
    parser.add_argument("--seconds", type=float, help="for so long, with --random")
    options = parser.parse_args()
    before = {}
    if options.against:
        kept = json.loads(options.against.read_text(encoding="utf-8"))
        before = {r["name"]: r["graphc"] for r in kept["rows"]}
    is_random = options.random is not None
    if options.seconds is not None and not is_random:
        parser.error("--seconds is for --random SEED; the grid is measured whole")
    if is_random and not set(options.kind) & set(DRAWN_KINDS):
        parser.error(f"random forms are of the kinds {', '.join(DRAWN_KINDS)}")
    end = time.monotonic() + (options.seconds or _RANDOM_SECONDS)
    drawn: Iterable[Form] = FORMS
    if is_random:
        drawn = itertools.takewhile(lambda _: time.monotonic() < end, random_forms(options.random))
    chosen = (f for f in drawn if f.kind in options.kind and options.only in f.name)
    forms = chosen if is_random else list(chosen)
    if not forms:
        parser.error(f"no form of {', '.join(options.kind)} has {options.only!r} in its name")
    load = os.getloadavg()
    use_processors(options.threads)
    meter = Meter(options.threads)
    rates = meter.rates
    sides = {name: Side(name, options.threads) for name in SIDES}
    versions = {name: side.ask(versions=True)["versions"] for name, side in sides.items()}
    rows, failed = [], []
    with tempfile.TemporaryDirectory(prefix="graphc-forms-") as folder:
        for form in forms:
            try:
                rows.append(row(form, sides, meter, options.rounds, Path(folder)))
            except RuntimeError as error:
                failed.append(f"{form.name}: {error}")
                continue
            if not is_random or rows[-1].of_torch < _SLOW:
                print(report(rows[-1:], before).splitlines()[1], flush=True)
    for side in sides.values():
        side.close()
    print(f"\n{', '.join(versions.values())}; {options.threads} threads, load {load[0]:.1f} before")
    print(
        f"a product {rates.flops / 1e9:.0f} GFLOP/s, {rates.exponentials / 1e9:.1f} exponentials "
        f"a ns, a fork and a join {rates.region * 1e6:.1f} us"
    )
    copies = (f"{size >> 10:,} KiB {rate / 1e9:.0f}" for size, rate in rates.copy)
    print(f"copies, GB/s: {', '.join(copies)}")
    print(report(rows, before).split("\n\n")[-1])
    if options.write:
        keep(
            options.write, options.threads, load[0], versions, rows, rates=dataclasses.asdict(rates)
        )
    if failed:
        sys.exit("\n".join(("", *failed)))


if __name__ == "__main__":
    main()
