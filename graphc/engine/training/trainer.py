"""The object of a `Model` that trains, tests and predicts on arrays and on single batches."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import ceil
from typing import Any, ClassVar, SupportsFloat, cast

import numpy as np

from graphc import backend as K
from graphc import callbacks as cbks
from graphc.compiler.function import CompileReports, ShardedFunction
from graphc.engine.data.array_batches import ArrayBatches
from graphc.engine.data.batches import SampleOrder, Shapes, shapes_of
from graphc.engine.data.rank_rows import ALL_ROWS, RankRows, rank_rows
from graphc.engine.data.read_report import ReadReport
from graphc.engine.data.stored import Data, in_memory, part
from graphc.engine.ranks.comparison import called_together, compare_call
from graphc.engine.topology.container import Container
from graphc.engine.topology.layer_node import one_or_list
from graphc.engine.topology.renewal import renew
from graphc.engine.training import loops
from graphc.engine.training.accuracy import with_accuracy
from graphc.engine.training.compiled import Compiled, compile_model
from graphc.engine.training.division import Division, check_shards, division
from graphc.engine.training.draws import Draws
from graphc.engine.training.feeds import Feeds
from graphc.engine.training.loops import Step
from graphc.engine.training.made_functions import MadeFunction, prediction_step
from graphc.engine.training.predictions import Predictions
from graphc.engine.training.running import (
    RunningModel,
    check_choice,
    check_verbose,
    checked_callbacks,
    checked_epochs,
    is_zero,
    run_epochs,
)
from graphc.engine.training.synchronising import synchronise
from graphc.errors import ArgumentError, IndexRangeError, NotCompiledError
from graphc.keywords import named_parameters, refuse_unknown
from graphc.lookup import true_or_false, whole_number
from graphc.parallel.joining import join
from graphc.parallel.transport import failing_together
from graphc.releases import at_least

_log = logging.getLogger("graphc")


class Trainer:
    """Compiles a model, and runs its functions on arrays and single batches.

    Compiled functions are for the inputs and outputs that the model had when it was compiled. When
    these change, because a layer is added or switched, the functions are discarded, and the model
    has to be compiled again.

    Args:
        model: the model whose graph is trained.
        public_model: the same model, typed by the attributes that training and callbacks use.
        feeds: converts a user's arrays to the arrays that the model's functions take.

    Attributes:
        draws: the random draws of the model.
        order: the order of the samples in the last epoch of `fit`.
    """

    def __init__(self, model: Container, public_model: RunningModel, feeds: Feeds) -> None:
        self.model, self.public_model, self.feeds = model, public_model, feeds
        self.draws = Draws()
        self.order: SampleOrder | None = None
        self._compiled: Compiled | None = None
        self._with_accuracy: tuple[Compiled, Compiled] | None = None
        self._predictions: Predictions | None = None
        self._connections = model._graphc_connections
        self._batches: ArrayBatches | None = None

    @property
    def compiled(self) -> Compiled | None:
        """The result of `compile`; None if the model was not compiled, or was changed since."""
        if self._connections != self.model._graphc_connections:
            self._discard_functions()
        return self._compiled

    @property
    def predictions(self) -> Predictions:
        """The functions that predict."""
        if self._connections != self.model._graphc_connections:
            self._discard_functions()
        if self._predictions is None:
            self._predictions = Predictions(self.model, self.draws, self._compiled)
        return self._predictions

    def _discard_functions(self) -> None:
        self._connections = self.model._graphc_connections
        self._compiled = self._with_accuracy = self._predictions = None

    def compile(
        self,
        optimizer: Any,
        loss: object,
        metrics: object,
        loss_weights: object,
        sample_weight_mode: object,
        mode: Any,
    ) -> None:
        """Make the training graph; see `Model.compile`."""
        compiled = compile_model(
            *(self.model, optimizer, loss, metrics, loss_weights, sample_weight_mode, mode),
            self.draws,
        )
        self._discard_functions()
        self._compiled = compiled

    def need_compiled(self, wanted: str) -> Compiled:
        """Return the result of `compile`.

        Raises:
            NotCompiledError: the model is not compiled; the message names the method `wanted`.
        """
        renew(self.model)
        compiled = self.compiled
        if compiled is None:
            raise NotCompiledError(
                f"{self.model.name}.{wanted} needs a compiled model: call "
                "model.compile(optimizer='sgd', loss='mse') first, and again after adding layers "
                "or switching one (AutoEncoder.output_reconstruction)"
            )
        return compiled

    def compiled_for(
        self, call: str, keywords: Mapping[str, Any], method: Callable[..., Any], accuracy: str
    ) -> Compiled:
        """Return the `Compiled` that a method of a `Model` runs, given the keywords of the call.

        Args:
            call: the method's name.
            keywords: the keyword arguments that its signature does not name.
            method: the method, whose parameters an error lists.
            accuracy: the name of the keyword of Keras 0.3 that adds the accuracy to the results.
        """
        compiled = self.need_compiled(call)
        where = f"{self.model.name}.{call}"
        if not keywords:  # the common case, without the checks below
            compiled.set_division(division(where))
            return compiled
        remaining = dict(keywords)
        shows_accuracy = true_or_false(where, accuracy, remaining.pop(accuracy, False))
        divided = division(where, remaining.pop("shards", None), remaining.pop("memory", None))
        refuse_unknown(where, remaining, [*named_parameters(method), accuracy, "shards", "memory"])
        if shows_accuracy:
            if self._with_accuracy is None or self._with_accuracy[0] is not compiled:
                self._with_accuracy = compiled, with_accuracy(compiled)
            compiled = self._with_accuracy[1]
        compiled.set_division(divided)
        return compiled

    def prediction_function(self, shards: int = 1) -> MadeFunction:
        """Return the function that predicts a batch in `shards` shards."""
        renew(self.model)
        return self.predictions.function(shards)

    def divided_prediction(self, where: str, wanted: Division, shapes: Shapes) -> MadeFunction:
        """Return the function that predicts arrays of these shapes, with the division `wanted`."""
        renew(self.model)
        return self.predictions.divided(where, wanted, shapes)

    @property
    def dtype_of_predictions(self) -> str:
        """The dtype of the arrays that `predict` returns."""
        return K.floatx() if at_least("1.0.6", of=self.model._graphc.release) else "float64"

    def compile_report(self) -> CompileReports:
        """Return the report of compiling each function; see `Model.compile_report`."""
        compiled = self.compiled
        made = [] if compiled is None else list(compiled.functions.values())
        made += self.predictions.functions.values()
        return CompileReports(self.model.name, tuple(each for one in made for each in one.reports))

    def forget(self, purpose: str) -> None:
        """Discard the function of training, testing or predicting; its next use makes a new one."""
        if purpose == "predict":
            self._predictions = None
        elif self._compiled is not None:
            self._compiled.forget(purpose)

    def train_on_batch(
        self,
        compiled: Compiled,
        x: object,
        y: object,
        sample_weight: object,
        class_weight: object,
    ) -> float | list[float]:
        """Train on one batch; see `Model.train_on_batch`."""
        where = f"{self.model.name}.train_on_batch"
        arrays = self.feeds.batch(compiled, x, y, sample_weight, class_weight)
        compiled.choose_shards(where, "train", shapes_of(arrays))
        ranks = join(where)
        if not compiled.is_synchronised:
            synchronise(ranks, compiled, where)
        compiled.choose_native(epochs=1, steps=1)
        step = compiled.train()
        check_shards(where, compiled.shards, len(arrays[0]))
        with failing_together(ranks):
            compare_call(where, arrays)
            return _number_or_list(compiled.numbers(step(*arrays)))

    def test_on_batch(
        self, compiled: Compiled, x: object, y: object, sample_weight: object
    ) -> float | list[float]:
        """Return the values of one batch; see `Model.test_on_batch`."""
        where = f"{self.model.name}.test_on_batch"
        arrays = self.feeds.batch(compiled, x, y, sample_weight)
        compare_call(where, arrays)
        compiled.choose_shards(where, "test", shapes_of(arrays))
        step = compiled.test()
        check_shards(where, compiled.shards, len(arrays[0]))
        return _number_or_list(compiled.numbers(step(*arrays)))

    def predict_on_batch(
        self, x: object, shards: int | None, memory: int | str | None
    ) -> np.ndarray | list[np.ndarray]:
        """Return the outputs for one batch; see `Model.predict_on_batch`."""
        where = f"{self.model.name}.predict_on_batch"
        wanted = division(where, shards, memory)
        arrays = self.feeds.batch_inputs(x)
        compare_call(where, arrays)
        outputs = self.divided_prediction(where, wanted, shapes_of(arrays))(*arrays)
        return one_or_list(cast(Sequence[np.ndarray], outputs))

    def fit(
        self,
        compiled: Compiled,
        x: object,
        y: object,
        batch_size: int,
        nb_epoch: int,
        verbose: int,
        callbacks: Iterable[cbks.Callback] | None,
        validation_split: float,
        validation_data: object,
        shuffle: bool | str,
        class_weight: object,
        sample_weight: object,
        initial_epoch: int,
    ) -> cbks.History:
        """Train on arrays; see `Model.fit`."""
        where = f"{self.model.name}.fit"
        check_verbose(where, verbose)
        check_choice(f"{where}: shuffle", shuffle, (True, False, "batch"))
        batch_size = whole_number(f"{where}: batch_size", batch_size, least=1)
        epochs = checked_epochs(where, initial_epoch, nb_epoch)
        listeners = checked_callbacks(where, callbacks)

        arrays = self.feeds.samples(compiled, x, y, sample_weight, class_weight)
        arrays, held_out = self._hold_out(
            compiled, arrays, validation_data, validation_split, where
        )
        batches = self._training_batches(compiled, arrays, batch_size, shuffle, epochs, where)
        self.public_model.training_data = arrays
        if epochs:
            compiled.choose_native(epochs.stop, ceil(batches.samples / batch_size))
        validate = self.validation(compiled, held_out, batch_size)
        what = (self.public_model, compiled, batches, len(arrays[0]), epochs, verbose, listeners)
        history = run_epochs(*what, validate, batch_size=batch_size)
        _log_reads(batches, where)
        return history

    def _hold_out(
        self,
        compiled: Compiled,
        arrays: list[Data],
        validation_data: object,
        validation_split: float,
        where: str,
    ) -> tuple[list[Data], list[Data] | None]:
        """Return the samples to train on, and those to validate on, None if there are none."""
        if validation_data is not None:
            return arrays, self.feeds.validation(compiled, validation_data, where)
        if validation_split is not None and not is_zero(validation_split):
            return _split(arrays, validation_split, where)
        return arrays, None

    def _training_batches(
        self,
        compiled: Compiled,
        arrays: list[Data],
        batch_size: int,
        shuffle: bool | str,
        epochs: range,
        where: str,
    ) -> ArrayBatches:
        """Return the batches of each epoch. The order of the samples continues that of the epochs
        before, if `epochs` does."""
        self.feeds.check_batches(len(arrays[0]), batch_size)
        _choose_shards(compiled, "train", arrays, batch_size, where)
        order = None
        if 0 < epochs.start == self.public_model.epochs_done:
            order = self.order if self.order and self.order.fits(len(arrays[0]), shuffle) else None
        own = rank_rows(join(where), compiled.shards)
        batches = ArrayBatches(arrays, batch_size, shuffle, order, where, own)
        self.order, self._batches = batches.order, batches
        return batches

    def read_report(self) -> ReadReport:
        """Report the last `fit`'s reads from arrays in files; see `Model.read_report`."""
        if self._batches is None:
            raise ArgumentError(
                f"{self.model.name}.read_report: nothing was read yet; call fit with arrays in "
                "files"
            )
        return self._batches.read_report()

    def evaluate(
        self,
        compiled: Compiled,
        x: object,
        y: object,
        batch_size: int,
        verbose: int,
        sample_weight: object,
    ) -> float | list[float]:
        """Return the loss on arrays; see `Model.evaluate`."""
        where = f"{self.model.name}.evaluate"
        check_verbose(where, verbose)
        batch_size = whole_number(f"{where}: batch_size", batch_size, least=1)
        arrays = self.feeds.samples(compiled, x, y, sample_weight)
        count = len(arrays[0])
        self.feeds.check_batches(count, batch_size)
        together = called_together(where, arrays, batch_size=batch_size)
        _choose_shards(compiled, "test", arrays, batch_size, where)
        own = rank_rows(join(where, writes=False), compiled.shards)
        batches = ArrayBatches(arrays, batch_size, where=where, own=own)
        test = compiled.starting(compiled.test())
        with together:
            values = loops.evaluate_loop(test, batches, count, compiled.labels, verbose == 1)
        return one_or_list(values)

    def validation(
        self, compiled: Compiled, held_out: list[Data] | None, batch_size: int
    ) -> Callable[[Step], list[float]] | None:
        """Return a function that evaluates the held-out samples, or None if there are none."""
        self.public_model.validation_data = held_out
        if held_out is None:
            return None
        count = len(held_out[0])
        self.feeds.check_batches(count, batch_size)
        where = f"{self.model.name}: validation data"
        own = rank_rows(join(where), compiled.shards)
        batches = ArrayBatches(held_out, batch_size, where=where, own=own)
        return lambda test: loops.evaluate_loop(test, batches, count, compiled.labels)

    def predict(
        self,
        x: object,
        batch_size: int,
        verbose: int,
        shards: int | None,
        memory: int | str | None,
        on_first_rank_only: bool,
    ) -> np.ndarray | list[np.ndarray] | None:
        """Return the outputs for all samples; see `Model.predict`."""
        where = f"{self.model.name}.predict"
        check_verbose(where, verbose)
        batch_size = whole_number(f"{where}: batch_size", batch_size, least=1)
        wanted = division(where, shards, memory)
        arrays = self.feeds.inputs(x)
        count = len(arrays[0])
        self.feeds.check_batches(count, batch_size)
        if shards is not None:
            check_shards(where, wanted.shards, batch_size)
        arguments = {"batch_size": batch_size, "on_first_rank_only": on_first_rank_only}
        together = called_together(where, arrays, **arguments)
        step, own = self._prediction(where, wanted, arrays, batch_size, on_first_rank_only)
        dtype = self.dtype_of_predictions
        with together:
            if count <= batch_size and verbose != 1 and own.ranks == 1:  # one batch, without a loop
                values = step(*in_memory(arrays)).get()
                for value in values:
                    loops.check_prediction(value, count, value.shape[1:])
                outputs = [value.astype(dtype) for value in values]
            else:
                batches = ArrayBatches(arrays, batch_size, where=where, own=own)
                outputs = loops.predict_loop(step, batches, count, verbose == 1, dtype)
        return one_or_list(outputs) if outputs else None

    def _prediction(
        self,
        where: str,
        wanted: Division,
        arrays: list[Data],
        batch_size: int,
        on_first_rank_only: bool,
    ) -> tuple[Step, RankRows]:
        """Return the step that predicts a batch, and the rows of it that this rank computes."""
        if wanted.memory is None:
            made = self.prediction_function(wanted.shards)
        else:
            made = self.divided_prediction(where, wanted, shapes_of(arrays, batch_size))
        own = rank_rows(made.ranks, made.shards) if isinstance(made, ShardedFunction) else ALL_ROWS
        if on_first_rank_only is False:
            return made.start, own
        return prediction_step(where, made, on_first_rank_only), own


