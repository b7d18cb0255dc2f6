"""Conversion of users' data to the arrays of a step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from graphc.engine.data.batches import BATCH_SIZE, make_batches
from graphc.engine.data.generators import unpack_batch, unpack_inputs
from graphc.engine.data.input_arrays import as_arrays, check_lengths, prepare_input
from graphc.engine.data.sample_weights import prepare_weights
from graphc.engine.data.stored import Data, in_memory
from graphc.engine.data.targets import check_probabilities, prepare_targets
from graphc.engine.topology.container import Container
from graphc.engine.training.compiled import Compiled
from graphc.errors import DataError, errors_at


class Feeds:
    """Converts and checks the inputs, targets and weights of a model.

    `Graph` has others, whose data are dicts by name.
    """

    def __init__(self, model: Container) -> None:
        self._model = model

    def inputs(self, x: object) -> list[Data]:
        """Return the inputs, for all samples."""
        model = self._model
        if not model.inputs:
            model._graphc_need_layers("predict")
        names = model.input_names
        arrays = [
            prepare_input(value, node, f"input {name}")
            for value, node, name in zip(
                as_arrays(x, names, "inputs"), model.inputs, names, strict=True
            )
        ]
        if len(arrays) > 1:
            check_lengths(arrays, [f"input {name}" for name in names])
        return arrays

    def samples(
        self,
        compiled: Compiled,
        x: object,
        y: object,
        sample_weight: object = None,
        class_weight: object = None,
    ) -> list[Data]:
        """Return inputs, targets and weights as the functions of training and testing take them."""
        targets = compiled.targets
        inputs = self.inputs(x)
        outputs = prepare_targets(y, targets)
        weights = prepare_weights(outputs, targets, sample_weight, class_weight)
        names = [f"input {name}" for name in self._model.input_names]
        names += [f"targets of {target.name}" for target in targets]
        names += [f"sample_weight of {target.name}" for target in targets]
        check_lengths([*inputs, *outputs, *weights], names)
        outputs = check_probabilities(outputs, weights, targets, compiled.warned_of_targets)
        return [*inputs, *outputs, *weights]

    def batch(
        self,
        compiled: Compiled,
        x: object,
        y: object,
        sample_weight: object = None,
        class_weight: object = None,
    ) -> list[np.ndarray]:
        """Return inputs, targets and weights of one batch, read if they are in a file."""
        return self._one_batch(self.samples(compiled, x, y, sample_weight, class_weight))

    def batch_inputs(self, x: object) -> list[np.ndarray]:
        """Return the inputs of one batch, read if they are in a file."""
        return self._one_batch(self.inputs(x))

    def _one_batch(self, arrays: Sequence[Data]) -> list[np.ndarray]:
        batch = in_memory(arrays)
        self.check_batches(len(batch[0]), len(batch[0]))
        return batch

    def validation(self, compiled: Compiled, data: object, where: str) -> list[Data]:
        """Return the arrays of `validation_data`."""
        where = f"{where}: validation_data"
        given = self.of_item(data, where)
        with errors_at(where):
            return self.samples(compiled, *given)

    def of_item(self, item: object, where: str) -> tuple[object, object, object]:
        """Return (x, y, sample_weight or None) of validation data, or of a generator's item."""
        return unpack_batch(item, where)

    def inputs_of_item(self, item: object, where: str) -> object:
        """Return x of a generator's item."""
        return unpack_inputs(item, where)

    def has_no_samples(self, x: object) -> bool:
        """Return True for the inputs of a rank that has no rows of a batch."""
        first, *_ = as_arrays(x, self._model.input_names, "inputs")
        return bool(np.shape(cast(Any, first))[:1] == (0,))

    @property
    def fixed_batch(self) -> int | None:
        """The batch size that the inputs fix, if they do."""
        sizes = [node.shape[0] for node in self._model.inputs if isinstance(node.shape[0], int)]
        return sizes[0] if sizes else None

    def check_batches(self, count: int, batch_size: int) -> None:
        """Raise DataError unless every batch has the batch size that an input fixes."""
        model = self._model
        for node, name in zip(model.inputs, model.input_names, strict=True):
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

    def batch_shown(self, batch: int | None) -> int | None:
        """Return the batch size for a report: the given one, or else the default of `fit`, unless
        the inputs fix it."""
        symbolic = any(not isinstance(node.shape[0], int) for node in self._model.inputs)
        return BATCH_SIZE if batch is None and symbolic else batch
