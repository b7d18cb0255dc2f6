"""A measured step in Chrome's trace format, which Perfetto and chrome://tracing show."""

from __future__ import annotations

import json
from typing import Any

from graphc.errors import ArgumentError
from graphc.paths import GivenPath
from graphc.view.document import CompiledView
from graphc.whole_files import written_whole

_MICROSECONDS = 1e3
"""In a millisecond: the format counts microseconds."""


def trace_events(view: CompiledView) -> dict[str, Any]:
    """Return the kernels of one step, each with the median of its time, one after the other in the
    order of running; a kernel of a loop is one event of all its launches.

    Raises ArgumentError where nothing was measured.
    """
    if view.measured is None:
        raise ArgumentError("view: --trace shows times; measure them, with --measure beside it")
    times = {row["name"]: row["ms"]["median"] * row["times"] for row in view.measured["rows"]}
    events: list[dict[str, Any]] = []
    begin = 0.0
    for kernel in view.kernels["kernels"]:
        if kernel["name"] not in times:
            continue
        duration = _MICROSECONDS * times[kernel["name"]]
        what = {name: kernel[name] for name in ("layers", "ops", "extents", "flops", "fewest")}
        events.append(
            {
                "name": kernel["name"],
                "cat": kernel["kind"],
                "ph": "X",
                "ts": begin,
                "dur": duration,
                "pid": 0,
                "tid": 0,
                "args": what | {"times": kernel["launch"]["times"]},
            }
        )
        begin += duration
    lane = view.measured["executor"]
    if "threads" in view.measured["facts"]:
        lane += f", thread 1 of {view.measured['facts']['threads']}"
    names = ("process_name", view.kernels["title"]), ("thread_name", lane)
    heads = [
        {"name": name, "ph": "M", "pid": 0, "tid": 0, "args": {"name": text}}
        for name, text in names
    ]
    return {"traceEvents": [*heads, *events], "displayTimeUnit": "ms"}


def write_trace(view: CompiledView, path: GivenPath) -> None:
    """Write the events into a file, whole or not at all; raises what `trace_events` and
    `written_whole` do."""
    text = json.dumps(trace_events(view))
    with written_whole(path) as part:
        part.write_text(text, encoding="utf-8")
