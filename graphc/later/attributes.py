"""Attributes that graphc lacks, of PyTorch, of Keras 2 and 3 and inner ones of Keras 1, and what to
use here."""

from __future__ import annotations

_PHASE = "fit and train_on_batch train, evaluate and predict do not; there is nothing to switch"
_DEVICE = "set graphc.config.device = 'gpu' before the first layer"
_STEP = "fit computes and applies gradients; K.gradients(loss, weights) has them as tensors"
_OWN_STEP = "train_on_batch is a step, and K.function(inputs, outputs, updates) makes your own"
_VALUES = "get_weights() has the values, and save_weights(path) writes them"
_LOGS = "on_epoch_end is given the means over the epoch in its logs"
_FILES = "a file is open only while it is written to; on_epoch_end is given the values in its logs"
_CACHE = "equal expressions are one here, so nothing is computed twice; output is a use's tensor"

OF_MODELS: dict[str, str] = {
    "add_metric": "give metrics=[...] to compile",
    "backward": _STEP,
    "compute_output_shape": "here it is get_output_shape_for",
    "cpu": "set graphc.config.device = 'cpu' before the first layer",
    "cuda": _DEVICE,
    "eval": _PHASE,
    "export": "save(path) writes a whole model",
    "forward": "predict(x) takes arrays, and model(tensor) uses a model as a layer",
    "history": "fit and fit_generator set it, call one of them first",
    "load_state_dict": "set_weights(values) sets the values, and load_weights(path) reads them",
    "make_predict_function": "here it is _make_predict_function",
    "make_test_function": "here it is _make_test_function",
    "make_train_function": "here it is _make_train_function",
    "named_parameters": "layer.weights are a layer's, and layer.get_weights() their values",
    "non_trainable_variables": "here it is non_trainable_weights",
    "parameters": "here it is trainable_weights; count_params() counts their numbers",
    "predict_step": "predict_on_batch is a step of prediction",
    "reset_metrics": "leave it out, every epoch begins anew",
    "state_dict": _VALUES,
    "test_step": "test_on_batch is a step of testing",
    "to": _DEVICE,
    "train": _PHASE,
    "train_step": _OWN_STEP,
    "trainable_variables": "here it is trainable_weights",
    "variables": "here it is weights",
    "zero_grad": f"leave it out, {_STEP}",
}

OF_LAYERS: dict[str, str] = {
    "compute_output_shape": "here it is get_output_shape_for",
    "W_shape": "here it is W.shape, once the layer is in use",
    "W_shape1": "here it is the shape of one of W_i, W_f, W_c and W_o, once the layer is in use",
    "dims": "here it is target_shape, of Reshape",
    "filters": "here it is nb_filter, of a convolution",
    "input_ndim": "input_spec[0].ndim is the number of axes of layers that take just so many, and "
    "len(input_shape) that of what comes in",
    "kernel": "layer.weights lists what a layer has: W and b of most",
    "non_trainable_variables": "here it is non_trainable_weights",
    "layer_cache": _CACHE,
    "output_col": "output_shape has the columns",
    "output_row": "output_shape has the rows",
    "param_broadcast": "here it is shared_axes",
    "params": "here it is trainable_weights",
    "recurrent_kernel": "layer.weights lists what a layer has: W, U and b of recurrent ones",
    "shape_cache": _CACHE,
    "subsample": "here it is subsample_length, of convolutions over sequences",
    "t_right_actual": "it is t_left + K.abs(t_right)",
    "trainable_variables": "here it is trainable_weights",
    "units": "here it is output_dim, of Dense and recurrent layers",
    "variables": "here it is weights",
}

OF_CALLBACKS: dict[str, str] = {
    "append_header": "append says whether a CSVLogger goes on with a file, which then has a header",
    "csv_file": _FILES,
    "log_values": _LOGS,
    "lr_epsilon": "a rate is reduced while it is above min_lr * (1 + 1e-4)",
    "merged": "there is no TensorFlow here; on_epoch_end is given the values in its logs",
    "progbar": "graphc.utils.generic_utils.Progbar is a bar for loops of your own",
    "seen": _LOGS,
    "sess": "there is no TensorFlow here; on_epoch_end is given the values in its logs",
    "totals": _LOGS,
    "writer": _FILES,
}

OF_IMAGE_GENERATORS: dict[str, str] = {
    "flow_from_dataframe": "flow_from_directory reads folders, and flow(x, y) takes arrays",
}

OF_FOLDERS: dict[str, str] = {
    "num_classes": "here it is nb_class",
    "samples": "here it is nb_sample",
}

OF_CONFIG: dict[str, str] = {
    "dtype_policy": "here it is floatX",
    "image_data_format": "here it is image_dim_ordering",
    "set_dtype_policy": "K.set_floatx('float32') sets the type of floats",
    "set_epsilon": "here it is K.set_epsilon(1e-7)",
    "set_floatx": "here it is K.set_floatx('float32')",
    "set_image_data_format": "here it is K.set_image_dim_ordering('tf')",
}

OF_OPTIMIZERS: dict[str, str] = {
    "apply_gradients": _STEP,
    "learning_rate": "here it is lr, K.get_value(optimizer.lr), K.set_value(optimizer.lr, 0.01)",
    "minimize": _STEP,
    "param_groups": "its numbers are attributes, K.get_value(optimizer.lr)",
    "state_dict": "get_weights() has its state, and a model's save(path) writes it",
    "step": _STEP,
    "zero_grad": f"leave it out, {_STEP}",
}
