"""Output of a process that ends: read, or waited for no longer than a second."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from graphc.parallel.last_words import write_out

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes are looked into on POSIX alone")


@contextmanager
def stderr_as_a_pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Let stderr be a pipe; gives what reads it."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        yield reader
    os.close(reader)


class Clock:
    """Time that passes while one sleeps, and what happens then."""

    def __init__(self, *events) -> None:
        self.now, self.events = 0.0, list(events)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.events:
            self.events.pop(0)()


def test_it_ends_when_the_last_byte_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    with stderr_as_a_pipe(monkeypatch) as reader:
        clock = Clock(*[lambda: read.append(os.read(reader, 8))] * 3)
        sys.stderr.write("rank 1 on a failed: no")
        write_out(clock, clock.sleep)
    assert b"".join(read) == b"rank 1 on a failed: no"
    assert len(read) == 3
    assert clock.events == []


def test_a_reader_that_has_stopped_is_waited_for_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    with stderr_as_a_pipe(monkeypatch) as reader:
        sys.stderr.write("rank 1")
        write_out(clock, clock.sleep)
        assert os.read(reader, 100) == b"rank 1"
    assert 1.0 <= clock.now < 1.1


def test_without_a_pipe_there_is_no_wait(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    clock = Clock()
    closed = io.StringIO()
    closed.close()
    with open(tmp_path / "errors", "w") as file:
        for stream in (closed, io.StringIO(), file):
            monkeypatch.setattr(sys, "stderr", stream)
            if not stream.closed:
                stream.write("rank 1")
            write_out(clock, clock.sleep)
        assert (tmp_path / "errors").read_text() == "rank 1"
    assert clock.now == 0
