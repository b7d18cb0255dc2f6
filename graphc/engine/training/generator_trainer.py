"""Training, testing and predicting on batches from generators, for a `Model`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from math import ceil
from typing import Any

import numpy as np

from graphc import callbacks as cbks
from graphc.engine.data.batches import BATCH_SIZE, shapes_of
from graphc.engine.data.generators import GeneratorBatches, GeneratorQueue
from graphc.engine.data.rank_batches import Collector
from graphc.engine.data.workers import Workers, workers_for
from graphc.engine.ranks.comparison import called_together
from graphc.engine.topology.layer_node import one_or_list
from graphc.engine.training import loops
from graphc.engine.training.compiled import Compiled
from graphc.engine.training.division import Division, division
from graphc.engine.training.loops import Step
from graphc.engine.training.made_functions import prediction_step
from graphc.engine.training.running import (
    check_verbose,
    checked_callbacks,
    checked_epochs,
    run_epochs,
)
from graphc.engine.training.trainer import Trainer
from graphc.errors import ArgumentError, errors_at
from graphc.lookup import true_or_false, whole_number
from graphc.parallel.joining import join

_log = logging.getLogger("graphc")

_WAIT_SECONDS = 0.05  # after which a generator's thread checks whether it is to end


class GeneratorTrainer:
    """Runs a model's functions on the batches of generators.

    Args:
        trainer: the trainer of the model, which has its functions.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer, self._feeds = trainer, trainer.feeds

    def fit(
        self,
        compiled: Compiled,
        generator: Iterator[Any],
        samples_per_epoch: int,
        nb_epoch: int,
        verbose: int,
        callbacks: Iterable[cbks.Callback] | None,
        validation_data: object,
        nb_val_samples: int | None,
        class_weight: object,
        max_q_size: int,
        nb_worker: int,
        pickle_safe: bool,
        initial_epoch: int,
        nb_val_worker: int | None,
        sharded: bool,
    ) -> cbks.History:
        """Train on batches; see `Model.fit_generator`."""
        trainer = self._trainer
        where = f"{trainer.model.name}.fit_generator"
        check_verbose(where, verbose)
        collector = _collector(where, compiled, sharded, writes=True)
        workers = workers_for(where, generator, nb_worker, pickle_safe)
        count = whole_number(f"{where}: samples_per_epoch", samples_per_epoch, least=1)
        epochs = checked_epochs(where, initial_epoch, nb_epoch)
        listening = checked_callbacks(where, callbacks)
        trainer.order = None
        with ExitStack() as threads:
            batches = self._batches(
                *(compiled, threads, generator, max_q_size, where, count, "samples_per_epoch"),
                *(workers, collector, class_weight),
            )
            if compiled.memory is not None:
                compiled.choose_shards(where, "train", shapes_of(batches.first(generator)))
            if epochs:
                compiled.choose_native(epochs.stop, ceil(count / BATCH_SIZE))
            compiled.train()  # made before a thread works beside it
            validate = self._validation(
                *(threads, compiled, validation_data, nb_val_samples, max_q_size, where),
                *(nb_val_worker, pickle_safe, sharded),
            )
            what = (
                trainer.public_model,
                compiled,
                batches,
                count,
                epochs,
                verbose,
                listening,
                validate,
            )
            return run_epochs(*what)

    def _batches(
        self,
        compiled: Compiled,
        threads: ExitStack,
        generator: Iterator[Any],
        max_q_size: int,
        where: str,
        samples: int,
        count: str,
        workers: Workers,
        collector: Collector,
        class_weight: object = None,
    ) -> GeneratorBatches:
        """Return the batches of a generator for training or testing; `threads` ends its workers."""
        feeds = self._feeds

        def prepare(item: object, place: str) -> list[np.ndarray] | None:
            x, y, sample_weight = feeds.of_item(item, place)
            with errors_at(place):
                if collector.takes_parts and feeds.has_no_samples(x):
                    return None
                return feeds.batch(compiled, x, y, sample_weight, class_weight)

        workers = collector.workers(workers, where)
        source = threads.enter_context(
            GeneratorQueue(generator, max_q_size, _WAIT_SECONDS, where, workers=workers)
        )
        return GeneratorBatches(source, samples, prepare, where, count, collector)

    def _validation(
        self,
        threads: ExitStack,
        compiled: Compiled,
        data: Any,
        samples: int | None,
        max_q_size: int,
        where: str,
        nb_worker: int | None,
        pickle_safe: bool,
        sharded: bool,
    ) -> Callable[[Step], list[float]] | None:
        """Return a function that evaluates the validation data, arrays or a generator."""
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
            arrays = None if data is None else self._feeds.validation(compiled, data, where)
            return self._trainer.validation(compiled, arrays, self._feeds.fixed_batch or BATCH_SIZE)
        if samples is None:
            raise ArgumentError(
                f"{where}: validation_data is a generator, so nb_val_samples has to say how many "
                "samples are taken from it after each epoch, received None"
            )
        count = whole_number(f"{where}: nb_val_samples", samples, least=1)
        workers = Workers()
        if nb_worker is not None:
            workers = workers_for(where, data, nb_worker, pickle_safe, "nb_val_worker")
        batches = self._batches(
            *(compiled, threads, data, max_q_size, where, count, "nb_val_samples"),
            *(workers, _collector(where, compiled, sharded)),
        )
        return lambda test: loops.evaluate_loop(test, batches, count, compiled.labels)

    def evaluate(
        self,
        compiled: Compiled,
        generator: Iterator[Any],
        val_samples: int,
        max_q_size: int,
        workers: Workers,
        sharded: bool,
        show: bool = False,
    ) -> float | list[float]:
        """Return the loss on batches; see `Model.evaluate_generator`. `show` a progress bar."""
        where = f"{self._trainer.model.name}.evaluate_generator"
        count = whole_number(f"{where}: val_samples", val_samples, least=1)
        together = called_together(where, (), val_samples=count, sharded=sharded)
        with ExitStack() as threads:
            batches = self._batches(
                *(compiled, threads, generator, max_q_size, where, count, "val_samples", workers),
                _collector(where, compiled, sharded),
            )
            if compiled.memory is not None:
                compiled.choose_shards(where, "test", shapes_of(batches.first(generator)))
            test = compiled.starting(compiled.test())
            with together:
                values = loops.evaluate_loop(test, batches, count, compiled.labels, show)
        return one_or_list(values)

    def predict(
        self,
        generator: Iterator[Any],
        val_samples: int,
        max_q_size: int,
        nb_worker: int,
        pickle_safe: bool,
        shards: int | None,
        memory: int | str | None,
        sharded: bool,
        on_first_rank_only: bool,
    ) -> np.ndarray | list[np.ndarray] | None:
        """Return the outputs for the first samples; see `Model.predict_generator`."""
        trainer, feeds = self._trainer, self._feeds
        where = f"{trainer.model.name}.predict_generator"
        workers = workers_for(where, generator, nb_worker, pickle_safe).in_order(where)
        count = whole_number(f"{where}: val_samples", val_samples, least=1)
        wanted = division(where, shards, memory)
        collector = _collector(where, wanted, sharded)
        arguments = {"sharded": sharded, "on_first_rank_only": on_first_rank_only}
        together = called_together(where, (), val_samples=count, **arguments)

        def prepare(item: object, place: str) -> list[np.ndarray] | None:
            x = feeds.inputs_of_item(item, place)
            with errors_at(place):
                if collector.takes_parts and feeds.has_no_samples(x):
                    return None
                return feeds.batch_inputs(x)

        with GeneratorQueue(generator, max_q_size, _WAIT_SECONDS, where, workers=workers) as source:
            batches = GeneratorBatches(
                *(source, count, prepare, where, "val_samples", collector),
                beyond="are left out",
            )
            first = () if wanted.memory is None else batches.first(generator)
            made = trainer.divided_prediction(where, wanted, shapes_of(first))
            step, dtype = (
                prediction_step(where, made, on_first_rank_only),
                trainer.dtype_of_predictions,
            )
            with together:
                outputs = loops.predict_loop(step, batches, count, dtype=dtype)
        return one_or_list(outputs) if outputs else None


def _collector(
    where: str, divided: Compiled | Division, sharded: object, writes: bool = False
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
