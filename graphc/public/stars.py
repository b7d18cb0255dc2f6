"""Names that modules of Keras import for themselves, which programs have by their stars.

``from keras.preprocessing.image import *`` gave a program ``np`` as well, and many use it.
"""

from __future__ import annotations

import sys
from importlib import import_module

_PACKAGE = "graphc"
# Names that stand for something else than a module of Python's own, as "module" or "module:name".
_HOMES = {
    "np": "numpy",
    "K": "graphc.backend",
    "Container": "graphc.engine.topology:Container",
    "InputLayer": "graphc.engine.topology.layer:InputLayer",
    "InputSpec": "graphc.engine.topology.shapes:InputSpec",
    "Layer": "graphc.engine.topology.layer:Layer",
    "MaskedLayer": "graphc.layers.core.masking:MaskedLayer",
    "Merge": "graphc.engine.topology.merge:Merge",
    "Model": "graphc.engine.training:Model",
    "OrderedDict": "collections:OrderedDict",
    "Progbar": "graphc.utils.generic_utils:Progbar",
    "Sequential": "graphc.models:Sequential",
    "get_file": "graphc.utils.data_utils:get_file",
    "get_from_module": "graphc.lookup:get_from_module",
    "load_batch": "graphc.datasets.cifar:load_batch",
    "model_from_json": "graphc.models:model_from_json",
    "objectives": "graphc.objectives",
    "optimizers": "graphc.optimizers",
    "to_categorical": "graphc.utils.np_utils:to_categorical",
}
# Module -> what some release of 0.3, 1.0 or 1.2 has there beside its own names. What its own code
# needs here too is there without this.
_IMPORTED = {
    "activations": "get_from_module",
    "backend": "json os",
    "backend.common": "np",
    "datasets.cifar": "sys",
    "datasets.cifar10": "K get_file load_batch os",
    "datasets.cifar100": "K get_file load_batch os",
    "datasets.imdb": "np sys",
    "datasets.mnist": "sys",
    "datasets.reuters": "np sys",
    "engine.training": "Container K Progbar copy np objectives optimizers time warnings",
    "initializations": "get_from_module",
    "layers.advanced_activations": "MaskedLayer",
    "layers.containers": "K Layer Merge OrderedDict",
    "layers.convolutional_recurrent": "Layer np warnings",
    "layers.core": "OrderedDict copy warnings",
    "layers.embeddings": "Layer",
    "layers.local": "InputSpec K Layer",
    "layers.noise": "MaskedLayer np",
    "layers.normalization": "Layer",
    "layers.pooling": "InputSpec Layer",
    "layers.recurrent": "MaskedLayer",
    "layers.wrappers": "K MaskedLayer copy",
    "legacy.models": "InputLayer K Layer Merge Model OrderedDict copy warnings",
    "models": "copy json objectives optimizers os time warnings",
    "objectives": "np",
    "optimizers": "np",
    "preprocessing.image": "K math np os re warnings",
    "preprocessing.sequence": "random",
    "preprocessing.text": "sys",
    "regularizers": "warnings",
    "utils.data_utils": "Progbar sys",
    "utils.generic_utils": "np",
    "utils.io_utils": "OrderedDict sys",
    "utils.layer_utils": "K Model Sequential np",
    "utils.np_utils": "K",
    "utils.test_utils": "model_from_json",
    "utils.visualize_util": "Sequential os",
    "wrappers.scikit_learn": "Sequential copy np to_categorical",
}


def add_imported(module: str) -> None:
    """Put into a module what Keras' module of that name imports for itself, and this one does not;
    to be called at its end."""
    names = vars(sys.modules[module])
    wanted = _IMPORTED.get(module.removeprefix(f"{_PACKAGE}."), "").split()
    for name in wanted:
        home, _, attribute = _HOMES.get(name, name).partition(":")
        found = import_module(home)
        names.setdefault(name, getattr(found, attribute) if attribute else found)
    if "__all__" in names:
        names["__all__"] = [*dict.fromkeys([*names["__all__"], *wanted])]
