"""Merge: several tensors in one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import partial, reduce
from typing import Any, Unpack

from graphc.compiler import graph as g
from graphc.engine.configs.config import argument_as_data, config_of
from graphc.engine.keywords import MergeKeywords
from graphc.engine.topology.container import Container
from graphc.engine.topology.layer import BASE_KEYWORDS, Layer
from graphc.engine.topology.layer_node import Mask, to_list
from graphc.engine.topology.merge_modes import (
    ELEMENTWISE,
    MODES,
    concatenated,
    divided_by_products,
    dot_product,
    elementwise,
    repeated_as_claimed,
)
from graphc.engine.topology.shapes import KnownShape
from graphc.engine.topology.user_layers import checks
from graphc.engine.topology.user_layers.functions import (
    OutputClaim,
    check_takes,
    checked_extra_arguments,
    checked_output,
    takes_mask,
)
from graphc.engine.topology.wiring import sources
from graphc.errors import ArgumentError, unknown_name
from graphc.keywords import constructor_parameters, refuse_unknown
from graphc.lookup import is_whole
from graphc.releases import arguments_of_1_2, at_least, is_read

_COS_DIVISORS = ("lengths", "products")

_log = logging.getLogger("graphc")


class Merge(Layer):
    """Several tensors in one: ``Merge(mode='sum')([a, b])``.

    Of the outputs of layers and models: ``Merge([left, right], mode='concat')``. That is a first
    layer of a Sequential, which then takes the inputs of all of them.

    Modes:
        'sum', 'mul', 'ave', 'max': element by element, of inputs of equal shapes.
        'concat': joined along `concat_axis`; along all others the sizes are equal.
        'dot': of two inputs, for each sample the sum over an axis of each, or over several
            (`dot_axes`): (batch, the other axes of the first, those of the second), (batch, 1)
            where there are none.
        'cos': as 'dot', of two inputs of equal shapes whose vectors along `dot_axes` are divided by
            their lengths: of (batch, features) it is x . y / sqrt(x . x * y . y), of the shape
            (batch, 1). A vector of zeros has the cosine 0 with every other.
        a function: gets the list of inputs, and returns a node.
        None: the inputs stay apart, a list, for a layer after it that takes one.

    Masks (batch, time): of 'sum', 'mul', 'ave', 'max', and of 'concat' along features, a step
    counts that counts in every input; 'concat' along time joins the masks, and where an input has
    none all of its steps count. A function with a parameter `mask` gets the list of masks, and no
    mask comes out but `output_mask`. In 'dot', 'cos' and other functions without one they end,
    which a line in the log says.

    Args:
        layers: two or more layers or models, each in use already or with an input shape. None: the
            layer is called on tensors.
        mode: see above.
        concat_axis: the axis of 'concat', the batch being 0.
        dot_axes: the summed axis of the first and of the second input, the batch being 0; an int
            stands for both. Or as many axes of the one as of the other, ([1, 2], [2, 3]), summed in
            pairs: the first's 1 with the second's 2, its 2 with the second's 3. 'cos' divides by
            lengths along all of them.
        output_shape: what the output's shape is said to be, where it differs a line in the log:
            sizes with the batch axis, with the meanings of Keras from 1.0.6 on without it, or a
            function from the list of the inputs' shapes.
        output_mask: where mode is a function, the mask that comes out, or a function of the list of
            masks, None among them, that gives it.
        arguments: where mode is a function, further arguments of it by name; a copy is kept.
        node_indices: which use of each of `layers` is merged, an int for all of them; by default
            the first.
        tensor_indices: likewise, which of the outputs of that use.
        cos_divisor: 'lengths', of the vectors; or 'products', as Keras divided inputs of more than
            two axes, and as a file of Keras that does not tell has it: x . y by
            sqrt(x . x * y . y), whose products pair every vector with every other.

    Attributes:
        layers: the list of layers, empty where the layer is called on tensors.

    Raises:
        ShapeError: inputs whose shapes do not fit.
        ArgumentError: fewer than two inputs (more than two for 'dot' and 'cos'), an axis that is
            none, an index of a use that there was not.
        UnknownNameError: a mode that there is not.
    """

    @arguments_of_1_2(
        *("layers", "mode", "concat_axis", "dot_axes", "output_shape", "output_mask", "arguments"),
        *("node_indices", "tensor_indices", "name"),
    )
    def __init__(
        self,
        layers: Sequence[Layer] | None = None,
        mode: str | Callable[[list[g.Node]], g.Node] | None = "sum",
        concat_axis: int = -1,
        dot_axes: int | Sequence[int | Sequence[int]] = -1,
        output_shape: Sequence[int | None] | Callable[..., Any] | None = None,
        node_indices: int | Sequence[int] | None = None,
        tensor_indices: int | Sequence[int] | None = None,
        name: str | None = None,
        *,
        output_mask: Mask | Callable[[list[Mask]], Mask] = None,
        arguments: Mapping[str, Any] | None = None,
        cos_divisor: str | None = None,
        **kwargs: Unpack[MergeKeywords],
    ):
        refuse_unknown("Merge", kwargs, [*constructor_parameters(Merge), "trainable"])
        super().__init__(name=name, **kwargs)
        if not (callable(mode) or mode is None or mode in MODES):
            raise unknown_name(f"mode of {self._graphc_label}", mode, MODES)
        self.mode = mode
        where = self._where()
        if not is_whole(concat_axis):
            raise ArgumentError(
                f"{where}: concat_axis: expected a whole number, received {concat_axis!r}"
            )
        self.concat_axis = int(concat_axis)
        self.dot_axes = deepcopy(dot_axes)  # lists, which their owner may change
        self._summed_axes = _axes_of_each(dot_axes, where)
        if cos_divisor not in (None, *_COS_DIVISORS):
            raise unknown_name(f"cos_divisor of {where}", cos_divisor, _COS_DIVISORS)
        self.cos_divisor = cos_divisor or ("products" if is_read() else "lengths")
        self._claim = OutputClaim(output_shape, where, has_batch=not at_least("1.0.6"))
        self._claims: dict[int, KnownShape | None] = {}  # about the inputs, by their places
        self._takes_mask = callable(mode) and takes_mask(mode)
        self._output_mask = output_mask
        self.arguments = checked_extra_arguments(arguments, where)
        if callable(mode):
            masks = {"mask": "mask"} if self._takes_mask else {}
            check_takes(mode, f"{where}: mode", "inputs", **self.arguments, **masks)
        elif output_mask is not None or self.arguments:
            raise ArgumentError(
                f"{where}: output_mask and arguments belong to a mode that is a function; leave "
                "them out"
            )
        self.layers: list[Layer] = [] if layers is None else self._checked_layers(layers)
        if self.layers:
            self(self._outputs_of_layers(node_indices, tensor_indices))
        elif node_indices is not None or tensor_indices is not None:
            raise ArgumentError(
                f"{where}: node_indices and tensor_indices say which outputs of `layers` are "
                "merged; give layers, or call the Merge on the tensors themselves"
            )

    def __call__(  # type: ignore[override]  # of a list alone
        self, inputs: Sequence[g.Node], mask: Mask | Sequence[Mask] = None
    ) -> Any:
        """Merge a list of tensors."""
        if not isinstance(inputs, list | tuple) or len(inputs) < 2:
            received = f"{len(inputs)}" if isinstance(inputs, list | tuple) else "a single one"
            raise ArgumentError(
                f"{self._where()}: expected a list of at least two tensors, received {received}. "
                "In a Sequential a Merge can only be the first layer, Merge([left_model, "
                "right_model], mode='sum'), or stand after one that gives a list"
            )
        if mask is not None and len(to_list(mask)) != len(inputs):
            raise ArgumentError(
                f"{self._where()}: expected a mask, or None, for each of the {len(inputs)} inputs, "
                f"received {len(to_list(mask))}"
            )
        return super().__call__(list(inputs), mask)

    def call(self, inputs: list[g.Node], mask: list[Mask] | None = None) -> Any:
        where = self._where()
        if self.mode is None:
            return list(inputs)
        if callable(self.mode):
            masks = {"mask": mask or [None] * len(inputs)} if self._takes_mask else {}
            return checked_output(self.mode(list(inputs), **self.arguments, **masks), where)
        if self.mode in ELEMENTWISE:
            claims = [self._claim_about(k, x) for k, x in enumerate(inputs)]
            return elementwise(self.mode, repeated_as_claimed(inputs, claims), where)
        if self.mode == "concat":
            return concatenated(inputs, self.concat_axis, where)
        if (
            self.mode == "cos"
            and self.cos_divisor == "products"
            and max(x.ndim for x in inputs) > 2
        ):
            return divided_by_products(inputs, self._summed_axes, where)
        return dot_product(inputs, self._summed_axes, where, normalized=self.mode == "cos")

    def _claim_about(self, position: int, x: g.Node) -> KnownShape | None:
        """Return what the layer of an input claimed about its output, of a later call too, whose
        tensors may have no layer."""
        claim = None if x.history is None else getattr(x.history.layer, "_claim", None)
        if isinstance(claim, OutputClaim):
            self._claims[position] = claim.claimed
        return self._claims.get(position)

    _warned_of_mask = False

    def compute_mask(self, input: list[g.Node], mask: list[Mask] | None = None) -> Any:
        """Return one mask from those of the inputs; see the class."""
        if self.mode is None:
            return mask
        if callable(self._output_mask):
            found = self._output_mask(mask or [None] * len(input))
            checks.check_masks(self, [found], "output_mask() returned")
            return found
        if self._output_mask is not None:
            return self._output_mask
        given = [one for one in mask or () if one is not None]
        if not given or self._takes_mask:
            return None
        if self.mode in ELEMENTWISE:
            return reduce(g.logical_and, given)
        if self.mode == "concat":
            axis = self.concat_axis % input[0].ndim
            if axis > 1:
                return reduce(g.logical_and, given)
            pairs = zip(input, to_list(mask), strict=True)
            return g.concat(
                [g.full(x.shape[:2], True, "bool") if one is None else one for x, one in pairs],
                axis,
            )
        if not self._warned_of_mask:
            self._warned_of_mask = True
            _log.warning(
                "%s: a mask comes in with an input (from Masking, or from an Embedding with "
                "mask_zero=True) and ends here, so that all steps count; use the mask up before, "
                "e.g. by a recurrent layer with return_sequences=False, or give as mode a function "
                "with a parameter `mask`, which gets the list of masks, or output_mask beside it",
                self._where(),
            )
        return None

    def branches(self) -> list[Layer]:
        """Return the merged layers; a Merge among them is replaced by those that it merges."""
        return [
            one
            for layer in self.layers
            for one in (layer.branches() if isinstance(layer, Merge) and layer.layers else [layer])
        ]

    def source_inputs(self) -> list[g.Node]:
        """The tensors that feed `layers`, layer by layer, each once."""
        found: list[g.Node] = []
        for layer, tensor in zip(self.layers, self.inbound_nodes[0].input_tensors, strict=True):
            needed = sources(tensor)
            if isinstance(layer, Merge) and layer.layers:
                needed = [one for one in layer.source_inputs() if one in needed]
            elif isinstance(layer, Container):
                # In the order of the model's inputs, where it is these that are needed.
                needed.sort(key=partial(_position_among, layer.inputs))
            found += needed
        return list(dict.fromkeys(found))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments except those that name what is merged; `mode_type` and
        `output_shape_type` are 'function' or 'raw'."""
        left_out = (
            "layers",
            "output_shape",
            "output_mask",
            "node_indices",
            "tensor_indices",
            "cos_divisor",
        )
        config = config_of(self, (*BASE_KEYWORDS, *left_out))
        mask = self._output_mask
        if mask is not None:
            config["output_mask"] = argument_as_data(mask, f"{self._graphc_label}: output_mask")
            config["output_mask_type"] = "function" if callable(mask) else "raw"
        claim = self._claim.given
        return {
            **config,
            "mode_type": "function" if callable(self.mode) else "raw",
            "output_shape": argument_as_data(claim, f"{self._graphc_label}: output_shape"),
            "output_shape_type": "function" if callable(claim) else "raw",
            **({"cos_divisor": self.cos_divisor} if self.mode == "cos" else {}),
        }

    def _where(self) -> str:
        mode = "a function" if callable(self.mode) else repr(self.mode)
        return f"{self.name} (Merge, mode {mode})"

    def _graphc_check_output(self, output: Any, input_shape: Any) -> None:
        super()._graphc_check_output(output, input_shape)
        self._claim.check(output, input_shape)

    def _checked_layers(self, layers: Any) -> list[Layer]:
        several: list[Any] = list(layers) if isinstance(layers, list | tuple) else [layers]
        for layer in several:
            if isinstance(layer, g.Node):
                raise ArgumentError(
                    f"{self._where()}: layers: expected layers or models, received a tensor, "
                    f"{g.label(layer)}; tensors are merged by Merge(mode=...)([a, b]), or by "
                    "merge([a, b], mode=...)"
                )
            if not isinstance(layer, Layer):
                raise ArgumentError(
                    f"{self._where()}: layers: expected layers or models, received {layer!r}"
                )
        if len(several) < 2:
            raise ArgumentError(
                f"{self._where()}: layers: expected at least two layers or models, received "
                f"{len(several)}"
            )
        return several

    def _outputs_of_layers(self, node_indices: object, tensor_indices: object) -> list[g.Node]:
        uses = self._index_of_each(node_indices, "node_indices")
        indices = self._index_of_each(tensor_indices, "tensor_indices")
        found = []
        for layer, use, index in zip(self.layers, uses, indices, strict=True):
            label = layer._graphc_label
            if not layer.inbound_nodes:
                if layer.batch_input_shape is None:
                    raise ArgumentError(
                        f"{self._where()}: {label} is not in use yet, and does not say what comes "
                        "in; give it, or the first layer of the model, an input_shape=(...) "
                        "without the batch axis"
                    )
                layer.create_input_layer(layer.batch_input_shape, layer.input_dtype)
            count = len(layer.inbound_nodes)
            if not -count <= use < count:
                raise ArgumentError(
                    f"{self._where()}: node_indices: {label} was called {count} times, so expected "
                    f"an index below {count}, received {use}"
                )
            outputs = layer.inbound_nodes[use].output_tensors
            if not -len(outputs) <= index < len(outputs):
                raise ArgumentError(
                    f"{self._where()}: tensor_indices: {label} has {len(outputs)} outputs, so "
                    f"expected an index below {len(outputs)}, received {index}"
                )
            found.append(outputs[index])
        return found

    def _index_of_each(self, given: object, what: str) -> list[int]:
        count = len(self.layers)
        indices = [given or 0] * count if given is None or is_whole(given) else given
        if (
            not isinstance(indices, list | tuple)
            or len(indices) != count
            or not all(map(is_whole, indices))
        ):
            raise ArgumentError(
                f"{self._where()}: {what}: expected a whole number for each of the {count} layers, "
                f"or one for all, received {given!r}"
            )
        return list(indices)


