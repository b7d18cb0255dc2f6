"""The networks on graphc, by the Keras API of 1.2, channels first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import graphc
from benchmarks.architectures.workloads import Architecture, Prepared
from graphc import backend as K
from graphc.compiler import graph as g
from graphc.layers import (
    LSTM,
    Activation,
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    BatchNormalization,
    Convolution1D,
    Convolution2D,
    Convolution3D,
    Deconvolution2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    Input,
    Lambda,
    LeakyReLU,
    MaxPooling2D,
    MaxPooling3D,
    RepeatVector,
    Reshape,
    SeparableConvolution2D,
    TimeDistributed,
    UpSampling2D,
    merge,
)
from graphc.models import Layer, Model, Sequential


def prepared(architecture: Architecture, work: str) -> Prepared:
    """Build and compile a network, for the work of `WORK` that is named."""
    model = NETWORKS[architecture.name]()
    model.compile("adam", architecture.loss)
    output_shape = model.output_shape[1:]
    x, y = architecture.inputs(), architecture.targets(output_shape)
    calls: dict[str, Callable[[], object]] = {
        "training": lambda: model.train_on_batch(x, y),
        "prediction": lambda: model.predict_on_batch(x),
        "one": lambda: model.predict_on_batch(x[:1]),
    }
    parameters = sum(K.count_params(weight) for weight in model.trainable_weights)
    return Prepared(calls[work], output_shape, parameters)


def versions() -> str:
    """graphc's and NumPy's."""
    return f"graphc {graphc.__version__}, numpy {np.__version__}"


def conv(filters: int, size: int = 3, **options: Any) -> Layer:
    """A convolution whose output is as large as its input, over its stride."""
    return Convolution2D(filters, size, size, border_mode="same", **options)


def conv_relu(filters: int, size: int = 3, **options: Any) -> Layer:
    """A convolution with a rectifier."""
    return conv(filters, size, activation="relu", **options)


def normalized_relu(x: g.Node) -> g.Node:
    """Batch normalization of each channel, and a rectifier."""
    return Activation("relu")(BatchNormalization(axis=1)(x))


def channels_joined(parts: Sequence[g.Node]) -> g.Node:
    """Concatenate images along their channels."""
    return merge(list(parts), mode="concat", concat_axis=1)


def lstm(units: int, **options: Any) -> Layer:
    """An LSTM whose gates are logistic functions, as those of PyTorch are."""
    return LSTM(units, inner_activation="sigmoid", **options)


def lenet() -> Model:
    """LeNet-5's layout, with averages and hyperbolic tangents."""
    return Sequential(
        [
            Convolution2D(20, 5, 5, activation="tanh", input_shape=(1, 28, 28)),
            AveragePooling2D((2, 2)),
            Convolution2D(50, 5, 5, activation="tanh"),
            AveragePooling2D((2, 2)),
            Flatten(),
            Dense(500, activation="tanh"),
            Dense(10, activation="softmax"),
        ]
    )


def unet() -> Model:
    """U-Net of two scales below the image's."""
    x = Input(shape=(1, 32, 32))
    full = conv_relu(16)(x)
    half = conv_relu(32)(MaxPooling2D()(full))
    quarter = conv_relu(32)(MaxPooling2D()(half))
    to_half = conv_relu(16)(channels_joined([UpSampling2D()(quarter), half]))
    to_full = conv_relu(16)(channels_joined([UpSampling2D()(to_half), full]))
    return Model(x, Convolution2D(1, 1, 1, activation="sigmoid")(to_full))


def inception() -> Model:
    """An Inception block whose branches are normalized, and a small head."""
    x = Input(shape=(8, 28, 28))
    branches = [normalized_relu(conv(f, size)(x)) for f, size in ((32, 3), (48, 3), (8, 1))]
    y = Convolution2D(16, 3, 3)(MaxPooling2D((2, 2))(channels_joined(branches)))
    return Model(x, Dense(10)(Flatten()(y)))


