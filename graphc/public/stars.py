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
    "Conv2D": "graphc.layers:Convolution2D",
    "Convolution2D": "graphc.layers:Convolution2D",
    "Dense": "graphc.layers:Dense",
    "Dropout": "graphc.layers:Dropout",
    "Flatten": "graphc.layers:Flatten",
    "Graph": "graphc.models:Graph",
    "Input": "graphc.layers:Input",
    "InputLayer": "graphc.engine.topology.layer:InputLayer",
    "InputSpec": "graphc.engine.topology.shapes:InputSpec",
    "Layer": "graphc.engine.topology.layer:Layer",
    "MaskedLayer": "graphc.layers.core.masking:MaskedLayer",
    "MaxPooling2D": "graphc.layers:MaxPooling2D",
    "Merge": "graphc.engine.topology.merge:Merge",
    "Model": "graphc.engine.training:Model",
    "OrderedDict": "collections:OrderedDict",
    "Progbar": "graphc.utils.generic_utils:Progbar",
    "SeparableConv2D": "graphc.layers:SeparableConvolution2D",
    "Sequential": "graphc.models:Sequential",
    "Siamese": "graphc.layers.core:Siamese",
    "SiameseHead": "graphc.layers.core:SiameseHead",
    "Wrapper": "graphc.layers.wrappers:Wrapper",
    "ask_to_proceed_with_overwrite": "graphc.utils.io_utils:ask_to_proceed_with_overwrite",
    "cbks": "graphc.callbacks",
    "constraints": "graphc.constraints",
    "containers": "graphc.layers.containers",
    "conv_output_length": "graphc.utils.np_utils:conv_output_length",
    "convert_all_kernels_in_model": "graphc.utils.layer_utils:convert_all_kernels_in_model",
    "convert_kernel": "graphc.utils.np_utils:convert_kernel",
    "func_dump": "graphc.utils.generic_utils:func_dump",
    "func_load": "graphc.utils.generic_utils:func_load",
    "get_custom_objects": "graphc.utils.generic_utils:get_custom_objects",
    "get_file": "graphc.utils.data_utils:get_file",
    "get_from_module": "graphc.lookup:get_from_module",
    "get_source_inputs": "graphc.engine.topology:get_source_inputs",
    "load_batch": "graphc.datasets.cifar:load_batch",
    "metrics_module": "graphc.metrics",
    "model_from_json": "graphc.models:model_from_json",
    "objectives": "graphc.objectives",
    "optimizers": "graphc.optimizers",
    "py_all": "builtins:all",
    "regularizers": "graphc.regularizers",
    "to_categorical": "graphc.utils.np_utils:to_categorical",
}
# Module -> what some release of 0.3, 1.0 or 1.2 has there beside its own names. What its own code
# needs here too is there without this.
_IMPORTED = {
    "activations": "get_from_module",
    "applications.audio_conv_utils": "K",
    "applications.imagenet_utils": "K",
    "applications.inception_v3": "Input convert_all_kernels_in_model get_file get_source_inputs",
    "applications.music_tagger_crnn": "Dropout K convert_all_kernels_in_model get_file "
    "get_source_inputs",
    "applications.resnet50": "Input convert_all_kernels_in_model get_file get_source_inputs",
    "applications.vgg16": "Convolution2D Dense Flatten Input K MaxPooling2D "
    "convert_all_kernels_in_model get_file get_source_inputs",
    "applications.vgg19": "Convolution2D Dense Flatten Input K MaxPooling2D "
    "convert_all_kernels_in_model get_file get_source_inputs",
    "applications.xception": "Conv2D Input K SeparableConv2D get_file get_source_inputs",
    "backend": "json os py_all",
    "backend.common": "np",
    "callbacks": "Progbar",
    "datasets.cifar": "sys",
    "datasets.cifar10": "K get_file load_batch os",
    "datasets.cifar100": "K get_file load_batch os",
    "datasets.imdb": "np sys",
    "datasets.mnist": "sys",
    "datasets.reuters": "np sys",
    "engine.topology": "ask_to_proceed_with_overwrite func_dump func_load",
    "engine.training": "Container K Progbar cbks copy metrics_module np objectives optimizers time "
    "warnings",
    "initializations": "get_from_module",
    "layers.advanced_activations": "MaskedLayer",
    "layers.containers": "K Layer Merge OrderedDict Siamese SiameseHead",
    "layers.convolutional_recurrent": "Layer np warnings",
    "layers.core": "OrderedDict copy warnings",
    "layers.embeddings": "Layer",
    "layers.local": "InputSpec K Layer",
    "layers.noise": "MaskedLayer np",
    "layers.normalization": "Layer",
    "layers.pooling": "InputSpec Layer conv_output_length",
    "layers.recurrent": "MaskedLayer",
    "layers.wrappers": "K MaskedLayer copy",
    "legacy.models": "InputLayer K Layer Merge Model OrderedDict copy warnings",
    "models": "Progbar cbks containers copy json objectives optimizers os time warnings",
    "objectives": "np",
    "optimizers": "np",
    "preprocessing.image": "K math np os re warnings",
    "preprocessing.sequence": "random",
    "preprocessing.text": "sys",
    "regularizers": "warnings",
    "utils.data_utils": "Progbar sys",
    "utils.generic_utils": "np",
    "utils.io_utils": "OrderedDict sys",
    "utils.layer_utils": "Graph K Model Sequential constraints containers convert_kernel "
    "get_custom_objects get_from_module np regularizers",
    "utils.np_utils": "K",
    "utils.test_utils": "model_from_json",
    "utils.visualize_util": "Sequential Wrapper os",
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
