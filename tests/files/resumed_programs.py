"""Programs that are stopped at the end of an epoch, and go on in another process.

    python -m tests.files.resumed_programs FOLDER

Three stages run every program, each in a process of its own, forked from one that has imported
graphc and done nothing with it: ``whole`` from the first epoch to the last; ``stopped`` is killed
behind epoch STOP, and leaves files of models in the folder; ``resumed`` loads these and goes on.
The first and the last write what came out, there too.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from graphc import backend as K
from graphc.callbacks import Callback, LearningRateScheduler, ModelCheckpoint
from graphc.config import config
from graphc.engine import Input, Model
from graphc.layers import (
    GRU,
    LSTM,
    AutoEncoder,
    BatchNormalization,
    Dense,
    Dropout,
    Embedding,
    GaussianNoise,
    Lambda,
    TimeDistributed,
    merge,
)
from graphc.models import Graph, Sequential, load_model
from graphc.optimizers import SGD, Adam

STOP, EPOCHS = 2, 4
SAMPLES = 20

RNG = np.random.default_rng(7)
ROWS = RNG.normal(size=(SAMPLES, 6)).astype("float32")
SERIES = RNG.normal(size=(SAMPLES, 3, 2)).astype("float32")
WORDS = RNG.integers(0, 9, (SAMPLES, 4))
TARGETS = RNG.normal(size=(SAMPLES, 2)).astype("float32")


def noisy(x):
    """Its key is drawn when the layer is used, and no layer keeps it."""
    return K.dropout(x, 0.2)


def fourth_power(y_true, y_pred):
    return K.mean(K.square(K.square(y_pred - y_true)), axis=-1)


FUNCTIONS = {"noisy": noisy, "fourth_power": fourth_power}


def chain() -> Model:
    model = Sequential(
        [
            Dense(8, input_dim=6, activation="tanh"),
            BatchNormalization(),
            Dropout(0.4),
            Lambda(noisy),
            GaussianNoise(0.1),
            Dense(2),
        ]
    )
    model.compile(Adam(lr=0.01, clipnorm=2.0), fourth_power, metrics=["mae"])
    return model


def stateful() -> Model:
    lstm = LSTM(4, stateful=True, batch_input_shape=(5, 3, 2), dropout_W=0.3, dropout_U=0.2)
    model = Sequential([lstm, BatchNormalization(mode=1), Dropout(0.3), Dense(2)])
    model.compile("adam", "mse")
    return model


def branches() -> Model:
    code = Sequential([Dense(5, input_dim=6, activation="relu"), Dropout(0.5)])
    left, right = Input((6,)), Input((6,))
    steps = Input((3, 2))
    rest = TimeDistributed(Dropout(0.3))(steps)
    rest = GRU(3)(rest)
    frozen = Dense(4, trainable=False)
    both = frozen(merge([code(left), code(right), rest], mode="concat"))
    one, two = Dense(2, name="one")(both), Dense(1, name="two")(GaussianNoise(0.2)(both))
    model = Model([left, right, steps], [one, two])
    optimizer = SGD(lr=0.05, momentum=0.9, decay=0.01, nesterov=True)
    model.compile(optimizer, {"one": "mse", "two": "mae"}, loss_weights={"two": 0.5})
    return model


def named() -> Model:
    graph = Graph()
    graph.add_input(name="words", input_shape=(4,), dtype="int")
    graph.add_node(Embedding(9, 3, dropout=0.2), name="vectors", input="words")
    graph.add_node(LSTM(4, dropout_U=0.2), name="code", input="vectors")
    graph.add_node(Dense(2), name="last", input="code")
    graph.add_output(name="score", input="last")
    graph.compile("adadelta", {"score": "mse"})
    return graph


def coded() -> Model:
    encoder = Sequential([Dense(3, input_dim=6), Dropout(0.2)])
    model = Sequential([AutoEncoder(encoder, Dense(6)), Dense(2)])
    model.compile("adamax", "mse", sample_weight_mode=None)
    return model


ARRAYS = {"x": ROWS, "y": TARGETS, "batch_size": 8}
BRANCHES = {"x": [ROWS, ROWS[::-1], SERIES], "y": [TARGETS, TARGETS[:, :1]], "batch_size": 6}
PROGRAMS: dict[Callable[[], Model], dict[str, Any]] = {
    chain: {**ARRAYS, "validation_split": 0.2},
    stateful: {
        "x": SERIES,
        "y": TARGETS,
        "batch_size": 5,
        "shuffle": "batch",
        "validation_data": (SERIES, TARGETS),
    },
    branches: BRANCHES,
    named: {"data": {"words": WORDS, "score": TARGETS}, "batch_size": 8},
    coded: {**ARRAYS, "shuffle": False},
}


class Kill(Callback):
    """Ends training as an interrupt does; in the last program it kills the process."""

    def __init__(self, kills: bool):
        super().__init__()
        self.kills = kills

    def on_batch_end(self, batch, logs=None):
        if self.model.epochs_done == STOP and batch == 1:
            if self.kills:
                os.kill(os.getpid(), signal.SIGKILL)
            raise KeyboardInterrupt


def halved(epoch: int) -> float:
    return 0.02 * 0.5**epoch


def run(
    make: Callable[[], Model], folder: Path, model: Model, callbacks: Iterable[Callback] = ()
) -> None:
    """Train up to the last epoch, and write what came out."""
    history = train(make, model, callbacks)
    out = {f"weight {k}": value for k, value in enumerate(model.get_weights())}
    out |= {name: values[STOP - EPOCHS :] for name, values in history.items()}
    out["prediction"] = first(model.predict(*inputs_of(make), batch_size=5))
    out["loss on a batch"] = first(model.train_on_batch(*batch_of(make)))
    out["generator"] = np.random.rand(3)
    np.savez(folder / f"{make.__name__}.npz", **out)


def train(make, model, callbacks=()):
    arguments = PROGRAMS[make]
    callbacks = [LearningRateScheduler(halved), *callbacks]
    first_epoch = model.epochs_done
    return model.fit(
        **arguments,
        nb_epoch=EPOCHS,
        verbose=0,
        callbacks=callbacks,
        initial_epoch=first_epoch,
    ).history


def inputs_of(make):
    arguments = PROGRAMS[make]
    return (arguments["data"] if "data" in arguments else arguments["x"],)


def batch_of(make):
    arguments = PROGRAMS[make]
    if "data" in arguments:
        return ({name: value[:5] for name, value in arguments["data"].items()},)
    return [
        [one[:5] for one in several] if isinstance(several, list) else several[:5]
        for several in (arguments["x"], arguments["y"])
    ]


def first(values):
    values = list(values.values()) if isinstance(values, dict) else values
    return values[0] if isinstance(values, list) else values


def main(folder: str, device: str = "cpu", programs: Sequence = tuple(PROGRAMS)) -> None:
    """Run the three stages of programs; those that do not need each other at once."""
    for name in ("whole", "resumed"):
        (Path(folder) / name).mkdir()
    for stages in (("whole", "stopped"), ("resumed",)):
        begun = {stage: _forked(stage, folder, device, programs) for stage in stages}
        for stage, process in begun.items():
            code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
            expected = -signal.SIGKILL if stage == "stopped" else 0
            assert code == expected, f"{stage} ended with {code}"


def _forked(stage: str, folder: str, device: str, programs: Sequence) -> int:
    process = os.fork()
    if process == 0:
        try:
            config.device = device
            run_stage(stage, folder, programs)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return process


def run_stage(stage: str, folder: str, programs: Sequence) -> None:
    """Run one stage of programs."""
    for number, make in enumerate(programs, start=1):
        path = Path(folder) / f"{make.__name__}.h5"
        if stage == "resumed":
            run(make, Path(folder) / "resumed", load_model(path, FUNCTIONS))
            continue
        np.random.seed(number)
        model = make()
        if stage == "whole":
            run(make, Path(folder) / "whole", model)
            continue
        save = ModelCheckpoint(str(path), save_weights_only=False)
        try:
            # The file that the last epoch before the kill left is the one that counts.
            train(make, model, [save, Kill(kills=make is programs[-1])])
        except KeyboardInterrupt:
            continue


def run_stages(folder: Path, command: Iterable[str]) -> None:
    """Run `main` in a process that `command` begins."""
    done = subprocess.run([*command, str(folder)], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr


def check_equal(make: Callable[[], Model], folder: Path) -> None:
    """Check that a run that was stopped and resumed gives the bits of one that was not."""
    whole, resumed = (
        np.load(folder / one / f"{make.__name__}.npz") for one in ("whole", "resumed")
    )
    assert set(whole) == set(resumed)
    for name in whole:
        assert whole[name].dtype == resumed[name].dtype
        assert np.isfinite(whole[name]).all()
        assert whole[name].tobytes() == resumed[name].tobytes(), name
    assert len(whole["loss"]) == EPOCHS - STOP


if __name__ == "__main__":
    main(*sys.argv[1:])
