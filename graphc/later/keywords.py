"""Keywords of Keras 2 and 3, and what they are here."""

from __future__ import annotations

from collections.abc import Collection

# How Keras 2 spells what has another name here; of several the one that a call takes.
SPELLINGS: dict[str, tuple[str, ...]] = {
    "units": ("output_dim",),
    "kernel_initializer": ("init",),
    "embeddings_initializer": ("init",),
    "depthwise_initializer": ("init",),
    "recurrent_initializer": ("inner_init",),
    "recurrent_activation": ("inner_activation",),
    "beta_initializer": ("beta_init",),
    "gamma_initializer": ("gamma_init",),
    "kernel_regularizer": ("W_regularizer",),
    "embeddings_regularizer": ("W_regularizer",),
    "recurrent_regularizer": ("U_regularizer",),
    "bias_regularizer": ("b_regularizer",),
    "kernel_constraint": ("W_constraint",),
    "embeddings_constraint": ("W_constraint",),
    "bias_constraint": ("b_constraint",),
    "dropout": ("dropout_W",),
    "recurrent_dropout": ("dropout_U",),
    "use_bias": ("bias",),
    "implementation": ("consume_less",),
    "rate": ("p",),
    "stddev": ("sigma", "std"),
    "axes": ("dot_axes",),
    "filters": ("nb_filter",),
    "kernel_size": ("filter_length",),
    "padding": ("border_mode",),
    "strides": ("subsample", "subsample_length"),
    "dilation_rate": ("atrous_rate",),
    "data_format": ("dim_ordering",),
    "batch_shape": ("batch_input_shape",),
    "shape": ("input_shape",),
    "dtype": ("input_dtype",),
    "epochs": ("nb_epoch",),
    "steps_per_epoch": ("samples_per_epoch",),
    "validation_steps": ("nb_val_samples",),
    "max_queue_size": ("max_q_size",),
    "workers": ("nb_worker",),
    "use_multiprocessing": ("pickle_safe",),
    "sample_weights": ("sample_weight",),
    "class_weights": ("class_weight",),
    "inputs": ("input",),
    "outputs": ("output",),
    "steps": ("val_samples",),
    "num_words": ("nb_words",),
    "num_classes": ("nb_classes",),
    "learning_rate": ("lr",),
    "learn_rate": ("lr",),
    "global_clipnorm": ("clipnorm",),
    "eps": ("epsilon",),
    "l1": ("l",),
    "l2": ("l",),
    "beta1": ("beta_1",),
    "beta2": ("beta_2",),
    "pool_size": ("pool_length",),
    "min_delta": ("epsilon",),
    "max_value": ("m", "high"),
    "min_value": ("low",),
    "negative_slope": ("alpha",),
    "alpha_initializer": ("init",),
}

# Keywords that are the first size of a shape here, and the shapes that may have it.
FIRST_SIZES: dict[str, tuple[str, ...]] = {"batch_size": ("batch_shape", "batch_input_shape")}

_NOTHING = "there is nothing like it here"
_OF_GENERATORS = "only calls with a generator have it"
_AT_EPOCHS = "it writes at the end of epochs; leave it out"

# Keywords whose place is another call, or that have none -> what to do.
ADVICE: dict[str, str] = {
    "amsgrad": _NOTHING,
    "brightness_range": "preprocessing_function takes a function of an image",
    "callbacks": "fit and fit_generator alone call them",
    "compile": "leave it out: a file of a compiled model is compiled; custom_objects has losses of "
    "your own",
    "dynamic": "leave it out",
    "embeddings_freq": _AT_EPOCHS,
    "expand_nested": "leave it out: a model inside is one line, its own summary has its layers",
    "groups": "take slices of the channels with Lambda, and merge what convolutions make of them",
    "interpolation": "leave it out: elements are repeated",
    "max_queue_size": _OF_GENERATORS,
    "oov_token": _NOTHING,
    "pooling": "add GlobalAveragePooling2D() after it",
    "profile_batch": _AT_EPOCHS,
    "ragged": _NOTHING,
    "reset_after": "leave it out: the reset gate comes before the product with U",
    "reset_metrics": "leave it out: the values are those of the batch",
    "return_dict": "leave it out: the values are in the order of metrics_names",
    "save_format": "leave it out: files are HDF5",
    "skip_mismatch": "leave it out; by_name=True reads the layers whose names agree",
    "start_from_epoch": _NOTHING,
    "subset": "keep the files for validation in a folder of their own",
    "training": "the learning phase says it, and K.set_learning_phase fixes it",
    "unit_forget_bias": "it is forget_bias_init, 'one' by default",
    "update_freq": _AT_EPOCHS,
    "use_ema": _NOTHING,
    "use_multiprocessing": _OF_GENERATORS,
    "validation_split": "fit alone has it; hold out a part of the arrays, or of the files",
    "verbose": "leave it out: fit, evaluate, predict and some callbacks alone have it",
    "weight_decay": "give the layers W_regularizer=l2(...)",
    "workers": _OF_GENERATORS,
    "clipnorm": "it is an argument of the optimizer",
    "center": "leave it out: a normalization has a beta",
    "clipvalue": "it is an argument of the optimizer",
    "from_logits": "give the model's last layer a softmax or a sigmoid",
    "jit_compile": "a model is always compiled; leave it out",
    "kernel_size": "give the rows and the columns one by one, as nb_row and nb_col",
    "learning_rate": "it is lr, an argument of the optimizer: SGD(lr=0.1)",
    "num_words": "it is nb_words, an argument of Tokenizer and of the data sets",
    "return_state": "there is nothing like it here; return_sequences=True gives every step",
    "scale": "leave it out: a normalization has a gamma",
    "run_eagerly": "graphc.config.mode = 'DebugMode' checks what each step computes",
    "save_freq": "ModelCheckpoint writes at the end of epochs, with save_best_only the best one",
    "steps_per_epoch": "an epoch of arrays goes to their end; fit_generator has samples_per_epoch",
    "steps": "leave it out: arrays are predicted to their end, in batches of batch_size",
    "steps_per_execution": "leave it out",
    "validation_batch_size": "leave it out: batch_size is that of validation, too",
    "validation_freq": "leave it out: every epoch ends with validation",
    "weighted_metrics": "give metrics",
}


def spelling(keyword: str, allowed: Collection[str]) -> str | None:
    """Return the keyword of ours, one of `allowed`, for one of Keras 2; None if there is none."""
    return next((ours for ours in SPELLINGS.get(keyword, ()) if ours in allowed), None)


def advice_on(keyword: str, allowed: Collection[str]) -> str | None:
    """Return what to say of a keyword of Keras 2 or 3 to a call that takes `allowed`; None for
    another keyword."""
    ours = spelling(keyword, allowed)
    if ours is not None:
        return f"here it is {ours!r} (it came with Keras 2)"
    shape = next((one for one in FIRST_SIZES.get(keyword, ()) if one in allowed), None)
    if shape is not None:
        return f"it came with Keras 2; it is the first size of {shape}, {shape}=(batch_size, ...)"
    if keyword in ADVICE:
        return f"it came with Keras 2 or 3; {ADVICE[keyword]}"
    return None
