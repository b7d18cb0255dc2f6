"""Files of models that are changed by bytes and by structure: loaded as they were, or refused.

Never another exception than graphc's, a crash, a hang, more than 1 GB of memory, code that runs, or
an array that is not the one that was written.
"""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import yaml

from graphc.config import config
from graphc.engine import Model
from graphc.engine.topology.shapes import known_shape
from graphc.models import Graph, model_from_json
from tests.campaigns.campaign import Campaign, Cases, Result
from tests.files.described_models import descriptions, of_each_layer
from tests.files.loading import Worker
from tests.files.loading_worker import stored_model
from tests.files.mutations import Random, change_file, changed_bytes, changed_data, changed_text

DESCRIPTIONS = cache(descriptions)
OF_LAYERS = cache(of_each_layer)

Change = Callable[[Random, Path], str]
"""Writes a changed file at a path, and returns the name of what loads it."""


def _text(path: Path, text: str) -> None:
    path.write_text(text, errors="surrogatepass")


def _described(draw: Random, path: Path) -> str:
    described = draw.choice([DESCRIPTIONS, OF_LAYERS, OF_LAYERS])()
    _text(path, json.dumps(changed_data(draw, draw.choice(described))))
    return "json"


def _json(draw: Random, path: Path) -> str:
    _text(path, changed_text(draw, json.dumps(draw.choice(DESCRIPTIONS()))))
    return "json"


def _yaml(draw: Random, path: Path) -> str:
    _text(path, changed_text(draw, yaml.safe_dump(draw.choice(DESCRIPTIONS()))))
    return "yaml"


class Stored:
    """Whole files in a folder, written when they are first asked for."""

    def __init__(self, folder: Path):
        self.folder = folder

    def weights(self) -> Path:
        """The weights of the model that the worker loads into."""
        path = self.folder / "weights.h5"
        if not path.exists():
            np.random.seed(1)
            stored_model().save_weights(path)
        return path

    def model(self, number: int) -> Path:
        """A whole model of a description, trained for a step, so that its optimizer has a state."""
        path = self.folder / f"model-{number}.h5"
        if not path.exists():
            np.random.seed(number)
            model = model_from_json(json.dumps(DESCRIPTIONS()[number]))
            _train(model)
            model.save(path)
        return path

    def drawn(self, draw: Random) -> tuple[str, Path]:
        """Draw a file. Return the loader that reads it, and the file."""
        if draw.random() < 0.5:
            return "weights", self.weights()
        return "model", self.model(draw.randrange(len(DESCRIPTIONS())))


def _train(model: Model) -> None:
    """Train for a step, on inputs and targets of zeros."""
    x, y = (
        [np.zeros([2 if size is None else size for size in known_shape(one)]) for one in several]
        for several in (model.inputs, model.outputs)
    )
    if not isinstance(model, Graph):
        model.compile("adam", "mse")
        model.train_on_batch(x, y)
        return
    model.compile("adam", dict.fromkeys(model.output_order, "mse"))
    names = [*model.input_order, *model.output_order]
    model.train_on_batch(dict(zip(names, [*x, *y], strict=True)))


def run(cases: Cases) -> Iterator[Result]:
    """Yield what came of each changed file."""
    config.cpu = "numpy"
    with tempfile.TemporaryDirectory() as name:
        stored, worker = Stored(Path(name)), Worker(Path(name))
        try:
            for index in cases:
                draw = random.Random(int(cases.random(index).integers(2**63)))
                fault, counts = _case(stored, worker, draw)
                yield Result(index, fault, dict.fromkeys(counts, 1))
        finally:
            worker.end()


def _case(stored: Stored, worker: Worker, draw: Random) -> tuple[str, list[str]]:
    """Return what was wrong with one changed file, and what to count."""
    kind = draw.choice(["described", "described", "json", "yaml", "bytes", "bytes", "structure"])
    path, whole = worker.folder / "changed", ("", "")
    path.unlink(missing_ok=True)
    if kind in _TEXTS:
        loader = _TEXTS[kind](draw, path)
    else:
        loader, source = stored.drawn(draw)
        whole = worker.load(loader, source)
        if whole[0] != "loaded":
            return f"{source.name} as it was written: {whole}", [kind, whole[0]]
        shutil.copy(source, path)
        if kind == "structure":
            change_file(draw, path)
        else:
            path.write_bytes(changed_bytes(draw, path.read_bytes()))
    outcome, why = worker.load(loader, path)
    counts = [kind, outcome]
    if outcome == "failed":
        return f"{kind}, {loader}: {why}", counts
    if kind == "bytes" and outcome == "loaded" and why != whole[1]:
        return f"{loader}: other arrays than were written are loaded, and nothing is said", counts
    return "", counts


_TEXTS: dict[str, Change] = {"described": _described, "json": _json, "yaml": _yaml}

CAMPAIGN = Campaign("files", __doc__.splitlines()[0], run, group=200, limit=1800)
