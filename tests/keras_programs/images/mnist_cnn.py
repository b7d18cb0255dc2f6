"""A convolutional network on handwritten digits, in the th order."""

import numpy as np
from keras.datasets import digits
from keras.layers import Activation, Convolution2D, Dense, Dropout, Flatten, MaxPooling2D
from keras.models import Sequential
from keras.utils import np_utils

np.random.seed(1337)
(X_train, y_train), (X_test, y_test) = digits.load_data()
X_train, X_test = (X.reshape(X.shape[0], 1, 8, 8) for X in (X_train, X_test))
Y_train, Y_test = (np_utils.to_categorical(y, 10) for y in (y_train, y_test))

model = Sequential()
model.add(Convolution2D(16, 3, 3, border_mode="valid", input_shape=(1, 8, 8)))
model.add(Activation("relu"))
model.add(Convolution2D(16, 3, 3))
model.add(Activation("relu"))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Dropout(0.25))
model.add(Flatten())
model.add(Dense(64))
model.add(Activation("relu"))
model.add(Dropout(0.5))
model.add(Dense(10))
model.add(Activation("softmax"))
model.compile(loss="categorical_crossentropy", optimizer="adadelta", metrics=["accuracy"])
model.fit(X_train, Y_train, batch_size=32, nb_epoch=12, verbose=2, validation_split=0.1)
loss, accuracy = model.evaluate(X_test, Y_test, verbose=0)
print("Test accuracy:", accuracy)
assert accuracy > 0.94
