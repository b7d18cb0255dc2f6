"""A residual network of bottlenecks with projections, in the functional API."""

import numpy as np
from keras.datasets import digits
from keras.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Convolution2D,
    Dense,
    Flatten,
    Input,
    merge,
)
from keras.models import Model
from keras.utils.np_utils import to_categorical

np.random.seed(0)
bn_axis = 1


def identity_block(input_tensor, kernel_size, filters, stage, block):
    nb_filter1, nb_filter2, nb_filter3 = filters
    conv_name, bn_name = "res%d%s_branch" % (stage, block), "bn%d%s_branch" % (stage, block)
    x = Convolution2D(nb_filter1, 1, 1, name=conv_name + "2a")(input_tensor)
    x = BatchNormalization(axis=bn_axis, name=bn_name + "2a")(x)
    x = Activation("relu")(x)
    x = Convolution2D(
        nb_filter2, kernel_size, kernel_size, border_mode="same", name=conv_name + "2b"
    )(x)
    x = BatchNormalization(axis=bn_axis, name=bn_name + "2b")(x)
    x = Activation("relu")(x)
    x = Convolution2D(nb_filter3, 1, 1, name=conv_name + "2c")(x)
    x = BatchNormalization(axis=bn_axis, name=bn_name + "2c")(x)
    shortcut = input_tensor
    if K_channels(input_tensor) != nb_filter3:
        shortcut = Convolution2D(nb_filter3, 1, 1, name=conv_name + "1")(input_tensor)
        shortcut = BatchNormalization(axis=bn_axis, name=bn_name + "1")(shortcut)
    return Activation("relu")(merge([x, shortcut], mode="sum"))


def K_channels(tensor):
    return tensor._keras_shape[bn_axis]


(X_train, y_train), (X_test, y_test) = digits.load_data()
X_train, X_test = (X.reshape(-1, 1, 8, 8) for X in (X_train, X_test))
inp = Input(shape=(1, 8, 8))
x = Convolution2D(8, 3, 3, border_mode="same", name="conv1")(inp)
x = BatchNormalization(axis=bn_axis, name="bn_conv1")(x)
x = Activation("relu")(x)
x = identity_block(x, 3, [6, 6, 16], stage=2, block="a")
x = identity_block(x, 3, [6, 6, 16], stage=2, block="b")
x = AveragePooling2D((4, 4), name="avg_pool")(x)
x = Flatten()(x)
x = Dense(10, activation="softmax", name="fc10")(x)
model = Model(inp, x)
assert model.get_layer("res2a_branch1").output_shape == (None, 16, 8, 8)
model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
model.fit(X_train, to_categorical(y_train, 10), nb_epoch=8, verbose=2)
accuracy = model.evaluate(X_test, to_categorical(y_test, 10), verbose=0)[1]
print(accuracy)
assert accuracy > 0.9
