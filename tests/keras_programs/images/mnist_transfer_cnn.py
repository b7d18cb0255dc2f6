"""The features of a network for the digits 0 to 4 serve one for 5 to 9."""

import numpy as np
from keras.datasets import digits
from keras.layers import Activation, Convolution2D, Dense, Dropout, Flatten, MaxPooling2D
from keras.models import Sequential
from keras.utils import np_utils

np.random.seed(1337)
(X_train, y_train), (X_test, y_test) = digits.load_data()


def train_model(model, first, nb_epoch):
    parts = []
    for X, y in ((X_train, y_train), (X_test, y_test)):
        kept = (y >= first) & (y < first + 5)
        parts += [X[kept].reshape(-1, 1, 8, 8), np_utils.to_categorical(y[kept] - first, 5)]
    X, Y, Xt, Yt = parts
    model.compile("adadelta", "categorical_crossentropy", metrics=["accuracy"])
    model.fit(X, Y, batch_size=32, nb_epoch=nb_epoch, verbose=2, validation_data=(Xt, Yt))
    return model.evaluate(Xt, Yt, verbose=0)[1]


feature_layers = [
    Convolution2D(12, 3, 3, input_shape=(1, 8, 8)),
    Activation("relu"),
    Convolution2D(12, 3, 3),
    Activation("relu"),
    MaxPooling2D((2, 2)),
    Dropout(0.25),
    Flatten(),
]
classification_layers = [Dense(32), Activation("relu"), Dense(5), Activation("softmax")]
model = Sequential()
for layer in feature_layers + classification_layers:
    model.add(layer)
first = train_model(model, 0, 10)
before = [w.copy() for layer in feature_layers for w in layer.get_weights()]
head = model.layers[-2].get_weights()[0].copy()
for layer in feature_layers:
    layer.trainable = False
second = train_model(model, 5, 15)
after = [w for layer in feature_layers for w in layer.get_weights()]
assert all(np.array_equal(a, b) for a, b in zip(before, after))
assert not np.array_equal(head, model.layers[-2].get_weights()[0])
print(first, second)
assert first > 0.95
assert second > 0.85