@arguments_of_1_2(
    *("inputs", "mode", "concat_axis", "dot_axes", "output_shape", "output_mask", "arguments"),
    *("name",),
)
def merge(
    inputs: Sequence[g.Node],
    mode: str | Callable[[list[g.Node]], g.Node] = "sum",
    concat_axis: int = -1,
    dot_axes: int | Sequence[int | Sequence[int]] = -1,
    output_shape: Sequence[int | None] | Callable[..., Any] | None = None,
    name: str | None = None,
    *,
    output_mask: Mask | Callable[[list[Mask]], Mask] = None,
    arguments: Mapping[str, Any] | None = None,
) -> g.Node:
    """Return several tensors merged into one; see `Merge`.

    Args:
        inputs: a list of at least two tensors.
        mode, concat_axis, dot_axes, output_shape, name: as `Merge` has them.
        output_mask, arguments: as `Merge` has them.
    """
    if any(isinstance(one, Layer) for one in to_list(inputs)):
        raise ArgumentError(
            "merge: expected a list of tensors (outputs of layers), received layers; "
            "Merge([left, right], mode=...) takes layers and models"
        )
    layer = Merge(
        mode=mode,
        concat_axis=concat_axis,
        dot_axes=dot_axes,
        output_shape=output_shape,
        name=name,
        output_mask=output_mask,
        arguments=arguments,
    )
    found: g.Node = layer(inputs)
    return found


def _position_among(own: Sequence[g.Node], tensor: g.Node) -> int:
    """Return the index of a tensor among others, or their number if it is not among them."""
    return own.index(tensor) if tensor in own else len(own)


def _axes_of_each(dot_axes: object, where: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the paired axes of the first and the second input."""
    pair = [dot_axes] * 2 if is_whole(dot_axes) else dot_axes
    if isinstance(pair, list | tuple) and len(pair) == 2:
        first, second = (one if isinstance(one, list | tuple) else [one] for one in pair)
        if len(first) == len(second) > 0 and all(map(is_whole, [*first, *second])):
            return tuple(map(int, first)), tuple(map(int, second))
    raise ArgumentError(
        f"{where}: dot_axes: expected an axis for both inputs, one for each as (axis, axis), or as "
        f"many of the one as of the other, e.g. ([1, 2], [1, 2]), received {dot_axes!r}"
    )
