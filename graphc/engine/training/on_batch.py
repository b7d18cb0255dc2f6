"""One batch at a time: training, testing, predicting; and what data go through before."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import numpy as np

from graphc.engine.topology.layer_node import one_or_list
from graphc.engine.training.accuracy import with_accuracy
from graphc.engine.training.compiled import Compiled
from graphc.engine.training.division import check_shards, division, shapes_of
from graphc.engine.training.feeds import as_arrays, check_lengths, prepare_input
from graphc.engine.training.loops import make_batches
from graphc.engine.training.renewal import RenewedContainer
from graphc.engine.training.sample_weights import prepare_weights
from graphc.engine.training.stored import Data, in_memory
from graphc.engine.training.targets import check_probabilities, prepare_targets
from graphc.engine.training.together import begin_together, compare_call
from graphc.errors import DataError, IndexRangeError
from graphc.keywords import named_parameters, refuse_unknown
from graphc.lookup import true_or_false
from graphc.parallel.joining import join
from graphc.parallel.transport import failing_together

_log = logging.getLogger("graphc")


class LossAlone(float):
    """The loss of a batch where nothing else is measured. Keras 0.3 gave a list of one: its place 0
    is the loss too, with a line in the log, once a process."""

    _logged: ClassVar[bool] = False

    def __getitem__(self, place: int) -> float:
        if place not in (0, -1):
            raise IndexRangeError(
                f"train_on_batch, test_on_batch: expected the place 0, received {place!r}; here is "
                "the loss alone. metrics=['accuracy'] in compile puts the accuracy behind it, and "
                "the flag keras=1.2 the loss of each of several outputs"
            )
        if not LossAlone._logged:
            LossAlone._logged = True
            _log.warning(
                "train_on_batch and test_on_batch give the loss as a number, as in Keras 1.0, and "
                "no list of one as in Keras 0.3; its [0] is the number itself"
            )
        return float(self)


class BatchTraining(RenewedContainer):
    """A compiled container with a step for a batch of training, of testing and of predicting."""

    _accurate: tuple[Compiled, Compiled] | None = None

    def train_on_batch(
        self,
        x: object,
        y: object,
        sample_weight: object = None,
        class_weight: Mapping | None = None,
        **kwargs: Any,
    ) -> float | list[float]:
        """One step on one batch. The loss, or a list like `metrics_names`, before the update.

        ``accuracy=True`` adds the accuracy to the list, ``shards=4`` takes the batch in four parts,
        ``memory="200MB"`` in as few as fit; see `Model.fit`.
        """
        where = f"{self.name}.train_on_batch"
        compiled = self._compiled_for("train_on_batch", kwargs, self.train_on_batch, "accuracy")
        arrays = self._prepare_batch(x, y, sample_weight, class_weight)
        compiled.divide(where, "train", shapes_of(arrays))
        ranks = join(where)
        if not compiled.has_begun:
            begin_together(ranks, self, compiled, where)
        compiled.choose(epochs=1, steps=1)
        step = compiled.train()
        check_shards(where, compiled.shards, len(arrays[0]))
        with failing_together(ranks):
            compare_call(where, arrays)
            return _one_or_list(compiled.numbers(step(*arrays)))

    def test_on_batch(
        self, x: object, y: object, sample_weight: object = None, **kwargs: Any
    ) -> float | list[float]:
        """The loss of one batch, or a list like `metrics_names`.

        ``accuracy=True`` adds the accuracy to the list, ``shards=4`` takes the batch in four parts,
        ``memory="200MB"`` in as few as fit; see `Model.fit`.
        """
        where = f"{self.name}.test_on_batch"
        compiled = self._compiled_for("test_on_batch", kwargs, self.test_on_batch, "accuracy")
        arrays = self._prepare_batch(x, y, sample_weight, None)
        compare_call(where, arrays)
        compiled.divide(where, "test", shapes_of(arrays))
        step = compiled.test()
        check_shards(where, compiled.shards, len(arrays[0]))
        return _one_or_list(compiled.numbers(step(*arrays)))

    def predict_on_batch(
        self, x: object, *, shards: int | None = None, memory: int | str | None = None
    ) -> np.ndarray | list[np.ndarray]:
        """The outputs for one batch, which is taken in `shards` parts, or in as few as fit in
        `memory`."""
        where = f"{self.name}.predict_on_batch"
        wanted = division(where, shards, memory)
        arrays = self._prepare_batch_inputs(x)
        compare_call(where, arrays)
        return one_or_list(self._divided_predict(where, wanted, shapes_of(arrays))(*arrays))

    def _compiled_for(
        self,
        call: str,
        kwargs: Mapping[str, Any],
        method: Callable,
        accuracy: str,
    ) -> Compiled:
        """Return the `Compiled` that a call runs, by its keywords.

        Args:
            call, kwargs, method: the call's name, what else it was given, its own method.
            accuracy: the keyword with which it asks for the accuracy.
        """
        compiled = self._need_compiled(call)
        if not kwargs:  # of most steps
            compiled.take(division(f"{self.name}.{call}"))
            return compiled
        where = f"{self.name}.{call}"
        others = dict(kwargs)
        wanted = true_or_false(where, accuracy, others.pop(accuracy, False))
        divided = division(where, others.pop("shards", None), others.pop("memory", None))
        refuse_unknown(where, others, [*named_parameters(method), accuracy, "shards", "memory"])
        if wanted:
            if self._accurate is None or self._accurate[0] is not compiled:
                self._accurate = compiled, with_accuracy(compiled)
            compiled = self._accurate[1]
        compiled.take(divided)
        return compiled

    def _prepare_inputs(self, x: object) -> list[Data]:
        if not self.inputs:
            self._need_layers("predict")
        arrays = [
            prepare_input(value, node, f"input {name}")
            for value, node, name in zip(
                as_arrays(x, self.input_names, "inputs"), self.inputs, self.input_names, strict=True
            )
        ]
        if len(arrays) > 1:
            check_lengths(arrays, [f"input {name}" for name in self.input_names])
        return arrays

    def _prepare_all(
        self, x: object, y: object, sample_weight: object, class_weight: object
    ) -> list[Data]:
        """Inputs, targets and weights as the training and test functions take them."""
        compiled = self._need_compiled("fit")
        targets = compiled.targets
        inputs = self._prepare_inputs(x)
        outputs = prepare_targets(y, targets)
        weights = prepare_weights(outputs, targets, sample_weight, class_weight)
        names = [f"input {name}" for name in self.input_names]
        names += [f"targets of {target.name}" for target in targets]
        names += [f"sample_weight of {target.name}" for target in targets]
        check_lengths([*inputs, *outputs, *weights], names)
        outputs = check_probabilities(outputs, weights, targets, compiled.told_of_targets)
        return [*inputs, *outputs, *weights]

    def _prepare_batch(
        self, x: object, y: object, sample_weight: object, class_weight: object
    ) -> list[np.ndarray]:
        """The same of one batch, read if it is in a file."""
        arrays = in_memory(self._prepare_all(x, y, sample_weight, class_weight))
        self._check_fixed_batch(len(arrays[0]), len(arrays[0]))
        return arrays

    def _prepare_batch_inputs(self, x: object) -> list[np.ndarray]:
        arrays = in_memory(self._prepare_inputs(x))
        self._check_fixed_batch(len(arrays[0]), len(arrays[0]))
        return arrays

    @property
    def _fixed_batch(self) -> int | None:
        """The batch size that the inputs fix, if they do."""
        sizes = [node.shape[0] for node in self.inputs if isinstance(node.shape[0], int)]
        return sizes[0] if sizes else None

    def _check_fixed_batch(self, count: int, batch_size: int) -> None:
        """DataError unless every batch is as large as an input with a batch size takes it."""
        for node, name in zip(self.inputs, self.input_names, strict=True):
            fixed = node.shape[0]
            if not isinstance(fixed, int):
                continue
            sizes = {stop - start for start, stop in make_batches(count, batch_size)}
            if sizes == {fixed}:
                continue
            received, needed = f"a batch of {count}", f"batches of {fixed}"
            if count != batch_size:
                received = f"{count} samples in batches of {batch_size}"
                needed = (
                    f"batch_size={fixed} and a multiple of {fixed} samples, in training and "
                    "validation"
                )
            raise DataError(
                f"input {name}: batch_input_shape fixes the batch to {fixed}, received "
                f"{received}; pass {needed}, or leave the batch open with None"
            )


def _one_or_list(values: Iterable[object]) -> float | list[float]:
    """The values of a batch as numbers, the loss alone as one."""
    numbers = [float(value) for value in values]  # type: ignore[arg-type]
    return LossAlone(numbers[0]) if len(numbers) == 1 else numbers
