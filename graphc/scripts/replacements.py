"""Functions to call here in the place of those of Theano and TensorFlow."""

from __future__ import annotations

from graphc import backend as K
from graphc import graph

# Parts of a path that say nothing about the function.
_MODULES = (
    "theano.tensor.nnet",
    "theano.tensor.signal.downsample",
    "theano.tensor.signal.pool",
    "theano.tensor.shared_randomstreams",
    "theano.tensor.extra_ops",
    "theano.tensor",
    "theano.sandbox.rng_mrg",
    "theano.sandbox.cuda",
    "theano.sandbox",
    "theano",
    "tensorflow.nn",
    "tensorflow.image",
    "tensorflow.train",
    "tensorflow",
)

# Where the name in K is another one. "K.x" and "graph.x" are functions, other texts sentences.
_RENAMED = {
    "theano": {
        "Rop": "Nothing here stands for it.",
        "abs_": "K.abs",
        "arange": "graph.iota",
        "batched_dot": "K.batch_dot",
        "bmatrix": "K.placeholder",
        "clone": "Call the layer or the function again on the other tensors.",
        "config": "graphc.config has the flags.",
        "config.floatX": "Read K.floatx(), or set it with K.set_floatx('float32').",
        "config.device": "Set graphc.config.device, or GRAPHC_FLAGS=device=gpu.",
        "config.optimizer": "Set graphc.config.mode: FAST_RUN or FAST_COMPILE.",
        "config.exception_verbosity": "Delete the line: errors here name layers and shapes.",
        "config.compute_test_value": "Delete the line: shapes are checked when a node is made.",
        "conv.conv2d": "K.conv2d",
        "dimshuffle": "K.permute_dimensions",
        "dmatrix": "K.placeholder",
        "dscalar": "K.placeholder",
        "dtensor3": "K.placeholder",
        "dvector": "K.placeholder",
        "eq": "K.equal",
        "fmatrix": "K.placeholder",
        "ftensor3": "K.placeholder",
        "ftensor4": "K.placeholder",
        "function": "Call K.function(inputs, outputs), or graphc.function(inputs, outputs, "
        "updates=...).",
        "fscalar": "K.placeholder",
        "fvector": "K.placeholder",
        "ge": "K.greater_equal",
        "grad": "K.gradients",
        "gt": "K.greater",
        "ifelse": "K.switch",
        "imatrix": "K.placeholder",
        "ivector": "K.placeholder",
        "iscalar": "K.placeholder",
        "largest": "K.maximum",
        "le": "K.lesser_equal",
        "lmatrix": "K.placeholder",
        "lt": "K.lesser",
        "lvector": "K.placeholder",
        "lscalar": "K.placeholder",
        "matrix": "K.placeholder",
        "max_pool_2d": "K.pool2d",
        "neq": "K.not_equal",
        "pool_2d": "K.pool2d",
        "printing.Print": "Fetch the tensor as an output of K.function instead.",
        "scalar": "K.placeholder",
        "scan": "Call K.rnn(step, inputs, states), or graphc.graph.scan.",
        "set_subtensor": "Write it with K.concatenate, or graphc.graph.where.",
        "inc_subtensor": "Write it with K.concatenate, or graphc.graph.where.",
        "shape_padright": "K.expand_dims",
        "shape_padleft": "K.expand_dims",
        "shared": "K.variable",
        "sqr": "K.square",
        "smallest": "K.minimum",
        "sgn": "K.sign",
        "switch": "K.switch",
        "tensor3": "K.placeholder",
        "tensor4": "K.placeholder",
        "ultra_fast_sigmoid": "K.hard_sigmoid",
        "vector": "K.placeholder",
        "MRG_RandomStreams": "Call K.random_normal, K.random_uniform or K.random_binomial.",
        "RandomStreams": "Call K.random_normal, K.random_uniform or K.random_binomial.",
        "use": "Set GRAPHC_FLAGS=device=gpu.",
        "__version__": "graphc.__version__ is that of what computes.",
    },
    "tensorflow": {
        "add": "Write a + b.",
        "batch_matmul": "K.batch_dot",
        "clip_by_value": "K.clip",
        "concat": "K.concatenate",
        "constant": "K.variable",
        "contrib": "Nothing here stands for it.",
        "divide": "Write a / b.",
        "float32": "Give the type by name: 'float32'.",
        "int32": "Give the type by name: 'int32'.",
        "global_variables_initializer": "Delete the line: variables have their values at once.",
        "initialize_all_variables": "Delete the line: variables have their values at once.",
        "matmul": "K.dot",
        "multiply": "Write a * b.",
        "mul": "Write a * b.",
        "subtract": "Write a - b.",
        "ConfigProto": "Delete the session: graphc takes memory as it needs it.",
        "GPUOptions": "Delete the session: graphc takes memory as it needs it.",
        "Session": "Delete the session: K.eval and K.function compute without one.",
        "InteractiveSession": "Delete the session: K.eval and K.function compute without one.",
        "get_default_session": "Delete the session: K.eval and K.function compute without one.",
        "Variable": "K.variable",
        "max_pool": "K.pool2d",
        "avg_pool": "K.pool2d",
        "bias_add": "Write x + b.",
        "embedding_lookup": "K.gather",
        "sigmoid_cross_entropy_with_logits": "Call K.binary_crossentropy(output, target, "
        "from_logits=True).",
        "softmax_cross_entropy_with_logits": "Call K.categorical_crossentropy(output, target, "
        "from_logits=True).",
        "pack": "K.pack",
        "stack": "K.pack",
        "pad": "graph.pad",
        "range": "graph.iota",
        "reduce_all": "graph.all",
        "reduce_any": "K.any",
        "reduce_logsumexp": "graph.logsumexp",
        "reduce_max": "K.max",
        "reduce_mean": "K.mean",
        "reduce_min": "K.min",
        "reduce_prod": "K.prod",
        "reduce_sum": "K.sum",
        "rsqrt": "graph.rsqrt",
        "set_random_seed": "Call np.random.seed(n) before the first layer.",
        "split": "Slice the tensor: x[:, :n], x[:, n:].",
        "transpose": "K.permute_dimensions",
        "truncated_normal": "K.random_normal",
        "where": "graph.where",
        "AdamOptimizer": "Take Adam of keras.optimizers.",
        "AdagradOptimizer": "Take Adagrad of keras.optimizers.",
        "GradientDescentOptimizer": "Take SGD of keras.optimizers.",
        "MomentumOptimizer": "Take SGD(momentum=...) of keras.optimizers.",
        "RMSPropOptimizer": "Take RMSprop of keras.optimizers.",
        "flags": "Take argparse of Python's library.",
        "app": "Take argparse of Python's library.",
        "keras": "Import from keras, whose names and arguments are those of Keras 1.",
        "__version__": "graphc.__version__ is that of what computes.",
    },
}


def replacement(name: str) -> str:
    """Return a sentence that says what to call for a dotted name of Theano or TensorFlow."""
    short = _short(name)
    renamed = _RENAMED[name.partition(".")[0]]
    found = renamed.get(short) or renamed.get(short.partition(".")[0])
    if found is None:
        if hasattr(K, short):
            found = f"K.{short}"
        elif short in graph.OPS and hasattr(graph, short):
            found = f"graph.{short}"
        else:
            return (
                "Nothing here stands for it by name: write it with the functions of K "
                "(`from keras import backend as K`) or of graphc.graph."
            )
    if found.startswith("K."):
        return f"Call {found} (`from keras import backend as K`)."
    if found.startswith("graph."):
        return f"Call graphc.{found}."
    return found


def _short(name: str) -> str:
    for module in _MODULES:
        if name.startswith(f"{module}."):
            return name.removeprefix(f"{module}.")
    return name
