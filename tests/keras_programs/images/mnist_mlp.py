"""A perceptron with dropout on handwritten digits."""

import numpy as np
from keras.datasets import digits
from keras.layers.core import Activation, Dense, Dropout
from keras.models import Sequential
from keras.optimizers import RMSprop
from keras.utils import np_utils

np.random.seed(1337)
(X_train, y_train), (X_test, y_test) = digits.load_data()
Y_train, Y_test = (np_utils.to_categorical(y, 10) for y in (y_train, y_test))

model = Sequential()
model.add(Dense(128, input_shape=(64,)))
model.add(Activation("relu"))
model.add(Dropout(0.2))
model.add(Dense(128))
model.add(Activation("relu"))
model.add(Dropout(0.2))
model.add(Dense(10))
model.add(Activation("softmax"))
model.summary()
model.compile(loss="categorical_crossentropy", optimizer=RMSprop(), metrics=["accuracy"])
history = model.fit(
    X_train, Y_train, batch_size=64, nb_epoch=20, verbose=2, validation_data=(X_test, Y_test)
)
score = model.evaluate(X_test, Y_test, verbose=0)
print("Test score:", score[0], "accuracy:", score[1])
assert abs(history.history["val_acc"][-1] - score[1]) < 1e-5
assert score[1] > 0.94
