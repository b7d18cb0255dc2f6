"""Star imports of Keras' modules: names of other modules that they give a program."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import backend as K
from graphc import objectives, optimizers
from graphc.engine import Input, InputSpec, Layer
from graphc.engine.topology import Container, Merge
from graphc.layers import containers
from graphc.layers.core import MaskedLayer
from graphc.models import Sequential

HOMES = {
    "Container": Container,
    "Input": Input,
    "InputSpec": InputSpec,
    "K": K,
    "Layer": Layer,
    "MaskedLayer": MaskedLayer,
    "Merge": Merge,
    "Sequential": Sequential,
    "containers": containers,
    "np": np,
    "objectives": objectives,
    "optimizers": optimizers,
}


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("applications.vgg16", "Input K"),
        ("models", "Sequential containers optimizers"),
        ("engine.training", "Container K np optimizers time"),
        ("layers.containers", "K Layer Merge Sequential"),
        ("layers.convolutional_recurrent", "K Layer np"),
        ("layers.embeddings", "K Layer"),
        ("layers.local", "InputSpec K Layer"),
        ("layers.noise", "K Layer MaskedLayer np"),
        ("layers.normalization", "InputSpec K Layer"),
        ("layers.pooling", "InputSpec K Layer"),
        ("layers.wrappers", "InputSpec K Layer"),
        ("models", "copy json objectives optimizers os"),
        ("objectives", "K np"),
        ("optimizers", "K np"),
        ("preprocessing.image", "K math np os re"),
        ("utils.generic_utils", "np sys time"),
        ("wrappers.scikit_learn", "Sequential copy np"),
    ],
)
def test_what_keras_imports_for_itself(module, names):
    found = {}
    exec(f"from graphc.{module} import *", found)
    for name in names.split():
        if name in HOMES:
            assert found[name] is HOMES[name], name
        else:
            assert found[name].__name__ == name
