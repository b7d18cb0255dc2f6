"""Checks of the arguments of `fit` and `fit_generator`, and a training run with its callbacks."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable
from functools import partial
from types import MethodType
from typing import Any, Protocol

import numpy as np

from graphc import callbacks as cbks
from graphc.callbacks.base import HOOKS
from graphc.compiler.runtime.compiler_process import on_each_compile
from graphc.engine.data.batches import Batch
from graphc.engine.data.stored import Data
from graphc.engine.topology.user_layers.functions import check_takes
from graphc.engine.training import loops
from graphc.engine.training.compiled import Compiled
from graphc.engine.training.loops import Step
from graphc.engine.training.made_functions import MadeFunction
from graphc.engine.training.synchronising import compare_settings, synchronise
from graphc.errors import ArgumentError
from graphc.lookup import whole_number
from graphc.parallel.joining import join
from graphc.parallel.meeting import meet
from graphc.parallel.transport import Transport, failing_together

_log = logging.getLogger("graphc")

_VERBOSE = (0, 1, 2)
_CHOSEN = (int, np.integer, np.bool_, str)


class RunningModel(Protocol):
    """The public attributes of a model that a training run and callbacks use."""

    name: str
    stop_training: bool
    epochs_done: int
    history: cbks.History
    training_data: list[Data] | None
    validation_data: list[Data] | None


def run_epochs(
    model: RunningModel,
    compiled: Compiled,
    batches: Iterable[Batch],
    samples: int,
    epochs: range,
    verbose: int,
    callbacks: Iterable[cbks.Callback],
    validate: Callable[[Step], list[float]] | None,
    **params: Any,
) -> cbks.History:
    """Train with the user's callbacks between those that every training has.

    Args:
        model: the model that callbacks see; its `stop_training` ends the run.
        compiled: the functions that train and test.
        batches: an iteration over it yields the batches of one epoch.
        samples: the number of samples of an epoch.
        epochs: the numbers of the epochs to run.
        verbose: 0, 1 or 2.
        callbacks: those of the user.
        validate: returns the values on the validation data, given the step that tests; or None.
        params: further entries of the callbacks' `params`.
    """
    where = f"{model.name}.fit"
    ranks = join(where)
    if ranks.rank:
        verbose, callbacks = 0, [one for one in callbacks if not one.on_first_rank_only]
    with failing_together(ranks):
        synchronise(ranks, compiled, where, batches, model.validation_data)
        labels = compiled.labels
        testing = compiled.test() if validate is not None else None
        test = None if testing is None else compiled.starting(testing)
        step = compiled.train()
        if verbose and epochs:
            compile_functions(model.name, step, testing)
        model.history = history = cbks.History()
        progress = cbks.ProgbarLogger()
        listeners = cbks.CallbackList(
            [
                cbks.BaseLogger(),
                *callbacks,
                _NotFiniteLoss(),
                history,
                *([progress] if verbose else []),
                _EpochsTogether(ranks, compiled, where),
            ]
        )
        listeners.set_model(model)
        validated = [] if validate is None else [f"val_{label}" for label in labels]
        listeners.set_params(
            {
                "nb_epoch": epochs.stop,
                "nb_sample": samples,
                "verbose": verbose,
                "do_validation": validate is not None,
                "metrics": labels + validated,
                **params,
            }
        )
        model.stop_training = False
        try:
            loops.fit_loop(
                *(model, compiled.starting(step), batches, labels, epochs, listeners),
                None if validate is None or test is None else partial(validate, test),
            )
            meet(ranks, f"{where}: its end")  # ranks without rank 0's callbacks are ahead of it
        finally:
            progress.close()
        return history


def compile_functions(name: str, step: MadeFunction, test: MadeFunction | None) -> None:
    """Compile before the first epoch, and print the time that it took; print nothing if the cache
    has all code."""
    started = time.perf_counter()
    running = False

    def announce() -> None:
        nonlocal running
        if not running:
            print(f"Compiling {name} (once, its code is kept) ...", end=" ", flush=True)
        running = True

    with on_each_compile(announce):
        try:
            step.make(training=True)
            if test is not None:
                test.make()
        finally:
            if running:
                print(f"{time.perf_counter() - started:.1f}s", flush=True)


class _EpochsTogether(cbks.Callback):
    """Synchronises ranks at the end of each epoch.

    They wait for what rank 0 alone does, such as saving, which needs parts of the optimizer's state
    from all, and which may fail. Then they compare the settings that callbacks may have changed.
    """

    def __init__(self, ranks: Transport[np.ndarray], compiled: Compiled, where: str) -> None:
        super().__init__()
        self._ranks, self._compiled, self._where = ranks, compiled, where

    def on_epoch_end(self, epoch: int, logs: cbks.Logs = None) -> None:
        meet(self._ranks, f"{self._where}: the end of epoch {epoch + 1}")
        compare_settings(self._ranks, self._compiled, self._where, epoch)


class _NotFiniteLoss(cbks.Callback):
    """Logs a line after the first epoch whose loss is not finite."""

    has_warned = False

    def on_epoch_end(self, epoch: int, logs: cbks.Logs = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss) or self.has_warned or self.model.stop_training:
            return
        self.has_warned = True
        _log.warning(
            "%s.fit: the loss of epoch %d is %s, and the weights may be so too; a smaller lr, or "
            "clipnorm, may help. compile(..., mode='NanGuardMode') names the first value that is "
            "not finite, callbacks.TerminateOnNaN() ends the training there",
            self.model.name,
            epoch + 1,
            loss,
        )


def checked_epochs(where: str, initial_epoch: object, nb_epoch: object) -> range:
    """Return the numbers of the epochs."""
    first = whole_number(f"{where}: initial_epoch", initial_epoch, least=0)
    stop = whole_number(f"{where}: nb_epoch", nb_epoch, least=0)
    if first > stop:
        raise ArgumentError(
            f"{where}: initial_epoch: expected at most nb_epoch={stop}, up to which epochs run, "
            f"received {first}; nb_epoch counts the epochs before initial_epoch too"
        )
    return range(first, stop)


def checked_callbacks(where: str, given: object) -> list[cbks.Callback]:
    """Return the callbacks as a list, which can be iterated more than once; an empty one for
    None."""
    if given is None:
        return []
    if not isinstance(given, Iterable):
        raise ArgumentError(f"{where}: callbacks: expected a list of callbacks, received {given!r}")
    found = list(given)
    for one in found:
        if not isinstance(one, cbks.Callback):
            made = f"; make one: {one.__name__}(...)" if isinstance(one, type) else ""
            raise ArgumentError(f"{where}: expected callbacks, received {one!r}{made}")
        _check_hooks(where, one)
    return found


def _check_hooks(where: str, callback: cbks.Callback) -> None:
    """Raise ArgumentError if a method of a user's callback cannot take the arguments of
    training."""
    for name, arguments in HOOKS.items():
        hook = getattr(callback, name)
        if getattr(hook, "__func__", None) is getattr(cbks.Callback, name):
            continue
        label = f"{where}: {type(callback).__name__}.{name}"
        if not callable(hook):
            raise ArgumentError(f"{label}: expected a function, received {hook!r}")
        # The function is checked, not the method: a method that lacks `self` has no signature.
        check_takes(
            *(hook.__func__, label, "self") if isinstance(hook, MethodType) else (hook, label),
            *arguments,
        )


def check_verbose(where: str, value: object) -> None:
    """Raise ArgumentError unless it is 0, 1 or 2."""
    check_choice(f"{where}: verbose", value, _VERBOSE)


def check_choice(what: str, value: object, choices: tuple[object, ...]) -> None:
    """Raise ArgumentError unless the value is one of the choices."""
    if not isinstance(value, _CHOSEN) or value not in choices:
        raise ArgumentError(f"{what}: expected one of {choices}, received {value!r}")


def is_zero(value: object) -> bool:
    """Return True for the number 0."""
    return isinstance(value, int | float | np.number) and value == 0