def inception_pooling_branch() -> Model:
    """Overlapping maxima and a 1 x 1 convolution, as in a branch of an Inception block."""
    return Sequential(
        [
            conv_relu(64, input_shape=(16, 28, 28)),
            MaxPooling2D((3, 3), strides=(1, 1), border_mode="same"),
            Convolution2D(32, 1, 1),
            GlobalAveragePooling2D(),
            Dense(10),
        ]
    )


def cnn() -> Model:
    """Two convolutions on small images."""
    return Sequential(
        [
            Convolution2D(32, 3, 3, activation="relu", input_shape=(3, 16, 16)),
            Convolution2D(32, 3, 3, activation="relu"),
            Flatten(),
            Dense(10),
        ]
    )


def cnn_batch_normalization() -> Model:
    """Convolution, batch normalization, rectifier and maxima, twice."""
    x = Input(shape=(3, 32, 32))
    y = x
    for filters in (32, 64):
        y = MaxPooling2D((2, 2))(normalized_relu(conv(filters)(y)))
    return Model(x, Dense(10)(Flatten()(y)))


def vgg() -> Model:
    """VGG's layout for small images: two blocks of two convolutions."""
    return Sequential(
        [
            conv_relu(64, input_shape=(3, 32, 32)),
            conv_relu(64),
            MaxPooling2D((2, 2)),
            conv_relu(128),
            conv_relu(128),
            MaxPooling2D((2, 2)),
            Flatten(),
            Dense(256, activation="relu"),
            Dropout(0.5),
            Dense(10, activation="softmax"),
        ]
    )


def residual_block(x: g.Node, filters: int, stride: int) -> g.Node:
    """Two convolutions beside a shortcut, which is projected where the stride is above 1."""
    y = normalized_relu(conv(filters, subsample=(stride, stride))(x))
    y = BatchNormalization(axis=1)(conv(filters)(y))
    if stride > 1:
        x = BatchNormalization(axis=1)(conv(filters, 1, subsample=(stride, stride))(x))
    return Activation("relu")(merge([x, y], mode="sum"))


def resnet() -> Model:
    """ResNet of three blocks."""
    x = Input(shape=(3, 32, 32))
    y = normalized_relu(conv(16)(x))
    for filters, stride in ((16, 1), (32, 2), (64, 2)):
        y = residual_block(y, filters, stride)
    return Model(x, Dense(10, activation="softmax")(GlobalAveragePooling2D()(y)))


def densenet() -> Model:
    """DenseNet: a block of four layers that grows by 12 channels each, and a transition."""
    x = Input(shape=(3, 32, 32))
    y = conv(24)(x)
    for _ in range(4):
        y = channels_joined([y, conv(12)(normalized_relu(y))])
    y = AveragePooling2D((2, 2))(Convolution2D(36, 1, 1)(normalized_relu(y)))
    return Model(x, Dense(10, activation="softmax")(GlobalAveragePooling2D()(y)))


def fire(x: g.Node, squeezed: int, expanded: int) -> g.Node:
    """SqueezeNet's module: few channels, then many by windows of two sizes."""
    y = conv_relu(squeezed, 1)(x)
    return channels_joined([conv_relu(expanded, 1)(y), conv_relu(expanded)(y)])


def squeezenet() -> Model:
    """SqueezeNet of three fire modules."""
    x = Input(shape=(3, 64, 64))
    y = Convolution2D(64, 3, 3, subsample=(2, 2), activation="relu")(x)
    y = MaxPooling2D((3, 3), strides=(2, 2))(y)
    y = fire(fire(y, 16, 64), 16, 64)
    y = MaxPooling2D((3, 3), strides=(2, 2))(y)
    y = Dropout(0.5)(fire(y, 32, 128))
    y = GlobalAveragePooling2D()(conv_relu(10, 1)(y))
    return Model(x, Activation("softmax")(y))


