"""A layer as 0.3 wrote them, with `output_shape` and `get_output`, and what compiles with it."""

import numpy as np
from keras import backend as K
from keras.datasets import digits
from keras.layers.core import Activation, Dense, Dropout, Layer
from keras.models import Sequential
from keras.utils import np_utils

np.random.seed(1337)


class BothSigns(Layer):
    @property
    def output_shape(self):
        samples, features = self.input_shape
        return (samples, 2 * features)

    def get_output(self, train):
        x = self.get_input(train)
        x = K.l2_normalize(x - K.mean(x, axis=1, keepdims=True), axis=1)
        return K.concatenate([K.relu(x), K.relu(-x)], axis=1)


(X_train, y_train), (X_test, y_test) = digits.load_data()
Y_train, Y_test = (np_utils.to_categorical(y, 10) for y in (y_train, y_test))
model = Sequential()
model.add(Dense(64, input_shape=(64,)))
model.add(BothSigns())
model.add(Dropout(0.1))
model.add(Dense(10))
model.add(Activation("softmax"))
model.compile(loss="categorical_crossentropy", optimizer="rmsprop", class_mode="categorical")
assert model.layers[1].output_shape[-1] == 128
model.fit(
    X_train,
    Y_train,
    batch_size=32,
    nb_epoch=10,
    show_accuracy=True,
    verbose=2,
    validation_data=(X_test, Y_test),
)
score, accuracy = model.evaluate(X_test, Y_test, show_accuracy=True, verbose=0)
print(score, accuracy)
assert accuracy > 0.9
