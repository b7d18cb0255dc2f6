"""Convolutions of words, the largest response of each, by a Lambda and by a recurrent layer."""

import numpy as np
from keras import backend as K
from keras.layers import (
    LSTM,
    Activation,
    Convolution1D,
    Dense,
    Dropout,
    Embedding,
    Lambda,
    MaxPooling1D,
)
from keras.models import Sequential

np.random.seed(1337)
max_features, maxlen = 40, 20


def texts(n):
    """Return True where the phrase 3 7 5 is in a text; its words are in every text."""
    X = np.random.randint(1, max_features, (n, maxlen))
    y = np.random.randint(0, 2, n)
    for x, has in zip(X, y):
        start = np.random.randint(0, maxlen - 3)
        x[start : start + 3] = [3, 7, 5] if has else [[5, 7, 3], [7, 3, 5]][start % 2]
    return X, y


def max_1d(X):
    return K.max(X, axis=1)


def body(model):
    if K.ndim(model.output) == 3:
        model.add(Lambda(max_1d, output_shape=(24,)))
    model.add(Dense(16))
    model.add(Dropout(0.1))
    model.add(Activation("relu"))
    model.add(Dense(1))
    model.add(Activation("sigmoid"))
    return model


(X_train, y_train), (X_test, y_test) = texts(1200), texts(300)
first = Sequential()
first.add(Embedding(max_features, 12, input_length=maxlen, dropout=0.05))
first.add(
    Convolution1D(
        nb_filter=24, filter_length=3, border_mode="valid", activation="relu", subsample_length=1
    )
)
second = Sequential()
second.add(Embedding(max_features, 12, input_length=maxlen))
second.add(Convolution1D(24, 3, activation="relu"))
second.add(MaxPooling1D(pool_length=2))
second.add(LSTM(24))
for model in (body(first), body(second)):
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    model.fit(
        X_train, y_train, batch_size=32, nb_epoch=12, verbose=0, validation_data=(X_test, y_test)
    )
    accuracy = model.evaluate(X_test, y_test, verbose=0)[1]
    print("Test accuracy:", accuracy)
    assert accuracy > 0.93
