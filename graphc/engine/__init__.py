"""What layers and models have in common: topology, training, data."""

from graphc.engine.topology.container import Container, get_source_inputs
from graphc.engine.topology.layer import Input, InputLayer, Layer
from graphc.engine.topology.merge import Merge, merge
from graphc.engine.topology.shapes import InputSpec
from graphc.engine.training import Model

__all__ = [
    "Container",
    "Input",
    "InputLayer",
    "InputSpec",
    "Layer",
    "Merge",
    "Model",
    "get_source_inputs",
    "merge",
]
