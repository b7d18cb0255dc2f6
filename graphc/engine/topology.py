"""Keras' module of this name: layers, their uses, and what is built of them."""

from graphc.engine.container import Container, get_source_inputs
from graphc.engine.layer import Input, InputLayer, Layer
from graphc.engine.merge import Merge, merge
from graphc.engine.node import Node, to_list
from graphc.engine.shapes import InputSpec

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
    "to_list",
]
