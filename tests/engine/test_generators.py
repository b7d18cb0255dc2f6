"""Batches from generators: counted into epochs, checked, fetched by a thread that ends."""

from __future__ import annotations

import itertools
import logging
import threading
import traceback

import numpy as np
import pytest

from graphc import backend as K
from graphc.callbacks import Callback
from graphc.config import config
from graphc.engine.data.generators import GeneratorQueue
from graphc.engine.training import GeneratorEnqueuer, generator_queue
from graphc.errors import ArgumentError, DataError, KeywordError, ShapeError
from graphc.layers import Activation, Dense, Lambda
from graphc.models import Sequential
from tests.linear_model import data, linear


@pytest.fixture(autouse=True)
def _threads_end():
    """Whatever a test does, its threads are gone behind it."""
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


@pytest.fixture(autouse=True)
def _float64():
    with config.changed(floatX="float64"):
        yield


def batches(*arrays, sizes):
    """The arrays in batches of the sizes, over and over; a batch that reaches the end is short."""
    count, start = len(arrays[0]), 0
    for size in itertools.cycle(sizes):
        yield tuple(array[start : start + size] for array in arrays)
        start = 0 if start + size >= count else start + size


class TestFitGenerator:
    """Training on batches as they come, in epochs of a number of samples."""

    def test_it_trains_as_fit_does_on_the_same_batches(self):
        x, y = data(7)
        fed, fitted = linear(), linear()
        history = fed.fit_generator(batches(x, y, sizes=[3]), 7, 4, verbose=0)
        expected = fitted.fit(x, y, batch_size=3, nb_epoch=4, shuffle=False, verbose=0)
        assert history.history == expected.history
        assert history.epoch == [0, 1, 2, 3]
        np.testing.assert_array_equal(fed.get_weights()[0], fitted.get_weights()[0])

    def test_an_epoch_ends_with_the_batch_that_reaches_its_samples(self, caplog):
        seen = []

        class Sizes(Callback):
            def on_batch_begin(self, batch, logs=None):
                seen.append((batch, logs["size"]))

        x, y = data(12)
        model = linear(lr=0.0)
        with caplog.at_level(logging.WARNING, "graphc"):
            history = model.fit_generator(
                batches(x, y, sizes=[5, 1, 6]), 6, 4, verbose=0, callbacks=[Sizes()]
            )
        assert seen == [(0, 5), (1, 1), (0, 6)] * 2
        assert not caplog.records
        # Each batch counts by its size; with zero weights the loss is the mean of y^2.
        means = [float(np.mean(y[:6] ** 2)), float(np.mean(y[6:] ** 2))]
        np.testing.assert_allclose(history.history["loss"], means * 2, rtol=1e-12)

    def test_more_samples_than_an_epoch_has_are_logged_once(self, caplog):
        x, y = data(8)
        with caplog.at_level(logging.WARNING, "graphc"):
            linear().fit_generator(batches(x, y, sizes=[4]), 6, 3, verbose=0)
        (record,) = caplog.records
        message = record.getMessage()
        assert "fit_generator: the batches have 8 samples together" in message
        assert "more than samples_per_epoch=6; those beyond count too. Choose a multiple" in message

    def test_sample_weights_and_class_weights(self):
        x, _ = data(6)
        y = np.array([0.0, 1, 1, 0, 1, 0])
        w = np.where(y == 1, 4.0, 1.0)
        weighted, by_class, fitted = linear(), linear(), linear()
        weighted.fit_generator(batches(x, y, w, sizes=[3]), 6, 2, verbose=0)
        by_class.fit_generator(
            batches(x, y, sizes=[3]), 6, 2, verbose=0, class_weight={0: 1.0, 1: 4.0}
        )
        fitted.fit(x, y, 3, 2, 0, shuffle=False, sample_weight=w)
        for one in (weighted, by_class):
            np.testing.assert_array_equal(one.get_weights()[0], fitted.get_weights()[0])

    def test_validation_on_arrays_and_on_a_generator(self):
        x, y = data(6)
        held_x, held_y = data(5, seed=3)
        w = np.array([1.0, 2.0, 0.0, 1.0, 1.0])
        histories = []
        for keywords in (
            {"validation_data": (held_x, held_y, w)},
            {"validation_data": batches(held_x, held_y, w, sizes=[5]), "nb_val_samples": 5},
        ):
            model = linear()
            feed = batches(x, y, sizes=[2])
            histories.append(model.fit_generator(feed, 6, 3, verbose=0, **keywords).history)
        assert histories[0] == histories[1]
        expected = model.evaluate(held_x, held_y, sample_weight=w, verbose=0)
        assert histories[0]["val_loss"][-1] == pytest.approx(expected, rel=1e-12)

    def test_a_validation_generator_goes_on_from_epoch_to_epoch(self):
        """The items that its thread made ahead are not lost between two epochs."""
        x, y = data(4)
        numbers = itertools.count(1)
        held_out = ((np.zeros((1, 3)), np.full((1, 1), float(next(numbers)))) for _ in x)
        history = linear(lr=0.0).fit_generator(
            *(batches(x, y, sizes=[4]), 4, 2, 0), validation_data=held_out, nb_val_samples=2
        )
        assert history.history["val_loss"] == [(1 + 4) / 2, (9 + 16) / 2]

    def test_validation_on_a_generator_needs_a_count(self):
        x, y = data(4)
        feed, held_out = batches(x, y, sizes=[2]), batches(x, y, sizes=[2])
        with pytest.raises(ArgumentError, match="nb_val_samples has to say how many .*None"):
            linear().fit_generator(feed, 4, 1, verbose=0, validation_data=held_out)
        with pytest.raises(ArgumentError, match="nb_val_samples: expected a whole number"):
            linear().fit_generator(*(feed, 4, 1, 0), validation_data=held_out, nb_val_samples=0)

    def test_a_count_beside_validation_arrays_is_logged(self, caplog):
        x, y = data(4)
        for given, reported in (((x, y), "validation_data is arrays"), (None, "is not given")):
            caplog.clear()
            feed = batches(x, y, sizes=[2])
            linear().fit_generator(*(feed, 4, 1, 0), validation_data=given, nb_val_samples=2)
            assert [reported in one for one in caplog.messages] == [True]
            assert "fit_generator: nb_val_samples=2 has no effect" in caplog.text

    def test_sequences_of_any_length(self):
        model = Sequential([Activation("linear", input_shape=(None, 3))])
        model.add(Lambda(lambda x: K.sum(x, axis=1), output_shape=(3,)))
        model.compile("sgd", "mse")
        feed = ((np.ones((2, steps, 3)), np.zeros((2, 3))) for steps in (1, 4, 2))
        history = model.fit_generator(feed, 6, 1, verbose=0)
        assert history.history["loss"] == [pytest.approx((1 + 16 + 4) / 3, rel=1e-12)]

    def test_epochs_start_at_initial_epoch(self):
        x, y = data(4)
        feed = batches(x, y, sizes=[4])
        history = linear().fit_generator(feed, 4, 5, 0, [], None, None, {}, 10, initial_epoch=3)
        assert history.epoch == [3, 4]

    def test_what_callbacks_receive(self):
        x, y = data(4)
        callback = Callback()
        model = linear()
        model.fit_generator(
            *(batches(x, y, sizes=[2]), 4, 2, 0, [callback]), validation_data=(x, y)
        )
        assert callback.model is model
        assert dict(callback.params) == {
            "nb_epoch": 2,
            "nb_sample": 4,
            "verbose": 0,
            "do_validation": True,
            "metrics": ["loss", "val_loss"],
        }

    def test_the_generators_begin_behind_on_train_begin(self):
        class Reader(Callback):
            """A callback that makes the batches, of what it reads when training begins."""

            samples = None

            def on_train_begin(self, logs=None):
                threading.Event().wait(0.05)  # a thread that was there already would come first
                self.samples = data(4)

            def batches(self):
                while True:
                    yield self.samples

        reader, model = Reader(), linear()
        model.fit_generator(
            *(reader.batches(), 4, 1, 0, [reader], reader.batches()), nb_val_samples=4
        )
        assert list(model.history.history) == ["val_loss", "loss"]

    def test_a_model_of_a_fixed_batch_size(self):
        model = Sequential([Dense(1, batch_input_shape=(2, 3), init="zero")])
        model.compile("sgd", "mse")
        x, y = data(4)
        model.fit_generator(batches(x, y, sizes=[2]), 4, 1, 0, validation_data=(x, y))
        with pytest.raises(DataError, match="fixes the batch to 2, received a batch of 3"):
            model.fit_generator(batches(x, y, sizes=[3]), 4, 1, 0)


