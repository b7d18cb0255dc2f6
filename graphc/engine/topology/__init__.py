"""Keras' module of this name: layers, their uses, and what is built of them.

A `layer` has `weights` and is `used` on tensors, each use a `node`; `wiring` finds the uses between
tensors, of which a `container` is made; `merge` joins tensors.
"""

import copy
import os
import warnings

import numpy as np

from graphc import backend as K
from graphc import initializations
from graphc.engine.topology.container import Container, get_source_inputs
from graphc.engine.topology.layer import Input, InputLayer, Layer
from graphc.engine.topology.layer_node import LayerNode as Node
from graphc.engine.topology.layer_node import object_list_uid, to_list
from graphc.engine.topology.merge import Merge, merge
from graphc.engine.topology.shapes import InputSpec
from graphc.public.calls import public

# With the modules that programs have by ``from keras.engine.topology import *``.
__all__ = [
    "Container",
    "Input",
    "InputLayer",
    "InputSpec",
    "K",
    "Layer",
    "Merge",
    "Node",
    "copy",
    "get_source_inputs",
    "initializations",
    "merge",
    "np",
    "object_list_uid",
    "os",
    "to_list",
    "warnings",
]

public(__name__)
