"""A wide residual network: batches are normalized before the convolutions, with dropout between."""

import numpy as np
from keras.callbacks import LearningRateScheduler
from keras.datasets import digits
from keras.layers import Input, merge
from keras.layers.convolutional import AveragePooling2D, Convolution2D
from keras.layers.core import Activation, Dense, Dropout, Flatten
from keras.layers.normalization import BatchNormalization
from keras.models import Model
from keras.optimizers import SGD
from keras.regularizers import l2
from keras.utils import np_utils

np.random.seed(42)
weight_decay, k, N = 0.0005, 2, 1


def conv(x, n, stride=1):
    return Convolution2D(
        n,
        3,
        3,
        border_mode="same",
        subsample=(stride, stride),
        init="he_normal",
        W_regularizer=l2(weight_decay),
    )(x)


def wide_basic(x, n_out, stride):
    y = Activation("relu")(BatchNormalization(axis=1)(x))
    shortcut = x
    if x._keras_shape[1] != n_out:
        shortcut = Convolution2D(n_out, 1, 1, subsample=(stride, stride), init="he_normal")(y)
    y = conv(y, n_out, stride)
    y = Activation("relu")(BatchNormalization(axis=1)(y))
    y = Dropout(0.2)(y)
    y = conv(y, n_out)
    return merge([y, shortcut], mode="sum")


(X_train, y_train), (X_test, y_test) = digits.load_data()
X_train, X_test = (X.reshape(-1, 1, 8, 8) for X in (X_train, X_test))
inputs = Input(shape=(1, 8, 8))
x = conv(inputs, 8)
for n, stride in ((8 * k, 1), (16 * k, 2)):
    for _ in range(N):
        x = wide_basic(x, n, stride)
x = Activation("relu")(BatchNormalization(axis=1)(x))
x = AveragePooling2D(pool_size=(4, 4))(x)
x = Flatten()(x)
model = Model(input=inputs, output=Dense(10, activation="softmax", init="he_normal")(x))
model.compile(SGD(lr=0.05, momentum=0.9, nesterov=True), "categorical_crossentropy", ["accuracy"])


def lr_schedule(epoch_idx):
    return 0.05 if epoch_idx < 4 else 0.01


model.fit(
    X_train,
    np_utils.to_categorical(y_train, 10),
    batch_size=64,
    nb_epoch=6,
    verbose=2,
    callbacks=[LearningRateScheduler(lr_schedule)],
)
accuracy = model.evaluate(X_test, np_utils.to_categorical(y_test, 10), verbose=0)[1]
print(accuracy)
assert accuracy > 0.92