class TestWhatGoesWrong:
    """A generator's errors, and those of its batches, reach the caller; its thread ends."""

    def test_what_the_generator_raises_reaches_the_caller(self):
        x, y = data(4)
        model = linear()

        def failing():
            yield x, y
            yield x, y
            raise OSError("the disk is gone")

        with pytest.raises(OSError, match="the disk is gone") as error:
            model.fit_generator(failing(), 4, 10, verbose=0)
        assert "failing" in [
            frame.name for frame in traceback.extract_tb(error.value.__traceback__)
        ]
        reference = linear()
        reference.fit(x, y, nb_epoch=2, verbose=0, shuffle=False)
        np.testing.assert_array_equal(model.get_weights()[0], reference.get_weights()[0])

    def test_a_generator_that_ends_early(self):
        x, y = data(6)
        three = itertools.islice(batches(x, y, sizes=[2]), 3)
        with pytest.raises(
            DataError,
            match="fit_generator: the generator ended after 2 of samples_per_epoch=4 samples; .*"
            r"for ever \(while True\)",
        ):
            linear().fit_generator(three, 4, 2, verbose=0)

    def test_a_generator_that_has_just_enough(self):
        x, y = data(6)
        four = itertools.islice(batches(x, y, sizes=[2]), 4)
        assert linear().fit_generator(four, 4, 2, verbose=0).epoch == [0, 1]

    def test_a_callback_that_raises_ends_the_thread_too(self):
        class Interrupt(Callback):
            def on_batch_end(self, batch, logs=None):
                raise KeyboardInterrupt

        x, y = data(4)
        with pytest.raises(KeyboardInterrupt):
            linear().fit_generator(
                *(batches(x, y, sizes=[2]), 4, 2, 0, [Interrupt()]),
                validation_data=batches(x, y, sizes=[2]),
                nb_val_samples=4,
            )

    @pytest.mark.parametrize(
        ("item", "received"),
        [
            (np.zeros((2, 3)), "received ndarray"),
            ((np.zeros((2, 3)),), "received 1 parts"),
            ((1, 2, 3, 4), "received 4 parts"),
            (None, "received NoneType"),
        ],
    )
    def test_batches_that_are_no_pairs(self, item, received):
        message = rf"batch 1 of the generator: expected \(x, y\) or .*, {received}"
        with pytest.raises(ArgumentError, match=f"fit_generator: {message}"):
            linear().fit_generator(iter([item]), 4, 1, verbose=0)
        with pytest.raises(ArgumentError, match=f"evaluate_generator: {message}"):
            linear().evaluate_generator(iter([item]), 4)

    def test_batches_are_checked_as_train_on_batch_does(self):
        x, y = data(4)
        for wrong, message in (
            ((np.zeros((4, 5)), y), "axis 1: expected 3, received 5"),
            ((x, y[:3]), "has 4, targets of dense_.* has 3"),
            ((x * np.nan, y), "is nan"),
        ):
            with pytest.raises(DataError, match=message):
                linear().fit_generator(iter([wrong]), 4, 1, verbose=0)

    def test_the_error_for_a_wrong_batch_has_its_number(self):
        """Numbers go on from epoch to epoch: the third of the generator is in the second epoch."""
        x, y = data(4)
        wrong = (x * np.nan, y)
        message = "generator: batch 3 of the generator: .* is nan"
        with pytest.raises(DataError, match=f"fit_{message}"):
            linear().fit_generator(iter([(x, y), (x, y), wrong]), 4, 3, verbose=0)
        with pytest.raises(DataError, match=f"evaluate_{message}"):
            linear().evaluate_generator(iter([(x, y), (x, y), wrong]), 12)
        with pytest.raises(DataError, match=f"predict_{message}"):
            linear().predict_generator(iter([x, x, x * np.nan]), 12)

    def test_arguments(self):
        x, y = data(4)
        model = linear()
        for keywords, error, message in (
            ({"generator": [(x, y)]}, ArgumentError, r"expected a generator .*received list; iter"),
            ({"samples_per_epoch": 0}, ArgumentError, "samples_per_epoch: expected a whole number"),
            ({"max_q_size": 0}, ArgumentError, "max_q_size: expected a whole number of at least 1"),
            ({"nb_epoch": -1}, ArgumentError, "nb_epoch: expected a whole number"),
            ({"steps_per_epoch": 1}, KeywordError, "here it is 'samples_per_epoch'"),
            ({"validation_data": x}, ArgumentError, "validation_data: expected .*received ndarray"),
            ({"validation_data": (x,)}, ArgumentError, "validation_data: .*received 1 parts"),
            ({"callbacks": 3}, ArgumentError, "callbacks: expected a list"),
            ({"nb_worker": 0}, ArgumentError, "nb_worker: expected a whole number of at least 1"),
            ({"pickle_safe": "no"}, ArgumentError, "pickle_safe: expected True or False"),
            ({"verbose": 3}, ArgumentError, "verbose: expected one of"),
        ):
            given = {
                "generator": batches(x, y, sizes=[2]),
                "samples_per_epoch": 4,
                "nb_epoch": 1,
                "verbose": 0,
            }
            with pytest.raises(error, match=message):
                model.fit_generator(**{**given, **keywords})

    def test_by_position_as_in_keras_1_2(self):
        x, y = data(4)
        one_by_one = (batches(x, y, sizes=[2]), 4, 3, 0, None, None, None, None, 10, 1, False, 2)
        assert linear().fit_generator(*one_by_one).epoch == [2]


