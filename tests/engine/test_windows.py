"""Training on arrays in files: the bits of training in memory, within a stated memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import h5py
import numpy as np
import pytest

from graphc.callbacks import Callback
from graphc.config import config
from graphc.engine import Model
from graphc.engine.data.array_batches import ArrayBatches
from graphc.engine.data.batches import gone_through
from graphc.engine.data.stored import StoredArray
from graphc.engine.data.windows import Windows
from graphc.errors import DataError
from graphc.layers import Dense, Flatten, Input, merge
from graphc.models import Sequential, load_model
from graphc.rows.stored import rows_of
from graphc.utils.io_utils import Files, HDF5Matrix

COUNT = 203
random = np.random.RandomState(0)
IMAGES = random.randint(0, 256, (COUNT, 6, 5)).astype("uint8")
VECTORS = random.randn(COUNT, 4)  # float64, for a model of float32
TARGETS = random.randn(COUNT)
WEIGHTS = random.rand(COUNT)


@pytest.fixture(scope="module")
def hdf5(tmp_path_factory):
    path = tmp_path_factory.mktemp("windows") / "data.h5"
    with h5py.File(path, "w") as file:
        file["images"] = IMAGES
        file.create_dataset("chunked", data=IMAGES, chunks=(16, 3, 5))
        file.create_dataset("packed", data=IMAGES, chunks=(11, 6, 5), compression="gzip")
        file.create_dataset("vectors", data=VECTORS, chunks=(20, 4))
        file["targets"] = TARGETS
        file["weights"] = WEIGHTS
    return path


def image_model():
    model = Sequential([Flatten(input_shape=(6, 5)), Dense(3, init="zero"), Dense(1, init="one")])
    model.compile("adam", "mse")
    return model


def trained(x, y=TARGETS, model=None, **kwargs):
    """The losses, and the bytes of the weights, after training from one seed."""
    np.random.seed(5)
    model = model or image_model()
    arguments = {"batch_size": 16, "nb_epoch": 2, "verbose": 0, **kwargs}
    history = model.fit(x, y, **arguments).history
    return history, [weight.tobytes() for weight in model.get_weights()]


def memory_mapped(folder, **arrays):
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
        yield np.load(folder / f"{name}.npy", mmap_mode="r")


class TestTheBitsOfTrainingInMemory:
    @pytest.mark.parametrize(
        ("shuffle", "window"),
        [(True, "100B"), (True, "12KB"), (True, "256MB"), ("batch", "12KB"), (False, "12KB")],
    )
    def test_each_kind_of_file(self, hdf5, tmp_path, shuffle, window):
        expected = trained(IMAGES, shuffle=shuffle)
        mapped_x, mapped_y = memory_mapped(tmp_path, x=IMAGES, y=TARGETS)
        np.save(tmp_path / "first.npy", IMAGES[:90])
        with (
            config.changed(read_window=window),
            h5py.File(hdf5) as file,
            HDF5Matrix(hdf5, "targets") as matrix,
            Files([tmp_path / "first.npy"]) as first,
            Files([tmp_path / "x.npy"]) as whole,
        ):
            assert len(first) == 90
            for x, y in (
                (file["images"], file["targets"]),
                (file["chunked"], TARGETS),
                (file["packed"], matrix),
                (mapped_x, mapped_y),
                (whole, mapped_y),
                (IMAGES, matrix),
            ):
                assert trained(x, y, shuffle=shuffle) == expected

    def test_several_inputs_and_weights_some_in_memory(self, hdf5):
        def model():
            image, vector = Input((6, 5)), Input((4,))
            joined = merge([Flatten()(image), vector], mode="concat")
            one, other = Dense(1, init="zero", name="one"), Dense(1, init="one", name="other")
            outputs = [one(joined), other(vector)]
            model = Model([image, vector], outputs)
            model.compile("adam", "mse")
            return model

        def both(images, vectors, targets, weights):
            inputs, several = [images, vectors], [targets, TARGETS * 2]
            kwargs = {"sample_weight": [weights, WEIGHTS], "validation_split": 0.2}
            return trained(inputs, several, model(), **kwargs)

        expected = both(IMAGES, VECTORS, TARGETS, WEIGHTS)
        with config.changed(read_window="10KB"), h5py.File(hdf5) as file:
            assert both(*map(file.get, ("packed", "vectors", "targets", "weights"))) == expected
            assert both(IMAGES, file["vectors"], TARGETS, file["weights"]) == expected

    def test_training_that_goes_on_from_a_file(self, hdf5, tmp_path):
        expected = trained(IMAGES, nb_epoch=3)
        with config.changed(read_window="10KB"), HDF5Matrix(hdf5, "packed") as x:
            model = image_model()
            trained(x, model=model, nb_epoch=2)
            model.save(tmp_path / "model.h5")
            model = load_model(tmp_path / "model.h5")
            model.fit(x, TARGETS, 16, 3, 0, initial_epoch=2)
        assert [weight.tobytes() for weight in model.get_weights()] == expected[1]

    def test_a_normalizer_sees_a_batch_at_a_time(self, hdf5):
        seen = []

        def halved(rows):
            seen.append(rows.shape)
            return rows / 2

        expected = trained(IMAGES / 2, nb_epoch=1)
        with (
            config.changed(read_window="10KB"),
            HDF5Matrix(hdf5, "packed", normalizer=halved) as x,
        ):
            assert trained(x, nb_epoch=1) == expected
        assert seen == [(1, 6, 5), *[(16, 6, 5)] * 12, (11, 6, 5)]

    def test_evaluation_prediction_and_validation(self, hdf5):
        model = image_model()
        trained(IMAGES, model=model)
        loss, predicted = model.evaluate(IMAGES, TARGETS, 16, 0), model.predict(IMAGES, 16)
        with config.changed(read_window="10KB"), h5py.File(hdf5) as file:
            assert model.evaluate(file["packed"], file["targets"], 16, 0) == loss
            np.testing.assert_array_equal(model.predict(file["packed"], 16), predicted)
            history, _ = trained(
                IMAGES, nb_epoch=1, validation_data=(file["packed"], file["targets"])
            )
            in_memory, _ = trained(IMAGES, nb_epoch=1, validation_data=(IMAGES, TARGETS))
            assert history == in_memory


class Recorded:
    """An array of numbers 0, 1, 2, ..., which writes down the rows and the thread of each read.

    Args:
        fails: from this row on, reading fails.
    """

    shape: tuple[int, ...]

    def __init__(self, count, fails=None):
        self.shape = (count, 512)  # of 4096 bytes, a page
        self.read: list[tuple[int, int]] = []
        self.threads: set[threading.Thread] = set()
        self._fails = fails

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        if self._fails is not None and rows.stop > self._fails:
            raise OSError("the disk is gone")
        self.read.append((rows.start, rows.stop))
        self.threads.add(threading.current_thread())
        return np.repeat(np.arange(rows.start, rows.stop)[:, None], 512, 1).astype(float)


def stored(value):
    return StoredArray(rows_of(value), (512,), lambda block, samples: block, "input x")


def recorded(count):
    value = Recorded(count)
    array = stored(value)
    value.read.clear()
    value.threads.clear()
    return value, array


PAGE = 4096


class TestReading:
    """Rows are read once, in order, a window ahead of training."""

    def test_rows_of_a_window_are_read_in_order_neighbours_at_once(self):
        value, array = recorded(40)
        np.random.seed(0)
        with config.changed(read_window=28 * PAGE):  # two windows of 12, and a call beside
            batches = ArrayBatches([array], 4, shuffle=True)
            taken = [batch[0][:, 0] for _, batch in batches]
        order = batches.order.rows
        np.testing.assert_array_equal(np.concatenate(taken), order)
        assert batches.windows.samples == 12
        expected = []
        for start in range(0, 40, 12):
            rows = np.sort(order[start : start + 12])
            runs = np.split(rows, 1 + np.flatnonzero(np.diff(rows) > 1))
            for run in runs:  # by calls of one row, a sixteenth of 28 pages
                expected += [(row, row + 1) for row in run]
        assert value.read == expected

    def test_windows_have_whole_batches_and_the_stated_bytes(self):
        for window, samples in ((999, 40), (66, 28), (58, 24), (18, 8), (17, 8), (16, 4), (9, 4)):
            _, array = recorded(40)
            with config.changed(read_window=window * PAGE + PAGE // 2):
                made = Windows([array], 4, "fit")
            assert made.samples == samples
            assert made.nbytes <= (window + 0.5) * PAGE

    def test_a_sixteenth_of_the_window_is_read_whole_and_held(self):
        for window, samples in ((16 * 4 * PAGE, None), (16 * 4 * PAGE - 16, 4)):
            _, array = recorded(4)
            with config.changed(read_window=window):
                windows = ArrayBatches([array], 4).windows
            assert (windows and windows.samples) == samples
        arrays = [recorded(4)[1] for _ in range(3)]
        with config.changed(read_window=16 * 10 * PAGE):  # two of them, and no third
            held = [one for one in arrays if one not in ArrayBatches(arrays, 4)._in_windows]
        assert held == arrays[:2]

    def test_a_window_that_is_too_small_has_a_batch_and_a_line_in_the_log(self, caplog):
        _, array = recorded(40)
        with config.changed(read_window="20KB"):
            made = Windows([array], 4, "m.fit")
        assert (made.samples, made.nbytes) == (4, 9 * PAGE)
        assert caplog.messages == [
            "m.fit: read_window=20KB is too small for two batches of 4 samples, 4.0 KB each in "
            "files, and the 4.0 KB that reading takes beside them; 36.0 KB are taken"
        ]

    def test_a_window_is_read_ahead_and_no_more_than_one(self):
        value, array = recorded(40)
        begun, seen = threading.Event(), []
        plain = Recorded.__getitem__

        class Ahead(Recorded):
            def __getitem__(self, rows):
                if rows.start == 12:
                    begun.set()
                return plain(self, rows)

        value.__class__ = Ahead
        with config.changed(read_window=28 * PAGE):
            for _, batch in ArrayBatches([array], 4):
                if not seen:
                    assert begun.wait(10)  # while the first batch of the first window is used
                seen.append(batch[0][0, 0])
                assert max(value.read)[1] <= seen[-1] // 12 * 12 + 24
        assert seen == list(range(0, 40, 4))
        assert threading.current_thread() not in value.threads


def threads():
    return {one for one in threading.enumerate() if one is not threading.current_thread()}


class TestWhatGoesWrong:
    """Errors of the thread that reads reach the caller, and the thread ends."""

    def test_errors_of_the_thread_reach_the_caller(self):
        before = threads()
        model = Sequential([Dense(1, input_dim=512, init="zero")])
        model.compile("sgd", "mse")
        value = Recorded(40, fails=30)
        with config.changed(read_window=10 * PAGE):
            with pytest.raises(OSError, match="the disk is gone"):
                model.fit(value, np.zeros(40), 4, 1, 0)
            with pytest.raises(OSError, match="the disk is gone"):
                model.predict(value, 4)
        assert threads() == before

    def test_a_file_that_is_cut_while_it_is_read(self, tmp_path):
        class Cutting(Callback):
            def on_batch_end(self, batch, logs=None):
                os.truncate(path, 1000)

        for name, kwargs in (
            ("plain.h5", {}),
            ("packed.h5", {"chunks": (8, 6, 5), "compression": "gzip"}),
            ("x.npy", None),
        ):
            path = tmp_path / name
            if kwargs is None:
                np.save(path, IMAGES)
                x = Files([path])
            else:
                with h5py.File(path, "w") as file:
                    file.create_dataset("x", data=IMAGES, **kwargs)
                x = HDF5Matrix(path, "x")
            with (
                x,
                config.changed(read_window="2KB"),
                pytest.raises(DataError, match=rf"flatten.*{name}.*samples .* cannot be read"),
            ):
                trained(x, callbacks=[Cutting()])

    def test_an_error_or_an_interrupt_in_a_callback_ends_the_thread(self):
        model = Sequential([Dense(1, input_dim=512, init="zero")])
        model.compile("sgd", "mse")
        before = threads()
        for error in (KeyboardInterrupt, ZeroDivisionError):

            class Raising(Callback):
                def on_batch_end(self, batch, logs=None, error=error):
                    if batch == 2:
                        raise error

            with config.changed(read_window=10 * PAGE), pytest.raises(error):
                model.fit(Recorded(40), np.zeros(40), 4, 1, 0, [Raising()])
            assert threads() == before

    @pytest.mark.usefixtures("interruptible")
    def test_an_interrupt_while_a_window_is_waited_for(self):
        class Interrupted(Recorded):
            def __getitem__(self, rows):
                if rows.stop > 20:
                    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
                    time.sleep(0.05)  # the read goes on while the caller is interrupted
                return super().__getitem__(rows)

        value, before = Interrupted(40), threads()
        with config.changed(read_window=10 * PAGE):
            batches = ArrayBatches([stored(value)], 4)
            with pytest.raises(KeyboardInterrupt), gone_through(batches) as epoch:
                for _ in epoch:
                    pass
        assert threads() == before
        assert max(value.read)[1] < 40

    def test_training_that_stops_reads_no_further_epoch(self):
        class Stopping(Callback):
            def on_epoch_end(self, epoch, logs=None):
                self.model.stop_training = True

        model = Sequential([Dense(1, input_dim=512, init="zero")])
        model.compile("sgd", "mse")
        value, before = Recorded(40), threads()
        with config.changed(read_window=10 * PAGE):
            model.fit(value, np.zeros(40), 4, 5, 0, [Stopping()], shuffle=False)
        assert sum(stop - start for start, stop in value.read[1:]) == 40
        assert threads() == before


MEMORY = """
import ctypes
import sys
import h5py
import numpy as np
from graphc.config import config
from graphc.layers import Dense
from graphc.models import Sequential
from graphc.utils.io_utils import Files, HDF5Matrix

