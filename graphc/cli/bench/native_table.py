"""The table that `graphc bench` prints of native code; it fits 80 columns."""

from __future__ import annotations

import math
import textwrap

from graphc.cli.bench.report import Report, Row, checked_lines, rest, shown_rows
from graphc.compiler.program.table import WIDTH, wrapped

_HEADS = ("share", "ms", "least", "times", "GFLOP/s", "GB/s", "peak", "kernel", "layers")
_GRADIENT = "gradient of "
_LEGEND = (
    "ms, least: of one call, the median and the least",
    "peak: of the rate of a product (F) or of a copy (B), whichever is more; bytes are those of "
    "each input read once and each output written once",
)


def format_native(report: Report) -> str:
    """Return the printed table; rows below half a percent are summed up in one line."""
    shown, hidden = shown_rows(report)
    columns = [_cells(row) for row in shown]
    widths = [max(map(len, column)) for column in zip(_HEADS[:-1], *columns, strict=True)]
    lines = [line for part in _head(report) for line in wrapped(part, "")]
    lines += ["", *_lines(_HEADS[:-1], widths, _HEADS[-1])]
    for row, cells in zip(shown, columns, strict=True):
        lines += _lines(cells, widths, _layers(row))
    if hidden:
        lines.append(rest(hidden))
    foot = [*_LEGEND, *checked_lines(report)]
    return "\n".join([*lines, "", *(line for part in foot for line in wrapped(part, ""))])


def _head(report: Report) -> list[str]:
    step, program, between, peaks = report.step, report.device_step, report.between, report.peaks
    assert program is not None
    assert between is not None
    assert peaks is not None
    threads = report.facts["threads"]
    launches = f" in {report.launches} launches" if report.launches != len(report.rows) else ""
    flops = sum(row.gflops * row.ms.median * row.times for row in report.rows)
    moved = sum(row.gbytes * row.ms.median * row.times for row in report.rows)
    return [
        f"{report.model}: {report.summary}; batch {report.batch}, {report.floatX}",
        f"One training step by {report.executor} on {threads} thread{'' if threads == 1 else 's'}: "
        f"{step.median:.2f} ms as the caller waits (median of {step.samples}, quartiles "
        f"{step.spread:.2f} ms apart, the least {step.least:.2f} ms); of it {program.median:.2f} "
        f"ms (the least {program.least:.2f} ms) are its {len(report.rows)} kernels{launches}, with "
        f"{between.median:.2f} ms between them, where threads start and meet",
        f"This machine, measured now: a product of {peaks.matmul_size} x {peaks.matmul_size} "
        f"{peaks.matmul_gflops:.1f} GFLOP/s, a copy of {peaks.copy_bytes / 2**20:.0f} MiB "
        f"{peaks.copy_gbytes:.1f} GB/s; at these rates the operations take "
        f"{flops / peaks.matmul_gflops:.2f} ms, the bytes that kernels move "
        f"{moved / peaks.copy_gbytes:.2f} ms",
        *report.notes,
    ]


def _cells(row: Row) -> tuple[str, ...]:
    return (
        f"{row.share:.1%}",
        _digits(row.ms.median),
        _digits(row.ms.least),
        str(row.times),
        _digits(row.gflops),
        _digits(row.gbytes),
        _of_peak(row),
        row.name,
    )


def _digits(value: float) -> str:
    """Return three significant digits; a dash for nothing."""
    if not value:
        return "-"
    return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f}"


def _layers(row: Row) -> str:
    """Return the names of layers, those of gradients last."""
    own = [name for name in row.layers if not name.startswith(_GRADIENT)]
    others = [name.removeprefix(_GRADIENT) for name in row.layers if name.startswith(_GRADIENT)]
    return ", ".join([*own, *([f"{_GRADIENT}{', '.join(others)}"] if others else [])])


def _of_peak(row: Row) -> str:
    part, which = max((row.flops_of_peak or 0.0, "F"), (row.bytes_of_peak or 0.0, "B"))
    return f"{part:.0%} {which}" if part else "-"


def _lines(cells: tuple[str, ...], widths: list[int], layers: str) -> list[str]:
    """Align numbers to the right, the kernel's name to the left; its layers fill the other columns,
    on as many lines as they take."""
    numbers = [cell.rjust(width) for cell, width in zip(cells[:-1], widths[:-1], strict=True)]
    head = " ".join([*numbers, cells[-1].ljust(widths[-1])]) + " "
    first, *others = textwrap.wrap(layers, max(WIDTH - len(head), 10)) or [""]
    return [f"{head}{first}".rstrip(), *(" " * len(head) + other for other in others)]
