"""The layers of Keras 1.0."""

import numpy as np

from graphc import backend as K
from graphc.engine.configs.registry import register
from graphc.engine.topology.layer import Input, InputLayer, Layer
from graphc.engine.topology.merge import Merge, merge
from graphc.engine.topology.shapes import InputSpec
from graphc.layers.advanced_activations import (
    ELU,
    LeakyReLU,
    ParametricSoftplus,
    PReLU,
    SReLU,
    ThresholdedLinear,
    ThresholdedReLU,
)
from graphc.layers.convolutional import (
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    Convolution1D,
    Convolution2D,
    Convolution3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from graphc.layers.core import (
    Activation,
    ActivityRegularization,
    ActivityRegularizer,
    AutoEncoder,
    Dense,
    Dropout,
    Flatten,
    Highway,
    Lambda,
    LambdaMerge,
    MaskedLambda,
    MaskedLayer,
    Masking,
    MaxoutDense,
    Permute,
    RepeatVector,
    Reshape,
    TimeDistributedDense,
    TimeDistributedMerge,
)
from graphc.layers.embeddings import Embedding
from graphc.layers.noise import GaussianDropout, GaussianNoise
from graphc.layers.normalization import LRN2D, BatchNormalization
from graphc.layers.recurrent import GRU, LSTM, Recurrent, SimpleRNN, time_distributed_dense
from graphc.layers.spatial import conv_output_length
from graphc.layers.wrappers import Bidirectional, TimeDistributed, Wrapper
from graphc.public.calls import public

__all__ = [
    "ELU",
    "GRU",
    "LRN2D",
    "LSTM",
    "Activation",
    "ActivityRegularization",
    "ActivityRegularizer",
    "AutoEncoder",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "BatchNormalization",
    "Bidirectional",
    "Convolution1D",
    "Convolution2D",
    "Convolution3D",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "Highway",
    "Input",
    "InputLayer",
    "InputSpec",
    "K",
    "Lambda",
    "LambdaMerge",
    "Layer",
    "LeakyReLU",
    "MaskedLambda",
    "MaskedLayer",
    "Masking",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "MaxoutDense",
    "Merge",
    "PReLU",
    "ParametricSoftplus",
    "Permute",
    "Recurrent",
    "RepeatVector",
    "Reshape",
    "SReLU",
    "SimpleRNN",
    "ThresholdedLinear",
    "ThresholdedReLU",
    "TimeDistributed",
    "TimeDistributedDense",
    "TimeDistributedMerge",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "Wrapper",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
    "conv_output_length",
    "merge",
    "np",
    "time_distributed_dense",
]

# What a file or a config may name.
register(value for value in vars().values() if isinstance(value, type) and issubclass(value, Layer))

__getattr__ = public(__name__)
