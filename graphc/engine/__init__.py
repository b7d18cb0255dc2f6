"""The parts that layers and models have in common.

Each room imports from those below it only (checked by import-linter):

    models      Sequential and Graph
    training    compile, fit, evaluate, predict; losses; checkpoints
    ranks       what ranks that train together compare
    data        arrays in memory and in files, generators, targets, weights of samples
    topology    layers, their uses, weights and masks; containers of them
    configs     layers as data: arguments, functions and classes by name
"""

from graphc.engine.topology.container import Container, get_source_inputs
from graphc.engine.topology.layer import Input, InputLayer, Layer
from graphc.engine.topology.merge import Merge, merge
from graphc.engine.topology.shapes import InputSpec
from graphc.engine.training import Model
from graphc.public.calls import public

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

public(__name__)
