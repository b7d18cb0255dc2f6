"""A measured step as a trace."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from graphc.errors import ArgumentError
from graphc.view import CompiledView, compiled_view
from graphc.view.trace import trace_events, write_trace
from tests.view.steps import small_subject


def measured() -> CompiledView:
    """A document whose k-th kernel took k + 1 milliseconds, the last one in two launches."""
    view = compiled_view(small_subject("small"), 6)
    names = [kernel["name"] for kernel in view.kernels["kernels"]]
    rows = [
        {"name": name, "ms": {"median": k + 1.0}, "times": 2 if name == names[-1] else 1}
        for k, name in enumerate(names)
    ]
    facts = {"executor": "native code", "facts": {"threads": 2}}
    return replace(view, measured=facts | {"rows": rows[::-1]})


def test_kernels_follow_each_other_in_the_order_of_running(tmp_path: Path) -> None:
    view = measured()
    write_trace(view, tmp_path / "trace.json")
    found = json.loads((tmp_path / "trace.json").read_text(encoding="utf-8"))
    assert found == json.loads(json.dumps(trace_events(view)))
    events = [event for event in found["traceEvents"] if event["ph"] == "X"]
    (named,) = [event for event in found["traceEvents"] if event["name"] == "thread_name"]
    assert {(event["pid"], event["tid"]) for event in events} == {(named["pid"], named["tid"])}
    kernels = view.kernels["kernels"]
    assert [event["name"] for event in events] == [kernel["name"] for kernel in kernels]
    count = len(kernels)
    assert [event["dur"] for event in events] == [
        *(1000.0 * k for k in range(1, count)),
        2000.0 * count,
    ]
    for before, after in pairwise(events):
        assert before["ts"] + before["dur"] == after["ts"]
    assert events[0]["args"]["flops"] == kernels[0]["flops"]
    (lane,) = [event for event in found["traceEvents"] if event["name"] == "thread_name"]
    assert lane["args"]["name"] == "native code, thread 1 of 2"


def test_without_times(tmp_path: Path) -> None:
    view = compiled_view(small_subject("small"), 6)
    with pytest.raises(ArgumentError, match="--measure"):
        write_trace(view, tmp_path / "trace.json")
    assert not list(tmp_path.iterdir())
