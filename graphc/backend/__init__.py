"""K, the Keras 1.0 backend: ``from graphc import backend as K``.

Tensors are nodes of the graph; a function has a value only inside a call of `function` or `eval`.
"""

# ruff: noqa: F401  (this module is the list of what it imports)

from graphc.backend.conv import (
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
from graphc.backend.functions import (
    Function,
    eval,
    function,
    gradients,
    in_test_phase,
    in_train_phase,
    learning_phase,
    switch,
)
from graphc.backend.nn import (
    binary_crossentropy,
    categorical_crossentropy,
    dropout,
    hard_sigmoid,
    l2_normalize,
    relu,
    sigmoid,
    softmax,
    softplus,
    sparse_categorical_crossentropy,
    tanh,
)
from graphc.backend.random import random_binomial, random_normal, random_uniform
from graphc.backend.recurrent import rnn
from graphc.backend.settings import (
    cast_to_floatx,
    epsilon,
    floatx,
    get_uid,
    set_epsilon,
    set_floatx,
)
from graphc.backend.tensors import (
    abs,
    any,
    argmax,
    argmin,
    batch_dot,
    batch_flatten,
    cast,
    clip,
    concatenate,
    dot,
    equal,
    exp,
    expand_dims,
    flatten,
    gather,
    log,
    max,
    maximum,
    mean,
    min,
    minimum,
    not_equal,
    pack,
    permute_dimensions,
    pow,
    prod,
    repeat,
    repeat_elements,
    reshape,
    round,
    sign,
    sqrt,
    square,
    squeeze,
    std,
    sum,
    tile,
    transpose,
)
from graphc.backend.variables import (
    batch_set_value,
    count_params,
    dtype,
    get_value,
    ndim,
    ones,
    ones_like,
    placeholder,
    set_value,
    shape,
    variable,
    zeros,
    zeros_like,
)
