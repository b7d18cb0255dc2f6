"""Training, testing and predicting on batches from a generator."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from math import ceil
from typing import Any

import numpy as np

from graphc import callbacks as cbks
from graphc.engine.topology.layer_node import one_or_list
from graphc.engine.training import loops
from graphc.engine.training.array_batches import ArrayBatches
from graphc.engine.training.compiled import Compiled
from graphc.engine.training.division import Division, division, shapes_of
from graphc.engine.training.feeds import as_arrays
from graphc.engine.training.generators import (
    GeneratorBatches,
    GeneratorQueue,
    unpack_batch,
    unpack_inputs,
)
from graphc.engine.training.loops import Step
from graphc.engine.training.made_functions import prediction_step
from graphc.engine.training.on_batch import BatchTraining
from graphc.engine.training.rank_batches import Collector
from graphc.engine.training.rank_rows import rank_rows
from graphc.engine.training.running import (
    check_verbose,
    checked_callbacks,
    checked_epochs,
    run_epochs,
)
from graphc.engine.training.stored import Data
from graphc.engine.training.together import called_together
from graphc.engine.training.workers import Workers, workers_for
from graphc.errors import ArgumentError, errors_at
from graphc.lookup import true_or_false, whole_number
from graphc.parallel.joining import join

_log = logging.getLogger("graphc")

_BATCH = 32  # as in `fit`
_WAIT_SECONDS = 0.05  # between two looks of a generator's thread whether it is to end


class GeneratorTraining(BatchTraining):
    """A container that takes its batches from generators.

    Attributes:
        validation_data: the arrays that training was validated on: inputs, targets, weights.
        epochs_done: how many epochs the last `fit` or `fit_generator` has behind it, those before
            its `initial_epoch` too. A later one goes on with ``initial_epoch=model.epochs_done``.
    """

    validation_data: list[Data] | None = None
    epochs_done = 0
    _order: loops.SampleOrder | None = None

    def fit_generator(
        self,
        generator: Iterator,
        samples_per_epoch: int,
        nb_epoch: int,
        verbose: int = 1,
        callbacks: Iterable[cbks.Callback] | None = None,
        validation_data: object = None,
        nb_val_samples: int | None = None,
        class_weight: Mapping | None = None,
        max_q_size: int = 10,
        nb_worker: int = 1,
        pickle_safe: bool = False,
        initial_epoch: int = 0,
        *,
        nb_val_worker: int | None = None,
        sharded: bool = False,
        **kwargs: Any,
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
            shards: how many parts a step takes its batch in; see `fit`.
            memory: what a step may take, as in `fit`. The number of shards is chosen for the first
                batch, which is taken before anything else, and no other may be larger.

        Raises:
            NotCompiledError: before `compile`.
            DataError: batches that do not fit the model.
            ArgumentError: a value that an argument does not take.
            KeywordError: a keyword that there is not.
        """
        where = f"{self.name}.fit_generator"
        compiled = self._compiled_for("fit_generator", kwargs, self.fit_generator, "show_accuracy")
        check_verbose(where, verbose)
        collector = self._collector(where, compiled, sharded, writes=True)
        workers = workers_for(where, generator, nb_worker, pickle_safe)
        count = whole_number(f"{where}: samples_per_epoch", samples_per_epoch, least=1)
        epochs = checked_epochs(where, initial_epoch, nb_epoch)
        listening = checked_callbacks(where, callbacks)
        self._order = None
        with ExitStack() as threads:
            batches = self._generated(
                *(threads, generator, max_q_size, where, count, "samples_per_epoch", workers),
                *(collector, class_weight),
            )
            if compiled.memory is not None:
                compiled.divide(where, "train", shapes_of(batches.first(generator)))
            if epochs:
                compiled.choose(epochs.stop, ceil(count / _BATCH))
            compiled.train()  # made before a thread works beside it
            validate = self._generated_validation(
                *(threads, compiled, validation_data, nb_val_samples, max_q_size, where),
                *(nb_val_worker, pickle_safe, sharded),
            )
            return run_epochs(self, compiled, batches, count, epochs, verbose, listening, validate)

    def _generated(
        self,
        threads: ExitStack,
        generator: Iterator,
        max_q_size: int,
        where: str,
        samples: int,
        count: str,
        workers: Workers,
        collector: Collector,
        class_weight: Mapping | None = None,
    ) -> GeneratorBatches:
        """The batches of a generator for training or testing; `threads` ends its workers."""

        def prepare(item: object, place: str) -> list[np.ndarray] | None:
            given = self._unpack_batch(item, place)
            with errors_at(place):
                if collector.takes_parts and self._has_no_samples(given[0]):
                    return None
                return self._prepare_batch(*given, class_weight)

        workers = collector.workers(workers, where)
        source = threads.enter_context(
            GeneratorQueue(generator, max_q_size, _WAIT_SECONDS, where, workers=workers)
        )
        return GeneratorBatches(source, samples, prepare, where, count, collector)

    def _collector(
        self, where: str, divided: Compiled | Division, sharded: object, writes: bool = False
    ) -> Collector:
        """Return a collector, which makes batches of the items of all ranks' generators."""
        takes_parts = true_or_false(where, "sharded", sharded)
        ranks = join(where, writes)
        if takes_parts and divided.memory is not None and ranks.size > 1:
            raise ArgumentError(
                f"{where}: sharded=True: expected a number of shards, by which each process knows "
                "its own rows of a batch, received memory, by which it is chosen; pass shards="
            )
        return Collector(ranks, divided.shards, takes_parts)

    def _has_no_samples(self, x: object) -> bool:
        first, *_ = as_arrays(x, self.input_names, "inputs")
        return np.shape(first)[:1] == (0,)

    def _generated_validation(
        self,
        threads: ExitStack,
        compiled: Compiled,
        data: object,
        samples: int | None,
        max_q_size: int,
        where: str,
        nb_worker: int | None,
        pickle_safe: bool,
        sharded: bool,
    ) -> Callable[[Step], list[float]] | None:
        """Return a function that evaluates the validation data of `fit_generator`, arrays or a
        generator."""
        if data is None or not hasattr(data, "__next__"):
            if nb_worker is not None:
                _log.warning(
                    "%s: nb_val_worker=%r has no effect: it counts the callers of a validation "
                    "generator, and validation_data is %s",
                    where,
                    nb_worker,
                    "not given" if data is None else "arrays",
                )
            if samples is not None:
                _log.warning(
                    "%s: nb_val_samples=%r has no effect: it counts the samples of a validation "
                    "generator, and validation_data is %s",
                    where,
                    samples,
                    "not given" if data is None else "arrays, which are used whole",
                )
            arrays = None if data is None else self._prepare_validation(data, where)
            return self._validation(compiled, arrays, self._fixed_batch or _BATCH)
        if samples is None:
            raise ArgumentError(
                f"{where}: validation_data is a generator, so nb_val_samples has to say how many "
                "samples are taken from it after each epoch, received None"
            )
        count = whole_number(f"{where}: nb_val_samples", samples, least=1)
        workers = Workers()
        if nb_worker is not None:
            workers = workers_for(where, data, nb_worker, pickle_safe, "nb_val_worker")
        batches = self._generated(
            *(threads, data, max_q_size, where, count, "nb_val_samples"),
            *(workers, self._collector(where, compiled, sharded)),
        )
        return lambda test: loops.evaluate_loop(test, batches, count, compiled.labels)

    def evaluate_generator(
        self,
        generator: Iterator,
        val_samples: int,
        max_q_size: int = 10,
        nb_worker: int = 1,
        pickle_safe: bool = False,
        *,
        sharded: bool = False,
        **kwargs: Any,
    ) -> float | list[float]:
        """The loss on batches from a generator; with metrics a list like `metrics_names`.

        Args:
            generator: gives (x, y) or (x, y, sample_weight), a batch each.
            val_samples: the batch that reaches as many is the last.
            max_q_size: how many batches are made ahead; those left at the end are lost.
            nb_worker, pickle_safe, sharded: see `fit_generator`.
            show_accuracy: the accuracy beside the metrics that `compile` was given.
            shards, memory: how many parts a step takes its batch in; see `fit_generator`.
        """
        workers = workers_for(f"{self.name}.evaluate_generator", generator, nb_worker, pickle_safe)
        return self._evaluate_generator(
            generator, val_samples, max_q_size, workers, kwargs, sharded
        )

    def _evaluate_generator(
        self,
        generator: Iterator,
        val_samples: int,
        max_q_size: int,
        workers: Workers,
        keywords: Mapping[str, Any],
        sharded: bool,
        show: bool = False,
    ) -> float | list[float]:
        """The same, with a progress bar if `show` says so."""
        where = f"{self.name}.evaluate_generator"
        compiled = self._compiled_for(
            "evaluate_generator", keywords, self.evaluate_generator, "show_accuracy"
        )
        count = whole_number(f"{where}: val_samples", val_samples, least=1)
        together = called_together(where, (), val_samples=count, sharded=sharded)
        with ExitStack() as threads:
            batches = self._generated(
                *(threads, generator, max_q_size, where, count, "val_samples", workers),
                self._collector(where, compiled, sharded),
            )
            if compiled.memory is not None:
                compiled.divide(where, "test", shapes_of(batches.first(generator)))
            test = compiled.begun(compiled.test())
            with together:
                values = loops.evaluate_loop(test, batches, count, compiled.labels, show)
        return one_or_list(values)

    def predict_generator(
        self,
        generator: Iterator,
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
        """The outputs for the first samples from a generator, as arrays like those of `predict`.

        Args:
            generator: gives x, (x, y) or (x, y, sample_weight), a batch each.
            val_samples: how many samples.
            max_q_size: how many batches are made ahead; those left at the end are lost.
            nb_worker, pickle_safe: see `fit_generator`; but one thread or process, with a warning
                if more are asked for, since the outputs are in the order of the samples.
            shards, memory: how many parts a step takes its batch in; see `fit_generator`.
            sharded: the generators of several processes yield their own rows; see `fit_generator`.
            on_first_rank_only: the first of several processes alone gets the outputs, and others
                None; see `predict`.
        """
        where = f"{self.name}.predict_generator"
        workers = workers_for(where, generator, nb_worker, pickle_safe).in_order(where)
        count = whole_number(f"{where}: val_samples", val_samples, least=1)
        wanted = division(where, shards, memory)
        collector = self._collector(where, wanted, sharded)
        alike = {"sharded": sharded, "on_first_rank_only": on_first_rank_only}
        together = called_together(where, (), val_samples=count, **alike)

        def prepare(item: object, place: str) -> list[np.ndarray] | None:
            x = self._unpack_inputs(item, place)
            with errors_at(place):
                if collector.takes_parts and self._has_no_samples(x):
                    return None
                return self._prepare_batch_inputs(x)

        with GeneratorQueue(generator, max_q_size, _WAIT_SECONDS, where, workers=workers) as source:
            batches = GeneratorBatches(
                *(source, count, prepare, where, "val_samples", collector),
                beyond="are left out",
            )
            first = () if wanted.memory is None else batches.first(generator)
            made = self._divided_predict(where, wanted, shapes_of(first))
            step = prediction_step(where, made, on_first_rank_only)
            with together:
                outputs = loops.predict_loop(step, batches, count, dtype=self._dtype_of_predictions)
        return one_or_list(outputs) if outputs else None

    def _validation(
        self, compiled: Compiled, held_out: list[Data] | None, batch_size: int
    ) -> Callable[[Step], list[float]] | None:
        """Return a function that evaluates the samples that are held out."""
        self.validation_data = held_out
        if held_out is None:
            return None
        count = len(held_out[0])
        self._check_fixed_batch(count, batch_size)
        where = f"{self.name}: validation data"
        own = rank_rows(join(where), compiled.shards)
        batches = ArrayBatches(held_out, batch_size, where=where, own=own)
        return lambda test: loops.evaluate_loop(test, batches, count, compiled.labels)

    def _prepare_validation(self, data: object, where: str) -> list[Data]:
        where = f"{where}: validation_data"
        given = self._unpack_batch(data, where)
        with errors_at(where):
            return self._prepare_all(*given, None)

    def _unpack_batch(self, item: object, where: str) -> tuple[object, object, object]:
        """(x, y, sample_weight or None) of validation data, or of a generator's batch."""
        return unpack_batch(item, where)

    def _unpack_inputs(self, item: object, where: str) -> object:
        """x of a generator's batch."""
        return unpack_inputs(item, where)