class LossAlone(float):
    """The loss of a batch of a model without metrics: a float that index 0 returns as well.

    Keras 0.3 returned a list of one element. The first use of the index in a process logs a
    line.
    """

    _logged: ClassVar[bool] = False

    def __getitem__(self, index: int) -> float:
        if index not in (0, -1):
            raise IndexRangeError(
                f"train_on_batch, test_on_batch: expected the index 0, received {index!r}; the "
                "loss is the only value. metrics=['accuracy'] in compile adds the accuracy after "
                "it, and the flag keras=1.2 the loss of each of several outputs"
            )
        if not LossAlone._logged:
            LossAlone._logged = True
            _log.warning(
                "train_on_batch and test_on_batch give the loss as a number, as in Keras 1.0, and "
                "no list of one as in Keras 0.3; its [0] is the number itself"
            )
        return float(self)


def _number_or_list(values: Iterable[SupportsFloat]) -> float | list[float]:
    """Return the values of a batch as a list of numbers, or a single value as a `LossAlone`."""
    numbers = [float(value) for value in values]
    return LossAlone(numbers[0]) if len(numbers) == 1 else numbers


def _choose_shards(
    compiled: Compiled, purpose: str, arrays: list[Data], batch_size: int, where: str
) -> None:
    """Set the number of shards of a batch, and check that each shard has a sample."""
    compiled.choose_shards(where, purpose, shapes_of(arrays, batch_size))
    check_shards(where, compiled.shards, batch_size)


def _log_reads(batches: ArrayBatches, where: str) -> None:
    if batches.windows is not None:
        for line in str(batches.read_report()).splitlines():
            _log.info("%s: %s", where, line)


def _split(arrays: list[Data], fraction: float, where: str) -> tuple[list[Data], list[Data]]:
    """Return the first samples, to train on, and the last `fraction` of them, held out."""
    count = len(arrays[0])
    is_number = isinstance(fraction, int | float | np.number)
    first = int(count * (1.0 - fraction)) if is_number and 0.0 < fraction < 1.0 else 0
    if not 0 < first < count:
        raise ArgumentError(
            f"{where}: validation_split: expected a fraction that leaves at least one of {count} "
            f"samples in each part, received {fraction!r}"
        )
    return [part(one, 0, first) for one in arrays], [part(one, first, count) for one in arrays]
