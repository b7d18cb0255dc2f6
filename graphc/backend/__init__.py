"""K, the Keras 1.0 backend: ``from graphc import backend as K``.

Tensors are nodes of the graph; a function has a value only inside a call of `function` or `eval`.
"""

# ruff: noqa: F401  (this module is the list of what it imports)

import contextlib
import importlib
import sys
from typing import Any

import graphc.backend.keras_attributes  # (of tensors)
import graphc.backend.tensor_methods
from graphc.backend.conv import (
    asymmetric_spatial_2d_padding,
    asymmetric_temporal_padding,
    conv2d,
    conv3d,
    pool2d,
    pool3d,
    resize_images,
    resize_volumes,
    spatial_2d_padding,
    spatial_3d_padding,
    temporal_padding,
)
from graphc.backend.conv_variants import (
    atrous_conv2d,
    conv1d,
    deconv2d,
    separable_conv2d,
)
from graphc.backend.ctc import (
    ctc_batch_cost,
    ctc_cost,
    ctc_create_skip_idxs,
    ctc_interleave_blanks,
    ctc_path_probs,
    ctc_update_log_p,
)
from graphc.backend.folds import foldl, foldr, map_fn
from graphc.backend.functions import (
    Function,
    eval,
    function,
    gradients,
    in_test_phase,
    in_train_phase,
    learning_phase,
    print_tensor,
    set_learning_phase,
    stop_gradient,
    switch,
)
from graphc.backend.nn import (
    batch_normalization,
    binary_crossentropy,
    categorical_crossentropy,
    dropout,
    elu,
    hard_sigmoid,
    in_top_k,
    l2_normalize,
    normalize_batch_in_training,
    relu,
    sigmoid,
    softmax,
    softplus,
    softsign,
    sparse_categorical_crossentropy,
    tanh,
)
from graphc.backend.random import (
    random_binomial,
    random_normal,
    random_normal_variable,
    random_uniform,
    random_uniform_variable,
)
from graphc.backend.recurrent import rnn
from graphc.backend.settings import (
    _BACKEND,
    backend,
    cast_to_floatx,
    epsilon,
    floatx,
    get_uid,
    image_dim_ordering,
    legacy_weight_ordering,
    reset_uids,
    set_epsilon,
    set_floatx,
    set_image_dim_ordering,
    set_legacy_weight_ordering,
)
from graphc.backend.tensors import (
    abs,
    all,
    any,
    arange,
    argmax,
    argmin,
    batch_dot,
    batch_flatten,
    cast,
    clip,
    concatenate,
    cos,
    dot,
    equal,
    exp,
    expand_dims,
    flatten,
    gather,
    greater,
    greater_equal,
    lesser,
    lesser_equal,
    log,
    max,
    maximum,
    mean,
    min,
    minimum,
    not_equal,
    one_hot,
    pack,
    pattern_broadcast,
    permute_dimensions,
    pow,
    prod,
    repeat,
    repeat_elements,
    reshape,
    reverse,
    round,
    sign,
    sin,
    sqrt,
    square,
    squeeze,
    stack,
    std,
    sum,
    tile,
    transpose,
    var,
)
from graphc.backend.variables import (
    batch_get_value,
    batch_set_value,
    count_params,
    dtype,
    eye,
    get_value,
    get_variable_shape,
    int_shape,
    is_explicit_shape,
    is_keras_tensor,
    is_sparse,
    moving_average_update,
    ndim,
    ones,
    ones_like,
    placeholder,
    set_value,
    shape,
    to_dense,
    update,
    update_add,
    update_sub,
    variable,
    zeros,
    zeros_like,
)
from graphc.public.calls import public

# Keras had a module for each of its backends, which some programs import.
theano_backend = tensorflow_backend = sys.modules[__name__]
for _name in ("theano_backend", "tensorflow_backend"):
    sys.modules[f"{__name__}.{_name}"] = sys.modules[__name__]

# A program reads the module of its backend here instead of importing it.
_IMPORTED = {"T": "theano.tensor", "theano": "theano", "tf": "tensorflow"}

_tell = public(__name__)


def __getattr__(name: str) -> Any:
    if name in _IMPORTED:
        with contextlib.suppress(ImportError):
            return importlib.import_module(_IMPORTED[name])
    return _tell(name)
