"""The layers of Keras 1.0."""

from graphc.engine.shapes import InputSpec
from graphc.engine.topology import InputLayer, Layer
from graphc.layers.core import Activation, Dense, Dropout, Flatten, Reshape

__all__ = [
    "Activation",
    "Dense",
    "Dropout",
    "Flatten",
    "InputLayer",
    "InputSpec",
    "Layer",
    "Reshape",
]