def mobilenet() -> Model:
    """MobileNet's layout: convolutions that are separable by channels."""
    x = Input(shape=(3, 64, 64))
    y = normalized_relu(conv(32, subsample=(2, 2))(x))
    for filters in (64, 128):
        y = normalized_relu(SeparableConvolution2D(filters, 3, 3, border_mode="same")(y))
        y = MaxPooling2D((2, 2))(y)
    return Model(x, Dense(10, activation="softmax")(GlobalAveragePooling2D()(y)))


def fcn() -> Model:
    """A fully convolutional network: a map as large as the image, by transposed convolutions."""
    return Sequential(
        [
            conv_relu(16, input_shape=(3, 32, 32)),
            MaxPooling2D((2, 2)),
            conv_relu(32),
            MaxPooling2D((2, 2)),
            conv_relu(32),
            Deconvolution2D(
                16, 2, 2, output_shape=(None, 16, 16, 16), subsample=(2, 2), activation="relu"
            ),
            Deconvolution2D(
                1, 2, 2, output_shape=(None, 1, 32, 32), subsample=(2, 2), activation="sigmoid"
            ),
        ]
    )


def convolutional_autoencoder() -> Model:
    """An autoencoder of images by maxima and repeated pixels."""
    return Sequential(
        [
            conv_relu(16, input_shape=(1, 28, 28)),
            MaxPooling2D((2, 2)),
            conv_relu(8),
            MaxPooling2D((2, 2)),
            conv_relu(8),
            UpSampling2D((2, 2)),
            conv_relu(16),
            UpSampling2D((2, 2)),
            conv(1, activation="sigmoid"),
        ]
    )


def dcgan_generator() -> Model:
    """DCGAN's generator: images of 28 x 28 from 100 numbers."""
    return Sequential(
        [
            Dense(128 * 7 * 7, input_dim=100),
            BatchNormalization(),
            Activation("relu"),
            Reshape((128, 7, 7)),
            UpSampling2D((2, 2)),
            conv(64),
            BatchNormalization(axis=1),
            Activation("relu"),
            UpSampling2D((2, 2)),
            conv(1, activation="tanh"),
        ]
    )


def dcgan_discriminator() -> Model:
    """DCGAN's discriminator: strides in place of poolings."""
    return Sequential(
        [
            conv(64, 5, subsample=(2, 2), input_shape=(1, 28, 28)),
            LeakyReLU(0.2),
            Dropout(0.3),
            conv(128, 5, subsample=(2, 2)),
            LeakyReLU(0.2),
            Dropout(0.3),
            Flatten(),
            Dense(1, activation="sigmoid"),
        ]
    )


def conv3d_averages() -> Model:
    """A convolution of volumes, and averages."""
    return Sequential(
        [
            Convolution3D(
                8, 5, 5, 5, border_mode="same", activation="relu", input_shape=(3, 20, 20, 20)
            ),
            AveragePooling3D((2, 2, 2)),
            Flatten(),
            Dense(10),
        ]
    )


def conv3d_overlapping_maxima() -> Model:
    """A convolution of volumes, and maxima of windows that overlap."""
    return Sequential(
        [
            Convolution3D(
                16, 3, 3, 3, border_mode="same", activation="relu", input_shape=(3, 16, 16, 16)
            ),
            MaxPooling3D((3, 3, 3), strides=(1, 1, 1)),
            Flatten(),
            Dense(10),
        ]
    )


def text_cnn() -> Model:
    """Kim's network for sentences: windows of three, four and five words."""
    x = Input(shape=(56,), dtype="int32")
    embedded = Embedding(5_000, 100, input_length=56)(x)
    maxima = [
        GlobalMaxPooling1D()(Convolution1D(100, length, activation="relu")(embedded))
        for length in (3, 4, 5)
    ]
    return Model(x, Dense(1, activation="sigmoid")(Dropout(0.5)(merge(maxima, mode="concat"))))


