"""Layers: weights, and a rule that turns input nodes into output nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc import backend as K
from graphc.compiler import graph as g
from graphc.engine.keywords import named_parameters, refuse_modern, refuse_unknown
from graphc.engine.shapes import InputSpec, KnownShape, agree, batch_shape, known_shape
from graphc.errors import ArgumentError, DTypeError, ShapeError
from graphc.regularizers import Regularizer
from graphc.regularizers import get as get_regularizer

BASE_KEYWORDS = ("input_shape", "batch_input_shape", "input_dtype", "name", "trainable")


@dataclass(frozen=True)
class Call:
    """One use of a layer: the nodes that went in and those that came out."""

    inputs: tuple[g.Node, ...]
    outputs: tuple[g.Node, ...]


class Layer:
    """Base of all layers.

    A subclass defines ``build(input_shape)``, which makes the weights at the first call, and
    ``call(x, mask=None)``, which returns the output node; the output's shape is read off that node.
    A subclass may also define ``get_output_shape_for(input_shape)``, and then it is checked.

    Keyword arguments:
        input_shape: of one sample, without the batch axis (``batch_input_shape`` has it).
        input_dtype: floatX by default.
        name: by default the class's name in lower case and a number, ``dense_1``.
        trainable: whether training changes the weights.

    Attributes:
        trainable_weights, non_trainable_weights: shared variables.
        regularizers: penalties on weights and outputs, added to the training loss.
        constraints: weight -> what is applied to it after each update.
        updates: (shared variable, new value) pairs of every training step.
        input_spec: one InputSpec for each input, or None.
    """

    input_spec: Sequence[InputSpec] | None = None
    supports_masking = False
    initial_weights: Sequence[object] | None = None
    trainable_weights: list[g.Node]
    non_trainable_weights: list[g.Node]
    regularizers: list[Callable[[g.Node], g.Node]]
    constraints: dict[g.Node, Callable[[g.Node], g.Node]]
    updates: list[tuple[g.Node, g.Node]]

    def __new__(cls, *args: object, **kwargs: object) -> Layer:
        # Before __init__, whose missing positional argument (`units=3` leaves out output_dim)
        # would be reported first.
        refuse_modern(cls.__name__, kwargs, [*named_parameters(cls.__init__), *BASE_KEYWORDS])
        return super().__new__(cls)

    def __init__(self, **kwargs: Any):
        label = type(self).__name__
        allowed = [*BASE_KEYWORDS, *named_parameters(type(self).__init__)]
        refuse_unknown(label, [key for key in kwargs if key not in BASE_KEYWORDS], allowed)
        prefix = label.lower()
        name = kwargs.get("name")
        if name is not None and not (isinstance(name, str) and name):
            raise ArgumentError(f"{label}: name: expected a text, received {name!r}")
        self.name: str = name or f"{prefix}_{K.get_uid(prefix)}"
        self.trainable: bool = kwargs.get("trainable", True)
        self.built = False
        # Layers of Keras 1.0 set what they have before they call this.
        for attribute in ("trainable_weights", "non_trainable_weights", "regularizers", "updates"):
            vars(self).setdefault(attribute, [])
        vars(self).setdefault("constraints", {})
        self.calls: list[Call] = []
        self.input_dtype: str | None = kwargs.get("input_dtype")
        self.batch_input_shape = batch_shape(
            kwargs.get("input_shape"), kwargs.get("batch_input_shape"), self.name
        )

    def add_weight(
        self,
        shape: tuple[int, ...],
        init: Callable[..., g.Node],
        name: str,
        regularizer: Regularizer | None = None,
        constraint: Callable[[g.Node], g.Node] | None = None,
        trainable: bool = True,
    ) -> g.Node:
        """A new weight, a shared variable called ``<layer>_<name>``, with its penalty and rule."""
        weight = init(shape, name=f"{self.name}_{name}")
        if not isinstance(weight, g.Node) or weight.op != "shared" or weight.shape != shape:
            raise ArgumentError(
                f"{self.name}: init of {name}: expected a shared variable of the shape {shape}, "
                f"e.g. K.variable(value, name=name), received {weight!r}"
            )
        (self.trainable_weights if trainable else self.non_trainable_weights).append(weight)
        if regularizer is not None:
            own = get_regularizer(regularizer)  # a copy: one may be given to several weights
            own.set_param(weight)
            self.regularizers.append(own)
        if constraint is not None:
            self.constraints[weight] = constraint
        return weight

    def build(self, input_shape: KnownShape) -> None:
        """Make the weights for inputs of a shape (with the batch axis). No weights by default."""

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        """The output for an input node. The input itself by default."""
        return x

    def __call__(self, x: g.Node | Sequence[g.Node], mask: g.Node | None = None) -> g.Node:
        """Use the layer on an input node, or on a list of them; the first use makes the weights."""
        several = isinstance(x, list | tuple)
        inputs = tuple(x) if several else (x,)
        for node in inputs:
            if not isinstance(node, g.Node):
                raise ArgumentError(
                    f"{self.name}: a layer is called on nodes (an Input, another layer's output), "
                    f"received {type(node).__name__}; arrays go to a model's predict"
                )
        self._check_inputs(inputs)
        if mask is not None and not self.supports_masking:
            raise ArgumentError(
                f"{self.name} ({type(self).__name__}) does not take a mask, and received one"
            )
        shapes = [known_shape(node) for node in inputs]
        shape = shapes if several else shapes[0]
        with g.origin(self.name):
            self._build_once(shape)
            output = self.call(x) if mask is None else self.call(x, mask=mask)
        self._check_output(output, shape)
        self.calls.append(Call(inputs, (output,)))
        return output

    def _build_once(self, shape: KnownShape | list[KnownShape]) -> None:
        if not self.built:
            self.build(shape)
            self.built = True
        if self.initial_weights is not None:
            self.set_weights(self.initial_weights)
            self.initial_weights = None

    def _check_inputs(self, inputs: tuple[g.Node, ...]) -> None:
        if self.input_spec is None:
            return
        if len(inputs) != len(self.input_spec):
            raise ArgumentError(
                f"{self.name}: expected {len(self.input_spec)} inputs, received {len(inputs)}"
            )
        for spec, node in zip(self.input_spec, inputs, strict=True):
            spec.check(node, f"{self.name} ({type(self).__name__})")

    def _check_output(self, output: object, input_shape: KnownShape | list[KnownShape]) -> None:
        if not isinstance(output, g.Node):
            raise ArgumentError(
                f"{self.name} ({type(self).__name__}): call() has to return a node, returned "
                f"{type(output).__name__}"
            )
        if type(self).get_output_shape_for is Layer.get_output_shape_for:
            return
        claimed = tuple(self.get_output_shape_for(input_shape))
        actual = known_shape(output)
        if not agree(claimed, actual):
            raise ShapeError(
                f"{self.name} ({type(self).__name__}): get_output_shape_for({input_shape}) says "
                f"{claimed}, but call() made an output of shape {actual}; correct one of the two"
            )

    def get_output_shape_for(self, input_shape: KnownShape) -> KnownShape:
        """The shape of the output for a shape of the input, both with the batch axis.

        Weights have sizes of the first call, so a layer with weights has to be called first.
        """
        if not self.built and type(self).build is not Layer.build:
            raise ArgumentError(
                f"{self.name}: the output's shape is known once the layer has its weights; call "
                "the layer, or add it to a model, first"
            )
        with g.origin(self.name):
            return known_shape(self.call(_input_node(input_shape, self.input_dtype, None)))

    @property
    def weights(self) -> list[g.Node]:
        """All weights, trainable ones first."""
        return [*self.trainable_weights, *self.non_trainable_weights]

    def get_weights(self) -> list[np.ndarray]:
        """Copies of the weights' values, in the order of `weights`."""
        return [weight.get_value() for weight in self.weights]

    def set_weights(self, weights: Sequence[object]) -> None:
        """Set all weights, in the order of `weights`. ShapeError where a shape differs."""
        set_values(self.weights, weights, self.name)

    def count_params(self) -> int:
        """How many numbers the trainable weights hold."""
        return count_numbers(self.trainable_weights)

    def get_input_at(self, node_index: int) -> g.Node | list[g.Node]:
        """The input, or the list of inputs, of the k-th call."""
        return _one_or_list(self._call_at(node_index).inputs)

    def get_output_at(self, node_index: int) -> g.Node | list[g.Node]:
        """The output of the k-th call."""
        return _one_or_list(self._call_at(node_index).outputs)

    def _call_at(self, index: int) -> Call:
        if not -len(self.calls) <= index < len(self.calls):
            raise ArgumentError(
                f"{self.name} was called {len(self.calls)} times; call {index} does not exist"
            )
        return self.calls[index]

    def _only_call(self, wanted: str) -> Call:
        if len(self.calls) != 1:
            raise ArgumentError(
                f"{self.name}.{wanted} is defined for a layer that was called once, and this one "
                f"was called {len(self.calls)} times; get_{wanted}_at(k) reads the k-th call"
            )
        return self.calls[0]

    @property
    def input(self) -> g.Node | list[g.Node]:
        """The input of the layer's only call."""
        return _one_or_list(self._only_call("input").inputs)

    @property
    def output(self) -> g.Node | list[g.Node]:
        """The output of the layer's only call."""
        return _one_or_list(self._only_call("output").outputs)

    @property
    def input_shape(self) -> KnownShape | list[KnownShape]:
        """The shape of the inputs, if all calls have the same."""
        return self._common_shape("input")

    @property
    def output_shape(self) -> KnownShape | list[KnownShape]:
        """The shape of the output, if all calls have the same."""
        return self._common_shape("output")

    def _common_shape(self, side: str) -> KnownShape | list[KnownShape]:
        found = {tuple(map(known_shape, getattr(call, f"{side}s"))) for call in self.calls}
        if len(found) != 1:
            raise ArgumentError(
                f"{self.name}.{side}_shape is not defined: its {len(self.calls)} calls have "
                f"{len(found)} shapes; get_{side}_at(k).shape reads the k-th call"
            )
        return _one_or_list(found.pop())