def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) << 10

folder = sys.argv[1]
config.cpu, config.read_window = "numpy", "4MB"
model = Sequential([Dense(1, input_dim=4096, init="zero")])
model.compile("sgd", "mse")
for x in (
    HDF5Matrix(folder + "/x.h5", "contiguous"),
    np.load(folder + "/x.npy", mmap_mode="r"),
    Files([folder + "/x.npy", folder + "/x.npy"]),
    Files([folder + "/x.h5"], "chunked"),
    HDF5Matrix(folder + "/x.h5", "chunked"),
):
    config.shuffle_folder = folder if isinstance(x, HDF5Matrix) else ""
    y = np.zeros(len(x))
    model.evaluate(x, y, 32, 0)
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak is that from here on
    before = peak()
    model.fit(x, y, 32, 1, 0)
    print(peak() - before, len(x) * 4096, [one.shuffled for one in model.read_report().arrays])
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/clear_refs"), reason="asks Linux for the peak")
def test_memory_stays_within_the_window(tmp_path):
    """A window of 4 MB over 20 and 40 MB, beside batches of 0.5 MB as floats, a few of which are
    there at a time, and 2 MB that Linux maps around what is read of a memory-mapped file."""
    rows = np.random.RandomState(0).randint(0, 255, (5_000, 4096), "uint8")
    np.save(tmp_path / "x.npy", rows)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["contiguous"] = rows
        file.create_dataset("chunked", data=rows, chunks=(8, 4096))
    command = [sys.executable, "-c", MEMORY, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        taken, size = map(int, line.split()[:2])
        assert size > 20_000_000
        assert taken < 10 << 20
    assert [line.split()[2] for line in done.stdout.splitlines()] == [*["[False]"] * 4, "[True]"]
