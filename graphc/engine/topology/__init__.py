"""Keras' module of this name: layers, their uses, and what is built of them.

A `layer` has `weights` and is `used` on tensors, each use a `node`; `wiring` finds the uses between
tensors, of which a `container` is made; `merge` joins tensors.
"""

from graphc.engine.topology.container import Container, get_source_inputs
from graphc.engine.topology.layer import Input, InputLayer, Layer
from graphc.engine.topology.merge import Merge, merge
from graphc.engine.topology.node import Node, object_list_uid, to_list
from graphc.engine.topology.shapes import InputSpec
from graphc.public.calls import public

__all__ = [
    "Container",
    "Input",
    "InputLayer",
    "InputSpec",
    "Layer",
    "Merge",
    "Node",
    "get_source_inputs",
    "merge",
    "object_list_uid",
    "to_list",
]

__getattr__ = public(__name__)
