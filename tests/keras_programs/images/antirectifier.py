"""A layer of one's own: both signs of the normalized input, each rectified."""

import numpy as np
from keras import backend as K
from keras.datasets import digits
from keras.layers import Activation, Dense, Dropout, Layer
from keras.models import Sequential, model_from_json
from keras.utils import np_utils

np.random.seed(1337)


class Antirectifier(Layer):
    def get_output_shape_for(self, input_shape):
        shape = list(input_shape)
        assert len(shape) == 2
        shape[-1] *= 2
        return tuple(shape)

    def call(self, x, mask=None):
        x -= K.mean(x, axis=1, keepdims=True)
        x = K.l2_normalize(x, axis=1)
        return K.concatenate([K.maximum(x, 0), K.maximum(-x, 0)], axis=1)


(X_train, y_train), (X_test, y_test) = digits.load_data()
Y_train, Y_test = (np_utils.to_categorical(y, 10) for y in (y_train, y_test))
model = Sequential()
model.add(Dense(64, input_shape=(64,)))
model.add(Antirectifier())
model.add(Dropout(0.1))
model.add(Dense(64))
model.add(Antirectifier())
model.add(Dropout(0.1))
model.add(Dense(10))
model.add(Activation("softmax"))
model.compile(loss="categorical_crossentropy", optimizer="rmsprop", metrics=["accuracy"])
model.fit(X_train, Y_train, batch_size=32, nb_epoch=10, verbose=2)
accuracy = model.evaluate(X_test, Y_test, verbose=0)[1]
again = model_from_json(model.to_json(), custom_objects={"Antirectifier": Antirectifier})
again.set_weights(model.get_weights())
assert np.allclose(again.predict(X_test), model.predict(X_test), atol=1e-6)
print(accuracy)
assert accuracy > 0.95