class TestEvaluateAndPredict:
    """Evaluations and predictions of batches give what those of whole arrays give."""

    def test_evaluation(self):
        x, y = data(7)
        w = np.array([1.0, 0.0, 2.0, 0.5, 0.0, 3.0, 1.0])
        model = linear()
        value = model.evaluate_generator(batches(x, y, w, sizes=[3]), 7)
        assert value == model.evaluate(x, y, batch_size=3, sample_weight=w, verbose=0)

    @pytest.mark.parametrize("parts", [1, 2, 3])
    def test_prediction(self, parts):
        x, y = data(7)
        model = linear()
        model.train_on_batch(x, y)
        feed = (item[:parts] for item in batches(x, y, np.ones(7), sizes=[3]))
        if parts == 1:
            feed = (item[0] for item in feed)
        predicted = model.predict_generator(feed, 7)
        np.testing.assert_array_equal(predicted, model.predict(x, batch_size=3))

    def test_predictions_are_of_val_samples_samples(self, caplog):
        x, _ = data(8)
        model = linear()
        with caplog.at_level(logging.WARNING, "graphc"):
            predicted = model.predict_generator((x for _ in range(2)), 5)
        np.testing.assert_array_equal(predicted, model.predict(x[:5]))
        assert (
            "8 samples together, more than val_samples=5; those beyond are left out" in caplog.text
        )

    def test_predictions_of_several_shapes(self):
        model = Sequential([Activation("linear", input_shape=(None, 3))])
        feed = (np.zeros((2, steps, 3)) for steps in (4, 5))
        with pytest.raises(
            ShapeError, match=r"expected \(4, 3\) after .* received \(5, 3\) .*from sample 2 on"
        ):
            model.predict_generator(feed, 4)

    def test_items_that_are_no_inputs(self):
        with pytest.raises(ArgumentError, match=r"expected x, \(x, y\) or .*received 4 parts"):
            linear().predict_generator(iter([(1, 2, 3, 4)]), 4)


