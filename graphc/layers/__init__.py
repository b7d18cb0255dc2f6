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
from graphc.layers.core import (
    Activation,
    ActivityRegularization,
    Dense,
    Dropout,
    Flatten,
    Highway,
    Lambda,
    MaxoutDense,
    Permute,
    RepeatVector,
    Reshape,
    TimeDistributedDense,
)
from graphc.layers.embeddings import Embedding
from graphc.layers.noise import GaussianDropout, GaussianNoise
from graphc.layers.normalization import BatchNormalization

__all__ = [
    "ELU",
    "Activation",
    "ActivityRegularization",
    "BatchNormalization",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "Highway",
    "InputLayer",
    "InputSpec",
    "Lambda",
    "Layer",
    "LeakyReLU",
    "MaxoutDense",
    "PReLU",
    "ParametricSoftplus",
    "Permute",
    "RepeatVector",
    "Reshape",
    "SReLU",
    "ThresholdedLinear",
    "ThresholdedReLU",
    "TimeDistributedDense",
]
