"""A process that trains and saves while a call of the C library fails, for `failures.py`.

One request a line, one answer. `failing_calls.c` has to be preloaded. The process makes a model and
the steps of its training once; each request is done by a fork of it, which may crash or hang.
"""

from __future__ import annotations

import ctypes
import faulthandler
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import graphc
from graphc.callbacks import ModelCheckpoint
from graphc.config import config
from graphc.errors import GraphcError, StorageError
from graphc.layers import GRU, Dense, Dropout
from graphc.models import Sequential, load_model
from tests.campaigns.interrupts import State, state_of

FUNCTIONS = ("write", "fsync", "rename", "open", "allocate", "map", "execute", "fork")
"""In the order of the C program's numbers, from 1 on."""

SECONDS = 600  # a cold case compiles, which takes minutes on a busy machine
OWN = os.path.dirname(graphc.__file__)
EPOCHS, BATCH, SAMPLES = 2, 4, 12
BATCHES = [(start, start + BATCH) for start in range(0, SAMPLES, BATCH)]
NEVER = 1 << 62


class Failing:
    """The preloaded library."""

    def __init__(self) -> None:
        library = ctypes.CDLL(None)
        self._arm, self._disarm = library.failing_arm, library.failing_disarm
        self._arm.argtypes = [ctypes.c_int, ctypes.c_long, ctypes.c_int, ctypes.c_long]
        self._disarm.restype = ctypes.c_long

    def arm(self, function: str, first: int, error: int, last: int) -> None:
        self._arm(1 + FUNCTIONS.index(function), first, error, last + 1)

    def disarm(self) -> int:
        """Let all calls go well. Returns how many there were."""
        return self._disarm()


class Training:
    """A model, its data and what it is after each step."""

    def __init__(self, folder: Path):
        np.random.seed(3)
        self.x = np.random.normal(size=(SAMPLES, 3, 4)).astype("float32")
        self.y = np.random.normal(size=(SAMPLES, 2)).astype("float32")
        model = Sequential([GRU(30, input_shape=(3, 4)), Dropout(0.5), Dense(2)])
        model.compile("adam", "mse")
        self.begun = folder / "begun.h5"
        model.save(self.begun)
        model = load_model(self.begun)
        self.states = [state_of(model)]
        for start, stop in BATCHES * EPOCHS:
            model.train_on_batch(self.x[start:stop], self.y[start:stop])
            self.states.append(state_of(model))

    def fit(self, model: Any, path: Path) -> None:
        saver = ModelCheckpoint(str(path), save_weights_only=False)
        model.fit(self.x, self.y, batch_size=BATCH, nb_epoch=EPOCHS, verbose=0, shuffle=False,
                  initial_epoch=model.epochs_done, callbacks=[saver])  # fmt: skip

    def steps_of(self, model: Any) -> int:
        """Return the number of steps that a model has done, -1 where its state is that of no
        step."""
        state = state_of(model)
        found = [number for number, one in enumerate(self.states) if agrees(one, state)]
        return found[-1] if found else -1

    def check_goes_on(self, model: Any, steps: int) -> str:
        """Run the steps that follow. Return what is wrong; empty where nothing is."""
        for number in range(steps, len(self.states) - 1):
            start, stop = BATCHES[number % len(BATCHES)]
            model.train_on_batch(self.x[start:stop], self.y[start:stop])
            if not agrees(self.states[number + 1], state_of(model)):
                return f"step {number} behind the failure gives another state"
        return ""


def agrees(one: State, other: State) -> bool:
    """Return True if they are one state; the interpreter's and native code's may differ by
    rounding."""
    if config.cpu == "numpy":
        return one.agrees(other)
    return all(
        np.allclose(np.frombuffer(a, "float32"), np.frombuffer(b, "float32"), 1e-4, 1e-6)
        for a, b in zip(one.weights, other.weights, strict=True)
    )


def fit(training: Training, model: Any, folder: Path) -> None:
    training.fit(model, folder / "model.h5")


def save(training: Training, model: Any, folder: Path) -> None:
    model.save(folder / "model.h5")
    model.save_weights(folder / "weights.h5", overwrite=True)


def torn(training: Training, model: Any, folder: Path) -> None:
    """Leave a part of a file, as no scenario may."""
    path = folder / "weights.h5"
    path.write_bytes(path.read_bytes()[:1000])
    raise MemoryError


def crash(training: Training, model: Any, folder: Path) -> None:
    """End the process, as no scenario may."""
    os.kill(os.getpid(), signal.SIGSEGV)


def other(training: Training, model: Any, folder: Path) -> None:
    """Raise another error than those that a scenario may."""
    raise ZeroDivisionError


SCENARIOS: dict[str, Callable[[Training, Any, Path], None]] = {"fit": fit, "save": save}
FAULTS = {one.__name__: one for one in (torn, crash, other)}
NAMES = ("model.h5", "weights.h5")
MEMORY = ("allocate", "map")