class TestQueue:
    """Batches are made ahead, in order, by a thread that an event ends."""

    def test_items_come_in_order_until_the_end(self):
        items, stop = generator_queue(iter(range(5)), max_q_size=2, wait_time=0.01)
        assert [items.get() for _ in range(5)] == [0, 1, 2, 3, 4]
        for _ in range(2):
            with pytest.raises(StopIteration):
                items.get()
        assert not stop.is_set()

    def test_as_many_are_made_ahead_as_it_holds(self):
        made = []
        ready = threading.Event()

        def generate():
            for k in itertools.count():
                made.append(k)
                if k == 3:
                    ready.set()
                yield k

        with GeneratorQueue(generate(), 3, 0.01, "test") as items:
            items.begin()
            assert ready.wait(10)  # three wait in the queue, and the fourth for room
            assert items.get() == 0
            assert len(made) <= 5
        assert len(made) <= 6

    def test_the_event_ends_the_thread(self):
        items, stop = generator_queue(itertools.count(), wait_time=0.001)
        assert items.get() == 0
        stop.set()
        items.close()

    def test_arguments(self):
        with pytest.raises(ArgumentError, match="wait_time: expected seconds above 0"):
            generator_queue(iter([1]), wait_time=0)
        with pytest.raises(ArgumentError, match="generator_queue: max_q_size: expected a whole"):
            generator_queue(iter([1]), max_q_size=0)

    def test_an_enqueuer_is_started_and_stopped(self):
        enqueuer = GeneratorEnqueuer(iter(range(3)))
        assert not enqueuer.is_running()
        enqueuer.start(max_q_size=2, wait_time=0.01)
        assert enqueuer.is_running()
        with pytest.raises(ArgumentError, match="it is running; call stop first"):
            enqueuer.start()
        assert [enqueuer.queue.get() for _ in range(3)] == [0, 1, 2]
        enqueuer.stop()
        assert not enqueuer.is_running()
        assert enqueuer.queue is None
        enqueuer.stop()

    def test_a_generator_that_does_not_come_back(self, caplog, monkeypatch):
        monkeypatch.setattr("graphc.engine.data.generators._MOST_SECONDS_TO_END", 0.01)
        held = threading.Event()

        def stuck():
            held.wait()
            yield 1

        with caplog.at_level(logging.WARNING, "graphc"):
            items = GeneratorQueue(stuck(), 1, 0.01, "model.fit_generator")
            items.begin()
            items.close()
        assert "model.fit_generator: the generator is still making a batch after" in caplog.text
        held.set()
        for thread in items._threads:
            thread.join()
