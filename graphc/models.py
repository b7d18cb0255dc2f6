"""Sequential: a model that is a chain of layers."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from graphc import backend as K
from graphc import optimizers
from graphc.engine.shapes import KnownShape, agree, known_shape
from graphc.engine.topology import InputLayer, Layer, set_values
from graphc.engine.training import Model
from graphc.errors import ArgumentError, ShapeError

_log = logging.getLogger("graphc")


class Sequential(Model):
    """Layers one behind another, each fed by the one before.

    The first layer says what comes in: ``Dense(10, input_dim=64)``, or ``input_shape=`` without the
    batch axis. Weights are made, and shapes checked, as layers are added.

    Args:
        layers: added in order.
        name: by default ``sequential_<k>``.
    """

    def __init__(self, layers: Iterable[Layer] = (), name: str | None = None):
        super().__init__(name or f"sequential_{K.get_uid('sequential')}")
        if not isinstance(layers, Iterable):
            raise ArgumentError(f"{self.name}: expected a list of layers, received {layers!r}")
        for layer in layers:
            self.add(layer)

    def add(self, layer: Layer) -> None:
        """Put a layer behind the others. A compiled model has to be compiled again.

        Raises:
            ArgumentError: not a layer, a name that is taken, a first layer without an input shape.
            ShapeError: a layer that does not fit behind the last one.
        """
        if not isinstance(layer, Layer):
            raise ArgumentError(
                f"{self.name}.add: expected a layer, e.g. Dense(10), received {layer!r}"
            )
        taken = [one for one in self.layers if one.name == layer.name and one is not layer]
        if taken:
            raise ArgumentError(
                f"{self.name}.add: two layers are named {layer.name!r}; give one another name"
            )
        if isinstance(layer, InputLayer) and self.inputs:
            raise ArgumentError(f"{self.name}.add: an InputLayer can only be the first layer")
        entry = None if self.inputs else _entry_of(layer)
        if entry is None:
            self._check_claim(layer)
        if not isinstance(layer, InputLayer):
            output = layer(self.outputs[0] if entry is None else entry.output)
            self.layers.append(layer)
            self.outputs, self.output_names = [output], [layer.name]
        if entry is not None:
            self.inputs, self.input_names = [entry.output], [entry.name]
            self.outputs = self.outputs or [entry.output]
        self._compiled = None
        self._predict = None

    def _check_claim(self, layer: Layer) -> None:
        """A layer behind others may say what comes in too; it has to be what does."""
        claimed, found = layer.batch_input_shape, known_shape(self.outputs[0])
        if claimed is not None and not agree(claimed, found):
            raise ShapeError(
                f"{layer.name} ({type(layer).__name__}): its input_shape (or input_dim) says "
                f"{claimed}, the batch first, and the layer before it puts out {found}; leave it "
                "out, only the first layer needs it"
            )

    @property
    def input_shape(self) -> KnownShape:
        """The shape of the input, the batch first, ``None`` where only a call knows the size."""
        self._need_layers("input_shape")
        return known_shape(self.inputs[0])

    @property
    def output_shape(self) -> KnownShape:
        """The shape of the output, the batch first, ``None`` where only a call knows the size."""
        self._need_layers("output_shape")
        return known_shape(self.outputs[0])

    def compile(
        self,
        optimizer: str | optimizers.Optimizer,
        loss: object,
        metrics: object = (),
        sample_weight_mode: object = None,
        **kwargs: Any,
    ) -> None:
        """Choose optimizer, loss and metrics; see `Model.compile`."""
        super().compile(optimizer, loss, metrics, sample_weight_mode=sample_weight_mode, **kwargs)

    def train_on_batch(
        self,
        x: object,
        y: object,
        class_weight: Mapping | None = None,
        sample_weight: object = None,
        **kwargs: Any,
    ) -> float | list[float]:
        """One step on one batch; see `Model.train_on_batch`, whose weights come in other order."""
        return super().train_on_batch(x, y, sample_weight, class_weight, **kwargs)

    def predict_proba(self, x: object, batch_size: int = 32, verbose: int = 1) -> np.ndarray:
        """The outputs; a warning is logged where they are no probabilities, from 0 to 1."""
        outputs = self.predict(x, batch_size, verbose)
        if not (outputs.min() >= 0.0 and outputs.max() <= 1.0):  # NaN is none either
            _log.warning(
                "%s.predict_proba: the output has values from %g to %g, which are no "
                "probabilities; end the model with a softmax or sigmoid, or use predict",
                self.name,
                outputs.min(),
                outputs.max(),
            )
        return outputs

    def predict_classes(self, x: object, batch_size: int = 32, verbose: int = 1) -> np.ndarray:
        """The number of the largest output; of a single output whether it is above 0.5, (n, 1)."""
        outputs = self.predict(x, batch_size, verbose)
        if outputs.shape[-1] > 1:
            return outputs.argmax(axis=-1)
        return (outputs > 0.5).astype("int32")

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all weights, layer by layer."""
        return [value for layer in self._unique_layers() for value in layer.get_weights()]

    def set_weights(self, weights: Sequence[object]) -> None:
        """Set all weights, layer by layer as `get_weights` has them; all or none."""
        if not isinstance(weights, Iterable):
            raise ArgumentError(
                f"{self.name}.set_weights: expected a list of arrays, received {weights!r}"
            )
        weights = list(weights)
        layers = self._unique_layers()
        expected = [weight for layer in layers for weight in layer.weights]
        if len(weights) != len(expected):
            raise ShapeError(
                f"{self.name}.set_weights: expected {len(expected)} arrays, received {len(weights)}"
            )
        set_values(expected, weights, self.name)


def _entry_of(layer: Layer) -> InputLayer:
    """Where data enter for a first layer: itself, or the input that it asks for."""
    if isinstance(layer, InputLayer):
        return layer
    label = type(layer).__name__
    if layer.batch_input_shape is None:
        raise ArgumentError(
            f"{layer.name} ({label}): the first layer has to say what comes in: give "
            "input_shape=(...) without the batch axis, e.g. input_shape=(64,)"
        )
    prefix = f"{label.lower()}_input"
    return InputLayer(
        batch_input_shape=layer.batch_input_shape,
        input_dtype=layer.input_dtype,
        name=f"{prefix}_{K.get_uid(prefix)}",
    )
