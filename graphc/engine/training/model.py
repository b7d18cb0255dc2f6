"""Models: what is compiled, trained, evaluated and asked for predictions."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from typing import Any

import numpy as np

from graphc import callbacks as cbks
from graphc import optimizers
from graphc.compiler.function import ShardedFunction
from graphc.engine.keywords import drop_legacy
from graphc.engine.topology.layer_node import one_or_list
from graphc.engine.training import loops
from graphc.engine.training.array_batches import ArrayBatches
from graphc.engine.training.compiled import compile_model
from graphc.engine.training.division import check_shards, division, shapes_of
from graphc.engine.training.generator_training import GeneratorTraining
from graphc.engine.training.loops import SampleOrder
from graphc.engine.training.made_functions import prediction_step
from graphc.engine.training.rank_rows import ALL_ROWS, rank_rows
from graphc.engine.training.read_report import ReadReport
from graphc.engine.training.resuming import stored_model
from graphc.engine.training.running import (
    check_choice,
    check_verbose,
    checked_callbacks,
    checked_epochs,
    is_zero,
    run_epochs,
)
from graphc.engine.training.stored import Data, in_memory, part
from graphc.engine.training.together import called_together
from graphc.errors import ArgumentError
from graphc.files.weights import check_overwrite
from graphc.files.whole_models import write_model
from graphc.keywords import refuse_unknown
from graphc.later.attributes import OF_MODELS
from graphc.lookup import whole_number
from graphc.parallel.joining import join
from graphc.paths import GivenPath
from graphc.public.attributes import explain_missing

_log = logging.getLogger("graphc")

_COMPILE_KEYWORDS = ("optimizer", "loss", "metrics", "sample_weight_mode", "mode")
_COMPILE_LEGACY = {"class_mode": "the metrics and predict_classes do not need it"}


class Model(GeneratorTraining):
    """A container that can be trained. `Sequential` is one.

    Attributes:
        stop_training: a callback sets it to end `fit` behind the epoch.
        history: what the last `fit` or `fit_generator` returned; none before.
        training_data, validation_data: the arrays of the last `fit`: inputs, targets and sample
            weights; None where there were none.
    """

    stop_training = False
    history: cbks.History
    training_data: list[Data] | None = None
    _batches: ArrayBatches | None = None

    def save(self, filepath: GivenPath, overwrite: bool = True) -> None:
        """Write the whole model to an HDF5 file, from which `graphc.models.load_model` makes it
        again: architecture, weights, what `compile` was given, the optimizer's variables, and the
        state of training.

        The state of training is `epochs_done`, the order of the samples, keys and counts of random
        draws, what layers keep beside weights (states of recurrent layers), whether small functions
        run as native code, and NumPy's global generator. Saved at the end of an epoch
        (`ModelCheckpoint` does that), loaded in another process and trained with
        ``initial_epoch=model.epochs_done`` on the same data, the model has the losses and weights,
        to the last bit, of one that was never stopped.

        The layout is that of later releases of Keras 1. A function, a layer or an optimizer of the
        user is stored by its name. The file is written whole or not at all.

        Raises:
            ArgumentError: a file that is there already, unless `overwrite`; a layer, an optimizer
                or a name that cannot be stored.
            MissingFileError, StorageError: a folder that is not there, a file that cannot be
                written.
        """
        self._need_layers("save")
        path = check_overwrite(filepath, overwrite, f"{self.name}.save")
        write_model(path, stored_model(self))

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

        Raises:
            UnknownNameError: an optimizer, a loss, a metric or a mode that there is not.
            KeywordError: an output that there is not, an unknown keyword.
            ArgumentError: no optimizer, loss, weight or metric; a loss or a metric that does not
                fit the output.
            ShapeError: 'temporal' for an output without steps.
        """
        where = f"{self.name}.compile"
        self._need_layers("compile")
        kwargs = drop_legacy(where, kwargs, _COMPILE_LEGACY)
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
        self._accurate = None

    def fit(
        self,
        x: object,
        y: object,
        batch_size: int = 32,
        nb_epoch: int = 10,
        verbose: int = 1,
        callbacks: Iterable[cbks.Callback] | None = None,
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
                Those in files (an HDF5Matrix, Files, a data set of h5py, a memory-mapped array) are
                read as batches need them, within the memory of the flag `read_window`, and checked
                then; the results are those of arrays in memory, to the last bit.
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
            initial_epoch: the first epoch's number. That of `epochs_done` goes on from the last
                run, or from that of the file that the model was loaded from: as many samples are
                shuffled from the order that they had there.
            show_accuracy: the accuracy beside the metrics that `compile` was given.
            shards: how many parts a step takes its batch in, one after the other; by default as the
                flag `shards` says, 1. The gradients, losses and metrics are those of the whole
                batch, up to the order of sums, with the memory of a part's activations.
                BatchNormalization trains on the statistics of each part.
            memory: instead of `shards`, what a step may take, such as ``"200MB"``: its batch is
                taken in the least power of two of parts that fits, by the plan of the memory, which
                the log and the model's file tell. The default is that of the flag `memory`.

        Returns:
            The History: ``history.history['loss']`` has one value an epoch.

        Raises:
            NotCompiledError: before `compile`.
            DataError: arrays that do not fit the model.
            ArgumentError: a value that an argument does not take.
            KeywordError: a keyword that there is not.
        """
        where = f"{self.name}.fit"
        compiled = self._compiled_for("fit", kwargs, self.fit, "show_accuracy")
        check_verbose(where, verbose)
        check_choice(f"{where}: shuffle", shuffle, (True, False, "batch"))
        batch_size = whole_number(f"{where}: batch_size", batch_size, least=1)
        epochs = checked_epochs(where, initial_epoch, nb_epoch)
        listening = checked_callbacks(where, callbacks)
        arrays = self._prepare_all(x, y, sample_weight, class_weight)
        held_out = None
        if validation_data is not None:
            held_out = self._prepare_validation(validation_data, where)
        elif validation_split is not None and not is_zero(validation_split):
            arrays, held_out = _split(arrays, validation_split, where)
        self._check_fixed_batch(len(arrays[0]), batch_size)
        compiled.divide(where, "train", shapes_of(arrays, batch_size))
        check_shards(where, compiled.shards, batch_size)
        self.training_data = arrays
        own = rank_rows(join(where), compiled.shards)
        batches = ArrayBatches(
            *(arrays, batch_size, shuffle, self._order_before(epochs, arrays, shuffle)),
            *(where, own),
        )
        self._order, self._batches = batches.order, batches
        if epochs:
            compiled.choose(epochs.stop, ceil(batches.samples / batch_size))
        history = run_epochs(
            self,
            compiled,
            batches,
            len(arrays[0]),
            epochs,
            verbose,
            listening,
            self._validation(compiled, held_out, batch_size),
            batch_size=batch_size,
        )
        if batches.windows is not None:
            for line in str(batches.read_report()).splitlines():
                _log.info("%s: %s", where, line)
        return history

    def read_report(self) -> ReadReport:
        """Return what the last `fit`, or the one that runs, read of arrays in files: calls, bytes,
        and chunks of HDF5 with the times that each was read in an epoch. Prints as text.

        Raises:
            ArgumentError: before `fit`.
        """
        if self._batches is None:
            raise ArgumentError(
                f"{self.name}.read_report: nothing was read yet; call fit with arrays in files"
            )
        return self._batches.read_report()

    def _order_before(
        self, epochs: range, arrays: Sequence[Data], shuffle: bool | str
    ) -> SampleOrder | None:
        """The order of the epoch before these, where they go on from the last run."""
        goes_on = 0 < epochs.start == self.epochs_done
        order = self._order
        return order if goes_on and order and order.fits(len(arrays[0]), shuffle) else None

    def evaluate(
        self,
        x: object,
        y: object,
        batch_size: int = 32,
        verbose: int = 1,
        sample_weight: object = None,
        **kwargs: Any,
    ) -> float | list[float]:
        """The loss on data without training; with metrics a list like `metrics_names`.

        ``show_accuracy=True`` adds the accuracy to the list, ``shards=4`` takes each batch in four
        parts, ``memory="200MB"`` in as few as fit.
        """
        where = f"{self.name}.evaluate"
        compiled = self._compiled_for("evaluate", kwargs, self.evaluate, "show_accuracy")
        check_verbose(where, verbose)
        batch_size = whole_number(f"{where}: batch_size", batch_size, least=1)
        arrays = self._prepare_all(x, y, sample_weight, None)
        count = len(arrays[0])
        self._check_fixed_batch(count, batch_size)
        together = called_together(where, arrays, batch_size=batch_size)
        compiled.divide(where, "test", shapes_of(arrays, batch_size))
        check_shards(where, compiled.shards, batch_size)
        own = rank_rows(join(where, writes=False), compiled.shards)
        batches = ArrayBatches(arrays, batch_size, where=where, own=own)
        test = compiled.begun(compiled.test())
        with together:
            values = loops.evaluate_loop(test, batches, count, compiled.labels, verbose == 1)
        return one_or_list(values)

    def predict(
        self,
        x: object,
        batch_size: int = 32,
        verbose: int = 0,
        *,
        shards: int | None = None,
        memory: int | str | None = None,
        on_first_rank_only: bool = False,
    ) -> np.ndarray | list[np.ndarray] | None:
        """The outputs for all samples, as float64 arrays; as arrays of floatx where the model was
        made with the meanings of Keras from 1.0.6 on.

        Args:
            shards, memory: how many parts a step takes its batch in; see `fit`.
            on_first_rank_only: of several processes, with the flag `ranks`, the first alone gets
                the outputs, and others None; by default all of them get all outputs.
        """
        where = f"{self.name}.predict"
        check_verbose(where, verbose)
        batch_size = whole_number(f"{where}: batch_size", batch_size, least=1)
        wanted = division(where, shards, memory)
        arrays = self._prepare_inputs(x)
        count = len(arrays[0])
        self._check_fixed_batch(count, batch_size)
        if shards is not None:
            check_shards(where, wanted.shards, batch_size)
        alike = {"batch_size": batch_size, "on_first_rank_only": on_first_rank_only}
        together = called_together(where, arrays, **alike)
        if wanted.memory is None:
            made = self._predict_function(wanted.shards)
        else:
            made = self._divided_predict(where, wanted, shapes_of(arrays, batch_size))
        step = made.start
        if on_first_rank_only is not False:
            step = prediction_step(where, made, on_first_rank_only)
        dtype, own = self._dtype_of_predictions, ALL_ROWS
        if isinstance(made, ShardedFunction):
            own = rank_rows(made.ranks, made.shards)
        with together:
            if count <= batch_size and verbose != 1 and own.ranks == 1:
                values = step(*in_memory(arrays)).get()
                for value in values:
                    loops.check_prediction(value, count, value.shape[1:])
                outputs = [value.astype(dtype) for value in values]
            else:
                batches = ArrayBatches(arrays, batch_size, where=where, own=own)
                outputs = loops.predict_loop(step, batches, count, verbose == 1, dtype)
        return one_or_list(outputs) if outputs else None


explain_missing(Model, OF_MODELS)


def _split(arrays: list[Data], fraction: float, where: str) -> tuple[list[Data], list[Data]]:
    """The first samples to train on, and the last `fraction` of them held out."""
    count = len(arrays[0])
    number = isinstance(fraction, int | float | np.number)
    first = int(count * (1.0 - fraction)) if number and 0.0 < fraction < 1.0 else 0
    if not 0 < first < count:
        raise ArgumentError(
            f"{where}: validation_split: expected a fraction that leaves at least one of {count} "
            f"samples in each part, received {fraction!r}"
        )
    return [part(one, 0, first) for one in arrays], [part(one, first, count) for one in arrays]
