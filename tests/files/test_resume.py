"""Training that is stopped at the end of an epoch goes on, from a file, as if it was not."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

from graphc import backend as K
from graphc.callbacks import Callback, ModelCheckpoint
from graphc.config import config
from graphc.engine import Input, Model
from graphc.layers import Dense, Dropout
from graphc.models import Sequential, load_model
from tests.files.resumed_programs import PROGRAMS, ROWS, SERIES, TARGETS, check_equal, run_stages

SCRIPT = "tests.files.resumed_programs"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the processes have left what came out."""
    path = tmp_path_factory.mktemp("resume")
    run_stages(path, [sys.executable, "-m", SCRIPT])
    return path


@pytest.mark.parametrize("make", PROGRAMS)
def test_a_killed_process_goes_on_bit_by_bit(make, folder):
    check_equal(make, folder)


def dropout_model(optimizer="adam") -> Sequential:
    model = Sequential([Dense(5, input_dim=6), Dropout(0.5), Dense(2)])
    model.compile(optimizer, "mse")
    return model


def fit(model, first, last, **arguments):
    arguments = {"batch_size": 8, "verbose": 0, **arguments}
    return model.fit(ROWS, TARGETS, nb_epoch=last, initial_epoch=first, **arguments).history["loss"]


def check_weights(one, other):
    for mine, theirs in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


class TestInOneProcess:
    @pytest.mark.parametrize("shuffle", [True, "batch", False])
    def test_a_second_fit_goes_on_with_the_order_of_samples(self, shuffle):
        """Each epoch shuffles the order of the one before."""
        np.random.seed(3)
        whole = dropout_model()
        losses = fit(whole, 0, 5, shuffle=shuffle)
        np.random.seed(3)
        stopped = dropout_model()
        parts = [fit(stopped, k, k + 1, shuffle=shuffle)[0] for k in range(5)]
        assert parts == losses
        check_weights(stopped, whole)
        assert whole.epochs_done == stopped.epochs_done == 5

    def test_saved_behind_fit(self, tmp_path):
        np.random.seed(3)
        model = dropout_model()
        fit(model, 0, 2)
        model.save(tmp_path / "m.h5")
        losses = fit(model, 2, 4)
        loaded = load_model(tmp_path / "m.h5")
        assert loaded.epochs_done == 2
        assert fit(loaded, 2, 4) == losses
        check_weights(loaded, model)

    def test_other_epochs_and_data_begin_with_an_order_of_their_own(self, tmp_path):
        model = dropout_model()
        fit(model, 0, 2)
        model.save(tmp_path / "m.h5")
        for first, rows in ((0, 20), (3, 20), (2, 19)):
            loaded, fresh = (load_model(tmp_path / "m.h5") for _ in range(2))
            fresh._graphc_trainer.order = None
            runs = []
            for one in (loaded, fresh):
                np.random.seed(5)
                x, y = ROWS[:rows], TARGETS[:rows]
                one.fit(x, y, batch_size=8, nb_epoch=4, initial_epoch=first, verbose=0)
                runs.append(one.get_weights())
            for mine, theirs in zip(*runs, strict=True):
                np.testing.assert_array_equal(mine, theirs)

    def test_a_file_of_a_loaded_model_goes_on_too(self, tmp_path):
        """State of the first process that a loaded model keeps is kept by its own file."""
        np.random.seed(3)
        whole = dropout_model()
        losses = fit(whole, 0, 4)
        np.random.seed(3)
        model = dropout_model()
        for epoch in range(4):
            assert fit(model, epoch, epoch + 1) == [losses[epoch]]
            model.save(tmp_path / "m.h5")
            np.random.seed(99)
            model = load_model(tmp_path / "m.h5")
        check_weights(model, whole)

    def test_epochs_done_is_known_to_callbacks_and_begins_anew(self):
        seen = []

        class Watch(Callback):
            def on_train_begin(self, logs=None):
                seen.append(self.model.epochs_done)

            def on_epoch_end(self, epoch, logs=None):
                seen.append(self.model.epochs_done)

        model = dropout_model()
        assert model.epochs_done == 0
        fit(model, 1, 3, callbacks=[Watch()])
        fit(model, 0, 1, callbacks=[Watch()])
        assert seen == [1, 2, 3, 0, 1]

    def test_the_present_learning_rate_is_stored(self, tmp_path):
        model = dropout_model()
        K.set_value(model.optimizer.lr, 0.0123)
        model.save(tmp_path / "m.h5")
        loaded = load_model(tmp_path / "m.h5")
        assert K.get_value(loaded.optimizer.lr) == np.float32(0.0123)

    def test_weights_that_were_frozen_after_the_first_step_are_still_trained(self, tmp_path):
        """`trainable` is read when the first step is made, and by `compile` again."""
        np.random.seed(3)
        model = dropout_model()
        fit(model, 0, 1)
        model.layers[0].trainable = False
        model.save(tmp_path / "m.h5")
        losses = fit(model, 1, 3)
        loaded = load_model(tmp_path / "m.h5")
        assert not loaded.layers[0].trainable
        assert fit(loaded, 1, 3) == losses
        check_weights(loaded, model)

    def test_steps_of_an_optimizer_count_on_though_compiled_anew(self, tmp_path):
        model = dropout_model()
        fit(model, 0, 1)
        model.compile(model.optimizer, "mae")
        model.save(tmp_path / "m.h5")
        loaded = load_model(tmp_path / "m.h5")
        assert K.get_value(loaded.optimizer.iterations) == 3  # 20 samples, 8 at a time
        np.random.seed(4)
        losses = fit(model, 0, 2)
        np.random.seed(4)
        assert fit(loaded, 0, 2) == losses

    def test_another_type_of_floats_is_logged(self, tmp_path, caplog):
        with config.changed(floatX="float64"):
            model = dropout_model()
            model.train_on_batch(ROWS, TARGETS)
            model.save(tmp_path / "m.h5")
            loaded = load_model(tmp_path / "m.h5")
            assert loaded.train_on_batch(ROWS, TARGETS) == model.train_on_batch(ROWS, TARGETS)
            check_weights(loaded, model)
        assert caplog.messages == []
        load_model(tmp_path / "m.h5")
        (message,) = caplog.messages
        assert "written with floatx float64, and now it is float32: the weights are conv" in message

    def test_epochs_of_a_generator(self, tmp_path):
        def batches(first):
            for k in itertools.count(first):
                yield ROWS[k % 4 :: 4], TARGETS[k % 4 :: 4]

        np.random.seed(3)
        model = dropout_model()
        losses = model.fit_generator(batches(0), 10, 4, verbose=0).history["loss"]
        np.random.seed(3)
        model = dropout_model()
        model.fit_generator(batches(0), 10, 2, verbose=0)
        model.save(tmp_path / "m.h5")
        loaded = load_model(tmp_path / "m.h5")
        history = loaded.fit_generator(batches(4), 10, 4, verbose=0, initial_epoch=2).history
        assert history["loss"] == losses[2:]
        assert loaded.epochs_done == 4

    def test_layers_used_anew_draw_what_they_would_have(self, tmp_path):
        """A layer's seed, and how many streams it has taken, are in the file."""
        model = dropout_model()
        model(Input((6,)))
        model.save(tmp_path / "m.h5")
        losses = []
        for one in (model, load_model(tmp_path / "m.h5")):
            x = Input((6,))
            outer = Model(x, one(x))
            outer.compile("sgd", "mse")
            losses.append([outer.train_on_batch(ROWS, TARGETS) for _ in range(2)])
        assert losses[0] == losses[1]

    def test_the_states_of_recurrent_layers(self, tmp_path):
        model = next(make for make in PROGRAMS if make.__name__ == "stateful")()
        model.predict(SERIES, batch_size=5)
        model.save(tmp_path / "m.h5")
        states = [state.get_value() for state in model.layers[0].states]
        loaded = load_model(tmp_path / "m.h5")
        for before, state in zip(states, loaded.layers[0].states, strict=True):
            assert np.abs(before).max() > 0
            np.testing.assert_array_equal(state.get_value(), before)


