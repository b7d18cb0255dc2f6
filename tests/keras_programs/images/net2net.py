"""A deeper network that begins where a trained one ends: the layers between pass on what comes."""

import numpy as np
from keras.datasets import digits
from keras.layers import Conv2D, Dense, Flatten, MaxPooling2D
from keras.models import Sequential
from keras.utils import np_utils

np.random.seed(1337)
(X_train, y_train), (X_test, y_test) = digits.load_data()
X_train, X_test = (x.reshape(-1, 1, 8, 8) for x in (X_train, X_test))
Y_train, Y_test = (np_utils.to_categorical(y, 10) for y in (y_train, y_test))


def passing_kernel(filters):
    W = np.zeros((filters, filters, 3, 3))
    W[range(filters), range(filters), 1, 1] = 1.0
    return [W, np.zeros(filters)]


def network(deeper):
    model = Sequential()
    model.add(Conv2D(8, 3, 3, input_shape=(1, 8, 8), border_mode="same", name="conv1"))
    model.add(MaxPooling2D(name="pool1"))
    if deeper:
        weights = passing_kernel(8)
        model.add(Conv2D(8, 3, 3, border_mode="same", name="conv1-deeper", weights=weights))
    model.add(Flatten(name="flatten"))
    model.add(Dense(32, activation="relu", name="fc1"))
    if deeper:
        model.add(Dense(32, init="identity", activation="relu", name="fc1-deeper"))
    model.add(Dense(10, activation="softmax", name="fc2"))
    return model


def train(model, nb_epoch):
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model.fit(
        X_train, Y_train, nb_epoch=nb_epoch, validation_data=(X_test, Y_test), verbose=2
    )


teacher = network(deeper=False)
before = train(teacher, 8).history["val_acc"][-1]
student = network(deeper=True)
for name in ("conv1", "fc1", "fc2"):
    student.get_layer(name=name).set_weights(teacher.get_layer(name=name).get_weights())
assert np.allclose(student.predict(X_test), teacher.predict(X_test), atol=1e-4)
after = train(student, 3).history["val_acc"][-1]
print(before, after)
assert before > 0.9
assert after > 0.93
