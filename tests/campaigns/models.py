"""Random layer models that train, are stopped, and go on from a file to the same bits."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from graphc.callbacks import Callback, ModelCheckpoint
from graphc.config import config
from graphc.engine import Model
from graphc.models import load_model, model_from_json
from tests.campaigns.campaign import Campaign, Cases, Result
from tests.campaigns.random_models import BATCH, Program, drawn
from tests.files.resumed_programs import FUNCTIONS

ROOT = Path(__file__).parents[2]
STOP, EPOCHS = 1, 3

ROUNDING = 5e-7
"""A relative change of each weight and input, of some units in the last place of float32."""

ROUNDINGS = 4
FACTOR = 50.0
"""The factor by which native code may be further from the interpreter than the rounded runs: it
rounds in every sum, those in the inputs and weights only."""

Arrays = dict[str, np.ndarray]


class _Kill(Callback):
    """Kills the process behind a batch of the epoch that follows the one of the file."""

    def on_batch_end(self, batch: int, logs: object = None) -> None:
        if self.model.epochs_done == STOP:
            os.kill(os.getpid(), signal.SIGKILL)


def _trained(program: Program, model: Model, first: int, last: int) -> Arrays:
    """Train further epochs; all that came out."""
    history = model.fit(
        *program.data, nb_epoch=last, initial_epoch=first, **program.arguments
    ).history
    return {name: np.array(values) for name, values in history.items()} | _state(program, model)


def _stepped(program: Program, model: Model, first: int, last: int) -> Arrays:
    """Train on single batches; all that came out."""
    losses = [
        model.train_on_batch(*program.rows(BATCH * (k % 2), BATCH * (k % 2 + 1)))
        for k in range(first, last)
    ]
    return {"losses": np.array(losses)} | _state(program, model)


def _state(program: Program, model: Model) -> Arrays:
    state = {f"weight {k}": value for k, value in enumerate(model.get_weights())}
    state |= {f"optimizer {k}": one for k, one in enumerate(model.optimizer.get_state())}
    return state | _predicted(program, model) | {"generator": np.random.rand(3)}


def _predicted(program: Program, model: Model) -> Arrays:
    found = model.predict(program.x, batch_size=BATCH)
    found = list(found.values()) if isinstance(found, dict) else found
    found = found if isinstance(found, list) else [found]
    return {f"prediction {k}": value for k, value in enumerate(found)}


def _differing(one: Arrays, other: Arrays) -> str:
    """The first value that is not the other's to the last bit; empty where there is none."""
    if set(one) != set(other):
        return f"{sorted(set(one) ^ set(other))} is in one of the two alone"
    for name, value in one.items():
        if value.dtype != other[name].dtype or value.tobytes() != other[name].tobytes():
            return f"{name}: {value!r} is not {other[name]!r}"
    return ""


def _resumed(program: Program, folder: Path, number: int) -> str:
    """Compare training that a file carries on with training that goes on, by fit or by batches."""
    train = _stepped if number % 3 == 0 else _trained
    path = folder / "model.h5"
    train(program, program.model, 0, STOP)
    program.model.save(path)
    whole = train(program, program.model, STOP, EPOCHS)
    np.random.seed(99)  # a file brings its own
    resumed = train(program, load_model(path, FUNCTIONS), STOP, EPOCHS)
    return _differing(whole, resumed)


def _killed(program: Program, cases: Cases, index: int, folder: Path) -> str:
    """Compare training in one piece with training in a process that is killed, and in this one."""
    whole = _trained(program, program.model, 0, EPOCHS)
    command = [sys.executable, "-m", __spec__.name, str(cases.seed), str(index), str(folder)]
    stopped = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if stopped.returncode != -signal.SIGKILL:
        return f"the process that was to be killed ended with {stopped}"
    np.random.seed(99)
    model = load_model(folder / "model.h5", FUNCTIONS)
    resumed = _trained(program, model, STOP, EPOCHS)
    later = {name: value[STOP:] if name in model.history.history else value
             for name, value in whole.items()}  # fmt: skip
    return _differing(later, resumed)


