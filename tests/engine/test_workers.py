"""Several threads and processes that call a generator."""

from __future__ import annotations

import itertools
import logging
import multiprocessing
import os
import threading

import numpy as np
import pytest

from graphc.engine.data.generators import GeneratorEnqueuer, generator_queue
from graphc.errors import DataError
from graphc.layers import Dense
from graphc.models import Sequential
from graphc.optimizers import SGD


class Together:
    """Batches of ones, of which none is ready before so many calls wait for the first ones."""

    def __init__(self, calls):
        self.barrier = threading.Barrier(calls)
        self.met = threading.Event()

    def __next__(self):
        if not self.met.is_set():
            self.barrier.wait(timeout=20)
            self.met.set()
        return np.ones((2, 1)), np.zeros((2, 1))


class OfThisProcess:
    """Items that tell who made them, and what was drawn there."""

    def __init__(self, items=None):
        self.items = iter(items or itertools.count())

    def __next__(self):
        return next(self.items), os.getpid(), np.random.randint(2**31)


def linear():
    model = Sequential([Dense(1, input_dim=1, init="one")])
    model.compile(SGD(0.0), "mse")
    return model


def all_of(queue):
    found = []
    with pytest.raises(StopIteration):
        while True:
            found.append(queue.get(timeout=20))
    return found


def test_threads_call_a_generator_at_once():
    model = linear()
    history = model.fit_generator(Together(3), 12, 1, verbose=0, nb_worker=3)
    assert history.history["loss"] == [1.0]
    assert model.evaluate_generator(Together(2), 4, nb_worker=2) == 1.0


def test_threads_call_a_validation_generator_at_once():
    history = linear().fit_generator(
        Together(1), 4, 1, verbose=0, validation_data=Together(3), nb_val_samples=6, nb_val_worker=3
    )
    assert history.history["val_loss"] == [1.0]


def test_workers_beside_validation_arrays_are_logged(caplog):
    data = np.ones((2, 1)), np.zeros((2, 1))
    with caplog.at_level(logging.WARNING, "graphc"):
        linear().fit_generator(Together(1), 4, 1, verbose=0, validation_data=data, nb_val_worker=2)
    assert "nb_val_worker=2 has no effect" in caplog.text


def test_a_generator_function_is_called_by_one_thread():
    def batches():
        while True:
            yield np.ones((2, 1)), np.zeros((2, 1))

    with pytest.warns(UserWarning, match=": nb_worker=4: no effect, Python lets one thread"):
        linear().fit_generator(batches(), 4, 1, verbose=0, nb_worker=4)
    with pytest.warns(UserWarning, match=": nb_val_worker=2: no effect, Python lets one thread"):
        linear().fit_generator(
            Together(1),
            *(4, 1),
            verbose=0,
            validation_data=batches(),
            nb_val_samples=4,
            nb_val_worker=2,
        )


def test_outputs_keep_the_order_of_the_batches():
    x = np.arange(6.0)[:, None]
    with pytest.warns(UserWarning, match="nb_worker=2: no effect, the outputs are in the order"):
        found = linear().predict_generator(iter(np.split(x, 3)), 6, nb_worker=2)
    np.testing.assert_array_equal(found, x)


def test_the_end_comes_behind_the_items_of_all_threads():
    items, _ = generator_queue(iter(range(40)), max_q_size=3, nb_worker=4)
    assert sorted(all_of(items)) == list(range(40))
    items.close()


def test_what_one_thread_raises_is_raised():
    def failing(k):
        if k == 3:
            raise KeyError("mine")
        return k

    items, _ = generator_queue(map(failing, range(40)), nb_worker=2)
    with pytest.raises(KeyError, match="mine"):
        all_of(items)
    items.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
class TestProcesses:
    def made(self, generator, count=2, **options):
        enqueuer = GeneratorEnqueuer(generator, pickle_safe=True)
        enqueuer.start(nb_worker=count, **options)
        return enqueuer

    def test_each_has_a_copy_and_a_seed_of_its_own(self):
        runs = []
        for _ in range(2):
            np.random.seed(5)
            enqueuer = self.made(OfThisProcess([0, 1]))
            found = all_of(enqueuer.queue)
            enqueuer.stop()
            by_process = {}
            for item, process, draw in found:
                by_process.setdefault(process, []).append((item, draw))
            assert os.getpid() not in by_process
            assert [[item for item, _ in one] for one in by_process.values()] == [[0, 1]] * 2
            runs.append(sorted(draw for _, _, draw in found))
        assert len(set(runs[0])) == 4
        assert runs[0] == runs[1]

    def test_they_end_with_the_training(self):
        model = linear()
        x, y = np.ones((2, 1)), np.zeros((2, 1))
        history = model.fit_generator(
            itertools.repeat((x, y)), 8, 2, verbose=0, nb_worker=2, pickle_safe=True, max_q_size=1
        )
        assert history.history["loss"] == [1.0, 1.0]
        assert multiprocessing.active_children() == []

    def test_what_one_raises_is_raised_and_says_where(self):
        enqueuer = self.made((1 // k for k in (1, 0)), 1)
        assert enqueuer.queue.get(timeout=20) == 1
        with pytest.raises(ZeroDivisionError) as raised:
            enqueuer.queue.get(timeout=20)
        assert "test_workers.py" in raised.value.__notes__[0]
        enqueuer.stop()

    def test_what_pickle_does_not_take_is_an_error(self):
        enqueuer = self.made(iter([lambda: 0]), 1)
        with pytest.raises(Exception, match="pickle"):
            enqueuer.queue.get(timeout=20)
        enqueuer.stop()

    def test_one_that_dies_is_an_error(self):
        enqueuer = self.made(map(os._exit, [7]), 1)
        with pytest.raises(DataError, match="makes batches .* ended with the exit code 7"):
            enqueuer.queue.get(timeout=20)
        enqueuer.stop()
