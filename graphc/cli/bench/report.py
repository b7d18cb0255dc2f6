"""The report of `graphc bench`: one form for every device, as JSON and as a table."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from graphc.compiler.function.comparison import Checked
from graphc.compiler.program.table import WIDTH, wrapped

_SHOWN_SHARE = 0.005


@dataclass(frozen=True)
class TimeStatistics:
    """Statistics of several times, in milliseconds.

    Attributes:
        median: the median.
        spread: the difference of the third and the first quartile.
        samples: the number of times.
        least: the shortest time.
    """

    median: float
    spread: float
    samples: int
    least: float

    def rate(self, amount: float) -> float:
        """Return a rate by the median: 10^9 units of an amount a second; 0 if no time was
        measured."""
        return 1e-6 * amount / self.median if self.median else 0.0


def time_statistics(seconds: Sequence[float] | np.ndarray) -> TimeStatistics:
    """Return the median and the spread of times in seconds."""
    low, median, high = 1e3 * np.percentile(seconds, [25, 50, 75])
    return TimeStatistics(float(median), float(high - low), len(seconds), 1e3 * float(min(seconds)))


@dataclass(frozen=True)
class Rival:
    """PyTorch's time for a row, or for the part of it that `op` names."""

    op: str
    ms: TimeStatistics


@dataclass(frozen=True, kw_only=True)
class Row:
    """One kernel of the step, or one node as the interpreter runs it.

    Attributes:
        name: the kernel's name; or the node's op, and the type of its result.
        layers: the layers that it comes from.
        work: its operations, in words.
        times: the number of launches, or of evaluations of a node, in one step.
        ms: the time of one launch: on a GPU by itself, with warm caches; on a CPU within the step.
        cold: the time of one launch with cold caches; None if it was not measured.
        share: the share of `ms` by `times` in the time of all rows.
        gflops: 10^9 floating-point operations a second, in the time `ms`.
        gbytes: 10^9 bytes a second, in the time `cold` if there is one, else in `ms`.
        flops_of_peak, bytes_of_peak: shares of the peaks: FLOPs of the card's own peak on a GPU,
            else of the measured product; bytes of the measured copy. None without peaks.
        torch: PyTorch's time; None if it was not requested or PyTorch has no counterpart.
    """

    name: str
    layers: tuple[str, ...]
    work: str
    times: int
    ms: TimeStatistics
    cold: TimeStatistics | None = None
    share: float
    gflops: float
    gbytes: float
    flops_of_peak: float | None = None
    bytes_of_peak: float | None = None
    torch: Rival | None = None


