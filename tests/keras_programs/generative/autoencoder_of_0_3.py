"""Layers trained one by one as autoencoders, as Keras 0.3 did it, then together."""

import numpy as np
from keras.datasets import digits
from keras.layers import containers
from keras.layers.core import AutoEncoder, Dense, Dropout, Layer
from keras.models import Sequential
from keras.utils import np_utils

np.random.seed(1337)
(X_train, y_train), (X_test, y_test) = digits.load_data()
Y_train, Y_test = np_utils.to_categorical(y_train, 10), np_utils.to_categorical(y_test, 10)
trained_encoders = []
X_train_tmp = X_train
for n_in, n_out in ((64, 40), (40, 24)):
    print("Pre-training the layer: Input {} -> Output {}".format(n_in, n_out))
    ae = Sequential()
    encoder = containers.Sequential([Dense(n_out, input_dim=n_in, activation="sigmoid")])
    decoder = containers.Sequential([Dense(n_in, input_dim=n_out, activation="sigmoid")])
    ae.add(AutoEncoder(encoder=encoder, decoder=decoder, output_reconstruction=False))
    ae.layers[0].output_reconstruction = True
    ae.compile(loss="mean_squared_error", optimizer="rmsprop")
    ae.fit(X_train_tmp, X_train_tmp, batch_size=32, nb_epoch=15, verbose=0)
    ae.layers[0].output_reconstruction = False
    ae.compile(loss="mean_squared_error", optimizer="rmsprop")
    trained_encoders.append(ae.layers[0].encoder)
    X_train_tmp = ae.predict(X_train_tmp)


class Doubled(Layer):
    """In the way of 0.3."""

    def get_output(self, train=False):
        return 2 * self.get_input(train)


model = Sequential()
for encoder in trained_encoders:
    model.add(encoder)
model.add(Doubled())
model.add(Dropout(0.1))
model.add(Dense(10, activation="softmax"))
model.compile(loss="categorical_crossentropy", optimizer="rmsprop")
model.fit(
    X_train,
    Y_train,
    batch_size=32,
    nb_epoch=60,
    show_accuracy=True,
    verbose=0,
    validation_data=(X_test, Y_test),
)
score = model.evaluate(X_test, Y_test, verbose=0, show_accuracy=True)
print("Test score and accuracy:", score)
assert score[1] > 0.93
