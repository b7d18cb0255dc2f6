"""Models: containers that can be compiled, trained and evaluated, and that predict."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Unpack

import numpy as np

from graphc import callbacks as cbks
from graphc import optimizers
from graphc.compiler import graph as g
from graphc.compiler.function import CompileReports
from graphc.engine.data.read_report import ReadReport
from graphc.engine.data.stored import Data
from graphc.engine.data.targets import for_each_output
from graphc.engine.data.workers import workers_for
from graphc.engine.keywords import (
    BatchKeywords,
    LegacyCompileKeywords,
    TrainingKeywords,
    drop_legacy,
)
from graphc.engine.training.checkpoint import Checkpoint
from graphc.engine.training.collecting import note_compiled
from graphc.engine.training.feeds import Feeds
from graphc.engine.training.generator_trainer import GeneratorTrainer
from graphc.engine.training.inspected_model import InspectedModel
from graphc.engine.training.step_functions import StepAttribute, StepFunctions
from graphc.engine.training.trainer import Trainer
from graphc.keywords import refuse_unknown
from graphc.later.attributes import OF_MODELS
from graphc.paths import GivenPath
from graphc.public.attributes import explain_missing

_COMPILE_KEYWORDS = ("optimizer", "loss", "metrics", "sample_weight_mode", "mode")
_COMPILE_LEGACY = {"class_mode": "the metrics and predict_classes do not need it"}


class Model(InspectedModel):
    """A container that can be trained. `Sequential` and `Graph` are models.

    What a method does is done by an object that the model has: a `Trainer` for arrays and single
    batches, a `GeneratorTrainer`, a `Checkpoint` for files, `Feeds` for its data.

    Attributes:
        stop_training: a callback sets it to end `fit` after the epoch.
        history: what the last `fit` or `fit_generator` returned; none before.
        epochs_done: how many epochs the last `fit` or `fit_generator` has behind it, those before
            its `initial_epoch` too. A later one goes on with ``initial_epoch=model.epochs_done``.
        training_data, validation_data: the arrays of the last `fit`: inputs, targets and sample
            weights; None where there were none.
    """

    stop_training = False
    history: cbks.History
    epochs_done = 0
    training_data: list[Data] | None = None
    validation_data: list[Data] | None = None
    _graphc_feeds: ClassVar[type[Feeds]] = Feeds

    @cached_property
    def _graphc_trainer(self) -> Trainer:
        return Trainer(self, self, self._graphc_feeds(self))

    @cached_property
    def _graphc_generator_trainer(self) -> GeneratorTrainer:
        return GeneratorTrainer(self._graphc_trainer)

    @cached_property
    def _graphc_checkpoint(self) -> Checkpoint:
        return Checkpoint(self._graphc_trainer, self._graphc_weight_files)

    @cached_property
    def _graphc_step_functions(self) -> StepFunctions:
        return StepFunctions(self._graphc_trainer)

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
        self._graphc_need_layers("save")
        self._graphc_checkpoint.save(filepath, overwrite)

    def compile(
        self,
        optimizer: str | optimizers.Optimizer,
        loss: object,
        metrics: object = (),
        loss_weights: object = None,
        sample_weight_mode: object = None,
        **kwargs: Unpack[LegacyCompileKeywords],
    ) -> None:
        """Choose the loss that training minimizes, and the optimizer.

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
        self._graphc_need_layers("compile")
        others = drop_legacy(where, kwargs, _COMPILE_LEGACY)
        refuse_unknown(where, others, _COMPILE_KEYWORDS)
        what = (optimizer, loss, metrics, loss_weights, sample_weight_mode, kwargs.get("mode"))
        self._graphc_trainer.compile(*what)
        note_compiled(self)

    def view(
        self,
        batch: int | None = None,
        sizes: Mapping[str, int] | None = None,
        target: str | None = None,
    ) -> Any:
        """Return a page of how the training step was compiled, which a notebook shows; ``save``
        writes it into a file. Arguments and errors as of `kernels`."""
        # By name: a page is made of a model, and the floor that makes it is above this one.
        return importlib.import_module("graphc.view").shown_model(self, batch, sizes, target)

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
        class_weight: Mapping[Any, Any] | None = None,
        sample_weight: object = None,
        initial_epoch: int = 0,
        **kwargs: Unpack[TrainingKeywords],
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
                out and evaluated after each epoch.
            validation_data: (x, y) or (x, y, sample_weight) to evaluate instead.
            shuffle: True, False, or 'batch' to shuffle whole batches.
            class_weight: class -> weight of its samples in the loss.
            sample_weight: a weight for each sample (each step, in 'temporal' mode).
            initial_epoch: the first epoch's number. That of `epochs_done` goes on from the last
                run, or from that of the file that the model was loaded from: as many samples are
                shuffled from the order that they had there.
            show_accuracy: the accuracy beside the metrics that `compile` was given.
            shards: the number of parts of a batch, which a step computes one after the other; by
                default that of the flag `shards`, 1. The gradients, losses and metrics are those of
                the whole batch, up to the order of sums, with the memory of a part's activations.
                BatchNormalization trains on the statistics of each part.
            memory: instead of `shards`, the memory that a step may take, such as ``"200MB"``: the
                batch is divided into the smallest power of two of parts that fits according to the
                memory plan. The log and the model's file have the number. The default is that of
                the flag `memory`.

        Returns:
            The History: ``history.history['loss']`` has one value an epoch.

        Raises:
            NotCompiledError: before `compile`.
            DataError: arrays that do not fit the model.
            ArgumentError: a value that an argument does not take.
            KeywordError: a keyword that there is not.
        """
        trainer = self._graphc_trainer
        compiled = trainer.compiled_for("fit", kwargs, self.fit, "show_accuracy")
        return trainer.fit(
            *(compiled, x, y, batch_size, nb_epoch, verbose, callbacks, validation_split),
            *(validation_data, shuffle, class_weight, sample_weight, initial_epoch),
        )

    def read_report(self) -> ReadReport:
        """Return what the last `fit`, or the one that runs, read of arrays in files: calls, bytes,
        and chunks of HDF5 with the times that each was read in an epoch. Prints as text.

        Raises:
            ArgumentError: before `fit`.
        """
        return self._graphc_trainer.read_report()

    def evaluate(
        self,
        x: object,
        y: object,
        batch_size: int = 32,
        verbose: int = 1,
        sample_weight: object = None,
        **kwargs: Unpack[TrainingKeywords],
    ) -> float | list[float]:
        """Return the loss on data without training; with metrics, a list like `metrics_names`.

        ``show_accuracy=True`` adds the accuracy to the list, ``shards=4`` takes each batch in four
        parts, ``memory="200MB"`` in as few as fit.
        """
        trainer = self._graphc_trainer
        compiled = trainer.compiled_for("evaluate", kwargs, self.evaluate, "show_accuracy")
        return trainer.evaluate(compiled, x, y, batch_size, verbose, sample_weight)

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
        """Return the outputs for all samples, as float64 arrays; as arrays of floatx if the model
        was made with the meanings of Keras from 1.0.6 on.

        Args:
            shards, memory: the number of parts of a batch; see `fit`.
            on_first_rank_only: of several processes, with the flag `ranks`, the first alone gets
                the outputs, and others None; by default all of them get all outputs.
        """
        how = (shards, memory, on_first_rank_only)
        return self._graphc_trainer.predict(x, batch_size, verbose, *how)

    def train_on_batch(
        self,
        x: object,
        y: object,
        sample_weight: object = None,
        class_weight: Mapping[Any, Any] | None = None,
        **kwargs: Unpack[BatchKeywords],
    ) -> float | list[float]:
        """Train on one batch, and return the loss, or a list like `metrics_names`, from before the
        update.

        ``accuracy=True`` adds the accuracy to the list, ``shards=4`` takes the batch in four parts,
        ``memory="200MB"`` in as few as fit; see `Model.fit`.
        """
        trainer = self._graphc_trainer
        compiled = trainer.compiled_for("train_on_batch", kwargs, self.train_on_batch, "accuracy")
        return trainer.train_on_batch(compiled, x, y, sample_weight, class_weight)

    def test_on_batch(
        self, x: object, y: object, sample_weight: object = None, **kwargs: Unpack[BatchKeywords]
    ) -> float | list[float]:
        """Return the loss of one batch, or a list like `metrics_names`.

        ``accuracy=True`` adds the accuracy to the list, ``shards=4`` takes the batch in four parts,
        ``memory="200MB"`` in as few as fit; see `Model.fit`.
        """
        trainer = self._graphc_trainer
        compiled = trainer.compiled_for("test_on_batch", kwargs, self.test_on_batch, "accuracy")
        return trainer.test_on_batch(compiled, x, y, sample_weight)

    def predict_on_batch(
        self, x: object, *, shards: int | None = None, memory: int | str | None = None
    ) -> np.ndarray | list[np.ndarray]:
        """Return the outputs for one batch, divided into `shards` parts, or into as few as fit into
        `memory`."""
        return self._graphc_trainer.predict_on_batch(x, shards, memory)

    def fit_generator(
        self,
        generator: Iterator[Any],
        samples_per_epoch: int,
        nb_epoch: int,
        verbose: int = 1,
        callbacks: Iterable[cbks.Callback] | None = None,
        validation_data: object = None,
        nb_val_samples: int | None = None,
        class_weight: Mapping[Any, Any] | None = None,
        max_q_size: int = 10,
        nb_worker: int = 1,
        pickle_safe: bool = False,
        initial_epoch: int = 0,
        *,
        nb_val_worker: int | None = None,
        sharded: bool = False,
        **kwargs: Unpack[TrainingKeywords],
    ) -> cbks.History:
        """Train on batches from a generator, which threads or processes run ahead of the training.

        Args:
            generator: gives (x, y) or (x, y, sample_weight), a batch each, without end. What it
                raises is raised here. Batches may differ in size.
            samples_per_epoch: an epoch ends with the batch that reaches as many.
            nb_epoch, verbose, callbacks, initial_epoch: as in `fit`.
            validation_data: (x, y), (x, y, sample_weight), or a generator of those.
            nb_val_samples: how many samples a validation generator gives for each epoch. Arrays are
                used whole; a number beside them is a line in the log.
            class_weight: class -> weight of its samples in the loss.
            max_q_size: how many batches are made ahead; those left at the end are lost.
            nb_worker: how many threads call the generator at once, which has to bear that; a
                generator function is called by one alone. The order of batches of several is that
                in which they are made, and no run repeats it.
            pickle_safe: True for as many processes, of which each has a copy of the generator and
                a seed of its own: one that draws its samples gives others in each, one that goes
                through them in order gives the same. It cannot call a model.
            nb_val_worker: as `nb_worker`, for a validation generator; one by default.
            sharded: True where, with the flag `ranks`, the generators of each process yield its own
                rows of a batch, ``x[graphc.parallel.own_rows(samples)]``, which may be none; by
                default all of them yield whole batches. Samples are counted over all processes. One
                process alone yields whole batches either way.
            show_accuracy: the accuracy beside the metrics that `compile` was given.
            shards: the number of parts of a batch; see `fit`.
            memory: what a step may take, as in `fit`. The number of shards is chosen for the first
                batch, which is taken before anything else, and no other may be larger.

        Raises:
            NotCompiledError: before `compile`.
            DataError: batches that do not fit the model.
            ArgumentError: a value that an argument does not take.
            KeywordError: a keyword that there is not.
        """
        call = ("fit_generator", kwargs, self.fit_generator, "show_accuracy")
        return self._graphc_generator_trainer.fit(
            self._graphc_trainer.compiled_for(*call),
            generator,
            samples_per_epoch,
            nb_epoch,
            verbose,
            callbacks,
            validation_data,
            nb_val_samples,
            class_weight,
            max_q_size,
            nb_worker,
            pickle_safe,
            initial_epoch,
            nb_val_worker,
            sharded,
        )

    def evaluate_generator(
        self,
        generator: Iterator[Any],
        val_samples: int,
        max_q_size: int = 10,
        nb_worker: int = 1,
        pickle_safe: bool = False,
        *,
        sharded: bool = False,
        **kwargs: Unpack[TrainingKeywords],
    ) -> float | list[float]:
        """Return the loss on batches from a generator; with metrics, a list like `metrics_names`.

        Args:
            generator: gives (x, y) or (x, y, sample_weight), a batch each.
            val_samples: the batch that reaches as many is the last.
            max_q_size: how many batches are made ahead; those left at the end are lost.
            nb_worker, pickle_safe, sharded: see `fit_generator`.
            show_accuracy: the accuracy beside the metrics that `compile` was given.
            shards, memory: the number of parts of a batch; see `fit_generator`.
        """
        workers = workers_for(f"{self.name}.evaluate_generator", generator, nb_worker, pickle_safe)
        call = ("evaluate_generator", kwargs, self.evaluate_generator, "show_accuracy")
        return self._graphc_generator_trainer.evaluate(
            *(self._graphc_trainer.compiled_for(*call), generator, val_samples, max_q_size),
            *(workers, sharded),
        )

    def predict_generator(
        self,
        generator: Iterator[Any],
        val_samples: int,
        max_q_size: int = 10,
        nb_worker: int = 1,
        pickle_safe: bool = False,
        *,
        shards: int | None = None,
        memory: int | str | None = None,
        sharded: bool = False,
        on_first_rank_only: bool = False,
    ) -> np.ndarray | list[np.ndarray] | None:
        """Return the outputs for the first samples from a generator, as arrays like those of
        `predict`.

        Args:
            generator: gives x, (x, y) or (x, y, sample_weight), a batch each.
            val_samples: how many samples.
            max_q_size: how many batches are made ahead; those left at the end are lost.
            nb_worker, pickle_safe: see `fit_generator`; but one thread or process, with a warning
                if more are asked for, since the outputs are in the order of the samples.
            shards, memory: the number of parts of a batch; see `fit_generator`.
            sharded: the generators of several processes yield their own rows; see `fit_generator`.
            on_first_rank_only: the first of several processes alone gets the outputs, and others
                None; see `predict`.
        """
        return self._graphc_generator_trainer.predict(
            *(generator, val_samples, max_q_size, nb_worker, pickle_safe),
            *(shards, memory, sharded, on_first_rank_only),
        )

    @property
    def optimizer(self) -> optimizers.Optimizer:
        """The optimizer that `compile` was given."""
        return self._graphc_trainer.need_compiled("optimizer").optimizer

    @property
    def loss(self) -> object:
        """The loss as `compile` was given it."""
        return self._graphc_trainer.need_compiled("loss").given["loss"]

    @property
    def loss_functions(self) -> list[Any]:
        """The function of each output's loss."""
        return [
            target.loss for target in self._graphc_trainer.need_compiled("loss_functions").targets
        ]

    @property
    def loss_weights(self) -> object:
        """The factors of the outputs' losses as `compile` was given them."""
        return self._graphc_trainer.need_compiled("loss_weights").given["loss_weights"]

    @property
    def metrics(self) -> Any:
        """The metrics as `compile` was given them, [] where there were none."""
        return self._graphc_trainer.need_compiled("metrics").given["metrics"] or []

    @property
    def sample_weight_modes(self) -> list[object]:
        """The `sample_weight_mode` of each output."""
        return list(
            for_each_output(
                self.sample_weight_mode, self.output_names, "sample_weight_mode", default=None
            )
        )

    @property
    def sample_weight_mode(self) -> object:
        """None or 'temporal', as `compile` was given it."""
        return self._graphc_trainer.need_compiled("sample_weight_mode").given["sample_weight_mode"]

    @property
    def total_loss(self) -> g.Node:
        """The loss that training minimizes, a tensor; it depends on `targets` and `sample_weights`
        too."""
        return self._graphc_trainer.need_compiled("total_loss").outputs[0]

    @property
    def metrics_tensors(self) -> list[g.Node]:
        """The values of the metrics."""
        return self._graphc_trainer.need_compiled("metrics_tensors").outputs[1:]

    @property
    def targets(self) -> list[g.Node]:
        """The tensors that training feeds with the targets of each output."""
        return [target.y_true for target in self._graphc_trainer.need_compiled("targets").targets]

    @property
    def sample_weights(self) -> list[g.Node]:
        """The tensors that training feeds with the samples' weights, one for each output."""
        return [
            target.weights
            for target in self._graphc_trainer.need_compiled("sample_weights").targets
        ]

    @property
    def metrics_names(self) -> list[str]:
        """The names of the values that `evaluate` and `train_on_batch` return: the loss, then the
        metrics."""
        return self._graphc_trainer.need_compiled("metrics_names").labels

    train_function = StepAttribute("train")
    """A training step over a list: inputs, targets, weights of the samples and, if the model
    differs in training, the learning phase. None before it is made, as by `_make_train_function`;
    setting None has it made anew."""

    test_function = StepAttribute("test")
    """The values of a batch without training; as `train_function` otherwise."""

    predict_function = StepAttribute("predict")
    """The outputs for a list of inputs; as `train_function` otherwise."""

    def _make_train_function(self) -> None:
        """Make the function of a training step now, not at the first one, as Keras names it."""
        compiled = self._graphc_trainer.need_compiled("_make_train_function")
        compiled.choose_native(epochs=1, steps=1)
        compiled.train()

    def _make_test_function(self) -> None:
        """Make the function of `evaluate` now."""
        self._graphc_trainer.need_compiled("_make_test_function").test()

    def _make_predict_function(self) -> None:
        """Make the function of `predict` now, as programs of several threads do."""
        self._graphc_trainer.prediction_function()

    def compile_report(self) -> CompileReports:
        """Return the report of compiling each function that was made so far; it prints as text."""
        return self._graphc_trainer.compile_report()


explain_missing(Model, OF_MODELS)
