"""Batches in as few shards as fit in a given memory, and the memory that their steps take."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from graphc.config import config
from graphc.errors import ArgumentError, DataError, FlagError
from graphc.layers import LSTM, Dense
from graphc.models import Graph, Sequential, load_model

RNG = np.random.RandomState(3)
X, Y = RNG.rand(512, 8), RNG.rand(512, 1)
SHAPES = ((512, 8), (512, 1), (512,))


def made():
    np.random.seed(1)
    model = Sequential([Dense(16, activation="tanh", input_dim=8), Dense(16), Dense(1)])
    model.compile("adam", "mse")
    return model


@pytest.fixture(scope="module")
def totals():
    """The bytes of a step, by its number of shards."""
    model, found = made(), {}
    for shards in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512):
        model.train_on_batch(X, Y, shards=shards)
        found[shards] = model._graphc_trainer.compiled.train().step_memory(SHAPES).total
    return found


def test_the_fewest_shards_that_fit(totals):
    """Down to the fewest bytes that any number takes; beyond it the tree of sums takes more."""
    assert totals[1] > totals[2] > totals[4]
    for shards in (1, 2, 4):
        for nbytes in (totals[shards], totals[max(1, shards // 2)] - (shards > 1)):
            model = made()
            model.fit(X, Y, 512, 1, verbose=0, memory=nbytes)
            assert model._graphc_trainer.compiled.train().shards == shards


def test_the_training_is_that_of_so_many_shards(totals, caplog):
    caplog.set_level(logging.INFO, "graphc")
    weights = []
    for how in ({"memory": totals[4]}, {"shards": 4}):
        model = made()
        np.random.seed(2)
        history = model.fit(X, Y, 512, 2, verbose=0, **how).history
        weights.append((history, [one.tobytes() for one in model.get_weights()]))
    assert weights[0] == weights[1]
    (line,) = [one for one in caplog.messages if ".fit: memory=" in one]
    assert "a batch of 512 samples is taken in 4 shards, and takes " in line
    assert "(states " in line


def test_testing_and_predicting_are_those_of_the_shards_that_fit_them(totals, caplog):
    """Without gradients and the optimizer's state these may be fewer than a training's."""
    caplog.set_level(logging.INFO, "graphc")
    model = made()
    for name, call in {
        "evaluate": lambda **how: model.evaluate(X, Y, 512, verbose=0, **how),
        "predict": lambda **how: model.predict(X, 512, **how).tobytes(),
    }.items():
        caplog.clear()
        found = call(memory=totals[4])
        assert caplog.messages[0].startswith(f"{model.name}.{name}: memory=")
        (chosen,) = re.findall(r"is taken in (\d+) shard", caplog.text)
        assert found == call(shards=int(chosen))


def assert_near(found: np.ndarray, expected: np.ndarray) -> None:
    """Sums of a few hundred terms below 1, which NumPy's BLAS adds in an order by the rows: those
    that come near 0 differ by the rounding of what is added."""
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_every_call_that_takes_shards(totals):
    model, nbytes = made(), totals[2]

    def batches():
        while True:
            yield X, Y

    def shards():
        return [
            key[1]
            for key in model._graphc_trainer.compiled.functions
            if key[0] in ("train", "test")
        ]

    model.train_on_batch(X, Y, memory=nbytes)
    assert shards() == [2]
    assert model.test_on_batch(X, Y, memory="1GB") == pytest.approx(model.test_on_batch(X, Y))
    model.fit_generator(batches(), 512, 1, verbose=0, memory=nbytes)
    loss = model.evaluate_generator(batches(), 512, memory=nbytes)
    assert loss == pytest.approx(model.evaluate(X, Y, 512, verbose=0), rel=1e-5)
    rows = model.predict_on_batch(X)
    small = 90_000
    assert_near(model.predict_on_batch(X, memory=small), rows)
    assert_near(model.predict_generator(batches(), 512, memory=small), rows)
    with config.changed(memory=small):
        assert_near(model.predict(X, 512), rows)
    assert max(model._graphc_trainer.predictions.functions) > 1


@pytest.mark.flags(cpu="numpy")  # native code has scratch of more than these bounds
def test_graph(totals):
    model = Graph()
    model.add_input(name="x", input_shape=(8,))
    model.add_node(Dense(200), name="hidden", input="x")
    model.add_node(Dense(1), name="last", input="hidden")
    model.add_output(name="y", input="last")
    model.compile("adam", {"y": "mse"})
    rows = model.predict({"x": X}, 512)["y"]
    assert_near(model.predict({"x": X}, 512, memory="80KB")["y"], rows)
    assert max(model._graphc_trainer.predictions.functions) > 1
    model.fit({"x": X, "y": Y}, 512, 1, verbose=0, memory="300KB")
    assert model._graphc_trainer.compiled.train().shards > 1


def test_the_flag_and_what_wins_over_it(totals):
    model = made()
    with config.changed(memory=totals[2]):
        model.train_on_batch(X, Y)
        assert model._graphc_trainer.compiled.shards == 2
        model.train_on_batch(X, Y, shards=8)
        assert model._graphc_trainer.compiled.shards == 8
        model.train_on_batch(X, Y, memory="1GB")
        assert model._graphc_trainer.compiled.shards == 1
    with config.changed(shards=4):
        model.train_on_batch(X, Y, memory=totals[2])
        assert model._graphc_trainer.compiled.shards == 2
    model.train_on_batch(X, Y)
    assert model._graphc_trainer.compiled.shards == 1
    with config.changed(memory="1GB"):
        config.memory = "none"
    for wrong in ("", "much", 0, "None"):
        with pytest.raises(FlagError, match="takes a size such as 64MB or 1.5GB, or none"):
            config.memory = wrong


def test_a_file_keeps_the_number(totals, tmp_path):
    """Training that goes on takes it, whatever the plan of that machine would say."""
    model = made()
    model.fit(X, Y, 512, 1, verbose=0, memory=totals[4])
    model._graphc_trainer.compiled.plans = {
        key: 16 for key, shards in model._graphc_trainer.compiled.plans.items() if shards == 4
    }
    model.save(tmp_path / "model.h5")
    other = load_model(tmp_path / "model.h5")
    other.fit(X, Y, 512, 2, verbose=0, memory=totals[4], initial_epoch=1)
    assert other._graphc_trainer.compiled.shards == 16
    other.fit(X, Y, 512, 1, verbose=0, memory=totals[4] - 1)
    assert other._graphc_trainer.compiled.shards < 16


# ---- what is refused ----------------------------------------------------------------------------


def test_memory_and_shards_together():
    model = made()
    for call in (model.fit, model.evaluate, model.train_on_batch):
        with pytest.raises(ArgumentError, match=r"shards=2 or memory='1GB', received both"):
            call(X, Y, shards=2, memory="1GB")
    with pytest.raises(ArgumentError, match=r"\.predict: expected shards=2 or memory=5"):
        model.predict(X, shards=2, memory=5)
    with (
        config.changed(shards=2, memory="1GB"),
        pytest.raises(FlagError, match="one of the flags shards=2 and memory=1GB"),
    ):
        model.fit(X, Y)
    with pytest.raises(ArgumentError, match=r"\.fit: memory: expected a size, .* received 'x'"):
        model.fit(X, Y, memory="x")


def test_memory_that_no_number_of_shards_fits_in(totals):
    """The error has the least that works, which does, and the largest values with their layers."""
    model, least = made(), min(totals.values())
    with pytest.raises(ArgumentError, match="fits in no number of shards") as caught:
        model.fit(X, Y, 512, 1, verbose=0, memory=least - 1)
    assert f"The least that works is memory={least}, which is " in str(caught.value)
    assert "dense_" in str(caught.value).splitlines()[1]
    model.fit(X, Y, 512, 1, verbose=0, memory=least)
    assert totals[model._graphc_trainer.compiled.shards] == least


def test_a_batch_that_the_model_knows():
    model = Sequential([LSTM(4, batch_input_shape=(512, 3, 2), stateful=True), Dense(1)])
    model.compile("sgd", "mse")
    x = RNG.rand(512, 3, 2)
    model.train_on_batch(x, Y, memory="1GB")
    expected = r"train_on_batch: memory=1.0 KB: the whole batch takes .* and it cannot be divided: "
    with pytest.raises(ArgumentError, match=expected):
        model.train_on_batch(x, Y, memory="1KB")


def test_a_generator_with_a_larger_batch_than_its_first():
    model = made()
    batches = iter([(X[:8], Y[:8]), (X[:6], Y[:6]), (X, Y)])
    expected = (
        r"batch 3 of the generator: memory: expected no larger array than \(8, 8\), .* received "
        r"\(512, 8\)"
    )
    with pytest.raises(DataError, match=expected):
        model.fit_generator(batches, 600, 1, verbose=0, memory="1GB")


# ---- the memory that is taken -------------------------------------------------------------------

MEASURED = """
import ctypes, json, sys
import numpy as np
from graphc.compiler.function import sharded_function
from graphc.engine.training.division import planned_shards
from graphc.engine.data.batches import shapes_of
from graphc.reference_models import REFERENCE_MODELS

