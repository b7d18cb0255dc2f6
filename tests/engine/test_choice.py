"""Which of a model's small functions are compiled: one choice, ahead of the first step."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest

from graphc.callbacks import LambdaCallback
from graphc.compiler.graph import State, toposort
from graphc.compiler.lowering.cpu import NativeProgram
from graphc.compiler.runtime import device, interpreting
from graphc.compiler.runtime.numpy_executor import NumpyExecutor
from graphc.config import config
from graphc.engine import Model
from graphc.layers import Dense
from graphc.models import Sequential, load_model

X = np.linspace(-1, 1, 21, dtype="float32").reshape(7, 3)
Y = X[:, :1]
NATIVE, INTERPRETED = ["cpu"] * 3, [None] * 3


@pytest.fixture(autouse=True)
def _nothing_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiler that is found, and the interpreter in the place of its code."""

    class Native(NumpyExecutor):
        target = "cpu"

    monkeypatch.setattr(interpreting, "likely_compiler", lambda cache: None)

    def native(lowered: NativeProgram, states: Sequence[State], name: str) -> Native:
        return Native(lowered.program.outputs, states)

    monkeypatch.setattr(device, "NativeExecutor", native)
    config.cpu = "auto"


def small() -> Model:
    model = Sequential([Dense(2, input_dim=3, activation="tanh"), Dense(1)])
    model.compile("adam", "mse")
    return model


def targets(model: Model) -> list[str | None]:
    """Whose code the functions of training, testing and predicting run."""
    compiled = model._graphc_trainer.compiled
    return [
        one.target()
        for one in (compiled.train(), compiled.test(), model._graphc_trainer.prediction_function())
    ]


@pytest.fixture(scope="module")
def enough() -> int:
    """The fewest epochs of four batches for which the model is compiled: those whose steps have
    more than 300,000 nodes."""
    return 300_000 // (4 * len(toposort(small()._graphc_trainer.compiled.train().graph()))) + 1


def begin(model: Model, nb_epoch: int, **options: object) -> None:
    """Begin a training of so many epochs of four batches, and end it behind its first one."""
    stop = LambdaCallback(on_epoch_end=lambda epoch, logs: setattr(model, "stop_training", True))
    model.fit(X, Y, 2, nb_epoch, verbose=0, callbacks=[stop], **options)


def test_the_steps_of_the_whole_training_choose_for_all_functions(enough: int):
    few, many = small(), small()
    begin(few, enough - 1, validation_data=(X, Y))
    begin(many, enough, validation_data=(X, Y))
    assert targets(few) == INTERPRETED
    assert targets(many) == NATIVE


@pytest.mark.parametrize(
    ("samples", "nb_epoch", "chosen"),
    [
        (1, 1, NATIVE),
        (7, 1, NATIVE),
        (8, 1, NATIVE),
        (9, 1, INTERPRETED),
        (1, 2, INTERPRETED),
    ],
)
def test_one_epoch_of_at_most_eight_steps_is_one_of_a_loop(samples, nb_epoch, chosen):
    model = small()
    x = np.zeros((samples, 3))
    model.fit(x, x[:, :1], batch_size=1, nb_epoch=nb_epoch, verbose=0)
    assert targets(model) == chosen


def test_so_is_one_of_batches_from_a_generator():
    model = small()
    model.fit_generator(repeat((X, Y)), len(X), 1, verbose=0)
    assert targets(model) == NATIVE


def test_of_a_training_that_goes_on_all_epochs_count(enough: int):
    model = small()
    begin(model, enough, initial_epoch=enough - 1)
    assert targets(model) == NATIVE


def test_a_generator_counts_by_batches_of_32(enough: int):
    few, many = small(), small()
    for model, epochs in ((few, enough - 1), (many, enough)):
        stop = LambdaCallback(on_batch_end=lambda *_, one=model: setattr(one, "stop_training", 1))
        batches = repeat((np.tile(X, (18, 1)), np.tile(Y, (18, 1))))  # of 126: four of 32, or less
        model.fit_generator(batches, 126, epochs, verbose=0, callbacks=[stop])
    assert targets(few) == INTERPRETED
    assert targets(many) == NATIVE


def test_steps_one_by_one_are_compiled():
    model = small()
    model.train_on_batch(X, Y)
    assert targets(model) == NATIVE


def test_what_runs_before_training_is_interpreted_and_chooses_nothing(enough: int):
    model = small()
    before = model.predict(X), model.evaluate(X, Y, verbose=0)
    assert model.test_on_batch(X, Y) == pytest.approx(before[1])
    assert len(model.kernels(target="cpu")) > 0
    assert targets(model) == INTERPRETED
    begin(model, enough)
    assert targets(model) == NATIVE


def test_what_is_compiled_already_is_not_made_anew():
    config.cpu = "native"
    model = small()
    predict, test = (
        model._graphc_trainer.prediction_function(),
        model._graphc_trainer.compiled.test(),
    )
    model.train_on_batch(X, Y)
    assert model._graphc_trainer.prediction_function() is predict
    assert model._graphc_trainer.compiled.test() is test


def test_the_choice_stays_until_the_model_is_compiled_again(enough: int):
    model = small()
    begin(model, 2)
    begin(model, enough)
    model.train_on_batch(X, Y)
    model.fit(X, Y, 2, 1, verbose=0, show_accuracy=True)
    assert targets(model) == INTERPRETED
    model.compile("adam", "mse")
    model.fit(X, Y, 2, 0, verbose=0)  # no step
    begin(model, enough, show_accuracy=True)
    assert targets(model) == NATIVE
    begin(model, 1)
    assert targets(model) == NATIVE


def test_a_file_keeps_the_choice(enough: int, tmp_path: Path):
    for epochs, other, chosen in ((2, enough, INTERPRETED), (enough, 2, NATIVE)):
        model = small()
        begin(model, epochs)
        model.save(tmp_path / "model.h5")
        again = load_model(tmp_path / "model.h5")
        assert targets(again) == chosen
        begin(again, other)
        assert targets(again) == chosen


def test_a_file_of_a_model_that_was_not_trained_has_none(enough: int, tmp_path: Path):
    small().save(tmp_path / "model.h5")
    again = load_model(tmp_path / "model.h5")
    assert targets(again) == INTERPRETED
    begin(again, enough)
    assert targets(again) == NATIVE