def attempt(
    training: Training, failing: Failing, request: dict[str, Any], folder: Path
) -> dict[str, Any]:
    """Train or save with a failure. Returns what is wrong, how it ended, the number of calls."""
    config.cpu = request["cpu"]
    model = load_model(training.begun)
    save(training, model, folder)
    if request["scenario"] == "save":
        training.check_goes_on(model, 0)
    if request["cold"]:
        config.cuda_cache = str(folder / "cache")
    elif request["cpu"] != "numpy":
        training.check_goes_on(load_model(training.begun), 0)  # compiles
    before = {name: (folder / name).read_bytes() for name in NAMES}
    scenario = (SCENARIOS | FAULTS)[request["scenario"]]
    # Without it, subprocess calls vfork, in whose place no function of C can stand.
    subprocess._USE_VFORK = request["function"] != "fork"
    failing.arm(*(request[key] for key in ("function", "first", "error", "last")))
    try:
        scenario(training, model, folder)
    except BaseException as error:
        calls, caught = failing.disarm(), error
        ended = ending(caught, request["function"])
        if not ended:
            text = "".join(traceback.format_exception(caught))
            return {"fault": text, "ended": type(caught).__name__, "calls": calls}
    else:
        calls, ended = failing.disarm(), "done"
    try:
        fault = behind(training, model, folder, before, request["scenario"], ended == "done")
    except StorageError as error:
        # HDF5's own tables may be broken for good by an allocation that it was refused.
        if request["function"] not in MEMORY or type(error.__cause__) not in (
            RuntimeError,
            ValueError,
        ):
            raise
        fault, ended = "", "HDF5 is unusable"
    return {"fault": fault, "ended": ended, "calls": calls}


def ending(error: BaseException, function: str) -> str:
    """A word for an error that may come out; empty for one that may not.

    Where no memory is left, NumPy and h5py may raise anything from their own code, such as a
    SystemError or a RuntimeError: no program can tell these from others.
    """
    if isinstance(error, GraphcError):
        return "refused"
    if isinstance(error, MemoryError):
        return "MemoryError"
    [*_, frame] = traceback.extract_tb(error.__traceback__)
    of_library = isinstance(error, SystemError) or not frame.filename.startswith(OWN)
    return "a library's error" if of_library and function in MEMORY else ""


def behind(
    training: Training,
    model: Any,
    folder: Path,
    before: dict[str, bytes],
    scenario: str,
    done: bool,
) -> str:
    """Return what is wrong after a failure; empty where nothing is."""
    steps, last = training.steps_of(model), len(training.states) - 1
    if steps < 0 or (done and steps != last):
        return f"the model has done {steps} steps"
    left = set(os.listdir(folder)) - {*NAMES, "cache"}
    if left:
        return f"left behind: {left}"
    for name in NAMES:
        path = folder / name
        if path.read_bytes() == before[name] and not (done and name == "model.h5"):
            continue
        if name == "model.h5":
            written = load_model(path)
            expected = last if scenario == "save" else len(BATCHES) * written.epochs_done
        else:
            written, expected = load_model(training.begun), last
            written.load_weights(path)
            if [one.tobytes() for one in written.get_weights()] == training.states[-1].weights:
                continue
        if training.steps_of(written) != expected or expected > steps:
            return f"{name} has {training.steps_of(written)} steps, expected {expected}"
    fault = training.check_goes_on(model, steps)
    if fault:
        return fault
    save(training, model, folder)
    again = load_model(folder / "model.h5")
    if training.steps_of(again) != last:
        return "a save behind the failure gives another model"
    return ""


def answered(training: Training, failing: Failing, request: dict[str, Any]) -> dict[str, Any]:
    """The answer of a fork, or how it ended."""
    ours, theirs = os.pipe()
    with tempfile.TemporaryFile("w+") as report, tempfile.TemporaryDirectory() as name:
        child = os.fork()
        if child == 0:
            os.close(ours)
            os.dup2(report.fileno(), 2)
            faulthandler.enable(report)
            signal.alarm(SECONDS)
            try:
                answer = json.dumps(attempt(training, failing, request, Path(name)))
            except BaseException:
                failing.disarm()
                answer = json.dumps({"fault": traceback.format_exc(), "ended": "", "calls": 0})
            with os.fdopen(theirs, "w") as pipe:
                pipe.write(answer)
            os._exit(0)
        os.close(theirs)
        with os.fdopen(ours) as pipe:
            answer = pipe.read()
        _, status = os.waitpid(child, 0)
        if answer:
            return json.loads(answer)
        report.seek(0)
        code = os.waitstatus_to_exitcode(status)
        how = signal.Signals(-code).name if code < 0 else f"status {code}"
        said = report.read()
        if request["function"] in MEMORY and crashed_in_hdf5(code, said):
            return {"fault": torn_file(training, Path(name)), "ended": "HDF5 crashed", "calls": 0}
        return {"fault": f"ended by {how}\n{said[-5000:]}", "ended": how, "calls": 0}


def crashed_in_hdf5(code: int, report: str) -> bool:
    """Return True where HDF5 broke down, as it may anywhere, for an allocation that was refused."""
    frames = [line for line in report.splitlines() if line.startswith('  File "')]
    return code == -signal.SIGSEGV and bool(frames) and "/h5py/" in frames[0]


def torn_file(training: Training, folder: Path) -> str:
    """Return what is wrong with the files that a process left when it crashed."""
    try:
        if (folder / "model.h5").exists():
            load_model(folder / "model.h5")
        if (folder / "weights.h5").exists():
            load_model(training.begun).load_weights(folder / "weights.h5")
    except GraphcError:
        return traceback.format_exc()
    return ""


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable()
    os.environ.pop("LD_PRELOAD")  # of processes that this one starts
    config.cpu = "numpy"
    failing = Failing()
    with tempfile.TemporaryDirectory() as folder:
        training = Training(Path(folder))
        for line in sys.stdin:
            print(json.dumps(answered(training, failing, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
