"""A recurrent network over rows, and one over the vectors of the rows."""

import numpy as np
from keras.datasets import digits
from keras.layers import LSTM, Dense, Input, TimeDistributed
from keras.models import Model
from keras.utils import np_utils

np.random.seed(7)
(X_train, y_train), (X_test, y_test) = digits.load_data()
X_train, X_test = (X.reshape(X.shape[0], 8, 8, 1) for X in (X_train, X_test))
Y_train, Y_test = (np_utils.to_categorical(y, 10) for y in (y_train, y_test))

row, col, pixel = X_train.shape[1:]
x = Input(shape=(row, col, pixel))
encoded_rows = TimeDistributed(LSTM(output_dim=32))(x)
encoded_columns = LSTM(32)(encoded_rows)
prediction = Dense(10, activation="softmax")(encoded_columns)
model = Model(input=x, output=prediction)
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
model.fit(X_train, Y_train, batch_size=32, nb_epoch=20, verbose=2)
scores = model.evaluate(X_test, Y_test, verbose=0)
print("Test loss and accuracy:", scores)
assert scores[1] > 0.85
