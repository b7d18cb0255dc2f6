"""Users' layers written for Keras 0.3: they define ``get_output(train)``, in which they call
``get_input(train)``, a ``build()`` without arguments, and list their weights as ``params``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from graphc import backend as K
from graphc.compiler import graph as g
from graphc.engine.topology.layer_node import Mask, to_list
from graphc.engine.topology.shapes import KnownShape
from graphc.engine.topology.used import Used
from graphc.engine.topology.user_layers.functions import signature_of


def is_keras_0_3(cls: type[Used]) -> bool:
    """Return True where a class of layers computes its output by `get_output`."""
    return cls.get_output is not Used.get_output


def takes_placeholder(layer: Any, tensor: object) -> bool:
    """Return True where a layer of 0.3 makes a placeholder for its input, before the `__init__` of
    `Layer` or in its `build`. It stood for what was not connected yet; its dtype counts."""
    if not (is_keras_0_3(type(layer)) and isinstance(tensor, g.Node) and tensor.op == "input"):
        return False
    record = layer._graphc
    if "inbound_nodes" in vars(layer) and record.called_on is None:
        return False
    record.placeholder_dtype = tensor.dtype
    return True


@contextmanager
def called_on(layer: Any, x: g.Node | list[g.Node], mask: Mask | list[Mask]) -> Iterator[None]:
    """Let `get_input` of a layer of 0.3 return `x` inside the block."""
    record = layer._graphc
    before = record.called_on
    record.called_on = (x, mask) if is_keras_0_3(type(layer)) else None
    try:
        yield
    finally:
        record.called_on = before


def output_of(layer: Any) -> g.Node:
    """Return the output of a layer of 0.3: one value in training, another in testing."""
    train, test = layer.get_output(train=True), layer.get_output(train=False)
    return test if train is test else K.in_train_phase(train, test)


def mask_of(layer: Any, mask: Any) -> Any:
    """Return the output mask of a layer of 0.3, if its class defines one."""
    if type(layer).get_output_mask is Used.get_output_mask:
        return mask if layer.supports_masking else None
    return layer.get_output_mask(train=False)


def build(layer: Any, shape: KnownShape | list[KnownShape]) -> None:
    """Call a layer's `build`, that of a layer of 0.3 without the shape."""
    signature = signature_of(layer.build)
    if signature is not None and not signature.parameters:
        layer.build()
    else:
        layer.build(shape)
    _take_lists(layer)


def _take_lists(layer: Any) -> None:
    """Convert the lists of a layer of 0.3 (`params`, a constraint for each) to those of 1.0."""
    params = vars(layer).get("params")
    if isinstance(params, list) and params and not layer.weights:
        layer.trainable_weights = list(params)
    rules = layer.constraints
    if isinstance(rules, list | tuple):
        pairs = zip(to_list(layer.trainable_weights), rules, strict=False)
        layer.constraints = {weight: rule for weight, rule in pairs if rule is not None}
