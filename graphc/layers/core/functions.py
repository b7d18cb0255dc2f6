"""A function as a layer. Users import it from ``graphc.layers.core``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self, Unpack

from graphc import lookup
from graphc.compiler import graph as g
from graphc.engine.configs.config import argument_as_data, config_of
from graphc.engine.keywords import LayerKeywords
from graphc.engine.topology.layer import BASE_KEYWORDS, Layer
from graphc.engine.topology.layer_node import Mask, to_list
from graphc.engine.topology.merge import Merge
from graphc.engine.topology.shapes import KnownShape, known_shape
from graphc.engine.topology.user_layers.functions import (
    OutputClaim,
    checked_extra_arguments,
    checked_output,
    signature_of,
)
from graphc.errors import ArgumentError, ShapeError
from graphc.layers.bases.arguments import only_input
from graphc.releases import at_least


class Lambda(Layer):
    """Applies a function of a node: ``Lambda(lambda x: x ** 2)``.

    The output's shape is that of the node that the function returns.

    Args:
        function: takes the input node, or the list of them, and returns a node. A function, a bound
            method or another callable. One with a parameter `mask` gets the mask, or the list of
            masks, of the input too, and uses it up: no mask goes on. To others a mask is an error.
        output_shape: what the output's shape is said to be, where it differs a line in the log:
            sizes without the batch axis, or a function from the shape of the input to that of the
            output, both with the batch axis; None in a shape stands for any size. None says
            nothing.
        arguments: further arguments of the function by name; a copy is kept.

    Raises:
        ArgumentError: a function that does not take its arguments, or does not return a node.
    """

    def __init__(
        self,
        function: Callable[..., g.Node],
        output_shape: Sequence[int | None] | Callable[..., Any] | None = None,
        arguments: Mapping[str, Any] | None = None,
        **kwargs: Unpack[LayerKeywords],
    ):
        super().__init__(**kwargs)
        where = self._graphc_label
        if not callable(function):
            raise ArgumentError(f"{where}: function: expected a function, received {function!r}")
        self.function = function
        self.arguments = checked_extra_arguments(arguments, where)
        self.takes_mask = self._check_arguments(where)
        self._claim = OutputClaim(output_shape, where, has_batch=False)

    def _check_arguments(self, where: str) -> bool:
        """Return True if the function takes a mask. ArgumentError where it does not take
        `arguments`."""
        signature = signature_of(self.function)
        if signature is None:  # the call will fail if it does not fit
            return False
        takes_mask = "mask" in signature.parameters
        if takes_mask and "mask" in self.arguments:
            raise ArgumentError(
                f"{where}: arguments: the layer gives `mask` itself; rename the function's "
                "parameter, or leave it out of arguments"
            )
        try:
            signature.bind(None, **self.arguments, **({"mask": None} if takes_mask else {}))
        except TypeError as error:
            raise ArgumentError(
                f"{where}: function{signature} is called with the input and the arguments "
                f"{sorted(self.arguments)}, and does not take them: {error}"
            ) from error
        return takes_mask

    def call(self, x: g.Node, mask: Mask = None) -> g.Node:
        masks = {"mask": mask} if self.takes_mask else {}
        return checked_output(self.function(x, **self.arguments, **masks), self._graphc_label)

    def compute_mask(self, input: g.Node, input_mask: Mask = None) -> Mask:
        """None: a mask that comes in is used up by the function, or refused. Where a program sets
        `supports_masking` of the layer, it goes on as it came."""
        if self.supports_masking:
            return input_mask
        if not self.takes_mask:
            self._graphc_refuse_mask(input_mask)
        return None

    def get_config(self) -> dict[str, Any]:
        """The arguments; a function has a name and a token, see
        `engine.configs.stored_functions`."""
        config = config_of(self, (*BASE_KEYWORDS, "output_shape"))
        place = f"{self._graphc_label}: output_shape"
        return {**config, "output_shape": argument_as_data(self._claim.given, place)}

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """A new layer from what `get_config` gave; functions may be named in custom_objects."""
        with lookup.custom_objects(custom_objects):
            return super().from_config(config)

    def _graphc_refuse_mask(self, mask: Mask | list[Mask]) -> None:
        if any(one is not None for one in to_list(mask)):
            raise ArgumentError(
                f"{self._graphc_label} does not take a mask, and one comes in with its input "
                "(from Masking, or from an Embedding with mask_zero=True). Give the function a "
                "parameter `mask`, a bool (batch, time) that is false at the steps that do not "
                "count"
            )

    def _graphc_check_output(self, output: Any, input_shape: KnownShape | list[KnownShape]) -> None:
        super()._graphc_check_output(output, input_shape)
        self._claim.check(output, input_shape)


class MaskedLambda(Lambda):
    """A `Lambda` on one input whose mask goes on as it came: for functions of single steps.

    A layer of Keras 0.3, which 1.0 kept no longer. Arguments and errors: `Lambda`. A function with
    a parameter `mask` gets the mask too.
    """

    supports_masking = True

    def call(self, x: g.Node, mask: Mask = None) -> g.Node:
        y = super().call(x, mask)
        shapes = known_shape(x), known_shape(y)
        steps, received = (shape[1] if len(shape) > 1 else 0 for shape in shapes)
        if mask is not None and None not in (steps, received) and steps != received:
            raise ShapeError(
                f"{self._graphc_label}: the mask goes on as it came, so the function has to keep "
                f"the steps, axis 1: expected {steps}, received the shape {shapes[1]}. A Lambda "
                "whose function takes `mask` uses the mask up"
            )
        return y

    def compute_mask(self, input: g.Node, input_mask: Mask = None) -> Mask:
        """The mask of the input."""
        return input_mask

    def _graphc_check_inputs(self, inputs: tuple[g.Node, ...]) -> None:
        only_input(inputs, self._graphc_label)
        super()._graphc_check_inputs(inputs)


def LambdaMerge(
    layers: Sequence[Layer],
    function: Callable[[list[g.Node]], g.Node],
    output_shape: Sequence[int | None] | Callable[..., Any] | None = None,
) -> Merge:
    """A `Merge` of layers by a function of the list of their outputs, as Keras 0.3 named it.

    Args:
        layers: two or more layers or models.
        function: from the list of outputs to a node.
        output_shape: sizes without the batch axis, or a function from the list of the inputs'
            shapes to the output's, both with it.
    """
    claim = output_shape
    # Sizes of a Merge have the batch axis up to 1.0.5.
    if isinstance(claim, list | tuple) and not at_least("1.0.6"):
        claim = (None, *claim)
    return Merge(layers, mode=function, output_shape=claim)