def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) << 10

name, batch, wanted = sys.argv[1], *map(int, sys.argv[2:])
step = REFERENCE_MODELS[name].build()
whole = step.function()
divided = sharded_function(
    step.inputs, [step.loss, *step.metrics], updates=step.updates, shards=2
)
data = step.data(2 * batch)
shapes = shapes_of(data, batch)
plan = divided.divided_in(wanted).step_memory(shapes)
key = "train", plan.total, shapes
shards, made = planned_shards(name, {}, key, lambda: whole, lambda: divided)
# A step of few rows first: code that is read from disk and objects of Python are not planned for.
made(*(array[: 4 * wanted] for array in data))
ctypes.CDLL(None).malloc_trim(0)
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")  # the peak is that from here on
before = peak()
for first in (0, batch, 0):
    arrays = [array.take(np.arange(first, first + batch), axis=0) for array in data]
    made(*arrays)
taken = peak() - before
print(json.dumps([shards, taken, plan.total, whole.step_memory(shapes).arena, plan.arena]))
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/clear_refs"), reason="asks Linux for the peak")
@pytest.mark.parametrize(
    ("name", "batch", "wanted"), [("mlp", 4096, 4), ("gru_ae", 256, 2), ("cnn", 512, 8)]
)
def test_a_step_takes_no_more_than_the_memory_that_it_is_given(name, batch, wanted):
    """Resident memory above what there was before the first step, on one thread, with the least
    bound that forces so many shards. The plan counts the weights too, which were there before;
    the arena is the least that a step takes."""
    environ = {**os.environ, "OMP_NUM_THREADS": "1", "GRAPHC_FLAGS": "cpu=native"}
    command = [sys.executable, "-c", MEASURED, name, str(batch), str(wanted)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environ)
    assert done.returncode == 0, done.stderr
    shards, taken, bound, whole, divided = json.loads(done.stdout)
    assert shards == wanted
    assert divided < taken <= bound
    assert divided < 1.3 * whole / wanted
