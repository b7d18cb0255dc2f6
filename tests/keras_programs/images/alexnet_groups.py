"""AlexNet's manner: responses normalized across channels, and convolutions in two groups."""

import numpy as np
from keras import backend as K
from keras.datasets import digits
from keras.layers import (
    Activation,
    Convolution2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    Lambda,
    MaxPooling2D,
    ZeroPadding2D,
    merge,
)
from keras.models import Model
from keras.optimizers import SGD
from keras.utils.np_utils import to_categorical

np.random.seed(2)


def crosschannelnormalization(alpha=1e-4, k=2, beta=0.75, n=5, **kwargs):
    def f(X):
        b, ch, r, c = K.shape(X)
        half = n // 2
        square = K.square(X)
        extra_channels = K.spatial_2d_padding(K.permute_dimensions(square, (0, 2, 3, 1)), (0, half))
        extra_channels = K.permute_dimensions(extra_channels, (0, 3, 1, 2))
        scale = k
        for i in range(n):
            scale += alpha * extra_channels[:, i : i + ch, :, :]
        return X / scale**beta

    return Lambda(f, output_shape=lambda input_shape: input_shape, **kwargs)


def splittensor(axis=1, ratio_split=1, id_split=0, **kwargs):
    def f(X):
        div = K.shape(X)[axis] // ratio_split
        return X[:, id_split * div : (id_split + 1) * div, :, :]

    def g(input_shape):
        output_shape = list(input_shape)
        output_shape[axis] = output_shape[axis] // ratio_split
        return tuple(output_shape)

    return Lambda(f, output_shape=g, **kwargs)


(X_train, y_train), (X_test, y_test) = digits.load_data()
X_train, X_test = (X.reshape(-1, 1, 8, 8) for X in (X_train, X_test))
inputs = Input(shape=(1, 8, 8))
conv_1 = Convolution2D(16, 3, 3, activation="relu", name="conv_1")(inputs)
x = crosschannelnormalization(name="convpool_1")(conv_1)
x = ZeroPadding2D((1, 1))(x)
x = merge(
    [
        Convolution2D(8, 3, 3, activation="relu", name="conv_2_" + str(i + 1))(
            splittensor(ratio_split=2, id_split=i)(x)
        )
        for i in range(2)
    ],
    mode="concat",
    concat_axis=1,
    name="conv_2",
)
x = MaxPooling2D((2, 2), strides=(2, 2))(x)
x = Flatten(name="flatten")(x)
x = Dense(64, activation="relu", name="dense_1")(x)
x = Dropout(0.5)(x)
x = Dense(10, name="dense_3")(x)
prediction = Activation("softmax", name="softmax")(x)
model = Model(input=inputs, output=prediction)
model.compile(SGD(lr=0.05, momentum=0.9), "categorical_crossentropy", ["accuracy"])
model.fit(X_train, to_categorical(y_train, 10), batch_size=32, nb_epoch=10, verbose=2)
accuracy = model.evaluate(X_test, to_categorical(y_test, 10), verbose=0)[1]
print(accuracy)
assert accuracy > 0.93
