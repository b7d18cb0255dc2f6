"""The core layers: fully connected ones, activations, dropout, reshaping, functions as layers."""

import numpy as np

from graphc import activations, constraints, initializations, regularizers
from graphc import backend as K
from graphc.engine.topology.layer import Layer
from graphc.engine.topology.merge import Merge
from graphc.engine.topology.shapes import InputSpec
from graphc.layers.core.activation import Activation, ActivityRegularization
from graphc.layers.core.autoencoder import AutoEncoder
from graphc.layers.core.dense import Dense, Highway, MaxoutDense, TimeDistributedDense
from graphc.layers.core.dropout import (
    Dropout,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
from graphc.layers.core.functions import Lambda, LambdaMerge, MaskedLambda
from graphc.layers.core.masking import MaskedLayer, Masking
from graphc.layers.core.reshaping import (
    Flatten,
    Permute,
    RepeatVector,
    Reshape,
    TimeDistributedMerge,
)
from graphc.layers.core.siamese import SharedLayer, Siamese, SiameseHead, add_shared_layer
from graphc.lookup import get_from_module
from graphc.marshalled import func_dump, func_load
from graphc.public.calls import public
from graphc.regularizers import ActivityRegularizer

# With the modules that programs have by ``from keras.layers.core import *``.
__all__ = [
    "Activation",
    "ActivityRegularization",
    "ActivityRegularizer",
    "AutoEncoder",
    "Dense",
    "Dropout",
    "Flatten",
    "Highway",
    "InputSpec",
    "K",
    "Lambda",
    "LambdaMerge",
    "Layer",
    "MaskedLambda",
    "MaskedLayer",
    "Masking",
    "MaxoutDense",
    "Merge",
    "Permute",
    "RepeatVector",
    "Reshape",
    "SharedLayer",
    "Siamese",
    "SiameseHead",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "TimeDistributedDense",
    "TimeDistributedMerge",
    "activations",
    "add_shared_layer",
    "constraints",
    "func_dump",
    "func_load",
    "get_from_module",
    "initializations",
    "np",
    "regularizers",
]

public(__name__)
