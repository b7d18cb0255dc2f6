"""The layers of Keras 1.0."""

from graphc.engine.shapes import InputSpec
from graphc.engine.topology import InputLayer, Layer
from graphc.layers.advanced_activations import (
    ELU,
    LeakyReLU,
    ParametricSoftplus,
    PReLU,
    SReLU,
    ThresholdedLinear,
    ThresholdedReLU,
)
from graphc.layers.core import Activation, Dense, Dropout, Flatten, Reshape
from graphc.layers.noise import GaussianDropout, GaussianNoise

__all__ = [
    "ELU",
    "Activation",
    "Dense",
    "Dropout",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "InputLayer",
    "InputSpec",
    "Layer",
    "LeakyReLU",
    "PReLU",
    "ParametricSoftplus",
    "Reshape",
    "SReLU",
    "ThresholdedLinear",
    "ThresholdedReLU",
]
