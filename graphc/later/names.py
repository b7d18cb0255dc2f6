"""Names of Keras 2 and 3 that Keras 1 has not, and what to use here.

A text stands behind "use"; a name in `NOTHING` has nothing like it here.
"""

from __future__ import annotations

_MERGE = "graphc.layers.merge([a, b], mode={!r})"
_KERNEL = "a function of your own, made of those of graphc.backend"
_AUGMENT = "graphc.preprocessing.image.ImageDataGenerator"
_PIXELS = "graphc.layers.Lambda(lambda x: x / 255.), or divide the array"

# Of layers, models, losses, ...: class or function -> what to use.
USE: dict[str, str] = {
    # layers that merge
    "Add": _MERGE.format("sum"),
    "add": _MERGE.format("sum"),
    "Subtract": "graphc.layers.merge([a, b], mode=lambda x: x[0] - x[1], output_shape=...)",
    "subtract": "graphc.layers.merge([a, b], mode=lambda x: x[0] - x[1], output_shape=...)",
    "Multiply": _MERGE.format("mul"),
    "multiply": _MERGE.format("mul"),
    "Average": _MERGE.format("ave"),
    "average": _MERGE.format("ave"),
    "Maximum": _MERGE.format("max"),
    "Concatenate": _MERGE.format("concat"),
    "Dot": "graphc.layers.merge([a, b], mode='dot', dot_axes=...)",
    # layers
    "AvgPool1D": "graphc.layers.AveragePooling1D",
    "AvgPool2D": "graphc.layers.AveragePooling2D",
    "AvgPool3D": "graphc.layers.AveragePooling3D",
    "MaxPool1D": "graphc.layers.MaxPooling1D",
    "MaxPool2D": "graphc.layers.MaxPooling2D",
    "MaxPool3D": "graphc.layers.MaxPooling3D",
    "GlobalAvgPool1D": "graphc.layers.GlobalAveragePooling1D",
    "GlobalAvgPool2D": "graphc.layers.GlobalAveragePooling2D",
    "GlobalAvgPool3D": "graphc.layers.GlobalAveragePooling3D",
    "GlobalMaxPool1D": "graphc.layers.GlobalMaxPooling1D",
    "GlobalMaxPool2D": "graphc.layers.GlobalMaxPooling2D",
    "GlobalMaxPool3D": "graphc.layers.GlobalMaxPooling3D",
    "Conv2DTranspose": "graphc.layers.Deconvolution2D",
    "Convolution2DTranspose": "graphc.layers.Deconvolution2D",
    "CuDNNGRU": "graphc.layers.GRU",
    "CuDNNLSTM": "graphc.layers.LSTM",
    "RNN": "graphc.layers.Recurrent for a class of your own, or graphc.backend.rnn",
    "GRUCell": "graphc.layers.GRU",
    "LSTMCell": "graphc.layers.LSTM",
    "SimpleRNNCell": "graphc.layers.SimpleRNN",
    "StackedRNNCells": "several layers with return_sequences=True",
    "Softmax": "graphc.layers.Activation('softmax')",
    "ReLU": "graphc.layers.Activation('relu')",
    "PReLu": "graphc.layers.PReLU",
    "Identity": "graphc.layers.Activation('linear')",
    "Rescaling": _PIXELS,
    "Normalization": "subtract the mean from the array and divide by the standard deviation",
    "RandomBrightness": _AUGMENT,
    "RandomContrast": _AUGMENT,
    "RandomCrop": _AUGMENT,
    "RandomFlip": _AUGMENT,
    "RandomHeight": _AUGMENT,
    "RandomRotation": _AUGMENT,
    "RandomTranslation": _AUGMENT,
    "RandomWidth": _AUGMENT,
    "RandomZoom": _AUGMENT,
    "TextVectorization": "graphc.preprocessing.text.Tokenizer",
    "StringLookup": "graphc.preprocessing.text.Tokenizer",
    # models
    "Functional": "graphc.models.Model",
    "clone_model": "graphc.models.model_from_json(model.to_json())",
    # utils
    "plot_model": "graphc.utils.visualize_util.plot",
    "model_to_estimator": "graphc.wrappers.scikit_learn.KerasClassifier or KerasRegressor",
    "version": "graphc.__version__",
    "set_random_seed": "np.random.seed(n), before the first layer",
    "Sequence": "a generator function, with fit_generator",
    "PyDataset": "a generator function, with fit_generator",
    "TimeseriesGenerator": "a generator function, with fit_generator",
    "timeseries_dataset_from_array": "a generator function, with fit_generator",
    "image_dataset_from_directory": "graphc.preprocessing.image.ImageDataGenerator, and its "
    "flow_from_directory",
    "split_dataset": "validation_split of fit, or slice the arrays",
    "register_keras_serializable": "custom_objects of load_model",
    # optimizers, callbacks
    "AdamW": "graphc.optimizers.Adam, with W_regularizer=l2(...) in the layers",
    "BackupAndRestore": "ModelCheckpoint, then load_model and fit(initial_epoch=...)",
    # losses and metrics, as classes and by their later names
    "BinaryCrossentropy": "'binary_crossentropy' by name",
    "CategoricalCrossentropy": "'categorical_crossentropy' by name",
    "SparseCategoricalCrossentropy": "'sparse_categorical_crossentropy' by name",
    "MeanSquaredError": "'mean_squared_error' by name",
    "MeanAbsoluteError": "'mean_absolute_error' by name",
    "MeanAbsolutePercentageError": "'mean_absolute_percentage_error' by name",
    "MeanSquaredLogarithmicError": "'mean_squared_logarithmic_error' by name",
    "RootMeanSquaredError": "'mean_squared_error' by name",
    "CosineSimilarity": "'cosine_proximity' by name",
    "cosine_similarity": "'cosine_proximity' by name",
    "KLDivergence": "'kld' by name",
    "Hinge": "'hinge' by name",
    "SquaredHinge": "'squared_hinge' by name",
    "Poisson": "'poisson' by name",
    "BinaryAccuracy": "'binary_accuracy' by name",
    "CategoricalAccuracy": "'categorical_accuracy' by name",
    "SparseCategoricalAccuracy": "'sparse_categorical_accuracy' by name",
    "Accuracy": "'accuracy' by name",
    "TopKCategoricalAccuracy": "graphc.metrics.top_k_categorical_accuracy",
    "Huber": "a function of y_true and y_pred",
    "huber_loss": "a function of y_true and y_pred",
    "LogCosh": "a function of y_true and y_pred",
    "Mean": "a function of y_true and y_pred: logs have its mean over an epoch",
    "Metric": "a function of y_true and y_pred: logs have its mean over an epoch",
    "Sum": "a function of y_true and y_pred: logs have its mean over an epoch",
    # initializers
    "GlorotUniform": "init='glorot_uniform'",
    "GlorotNormal": "init='glorot_normal'",
    "HeUniform": "init='he_uniform'",
    "HeNormal": "init='he_normal'",
    "LecunUniform": "init='lecun_uniform'",
    "RandomNormal": "init='normal', or a function of the shape",
    "RandomUniform": "init='uniform', or a function of the shape",
    "TruncatedNormal": "init='normal', or a function of the shape",
    "VarianceScaling": "init='glorot_uniform' and its kin, or a function of the shape",
    "Orthogonal": "init='orthogonal'",
    "Zeros": "init='zero'",
    "Ones": "init='one'",
    "Constant": "a function of the shape for init",
    # regularizers, constraints
    "l1_l2": "graphc.regularizers.l1l2",
    "L1": "graphc.regularizers.l1",
    "L2": "graphc.regularizers.l2",
    "L1L2": "graphc.regularizers.l1l2",
    "max_norm": "graphc.constraints.maxnorm",
    "non_neg": "graphc.constraints.nonneg",
    "unit_norm": "graphc.constraints.unitnorm",
    "min_max_norm": "graphc.constraints.MinMaxNorm",
    # backend
    "image_data_format": "graphc.backend.image_dim_ordering",
    "set_image_data_format": "graphc.backend.set_image_dim_ordering('th') or ('tf')",
    "constant": "graphc.backend.variable",
    "bias_add": "x + b",
    "clear_session": "no call: what is not referred to any more is freed",
    "get_session": "graphc.backend.eval or graphc.backend.function: there are no sessions",
    "set_session": "no call: there are no sessions",
    "is_tensor": "isinstance(x, graphc.graph.Node)",
    "is_variable": "isinstance(x, graphc.graph.Node)",
    "logsumexp": "graphc.graph.logsumexp",
    "conv2d_transpose": "graphc.backend.deconv2d",
    "truncated_normal": "graphc.backend.random_normal",
    "name_scope": "no call: kernels and reports name the layer that a node is of",
    "cumsum": "graphc.graph.scan",
    "cumprod": "graphc.graph.scan",
    # activations
    "gelu": _KERNEL,
    "selu": _KERNEL,
    "silu": _KERNEL,
    "swish": _KERNEL,
    "mish": _KERNEL,
    "celu": _KERNEL,
    "relu6": _KERNEL,
    "exponential": _KERNEL,
    "log_softmax": _KERNEL,
    "leaky_relu": "graphc.layers.LeakyReLU",
}