def _weights_alone(program: Program, folder: Path) -> str:
    """Compare a model with one of its description, with its file of weights."""
    path, model = folder / "weights.h5", program.model
    model.save_weights(path, overwrite=True)
    other = model_from_json(model.to_json(), FUNCTIONS)
    other.load_weights(path)
    if '"Lambda"' in model.to_json():
        return ""  # its noise, of which a file of weights knows nothing, is in predictions too
    found = []
    for one in (model, other):
        one.reset_states()
        found.append(_predicted(program, one))
    return _differing(*found)


def native_fault(program: Program, folder: Path) -> str:
    """Return where native code differs from the interpreter, over an epoch from one file; empty
    where it does not.

    Native code may differ by what rounding makes. That is measured: the interpreter runs again from
    inputs and weights that are changed in their last bits.
    """
    path = folder / "begun.h5"
    program.model.save(path)
    runs = []
    for k in range(ROUNDINGS + 1):
        runs.append(_rounded(program, path, k))
    expected, *rounded = runs
    with config.changed():
        config.cpu = "native"
        native = _rounded(program, path, 0)
    for name, value in expected.items():
        size = np.abs(value[np.isfinite(value)]).max(initial=0.0)
        spread = max(_distance(value, one[name]) for one in rounded)
        bound = FACTOR * spread + 4 * ROUNDING * size + 1e-9
        if not _distance(value, native[name]) <= bound:
            return (
                f"{name}: native code is {_distance(value, native[name]):.3g} from the "
                f"interpreter, expected at most {bound:.3g}\n{native[name]!r}\n{value!r}"
            )
    return ""


def _rounded(program: Program, path: Path, number: int) -> Arrays:
    """Return the results of an epoch from the file; by the interpreter, but for number 0 from
    weights and inputs that are rounded in another way."""
    model, rng = load_model(path, FUNCTIONS), np.random.default_rng(number)

    def changed(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: changed(one) for name, one in value.items()}
        if isinstance(value, list):
            return [changed(one) for one in value]
        if number == 0 or value.dtype.kind != "f":
            return value
        return value * (1 + rng.choice([-ROUNDING, ROUNDING], value.shape)).astype("float32")

    model.set_weights(changed(model.get_weights()))
    rounded = Program(model, changed(program.x), program.y, program.arguments)
    before = _predicted(rounded, model)
    model.fit(*rounded.data, nb_epoch=model.epochs_done + 1, initial_epoch=model.epochs_done,
              **program.arguments)  # fmt: skip
    after = {f"weight {k}": value for k, value in enumerate(model.get_weights())}
    return {f"{name} before": value for name, value in before.items()} | after


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    """The largest difference; infinite where a NaN or an infinity is in one of them alone."""
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    with np.errstate(invalid="ignore"):
        difference = np.where(same, 0.0, np.abs(one.astype("float64") - other))
    return float(np.where(np.isnan(difference), np.inf, difference).max(initial=0.0))


def run(cases: Cases) -> Iterator[Result]:
    """Yield what each model gives."""
    config.cpu = "numpy"
    for index in cases:
        rng = cases.random(index)
        program = drawn(rng)
        native, killed = rng.random() < cases.options.native / 100, rng.random() < 0.1
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            fault = (
                _killed(program, cases, index, folder)
                if killed
                else _resumed(program, folder, index)
            )
            fault = fault or _weights_alone(program, folder)
            if native and not fault:
                fault = native_fault(program, folder)
        counts = {type(program.model).__name__: 1, "native": int(native), "killed": int(killed)}
        yield Result(index, fault, counts)


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--native", type=int, default=20, help="percent that native code is compared on"
    )


CAMPAIGN = Campaign("models", __doc__, run, _add_options, group=10, limit=900)


def main(seed: str, index: str, folder: str) -> None:
    """Train the model of a case until the process is killed."""
    config.cpu = "numpy"
    cases = Cases(int(seed), 0, 0, argparse.Namespace())
    program = drawn(cases.random(int(index)))
    save = ModelCheckpoint(str(Path(folder) / "model.h5"), save_weights_only=False)
    program.model.fit(
        *program.data, nb_epoch=EPOCHS, callbacks=[save, _Kill()], **program.arguments
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