class InputLayer(Layer):
    """Where data enter: its `output` is the input node that a model feeds."""

    def __init__(
        self,
        input_shape: Sequence[int | None] | None = None,
        batch_input_shape: Sequence[int | None] | None = None,
        input_dtype: str | None = None,
        name: str | None = None,
    ):
        super().__init__(
            input_shape=input_shape,
            batch_input_shape=batch_input_shape,
            input_dtype=input_dtype,
            name=name,
        )
        if self.batch_input_shape is None:
            raise ArgumentError(f"{self.name}: expected input_shape or batch_input_shape")
        node = _input_node(self.batch_input_shape, input_dtype, self.name)
        self.built = True
        self.calls.append(Call((node,), (node,)))


def _input_node(shape: Sequence[int | None], dtype: str | None, name: str | None) -> g.Node:
    batch = g.BATCH if shape[0] is None else shape[0]
    return g.input((batch, *shape[1:]), dtype, name)


def set_values(variables: Sequence[g.Node], values: Sequence[object], owner: str) -> None:
    """Set shared variables, all or none. ShapeError where the number or a shape differs."""
    if not isinstance(values, Iterable):
        raise ArgumentError(f"{owner}: expected a list of weights, received {values!r}")
    values = list(values)
    if len(values) != len(variables):
        raise ShapeError(
            f"{owner}: expected {len(variables)} weights "
            f"({', '.join(map(_weight_label, variables))}), received {len(values)}"
        )
    arrays = [np.asarray(value) for value in values]
    for variable, array in zip(variables, arrays, strict=True):
        if array.shape != variable.shape:
            raise ShapeError(
                f"{owner}: weight {_weight_label(variable)}: expected shape {variable.shape}, "
                f"received {array.shape}"
            )
        if array.dtype.kind not in "biuf":
            raise DTypeError(
                f"{owner}: weight {_weight_label(variable)}: expected numbers, received dtype "
                f"{array.dtype}"
            )
    for variable, array in zip(variables, arrays, strict=True):
        variable.set_value(array)


def count_numbers(variables: Sequence[g.Node]) -> int:
    """How many numbers shared variables hold together."""
    return sum(int(np.prod(variable.shape, dtype=np.int64)) for variable in variables)


def _weight_label(variable: g.Node) -> str:
    return repr(g.name_of(variable) or "without a name")


def _one_or_list(values: tuple) -> Any:
    return values[0] if len(values) == 1 else list(values)
