"""Groups of cases in a process of their own, so that a crash or a hang ends none but theirs."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import TypeVar

from tests.campaigns.campaign import Campaign, Cases, Result

_POLL_SECONDS = 0.2

Value = TypeVar("Value")


def run_in_processes(
    campaign: Campaign, cases: Cases, stopped: Callable[[], bool]
) -> Iterator[Result | None]:
    """Yield the results of the cases, in order, each group from a process of its own.

    A case that ends its process, or that takes the limit's time, is run once more alone, and fails
    there where it does so again. None comes between results, while one is waited for.

    Args:
        stopped: tells that the campaign has to stop; the results that were sent until then are all
            there will be.
    """
    done = cases.first
    for message in _of_process(campaign, cases, stopped):
        if isinstance(message, Result):
            done = message.index + 1
            yield message
        elif message is None:
            yield None
        elif done + 1 == cases.last:
            yield Result(done, message)
            done += 1
    if stopped() or done == cases.last:
        return
    # The process ended early: each case that it left alone, so that one of them is blamed.
    for index in range(done, cases.last):
        yield from run_in_processes(campaign, replace(cases, first=index, last=index + 1), stopped)


def _of_process(
    campaign: Campaign, cases: Cases, stopped: Callable[[], bool]
) -> Iterator[Result | str | None]:
    """Yield results while they come, None where none did for a moment, and last what went wrong
    with the process, as text."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    folder = tempfile.mkdtemp(prefix=f"campaign-{campaign.name}-")
    process = context.Process(target=_work, args=(campaign, cases, theirs, folder))
    process.start()
    theirs.close()
    ends = time.monotonic() + campaign.limit
    try:
        while time.monotonic() < ends:
            stops = stopped()
            if not ours.poll(0 if stops else _POLL_SECONDS):
                if stops:
                    return
                yield None
                continue
            try:
                yield ours.recv()
            except EOFError:
                process.join()
                if process.exitcode:
                    yield _ending(process.exitcode)
                return
        if not stopped():
            yield f"no answer after {campaign.limit:g} seconds"
    finally:
        with suppress(ProcessLookupError):  # and whatever it started
            os.killpg(process.pid or 0, signal.SIGKILL)
        process.join()
        ours.close()
        shutil.rmtree(folder, ignore_errors=True)


def _work(campaign: Campaign, cases: Cases, results: Connection, folder: str) -> None:
    """Run cases in this process and send what they give."""
    os.setpgid(0, 0)  # a terminal's interrupt is for the campaign, which ends this process
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ["TMPDIR"] = os.environ["XDG_CACHE_HOME"] = tempfile.tempdir = folder
    for result in run_here(campaign, cases):
        results.send(result)


def run_here(campaign: Campaign, cases: Cases) -> Iterator[Result]:
    """Yield the results of the cases, run in this process; an exception is its case's failure."""
    index = cases.first
    while index < cases.last:
        try:
            for result in campaign.run(replace(cases, first=index)):
                assert result.index == index, "results come in the order of the cases"
                index += 1
                yield result
            assert index == cases.last, "each case has a result"
        except Exception:
            yield Result(index, traceback.format_exc())
            index += 1


def in_child(function: Callable[[], Value], seconds: float) -> Value | str:
    """Return what a function gives in a forked process, or how that process ended, as text."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=lambda: theirs.send(function()))
    process.start()
    theirs.close()
    try:
        if not ours.poll(seconds):
            return f"no answer after {seconds:g} seconds"
        return ours.recv()
    except EOFError:
        process.join()
        return _ending(process.exitcode or 0)
    finally:
        process.kill()
        process.join()
        ours.close()


def _ending(code: int) -> str:
    if code < 0:
        return f"the process was ended by {signal.Signals(-code).name}"
    return f"the process ended with status {code}"
