"""K, the Keras 1.0 backend: ``from graphc import backend as K``.

Tensors are nodes of the graph; a function has a value only inside a call of `function` or `eval`.
"""

# ruff: noqa: I001  (`name as name`, which gives a name on, would be a statement each)

import functools
import importlib
import sys

import graphc.backend.keras_attributes  # (of tensors)
import graphc.backend.tensor_methods  # noqa: F401
from graphc.backend.conv import (
    asymmetric_spatial_2d_padding as asymmetric_spatial_2d_padding,
    asymmetric_temporal_padding as asymmetric_temporal_padding,
    conv2d as conv2d,
    conv3d as conv3d,
    pool2d as pool2d,
    pool3d as pool3d,
    resize_images as resize_images,
    resize_volumes as resize_volumes,
    spatial_2d_padding as spatial_2d_padding,
    spatial_3d_padding as spatial_3d_padding,
    temporal_padding as temporal_padding,
)
from graphc.backend.conv_variants import (
    atrous_conv2d as atrous_conv2d,
    conv1d as conv1d,
    deconv2d as deconv2d,
    separable_conv2d as separable_conv2d,
)
from graphc.backend.ctc import (
    ctc_batch_cost as ctc_batch_cost,
    ctc_cost as ctc_cost,
    ctc_create_skip_idxs as ctc_create_skip_idxs,
    ctc_interleave_blanks as ctc_interleave_blanks,
    ctc_path_probs as ctc_path_probs,
    ctc_update_log_p as ctc_update_log_p,
)
from graphc.backend.folds import foldl as foldl, foldr as foldr, map_fn as map_fn
from graphc.backend.functions import (
    Function as Function,
    eval as eval,
    function as function,
    gradients as gradients,
    in_test_phase as in_test_phase,
    in_train_phase as in_train_phase,
    learning_phase as learning_phase,
    print_tensor as print_tensor,
    set_learning_phase as set_learning_phase,
    stop_gradient as stop_gradient,
    switch as switch,
)
from graphc.backend.nn import (
    batch_normalization as batch_normalization,
    binary_crossentropy as binary_crossentropy,
    categorical_crossentropy as categorical_crossentropy,
    dropout as dropout,
    elu as elu,
    hard_sigmoid as hard_sigmoid,
    in_top_k as in_top_k,
    l2_normalize as l2_normalize,
    normalize_batch_in_training as normalize_batch_in_training,
    relu as relu,
    sigmoid as sigmoid,
    softmax as softmax,
    softplus as softplus,
    softsign as softsign,
    sparse_categorical_crossentropy as sparse_categorical_crossentropy,
    tanh as tanh,
)
from graphc.backend.random import (
    random_binomial as random_binomial,
    random_normal as random_normal,
    random_normal_variable as random_normal_variable,
    random_uniform as random_uniform,
    random_uniform_variable as random_uniform_variable,
)
from graphc.backend.recurrent import rnn as rnn
from graphc.backend.settings import (
    _BACKEND as _BACKEND,
    backend as backend,
    cast_to_floatx as cast_to_floatx,
    epsilon as epsilon,
    floatx as floatx,
    get_uid as get_uid,
    image_dim_ordering as image_dim_ordering,
    legacy_weight_ordering as legacy_weight_ordering,
    reset_uids as reset_uids,
    set_epsilon as set_epsilon,
    set_floatx as set_floatx,
    set_image_dim_ordering as set_image_dim_ordering,
    set_legacy_weight_ordering as set_legacy_weight_ordering,
)
from graphc.backend.tensors import (
    abs as abs,
    all as all,
    any as any,
    arange as arange,
    argmax as argmax,
    argmin as argmin,
    batch_dot as batch_dot,
    batch_flatten as batch_flatten,
    cast as cast,
    clip as clip,
    concatenate as concatenate,
    cos as cos,
    dot as dot,
    equal as equal,
    exp as exp,
    expand_dims as expand_dims,
    flatten as flatten,
    gather as gather,
    greater as greater,
    greater_equal as greater_equal,
    lesser as lesser,
    lesser_equal as lesser_equal,
    log as log,
    max as max,
    maximum as maximum,
    mean as mean,
    min as min,
    minimum as minimum,
    not_equal as not_equal,
    one_hot as one_hot,
    pack as pack,
    pattern_broadcast as pattern_broadcast,
    permute_dimensions as permute_dimensions,
    pow as pow,
    prod as prod,
    repeat as repeat,
    repeat_elements as repeat_elements,
    reshape as reshape,
    reverse as reverse,
    round as round,
    sign as sign,
    sin as sin,
    sqrt as sqrt,
    square as square,
    squeeze as squeeze,
    stack as stack,
    std as std,
    sum as sum,
    tile as tile,
    transpose as transpose,
    var as var,
)
from graphc.backend.variables import (
    batch_get_value as batch_get_value,
    batch_set_value as batch_set_value,
    count_params as count_params,
    dtype as dtype,
    eye as eye,
    get_value as get_value,
    get_variable_shape as get_variable_shape,
    int_shape as int_shape,
    is_explicit_shape as is_explicit_shape,
    is_keras_tensor as is_keras_tensor,
    is_sparse as is_sparse,
    moving_average_update as moving_average_update,
    ndim as ndim,
    ones as ones,
    ones_like as ones_like,
    placeholder as placeholder,
    set_value as set_value,
    shape as shape,
    to_dense as to_dense,
    update as update,
    update_add as update_add,
    update_sub as update_sub,
    variable as variable,
    zeros as zeros,
    zeros_like as zeros_like,
)
from graphc.public.calls import public

# Keras had a module for each of its backends, which some programs import.
theano_backend = tensorflow_backend = sys.modules[__name__]
for _name in ("theano_backend", "tensorflow_backend"):
    sys.modules[f"{__name__}.{_name}"] = sys.modules[__name__]

# A program reads the module of its backend here instead of importing it.
_IMPORTED = {"T": "theano.tensor", "theano": "theano", "tf": "tensorflow"}

public(
    __name__,
    {
        name: functools.partial(importlib.import_module, module)
        for name, module in _IMPORTED.items()
    },
)
