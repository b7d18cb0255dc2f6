"""The campaign over broken files sees what loading must never do, and some of its cases."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.campaigns import files
from tests.campaigns.campaign import Cases
from tests.files.loading import Worker

OPTIONS = argparse.Namespace()


@pytest.fixture(scope="module")
def worker(tmp_path_factory) -> Iterator[Worker]:
    worker = Worker(tmp_path_factory.mktemp("worker"))
    yield worker
    worker.end()


def test_the_worker_loads_what_is_whole(worker):
    for description in [*files.DESCRIPTIONS(), *files.OF_LAYERS()]:
        path = worker.folder / "text"
        path.write_text(json.dumps(description))
        assert worker.load("json", path) == ("loaded", "")
        path.write_text(yaml.safe_dump(description))
        assert worker.load("yaml", path) == ("loaded", "")
    stored = files.Stored(worker.folder)
    assert worker.load("weights", stored.weights())[0] == "loaded"
    for number in range(len(files.DESCRIPTIONS())):
        assert worker.load("model", stored.model(number))[0] == "loaded"


@pytest.mark.parametrize(
    ("request_of", "sign"),
    [("hang", "ended with -14"), ("crash", "ended with -11"), ("memory", "MemoryError"),
     ("code", "ran.*os.system"), ("other", "ZeroDivisionError")],
)  # fmt: skip
def test_the_worker_sees(worker, request_of, sign):
    """The faults that a campaign looks for would be found."""
    kind, why = worker.load(request_of, Path("nothing"))
    assert kind == "failed"
    assert re.search(sign, why)


def test_other_arrays_have_another_digest(worker):
    """One that is changed behind its checksum, as by a writer that knows of it."""
    stored = files.Stored(worker.folder)
    found = worker.load("weights", stored.weights())
    values = files.stored_model()
    values.load_weights(stored.weights())
    first, *others = values.get_weights()
    first[0, 0] += 1
    values.set_weights([first, *others])
    values.save_weights(worker.folder / "other.h5")
    assert worker.load("weights", worker.folder / "other.h5") != found


def test_changed_files_load_as_they_were_or_are_refused():
    found = list(files.run(Cases(7, 0, 20, OPTIONS)))
    assert [result.fault for result in found if result.fault] == []
