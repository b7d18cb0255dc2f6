"""A what-where autoencoder: pooling keeps where each largest value was, by a gradient."""

import numpy as np
from keras import backend as K
from keras.datasets import digits
from keras.layers import (
    Activation,
    BatchNormalization,
    Convolution2D,
    Input,
    Lambda,
    MaxPooling2D,
    UpSampling2D,
    merge,
)
from keras.models import Model

np.random.seed(3)


def getwhere(x):
    y_prepool, y_postpool = x
    return K.gradients(K.sum(y_postpool), y_prepool)


def convresblock(x, nfeats):
    y = Convolution2D(nfeats, 3, 3, border_mode="same")(x)
    y = BatchNormalization(mode=0, axis=1)(y)
    y = Activation("relu")(y)
    y = Convolution2D(nfeats, 3, 3, border_mode="same")(y)
    if x._keras_shape[1] != nfeats:
        x = Convolution2D(nfeats, 1, 1)(x)
    return Activation("relu")(merge([x, y], mode="sum"))


(X_train, _), (X_test, _) = digits.load_data()
X_train, X_test = (X.reshape(X.shape[0], 1, 8, 8) for X in (X_train, X_test))
img_input = Input(shape=(1, 8, 8))
y = img_input
wheres = []
for nfeats in (6, 12):
    y_prepool = convresblock(y, nfeats)
    y = MaxPooling2D(pool_size=(2, 2))(y_prepool)
    wheres.append(Lambda(getwhere, output_shape=lambda s: s[0])([y_prepool, y]))
for k, nfeats in enumerate((12, 6)):
    y = UpSampling2D(size=(2, 2))(y)
    y = merge([y, wheres[1 - k]], mode="mul")
    y = convresblock(y, (6, 6)[k])
y = Convolution2D(1, 3, 3, border_mode="same", activation="sigmoid")(y)
model = Model(img_input, y)
model.compile("adam", "mse")
model.fit(X_train, X_train, batch_size=32, nb_epoch=10, verbose=2)
error = model.evaluate(X_test, X_test, verbose=0)
print(error, np.var(X_test))
assert error < 0.2 * np.var(X_test)
