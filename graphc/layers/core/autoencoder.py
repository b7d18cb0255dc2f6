"""AutoEncoder, the layer of Keras 0.3 for training without labels, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from graphc.compiler import graph as g
from graphc.engine.keywords import LayerKeywords
from graphc.engine.topology.container import Container
from graphc.engine.topology.holding import HoldingLayer
from graphc.engine.topology.layer import Layer
from graphc.engine.topology.layer_node import Mask, one_or_list, record_use, recorded_uses, to_list
from graphc.engine.topology.renewal import Switched, SwitchedUse
from graphc.engine.topology.shapes import KnownShape, known_shape, may_be_equal
from graphc.errors import ArgumentError, ShapeError
from graphc.lookup import true_or_false


class AutoEncoder(Switched, HoldingLayer):
    """Codes its input and decodes the code: ``decoder(encoder(x))``.

    Hinton, Salakhutdinov, "Reducing the dimensionality of data with neural networks", Science 2006.
    `output_reconstruction` may be set at any time; models that hold the layer then have to be
    compiled again, and predict the other of the two at once.

    Args:
        encoder, decoder: layers or models. What comes in, the encoder says (``input_dim=64``), or
            the layer before.
        output_reconstruction: False gives the code, ``encoder(x)``, and training changes the
            encoder alone.
        weights: initial values, the encoder's, then the decoder's.

    Output: that of the decoder, or of the encoder.

    Raises:
        ShapeError: a decoder that does not take what the encoder gives.
    """

    supports_masking = True

    def __init__(
        self,
        encoder: Layer,
        decoder: Layer,
        output_reconstruction: bool = True,
        weights: Sequence[object] | None = None,
        **kwargs: Unpack[LayerKeywords],
    ):
        for part, layer in (("encoder", encoder), ("decoder", decoder)):
            if not isinstance(layer, Layer):
                raise ArgumentError(
                    f"AutoEncoder: {part}: expected a layer or a model, e.g. Dense(32), received "
                    f"{layer!r}"
                )
        if kwargs.get("input_shape") is None and kwargs.get("batch_input_shape") is None:
            said = _input_of(encoder)
            if said is not None:
                kwargs["batch_input_shape"], dtype = said
                kwargs.setdefault("input_dtype", dtype)
        self.encoder = encoder
        self.decoder = decoder
        super().__init__(**kwargs)
        self.output_reconstruction = output_reconstruction
        self.initial_weights = weights

    @property
    def output_reconstruction(self) -> bool:
        """True if the output is that of the decoder, not the code."""
        return self.form is True

    @output_reconstruction.setter
    def output_reconstruction(self, value: bool) -> None:
        self.form = true_or_false(self.name, "output_reconstruction", value)

    def _graphc_held_layers(self) -> list[Layer]:
        return [self.encoder, self.decoder]

    def _graphc_layers_in_use(self) -> list[Layer]:
        return self._graphc_held_layers() if self.output_reconstruction else [self.encoder]

    def _graphc_apply(
        self, x: g.Node | list[g.Node], mask: Mask | list[Mask] = None
    ) -> tuple[list[g.Node], list[Mask]]:
        self.encoder.assert_input_compatibility(x)
        outputs, masks = self.encoder._graphc_apply(x, mask)
        if self.output_reconstruction:
            outputs, masks = self._decoded(outputs, masks)
        elif not self.built:  # the decoder has its weights, though nobody reads what it gives
            with recorded_uses() as uses:
                self._decoded(outputs, masks)
                uses.clear()
        self.built = True
        if self.initial_weights is not None:
            self.set_weights(self.initial_weights)
            self.initial_weights = None
        record_use(SwitchedUse(self, tuple(to_list(x)), tuple(outputs), [], self.form))
        return outputs, masks

    def _decoded(self, codes: list[g.Node], masks: list[Mask]) -> tuple[list[g.Node], list[Mask]]:
        claimed, found = self.decoder.batch_input_shape, known_shape(codes[0])
        if claimed is not None and not may_be_equal(claimed, found):
            raise ShapeError(
                f"{self._graphc_label}: the decoder {self.decoder.name} takes {claimed}, the "
                f"batch first, and the encoder {self.encoder.name} gives {found}; correct the "
                "decoder's input_shape (or input_dim), or leave it out"
            )
        code = one_or_list(codes)
        self.decoder.assert_input_compatibility(code)
        return self.decoder._graphc_apply(code, one_or_list(masks))

    def _graphc_reset_weights(self, input_shape: KnownShape) -> None:
        self.encoder._graphc_reset_weights(input_shape)

    def call(self, x: g.Node, mask: Mask = None) -> Any:
        return one_or_list(self._graphc_apply(x, mask)[0])

    def compute_mask(self, input: g.Node, input_mask: Mask = None) -> Any:
        return one_or_list(self._graphc_apply(input, input_mask)[1])

    @property
    def weights(self) -> list[g.Node]:
        """The encoder's, then the decoder's."""
        return list(dict.fromkeys([*self.encoder.weights, *self.decoder.weights]))


def _input_of(encoder: Layer) -> tuple[KnownShape, str | None] | None:
    """The shape, the batch first, and the dtype that an encoder says it takes, if it does."""
    if isinstance(encoder, Container) and len(encoder.inputs) == 1:
        return known_shape(encoder.inputs[0]), encoder.inputs[0].dtype
    if encoder.batch_input_shape is not None:
        return encoder.batch_input_shape, encoder.input_dtype
    return None