class TestGenerator:
    def test_it_is_restored_or_left_alone(self, tmp_path):
        model = dropout_model()
        np.random.seed(8)
        np.random.normal()  # the second one of a pair waits
        model.save(tmp_path / "m.h5")
        expected = np.random.normal(size=3)
        np.random.seed(9)
        load_model(tmp_path / "m.h5")
        np.testing.assert_array_equal(np.random.normal(size=3), expected)
        np.random.seed(9)
        load_model(tmp_path / "m.h5", restore_generator=False)
        found = np.random.normal(size=3)
        np.random.seed(9)
        np.testing.assert_array_equal(found, np.random.normal(size=3))

    def test_saving_draws_nothing(self, tmp_path):
        model = dropout_model()
        np.random.seed(8)
        model.save(tmp_path / "m.h5")
        found = np.random.rand(3)
        np.random.seed(8)
        np.testing.assert_array_equal(found, np.random.rand(3))


def test_a_checkpoint_of_each_epoch(tmp_path):
    np.random.seed(3)
    model = dropout_model()
    save = ModelCheckpoint(str(tmp_path / "{epoch}.h5"), save_weights_only=False)
    losses = fit(model, 0, 4, callbacks=[save])
    for epoch in range(3):
        loaded = load_model(tmp_path / f"{epoch}.h5")
        assert fit(loaded, loaded.epochs_done, 4) == losses[epoch + 1 :]
        check_weights(loaded, model)