NOTHING = frozenset(
    {
        *("AlphaDropout", "Attention", "AdditiveAttention", "MultiHeadAttention"),
        *("GroupQueryAttention", "LayerNormalization", "GroupNormalization"),
        *("UnitNormalization", "SpectralNormalization", "RMSNormalization", "DepthwiseConv1D"),
        *("DepthwiseConv2D", "SeparableConv1D", "SeparableConvolution1D", "Conv1DTranspose"),
        *("Conv3DTranspose", "Convolution3DTranspose", "ConvLSTM1D", "ConvLSTM3D"),
        *("ConvLSTM2DCell", "CategoryEncoding", "CenterCrop", "Discretization", "EinsumDense"),
        *("HashedCrossing", "Hashing", "IntegerLookup", "MelSpectrogram", "Resizing"),
        *("STFTSpectrogram", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"),
        *("multi_gpu_model", "audio_dataset_from_directory", "text_dataset_from_directory"),
        *("ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtSmall", "ConvNeXtTiny", "ConvNeXtXLarge"),
        *("DenseNet121", "DenseNet169", "DenseNet201", "InceptionResNetV2", "MobileNet"),
        *("MobileNetV2", "MobileNetV3Large", "MobileNetV3Small", "NASNetLarge", "NASNetMobile"),
        *("ResNet101", "ResNet101V2", "ResNet152", "ResNet152V2", "ResNet50V2", "smart_resize"),
        *(f"EfficientNetB{k}" for k in range(8)),
        *("Adafactor", "Ftrl", "Lamb", "Lion", "LossScaleOptimizer", "Muon", "SwapEMAWeights"),
        *("MeanIoU", "F1Score", "R2Score", "BinaryIoU", "OneHotIoU"),
        *("SensitivityAtSpecificity", "BinaryFocalCrossentropy"),
        *("CategoricalFocalCrossentropy", "CategoricalHinge", "categorical_hinge", "Dice"),
        *("Tversky", "CTC", "Circle", "LecunNormal", "lecun_normal", "OrthogonalRegularizer"),
        *("RadialConstraint", "hashing_trick", "tokenizer_from_json", "ctc_decode"),
        *("local_conv1d", "local_conv2d", "depthwise_conv2d", "glu", "hard_silu", "hard_swish"),
        *("hard_tanh", "hard_shrink", "soft_shrink", "squareplus", "sparsemax", "sparse_plus"),
        *("threshold", "tanh_shrink"),
    }
)

# What Keras 2 and 3 export in more places than Keras 1: name -> the module that has it here.
ELSEWHERE: dict[str, str] = {
    "Input": "layers",
    "Layer": "layers",
    "Model": "models",
    "Sequential": "models",
    "HDF5Matrix": "utils.io_utils",
    "Progbar": "utils.generic_utils",
    "Tokenizer": "preprocessing.text",
    "convert_kernel": "utils.np_utils",
    "get_file": "utils.data_utils",
    "img_to_array": "preprocessing.image",
    "array_to_img": "preprocessing.image",
    "load_img": "preprocessing.image",
    "load_model": "models",
    "model_from_json": "models",
    "normalize": "utils.np_utils",
    "pad_sequences": "preprocessing.sequence",
    "to_categorical": "utils.np_utils",
    "ImageDataGenerator": "preprocessing.image",
}

# Modules, without the package's name -> what to use; "" where there is nothing like it.
MODULES: dict[str, str] = {
    "losses": "graphc.objectives",
    "initializers": "graphc.initializations",
    "applications.densenet": "",
    "applications.efficientnet": "",
    "applications.inception_resnet_v2": "",
    "applications.mobilenet": "",
    "applications.mobilenet_v2": "",
    "applications.nasnet": "",
    "applications.resnet": "graphc.applications.ResNet50",
    "applications.resnet_v2": "",
    "datasets.boston_housing": "",
    "datasets.california_housing": "",
    "datasets.fashion_mnist": "graphc.datasets.mnist",
    "distribution": "",
    "dtype_policies": "graphc.config.floatX",
    "engine.base_layer": "graphc.engine.topology",
    "engine.input_layer": "graphc.engine.topology",
    "engine.network": "graphc.engine.topology",
    "engine.sequential": "graphc.models",
    "estimator": "graphc.wrappers.scikit_learn",
    "experimental": "",
    "export": "model.save(path)",
    "layers.attention": "",
    "layers.cudnn_recurrent": "graphc.layers.recurrent",
    "layers.experimental": "",
    "layers.merge": "graphc.layers.merge",
    "layers.merging": "graphc.layers.merge",
    "layers.preprocessing": "graphc.preprocessing",
    "mixed_precision": "graphc.config.floatX",
    "ops": "graphc.backend",
    "optimizers.legacy": "graphc.optimizers",
    "optimizers.schedules": "graphc.callbacks.LearningRateScheduler, or decay of the optimizer",
    "quantizers": "",
    "random": "graphc.backend.random_normal and random_uniform",
    "saving": "graphc.models.load_model, and model.save(path)",
    "tree": "",
    "utils.conv_utils": "graphc.layers.conv_output_length",
    "utils.multi_gpu_utils": "",
    "utils.vis_utils": "graphc.utils.visualize_util",
}

_BY_FOLDED = {_name.replace("_", "").casefold(): _name for _name in [*NOTHING, *USE]}


def answer(name: str) -> str | None:
    """Return a sentence about a name of Keras 2 or 3, however it is capitalised; None for another
    name."""
    known = name
    if name not in USE and name not in NOTHING:
        known = _BY_FOLDED.get(name.replace("_", "").casefold(), "")
        if not known:
            return None
    return sentence(USE.get(known, ""))


def sentence(use: str) -> str:
    """Return what to say of a name of Keras 2 or 3 in whose place `use` stands here."""
    if not use:
        return "it is a name of Keras 2 or 3, and there is nothing like it here"
    return f"it is a name of Keras 2 or 3; here use {use}"