def embedding_averages() -> Model:
    """Embedding, dropout, averages of two words, and the maxima of a text."""
    return Sequential(
        [
            Embedding(5_000, 50, input_length=200),
            Dropout(0.2),
            AveragePooling1D(2),
            GlobalMaxPooling1D(),
            Dense(5),
        ]
    )


def char_rnn() -> Model:
    """Two LSTM layers that predict the next of 60 characters."""
    return Sequential(
        [
            lstm(128, input_shape=(40, 60), return_sequences=True),
            Dropout(0.2),
            lstm(128),
            Dense(60, activation="softmax"),
        ]
    )


def hierarchical_rnn() -> Model:
    """An LSTM over the pixels of each row of an image, and one over its rows."""
    x = Input(shape=(28, 28, 1))
    rows = TimeDistributed(lstm(128))(x)
    return Model(x, Dense(10, activation="softmax")(lstm(128)(rows)))


def addition_rnn() -> Model:
    """Sequence to sequence: "123+456" in, the four characters of the sum out."""
    return Sequential(
        [
            lstm(128, input_shape=(7, 12)),
            RepeatVector(4),
            lstm(128, return_sequences=True),
            TimeDistributed(Dense(12)),
            Activation("softmax"),
        ]
    )


def autoencoder() -> Model:
    """An autoencoder of dense layers, 32 numbers in the middle."""
    x = Input(shape=(784,))
    y = x
    for units in (128, 64, 32, 64, 128):
        y = Dense(units, activation="relu")(y)
    return Model(x, Dense(784, activation="sigmoid")(y))


def sampled(moments: Sequence[g.Node]) -> g.Node:
    """Draw from normal distributions by their means and the logarithms of their variances."""
    mean, log_variance = moments
    return mean + K.exp(log_variance / 2) * K.random_normal(K.shape(mean))


def vae() -> Model:
    """A variational autoencoder, trained by its reconstruction alone."""
    x = Input(shape=(784,))
    hidden = Dense(256, activation="relu")(x)
    mean, log_variance = Dense(16)(hidden), Dense(16)(hidden)
    z = Lambda(sampled, output_shape=(16,))([mean, log_variance])
    return Model(x, Dense(784, activation="sigmoid")(Dense(256, activation="relu")(z)))


def siamese_base() -> Model:
    """The network that both inputs of a siamese network pass through."""
    base = Sequential(
        [
            Dense(128, activation="relu", input_dim=784),
            Dropout(0.1),
            Dense(128, activation="relu"),
            Dropout(0.1),
            Dense(128, activation="relu"),
        ]
    )
    x = Input(shape=(784,))
    return Model(x, base(x))


def wide_mlp() -> Model:
    """A perceptron of two wide layers and 2,000 classes."""
    x = Input(shape=(200,))
    y = x
    for _ in range(2):
        y = Dropout(0.5)(BatchNormalization()(Dense(1024, activation="relu")(y)))
    return Model(x, Dense(2_000, activation="softmax")(y))


NETWORKS: dict[str, Callable[[], Model]] = {
    "lenet": lenet,
    "unet": unet,
    "inception": inception,
    "inception-pooling-branch": inception_pooling_branch,
    "cnn": cnn,
    "cnn-batch-normalization": cnn_batch_normalization,
    "vgg": vgg,
    "resnet": resnet,
    "densenet": densenet,
    "squeezenet": squeezenet,
    "mobilenet": mobilenet,
    "fcn": fcn,
    "convolutional-autoencoder": convolutional_autoencoder,
    "dcgan-generator": dcgan_generator,
    "dcgan-discriminator": dcgan_discriminator,
    "conv3d-averages": conv3d_averages,
    "conv3d-overlapping-maxima": conv3d_overlapping_maxima,
    "text-cnn": text_cnn,
    "embedding-averages": embedding_averages,
    "char-rnn": char_rnn,
    "hierarchical-rnn": hierarchical_rnn,
    "addition-rnn": addition_rnn,
    "autoencoder": autoencoder,
    "vae": vae,
    "siamese-base": siamese_base,
    "wide-mlp": wide_mlp,
}