@dataclass(frozen=True)
class Peaks:
    """The rates that the machine reached in the same run: a copy of `copy_bytes`, a product of two
    square matrices (on a GPU by our own kernels, on a CPU by NumPy's BLAS); of a GPU the
    milliseconds of a launch that computes one element, which no launch is faster than; and
    `card_gflops`, what its multiprocessors do at most by their number and clock, None where these
    are not known."""

    copy_gbytes: float
    copy_bytes: int
    matmul_gflops: float
    matmul_size: int
    launch_ms: float | None = None
    card_gflops: float | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """A training step by kernels; `rows` begins with the one that takes longest.

    Attributes:
        device: 'cpu' or 'gpu'.
        executor: what ran it there.
        facts: what it ran on and with: card, driver, toolkit, commit, date, flags.
        step: one whole step, as a caller waits for it.
        device_step: all launches of one, by the GPU's clock; on a CPU the native program.
        between: what of that is in no kernel: threads that start, and wait for each other.
        launches: of one step.
        notes: what a reader has to know about these numbers.
    """

    model: str
    summary: str
    batch: int
    device: str
    executor: str
    floatX: str
    facts: dict[str, Any]
    step: TimeStatistics
    device_step: TimeStatistics | None = None
    between: TimeStatistics | None = None
    launches: int
    peaks: Peaks | None = None
    check: Checked | None = None
    notes: tuple[str, ...]
    rows: tuple[Row, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return asdict(self)


def by_time(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Return the rows, the longest first."""
    return tuple(sorted(rows, key=lambda row: -row.share))


def format_report(report: Report) -> str:
    """Return the printed table; rows below half a percent are summed up in one line."""
    shown, hidden = shown_rows(report)
    columns = [_cells(row, report) for row in shown]
    heads = _heads(report)
    widths = [max(map(len, column)) for column in zip(heads, *columns, strict=True)]
    line = _narrow_lines if report.device == "cpu" else _line
    lines = [*_head(report), "", *line(heads, widths)]
    lines += [part for cells in columns for part in line(cells, widths)]
    if hidden:
        lines.append(rest(hidden))
    return "\n".join([*lines, *_foot(report)])


def shown_rows(report: Report) -> tuple[Sequence[Row], Sequence[Row]]:
    """Return the rows that a table shows, and those that it sums up."""
    shown = [row for row in report.rows if row.share >= _SHOWN_SHARE]
    return shown, report.rows[len(shown) :]


def rest(hidden: Sequence[Row]) -> str:
    """Return the line of the rows that are not shown."""
    return f"{sum(row.share for row in hidden):>7.1%}  {len(hidden)} further rows; --json has all"


def _head(report: Report) -> list[str]:
    step = report.step
    if report.device == "cpu":
        by = f"One training step on the CPU, by the {report.executor} (no generated code)"
    else:
        by = f"One training step on {report.facts['card']}, by {report.executor}"
    lines = [
        f"{report.model}: {report.summary}; batch {report.batch}, {report.floatX}",
        f"{by}: median of {step.samples} steps {step.median:.2f} ms (quartiles "
        f"{step.spread:.2f} ms apart)",
    ]
    if report.device_step is not None:
        lines.append(
            f"{report.launches} launches a step, {report.device_step.median:.3f} ms on the GPU"
        )
    if report.peaks is not None:
        peaks = report.peaks
        lines.append(
            f"Peaks: {_card_peak(peaks)}; measured in this run: a copy of "
            f"{peaks.copy_bytes / 2**20:.0f} MiB "
            f"{peaks.copy_gbytes:.1f} GB/s, a product of {peaks.matmul_size} x "
            f"{peaks.matmul_size} {peaks.matmul_gflops:.1f} GFLOP/s; the shortest launch takes "
            f"{peaks.launch_ms:.4f} ms"
        )
    return [part for line in (*lines, *report.notes) for part in wrapped(line, "")]


def _card_peak(peaks: Peaks) -> str:
    """The most that the card does, in words."""
    if peaks.card_gflops is None:
        return "of the card not known"
    return f"of the card {peaks.card_gflops:.1f} GFLOP/s by its multiprocessors and clock"


def _heads(report: Report) -> list[str]:
    heads = ["share", "median ms", "spread", "times", "GFLOP/s", "GB/s"]
    if report.device == "gpu":
        heads[3:3] = ["cold ms"]
        heads += ["% FLOP", "% copy"]
    if any(row.torch for row in report.rows):
        heads += ["torch ms", "of"]
    return [*heads, "node" if report.device == "cpu" else "kernel", "layers"]


def _cells(row: Row, report: Report) -> list[str]:
    cells = [f"{row.share:.1%}", f"{row.ms.median:.4f}", f"{row.ms.spread:.4f}"]
    if report.device == "gpu":
        cells.append("-" if row.cold is None else f"{row.cold.median:.4f}")
    cells += [str(row.times), _rate(row.gflops), _rate(row.gbytes)]
    if report.device == "gpu":
        cells += [_percent(row.flops_of_peak), _percent(row.bytes_of_peak)]
    if any(other.torch for other in report.rows):
        rival = row.torch
        cells += ["-", "-"] if rival is None else [f"{rival.ms.median:.4f}", rival.op]
    return [*cells, row.name, ", ".join(row.layers)]


def _line(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Align numbers to the right, the two names at the end to the left."""
    padded = [cell.rjust(width) for cell, width in zip(cells[:-2], widths[:-2], strict=True)]
    return ["  ".join([*padded, cells[-2].ljust(widths[-2]), cells[-1]]).rstrip()]


def _narrow_lines(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Return the same within 80 columns: the two names follow each other, on as many lines as they
    take."""
    padded = [cell.rjust(width) for cell, width in zip(cells[:-2], widths[:-2], strict=True)]
    head = " ".join(padded) + "  "
    names = "; ".join(filter(None, cells[-2:]))
    first, *others = textwrap.wrap(names, WIDTH - len(head) - 2)
    return [head + first, *(" " * (len(head) + 2) + other for other in others)]


def _foot(report: Report) -> list[str]:
    if report.device == "cpu":
        return []
    lines = [
        "",
        "GFLOP/s of the warm times, GB/s of the cold ones; -: it computes or moves nothing",
    ]
    return [*lines, *checked_lines(report)]


def checked_lines(report: Report) -> list[str]:
    """Return the lines about the comparison with the interpreter, where there was one and it found
    nothing."""
    check, lines = report.check, []
    if check is not None and not check.failures:
        lines.append(
            f"{check.values} values agree with the interpreter's: the largest difference is "
            f"{check.largest:.1e} of its value's largest element (the limit is {check.limit:.0e})"
        )
    if check is not None:
        lines += [f"not checked: {line}" for line in check.unchecked]
    return lines


def _rate(value: float) -> str:
    return f"{value:.2f}" if value else "-"


def _percent(part: float | None) -> str:
    return f"{part:.1%}" if part else "-"
