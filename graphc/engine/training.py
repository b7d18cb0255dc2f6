"""Models: what is compiled, trained, evaluated and asked for predictions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from graphc import callbacks as cbks
from graphc import optimizers
from graphc.compiler.runtime.executor import Observer
from graphc.engine import loops
from graphc.engine.compiled import CompiledContainer, compile_model
from graphc.engine.feeds import as_arrays, check_lengths, prepare
from graphc.engine.keywords import drop_legacy, named_parameters, refuse_unknown
from graphc.engine.targets import prepare_targets, prepare_weights
from graphc.errors import ArgumentError, DataError
from graphc.lookup import whole_number

_METRICS_INSTEAD = "give compile metrics=['accuracy'] instead"
_LEGACY = {
    "class_mode": "the metrics and predict_classes do not need it",
    "show_accuracy": _METRICS_INSTEAD,
    "accuracy": _METRICS_INSTEAD,
    "nb_worker": "there is one worker",
}
_VERBOSE = (0, 1, 2)
_COMPILE_KEYWORDS = ("optimizer", "loss", "metrics", "sample_weight_mode", "mode")


class Model(CompiledContainer):
    """A container that can be trained. `Sequential` is one.

    Attributes:
        stop_training: a callback sets it to end `fit` behind the epoch.
    """

    stop_training = False

    def compile(
        self,
        optimizer: str | optimizers.Optimizer,
        loss: object,
        metrics: object = (),
        loss_weights: object = None,
        sample_weight_mode: object = None,
        **kwargs: Any,
    ) -> None:
        """Choose what training makes smaller, and how.

        Args:
            optimizer: a name or an optimizer.
            loss: a name or a function (y_true, y_pred) -> a score for each sample; with several
                outputs one for all, a list, or a dict by output name.
            metrics: names or functions, e.g. ['accuracy']; a dict by output name.
            loss_weights: factors of the outputs' losses in the total, a list or a dict.
            sample_weight_mode: None, or 'temporal' for a weight at each step.
            mode: for `graphc.function`: FAST_RUN, FAST_COMPILE, DebugMode or NanGuardMode.

        The functions themselves are made at their first use.
        """
        where = f"{self.name}.compile"
        self._need_layers("compile")
        kwargs = drop_legacy(where, kwargs, _LEGACY)
        refuse_unknown(where, kwargs, _COMPILE_KEYWORDS)
        self._compiled = compile_model(
            self,
            optimizer,
            loss,
            metrics,
            loss_weights,
            sample_weight_mode,
            kwargs.get("mode"),
            self._call_step,
        )
        self._predict = None

    def fit(
        self,
        x: object,
        y: object,
        batch_size: int = 32,
        nb_epoch: int = 10,
        verbose: int = 1,
        callbacks: Iterable[cbks.Callback] = (),
        validation_split: float = 0.0,
        validation_data: Sequence[object] | None = None,
        shuffle: bool | str = True,
        class_weight: Mapping | None = None,
        sample_weight: object = None,
        initial_epoch: int = 0,
        **kwargs: Any,
    ) -> cbks.History:
        """Train for epochs `initial_epoch` to `nb_epoch`, each of them over all samples.

        Args:
            x, y: arrays, lists or dicts by name, converted and checked once, before the first step.
            batch_size: samples a step; the last batch may be smaller.
            verbose: 0 silent, 1 a bar (a line an epoch where there is no terminal), 2 a line an
                epoch.
            callbacks: told of every batch and epoch.
            validation_split: this fraction, the last of the samples before any shuffling, is held
                out and evaluated behind each epoch.
            validation_data: (x, y) or (x, y, sample_weight) to evaluate instead.
            shuffle: True, False, or 'batch' to shuffle whole batches.
            class_weight: class -> weight of its samples in the loss.
            sample_weight: a weight for each sample (each step, in 'temporal' mode).

        Returns:
            The History: ``history.history['loss']`` has one value an epoch.

        Raises:
            NotCompiledError, DataError, ArgumentError, KeywordError.
        """
        where = f"{self.name}.fit"
        compiled = self._need_compiled("fit")
        others = drop_legacy(where, kwargs, _LEGACY)
        refuse_unknown(where, others, named_parameters(self.fit))
        _check_choice(verbose, _VERBOSE, f"{where}: verbose")
        _check_choice(shuffle, (True, False, "batch"), f"{where}: shuffle")
        batch_size = whole_number(f"{where}: batch_size", batch_size, least=1)
        epochs = range(
            whole_number(f"{where}: initial_epoch", initial_epoch, least=0),
            whole_number(f"{where}: nb_epoch", nb_epoch, least=0),
        )
        listening = _callbacks(callbacks, where)
        arrays = self._prepare_all(x, y, sample_weight, class_weight)
        held_out = None
        if validation_data is not None:
            held_out = self._prepare_validation(validation_data)
        elif validation_split is not None and not _is_zero(validation_split):
            arrays, held_out = _split(arrays, validation_split, where)
        self._check_fixed_batch(len(arrays[0]), batch_size)
        labels = self.metrics_names
        validate = None
        if held_out is not None:
            self._check_fixed_batch(len(held_out[0]), batch_size)
            test = compiled.test()

            def validate() -> list[float]:
                return loops.evaluate_loop(test.start, held_out, labels, batch_size)

        step = compiled.train()
        history = cbks.History()
        progress = cbks.ProgbarLogger()
        listeners = cbks.CallbackList(
            [cbks.BaseLogger(), *listening, history, *([progress] if verbose else [])]
        )
        listeners._set_model(self)
        listeners._set_params(
            {
                "batch_size": batch_size,
                "nb_epoch": nb_epoch,
                "nb_sample": len(arrays[0]),
                "verbose": verbose,
                "do_validation": held_out is not None,
                "metrics": labels + ([f"val_{label}" for label in labels] if held_out else []),
            }
        )
        self.stop_training = False
        try:
            loops.fit_loop(
                self, step.start, arrays, labels, batch_size, epochs, listeners, shuffle, validate
            )
        finally:
            progress.close()
        return history

    def evaluate(
        self,
        x: object,
        y: object,
        batch_size: int = 32,
        verbose: int = 1,
        sample_weight: object = None,
        **kwargs: Any,
    ) -> float | list[float]:
        """The loss on data without training; with metrics a list like `metrics_names`."""
        where = f"{self.name}.evaluate"
        compiled = self._need_compiled("evaluate")
        others = drop_legacy(where, kwargs, _LEGACY)
        refuse_unknown(where, others, named_parameters(self.evaluate))
        _check_choice(verbose, _VERBOSE, f"{where}: verbose")
        batch_size = whole_number(f"{where}: batch_size", batch_size, least=1)
        arrays = self._prepare_all(x, y, sample_weight, None)
        self._check_fixed_batch(len(arrays[0]), batch_size)
        values = loops.evaluate_loop(
            compiled.test().start, arrays, self.metrics_names, batch_size, show=verbose == 1
        )
        return _scalar_or_list(values)

    def predict(
        self, x: object, batch_size: int = 32, verbose: int = 0
    ) -> np.ndarray | list[np.ndarray]:
        """The outputs for all samples, as float64 arrays."""
        where = f"{self.name}.predict"
        _check_choice(verbose, _VERBOSE, f"{where}: verbose")
        batch_size = whole_number(f"{where}: batch_size", batch_size, least=1)
        step = self._predict_function()
        arrays = self._prepare_inputs(x)
        self._check_fixed_batch(len(arrays[0]), batch_size)
        outputs = loops.predict_loop(step.start, arrays, batch_size, show=verbose == 1)
        return outputs[0] if len(outputs) == 1 else outputs

    def train_on_batch(
        self,
        x: object,
        y: object,
        sample_weight: object = None,
        class_weight: Mapping | None = None,
        **kwargs: Any,
    ) -> float | list[float]:
        """One step on one batch. The loss, or a list like `metrics_names`, before the update."""
        where = f"{self.name}.train_on_batch"
        step = self._need_compiled("train_on_batch").train()
        if kwargs:
            others = drop_legacy(where, kwargs, _LEGACY)
            refuse_unknown(where, others, named_parameters(self.train_on_batch))
        arrays = self._prepare_all(x, y, sample_weight, class_weight)
        return _scalar_or_list([float(value) for value in step(*arrays)])

    def profile_on_batch(self, observer: Observer, x: object, y: object) -> None:
        """One step on one batch, telling ``observer(node, value, seconds)`` of each node."""
        step = self._need_compiled("profile_on_batch").train()
        step.profile(observer, *self._prepare_all(x, y, None, None))

    def test_on_batch(
        self, x: object, y: object, sample_weight: object = None, **kwargs: Any
    ) -> float | list[float]:
        """The loss of one batch, or a list like `metrics_names`."""
        where = f"{self.name}.test_on_batch"
        step = self._need_compiled("test_on_batch").test()
        if kwargs:
            others = drop_legacy(where, kwargs, _LEGACY)
            refuse_unknown(where, others, named_parameters(self.test_on_batch))
        arrays = self._prepare_all(x, y, sample_weight, None)
        return _scalar_or_list([float(value) for value in step(*arrays)])

    def predict_on_batch(self, x: object) -> np.ndarray | list[np.ndarray]:
        """The outputs for one batch."""
        outputs = self._predict_function()(*self._prepare_inputs(x))
        return outputs[0] if len(outputs) == 1 else outputs

    def _prepare_inputs(self, x: object) -> list[np.ndarray]:
        arrays = [
            prepare(value, node, f"input {name}")
            for value, node, name in zip(
                as_arrays(x, self.input_names, "inputs"), self.inputs, self.input_names, strict=True
            )
        ]
        check_lengths(arrays, [f"input {name}" for name in self.input_names])
        return arrays

    def _prepare_all(
        self, x: object, y: object, sample_weight: object, class_weight: object
    ) -> list[np.ndarray]:
        """Inputs, targets and weights as the training and test functions take them."""
        targets = self._need_compiled("fit").targets
        inputs = self._prepare_inputs(x)
        outputs = prepare_targets(y, targets)
        weights = prepare_weights(outputs, targets, sample_weight, class_weight)
        names = [f"input {name}" for name in self.input_names]
        names += [f"targets of {target.name}" for target in targets]
        names += [f"sample_weight of {target.name}" for target in targets]
        arrays = [*inputs, *outputs, *weights]
        check_lengths(arrays, names)
        return arrays

    def _prepare_validation(self, data: Sequence[object]) -> list[np.ndarray]:
        if not isinstance(data, list | tuple) or len(data) not in (2, 3):
            several = isinstance(data, list | tuple)
            received = f"{len(data)} parts" if several else type(data).__name__
            raise ArgumentError(
                f"{self.name}.fit: validation_data: expected (x, y) or (x, y, sample_weight), "
                f"received {received}"
            )
        return self._prepare_all(data[0], data[1], data[2] if len(data) == 3 else None, None)

    def _check_fixed_batch(self, count: int, batch_size: int) -> None:
        for node, name in zip(self.inputs, self.input_names, strict=True):
            fixed = node.shape[0]
            if isinstance(fixed, int) and (count % batch_size or batch_size != fixed):
                raise DataError(
                    f"input {name}: batch_input_shape fixes the batch to {fixed}, received "
                    f"{count} samples in batches of {batch_size}; pass batch_size={fixed} and a "
                    f"multiple of {fixed} samples, or leave the batch open with None"
                )


def _split(
    arrays: list[np.ndarray], fraction: float, where: str
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The first samples to train on, and the last `fraction` of them held out."""
    count = len(arrays[0])
    number = isinstance(fraction, int | float | np.number)
    first = int(count * (1.0 - fraction)) if number and 0.0 < fraction < 1.0 else 0
    if not 0 < first < count:
        raise ArgumentError(
            f"{where}: validation_split: expected a fraction that leaves at least one of {count} "
            f"samples in each part, received {fraction!r}"
        )
    return [array[:first] for array in arrays], [array[first:] for array in arrays]


def _is_zero(value: object) -> bool:
    return isinstance(value, int | float | np.number) and value == 0


def _callbacks(given: object, where: str) -> list[cbks.Callback]:
    """The callbacks as a list, so that an iterator can be gone through more than once."""
    if not isinstance(given, Iterable):
        raise ArgumentError(f"{where}: callbacks: expected a list of callbacks, received {given!r}")
    found = list(given)
    for one in found:
        if not isinstance(one, cbks.Callback):
            raise ArgumentError(f"{where}: expected callbacks, received {one!r}")
    return found


def _check_choice(value: object, choices: tuple, what: str) -> None:
    if not isinstance(value, int | np.integer | np.bool_ | str) or value not in choices:
        raise ArgumentError(f"{what}: expected one of {choices}, received {value!r}")


def _scalar_or_list(values: list[float]) -> float | list[float]:
    return values[0] if len(values) == 1 else values
