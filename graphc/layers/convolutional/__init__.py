"""Convolution layers; pooling, up-sampling, zero padding and cropping beside them, as in Keras."""

from graphc import activations, constraints, initializations, regularizers
from graphc import backend as K
from graphc.engine.topology.layer import Layer
from graphc.engine.topology.shapes import InputSpec
from graphc.layers.bases.spatial import conv_input_length, conv_output_length
from graphc.layers.convolutional.plain import Convolution1D, Convolution2D, Convolution3D
from graphc.layers.convolutional.resizing import (
    Cropping1D,
    Cropping2D,
    Cropping3D,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from graphc.layers.convolutional.variants import (
    AtrousConvolution1D,
    AtrousConvolution2D,
    Deconvolution2D,
    SeparableConvolution2D,
)
from graphc.layers.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
    _Pooling1D,  # noqa: F401  (programs derive pooling layers of their own from these three)
    _Pooling2D,  # noqa: F401
    _Pooling3D,  # noqa: F401
)
from graphc.public.calls import public

Conv1D = Convolution1D
Conv2D = Convolution2D
Conv3D = Convolution3D
AtrousConv1D = AtrousConvolution1D
AtrousConv2D = AtrousConvolution2D
Deconv2D = Deconvolution2D
SeparableConv2D = SeparableConvolution2D

# With the modules that programs have by ``from keras.layers.convolutional import *``.
__all__ = [
    "AtrousConv1D",
    "AtrousConv2D",
    "AtrousConvolution1D",
    "AtrousConvolution2D",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "Convolution1D",
    "Convolution2D",
    "Convolution3D",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "Deconv2D",
    "Deconvolution2D",
    "InputSpec",
    "K",
    "Layer",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "SeparableConv2D",
    "SeparableConvolution2D",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
    "activations",
    "constraints",
    "conv_input_length",
    "conv_output_length",
    "initializations",
    "regularizers",
]

public(__name__)
