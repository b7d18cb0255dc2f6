"""Whatever a file has, loading gives a model or an error of graphc.

Never another exception, a crash, a hang, more than 1 GB of memory, or code that runs. `make fuzz`
tries more files, others at each run: GRAPHC_FUZZ is how many of each kind.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from graphc.layers import BatchNormalization, Dense, Dropout
from graphc.models import Sequential
from graphc.optimizers import Adam
from tests.files.described_models import descriptions, of_each_layer
from tests.files.loading import Worker
from tests.files.loading_worker import stored_model
from tests.files.mutations import change_file, changed_bytes, changed_data, changed_text

LONGER = int(os.environ.get("GRAPHC_FUZZ", "0"))
DESCRIPTIONS = descriptions()
OF_LAYERS = of_each_layer()


def fuzzed(examples: int) -> Callable:
    """The same few files at each run, or many others."""
    return settings(
        max_examples=LONGER or examples,
        derandomize=not LONGER,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(scope="module")
def worker(tmp_path_factory) -> Iterator[Worker]:
    worker = Worker(tmp_path_factory.mktemp("worker"))
    yield worker
    worker.end()


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> dict[str, Path]:
    """A file of weights and one of a whole model, compiled and trained."""
    folder = tmp_path_factory.mktemp("stored")
    stored_model().save_weights(folder / "weights.h5")
    model = Sequential([Dense(3, input_dim=2), Dropout(0.5), BatchNormalization(), Dense(2)])
    model.compile(Adam(), "mse", metrics=["accuracy"])
    model.train_on_batch([[0.0, 1.0]], [[0.0, 1.0]])
    model.save(folder / "model.h5")
    return {"weights": folder / "weights.h5", "model": folder / "model.h5"}


def check(worker: Worker, loader: str, path: Path) -> None:
    kind, why = worker.load(loader, path)
    note(why)
    assert kind in ("loaded", "refused"), why


def check_text(worker: Worker, loader: str, text: str) -> None:
    path = worker.folder / "text"
    path.write_text(text, errors="surrogatepass")
    check(worker, loader, path)


def test_the_worker_loads_what_is_whole(worker, stored):
    for description in [*DESCRIPTIONS, *OF_LAYERS]:
        path = worker.folder / "text"
        path.write_text(json.dumps(description))
        assert worker.load("json", path) == ("loaded", "")
        path.write_text(yaml.safe_dump(description))
        assert worker.load("yaml", path) == ("loaded", "")
    for loader, path in stored.items():
        assert worker.load(loader, path) == ("loaded", "")


@pytest.mark.parametrize(
    ("request_of", "sign"),
    [("hang", "ended with -14"), ("crash", "ended with -11"), ("memory", "MemoryError"),
     ("code", "ran.*os.system"), ("other", "ZeroDivisionError")],
)  # fmt: skip
def test_the_worker_sees(worker, request_of, sign):
    """What the tests below look for would be found."""
    kind, why = worker.load(request_of, Path("nothing"))
    assert kind == "failed"
    assert re.search(sign, why)


@fuzzed(100)
@given(st.data())
def test_descriptions_that_are_changed(worker, data):
    description = data.draw(st.sampled_from(DESCRIPTIONS).flatmap(changed_data))
    check_text(worker, "json", json.dumps(description))


@fuzzed(150)
@given(st.data())
def test_layers_that_are_changed(worker, data):
    description = data.draw(st.sampled_from(OF_LAYERS).flatmap(changed_data))
    check_text(worker, "json", json.dumps(description))


@fuzzed(40)
@given(st.data())
def test_json_that_is_changed(worker, data):
    texts = [json.dumps(one) for one in DESCRIPTIONS]
    check_text(worker, "json", data.draw(st.sampled_from(texts).flatmap(changed_text)))


@fuzzed(25)
@given(st.data())
def test_yaml_that_is_changed(worker, data):
    texts = [yaml.safe_dump(one) for one in DESCRIPTIONS]
    check_text(worker, "yaml", data.draw(st.sampled_from(texts).flatmap(changed_text)))


@pytest.mark.parametrize("loader", ["weights", "model"])
@fuzzed(40)
@given(data=st.data())
def test_files_whose_bytes_are_changed(worker, stored, loader, data):
    path = worker.folder / "changed.h5"
    path.write_bytes(data.draw(changed_bytes(stored[loader].read_bytes())))
    check(worker, loader, path)


@pytest.mark.parametrize("loader", ["weights", "model"])
@fuzzed(25)
@given(data=st.data())
def test_files_whose_structure_is_changed(worker, stored, loader, data):
    path = worker.folder / "changed.h5"
    shutil.copy(stored[loader], path)
    data.draw(change_file(path))
    check(worker, loader, path)
