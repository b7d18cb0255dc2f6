"""The campaign of failing calls: its calls fail, a torn file is seen, and some of its cases."""

from __future__ import annotations

import argparse
import errno
from collections.abc import Iterator

import pytest

from tests.campaigns import failures
from tests.campaigns.campaign import Cases
from tests.campaigns.failures import Kind

OPTIONS = argparse.Namespace()
pytestmark = pytest.mark.skipif(bool(failures._missing(OPTIONS)), reason=failures._missing(OPTIONS))


@pytest.fixture(scope="module")
def process() -> Iterator[failures.Process]:
    with failures.process() as one:
        yield one


@pytest.mark.parametrize(
    ("kind", "ended"),
    [
        (Kind("write", errno.ENOSPC, "save"), "refused"),
        (Kind("write", failures.SHORT, "save"), "done"),
        (Kind("fsync", errno.EIO, "save"), "refused"),
        (Kind("rename", errno.EACCES, "fit"), "refused"),
        (Kind("open", errno.EMFILE, "save"), "refused"),
        (Kind("allocate", errno.ENOMEM, "save"), "MemoryError"),
    ],
)
def test_the_first_call_that_fails(process, kind, ended):
    calls = process.calls(kind)
    assert calls > 0
    assert process.fail(kind, 1)["ended"] == ended
    assert process.fail(kind, calls + 1)["ended"] == "done"


@pytest.mark.parametrize("name", ["torn", "crash", "other"])
def test_what_must_not_come_of_a_failure_is_seen(process, name):
    assert process.fail(Kind("write", errno.EIO, name), failures.NEVER)["fault"]


def test_failures_end_well_or_with_an_error():
    found = list(failures.run(Cases(7, 0, 3, OPTIONS)))
    assert [result.fault for result in found if result.fault] == []
