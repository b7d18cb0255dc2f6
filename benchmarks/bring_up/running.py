"""A run to its end or its limit, as the file of results has it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from typing import Any

from benchmarks.bring_up.machine import ROOT
from benchmarks.bring_up.steps import Run

SHOWN = 30
_GRACE = 10  # seconds for what was killed to end; a process that waits for a hung driver may not


def carry_out(run: Run, environment: Mapping[str, str], seconds: float) -> dict[str, Any] | None:
    """Return what a run found; None where it was stopped after `seconds`, before its own limit.

    A GPU's error that sticks, a crash and a hang end the run's process, and nothing else.
    """
    if run.lacking:
        return {"name": run.name, "passed": None, "seconds": 0.0, "said": run.lacking}
    started = time.monotonic()
    process = subprocess.Popen(
        run.command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    stopped = False
    try:
        out, error = process.communicate(timeout=min(run.limit, seconds))
    except subprocess.TimeoutExpired:
        stopped = True
        out, error = _killed(process)
    except BaseException:  # an interrupt is of this process alone
        _killed(process)
        raise
    taken = round(time.monotonic() - started, 1)
    if stopped and seconds < run.limit:
        return None
    found = _stated(out)
    lines = _last_lines(out, error)
    if stopped:
        passed, said = False, f"did not end within {run.limit} s; it was stopped. {lines}"
    elif process.returncode < 0:
        passed, said = False, f"was ended by {_signal(-process.returncode)}. {lines}"
    else:
        passed = process.returncode == 0
        if passed and "passed" in found:
            passed = found["passed"]
        said = found.get("said", "") if found else ""
        said = said or ("" if passed else lines)
    return {
        "name": run.name,
        "passed": passed,
        "seconds": taken,
        "said": said,
        "found": found.get("found", found),
    }


def _killed(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Kill a process and all that it started; return what it had printed."""
    os.killpg(process.pid, signal.SIGKILL)
    try:
        return process.communicate(timeout=_GRACE)
    except subprocess.TimeoutExpired:
        return "", "it could not be killed"


def _stated(out: str) -> dict[str, Any]:
    """Return the JSON of the last line; empty where that is none."""
    try:
        stated = json.loads(out.splitlines()[-1])
    except (IndexError, ValueError):
        return {}
    return stated if isinstance(stated, dict) else {}


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last_lines(out: str, error: str) -> str:
    return "\n".join(f"{out}\n{error}".strip().splitlines()[-SHOWN:])
