"""Processes killed while they save, train with a ModelCheckpoint, or fill the kernel cache.

Behind each kill a file is the old one or the new one, whole; the next save leaves nothing else in
the folder; a cache gives the next process right values.
"""

from __future__ import annotations

import os
import random
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np

import graphc
from graphc import graph as g
from graphc.callbacks import Callback, ModelCheckpoint
from graphc.config import config
from graphc.errors import GraphcError
from graphc.layers import Dense, Dropout
from graphc.models import Sequential, load_model
from tests.campaigns.campaign import Campaign, Cases, Result

EPOCHS = 40
NAME = "model.h5"


def numbered(version: int) -> Sequential:
    """A model whose weights are all this number."""
    model = Sequential([Dense(200, input_dim=500, init="zero"), Dense(100), Dense(1)])
    set_version(model, version)
    return model


def set_version(model: Sequential, version: int) -> None:
    model.set_weights([np.full_like(one, version) for one in model.get_weights()])


def save_weights(model: Sequential, path: Path) -> None:
    model.save_weights(path, overwrite=True)


def save(model: Sequential, path: Path) -> None:
    model.save(path, overwrite=True)


def in_place(model: Sequential, path: Path) -> None:
    """Write as no saver should."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            group = file.create_group(layer.name)
            names = [f"param_{k}" for k in range(len(layer.weights))]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, value in zip(names, layer.get_weights(), strict=True):
                group[name] = value


WRITERS: dict[str, Callable[[Sequential, Path], None]] = {
    one.__name__: one for one in (save_weights, save, in_place)
}


def version_in(path: Path, writer: str) -> int | None:
    """The version that a file has, None for a torn one."""
    try:
        if writer == "save":
            model = load_model(path)
        else:
            model = numbered(-1)
            model.load_weights(path)
    except GraphcError:
        return None
    values = np.unique(np.concatenate([one.ravel() for one in model.get_weights()]))
    return int(values[0]) if len(values) == 1 else None


def _killed(work: Callable[[], None], seconds: float, group: bool = False) -> int:
    """Let a forked process work, and kill it (or its group) after a time. Returns its number; a
    group has the same."""
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        try:
            work()
        finally:
            os._exit(0)
    with suppress(PermissionError):  # it may have done so itself
        os.setpgid(child, child)
    time.sleep(seconds)
    (os.killpg if group else os.kill)(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return child


class Saving:
    """A model saved again and again under the same name."""

    def __init__(self, writer: str):
        self.writer, self.write = writer, WRITERS[writer]
        self.model = numbered(0)
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            self.write(self.model, Path(folder) / NAME)
            self.window = 2.5 * (time.perf_counter() - started)

    def kill(self, folder: Path, draw: random.Random) -> tuple[str, str]:
        """Kill one process. Returns what is wrong, and what was found."""
        path = folder / NAME
        before = draw.random() < 0.75
        set_version(self.model, 1)
        if before:
            self.write(self.model, path)
        set_version(self.model, 2)

        def forever() -> None:
            while True:
                self.write(self.model, path)

        _killed(forever, draw.uniform(0, self.window))
        left = [name for name in os.listdir(folder) if name != NAME]
        found = version_in(path, self.writer) if path.exists() else 0
        if found not in ((1, 2) if before else (0, 2)):
            return f"{self.writer}: a torn file", "torn"
        set_version(self.model, 3)
        self.write(self.model, path)
        if version_in(path, self.writer) != 3:
            return f"{self.writer}: the save behind a kill", "torn"
        if os.listdir(folder) != [NAME]:
            return f"{self.writer}: left {left}, then {os.listdir(folder)}", "left"
        return "", ("missing", "older", "newer")[found]


class Training:
    """Training that saves its model behind each epoch."""

    def __init__(self) -> None:
        np.random.seed(5)
        rows = np.random.normal(size=(12, 6)).astype("float32")
        self.data = rows, rows[:, :2].copy()
        model = Sequential([Dense(50, input_dim=6), Dropout(0.5), Dense(2)])
        model.compile("adam", "mse")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / NAME
            model.save(path)
            self.begun = path.read_bytes()
            watch = _Weights()
            started = time.perf_counter()
            self.fit(load_model(path), path, watch)  # NumPy's generator begins as the file has it
            self.window = time.perf_counter() - started
        self.expected = [model.get_weights(), *watch.seen]

    def fit(self, model: Sequential, path: Path, *callbacks: Callback) -> None:
        first = model.epochs_done
        saver = ModelCheckpoint(str(path), save_weights_only=False)
        model.fit(*self.data, batch_size=4, nb_epoch=EPOCHS, initial_epoch=first, verbose=0,
                  callbacks=[saver, *callbacks])  # fmt: skip

    def kill(self, folder: Path, draw: random.Random) -> tuple[str, str]:
        """Kill one process, and train on from its file. Returns what is wrong, and what it was."""
        path = folder / NAME
        path.write_bytes(self.begun)
        model = load_model(path)
        _killed(lambda: self.fit(model, path), draw.uniform(0, self.window))
        model = load_model(path)
        if not _same(model.get_weights(), self.expected[model.epochs_done]):
            return f"training: the weights are not those of epoch {model.epochs_done}", "torn"
        resumed = model.epochs_done
        self.fit(model, path)
        if not _same(model.get_weights(), self.expected[-1]):
            return f"training: what goes on at epoch {resumed} ends elsewhere", "torn"
        if resumed < EPOCHS and os.listdir(folder) != [NAME]:
            return f"training: {os.listdir(folder)} is left", "left"
        return "", "trained"


class _Weights(Callback):
    """Keeps the weights behind each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[list[np.ndarray]] = []

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        self.seen.append(self.model.get_weights())


def _same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))


class Compiling:
    """A function that is compiled into an empty cache."""

    window = 4.0  # seconds; a run of the compiler takes one, on a busy machine three

    def kill(self, folder: Path, draw: random.Random) -> tuple[str, str]:
        """Kill one process, or it and its compiler. Returns what is wrong, and what it was."""
        factor = draw.randint(2, 10**6)

        def compute() -> None:
            config.cpu, config.cuda_cache = "native", str(folder)
            x = g.input((g.BATCH, 3), name="x")
            y = graphc.function([x], g.exp(-x) * factor)(np.ones((2, 3), "float32"))
            np.testing.assert_allclose(y, np.exp(-1.0) * factor, rtol=1e-5)
            os._exit(17)

        killed = _killed(compute, draw.uniform(0, self.window), group=draw.random() < 0.5)
        child = os.fork()
        if child == 0:
            try:
                compute()
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        with suppress(ProcessLookupError):  # a compiler that outlived what had started it
            os.killpg(killed, signal.SIGKILL)
        if os.waitstatus_to_exitcode(status) != 17:
            return "cache: the process behind the kill does not get its value", "torn"
        return "", "compiled"


def run(cases: Cases) -> Iterator[Result]:
    """Yield what each kill gives."""
    config.cpu = "numpy"
    kinds = [Saving("save_weights"), Saving("save"), Training(), Compiling()]
    for index in cases:
        draw = random.Random(int(cases.random(index).integers(2**63)))
        [kind] = draw.choices(kinds, [3, 3, 2, 1])
        with tempfile.TemporaryDirectory() as folder:
            fault, found = kind.kill(Path(folder), draw)
        yield Result(index, fault, {found: 1})


CAMPAIGN = Campaign("kills", __doc__.splitlines()[0], run, group=20)
