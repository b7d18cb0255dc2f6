"""A recurrent network of rectifiers, begun as the identity, reads digits pixel by pixel pair."""

import numpy as np
from keras.datasets import digits
from keras.initializations import identity, normal
from keras.layers import Activation, Dense, SimpleRNN
from keras.models import Sequential
from keras.optimizers import RMSprop
from keras.utils import np_utils

np.random.seed(1337)
(X_train, y_train), (X_test, y_test) = digits.load_data()
X_train, X_test = (X.reshape(X.shape[0], -1, 4) for X in (X_train, X_test))
Y_train, Y_test = (np_utils.to_categorical(y, 10) for y in (y_train, y_test))

model = Sequential()
model.add(
    SimpleRNN(
        output_dim=60,
        init=lambda shape, name: normal(shape, scale=0.05, name=name),
        inner_init=lambda shape, name: identity(shape, scale=1.0, name=name),
        activation="relu",
        input_shape=X_train.shape[1:],
    )
)
model.add(Dense(10))
model.add(Activation("softmax"))
model.compile(
    loss="categorical_crossentropy",
    optimizer=RMSprop(lr=0.002, clipnorm=1.0),
    metrics=["accuracy"],
)
model.fit(X_train, Y_train, batch_size=32, nb_epoch=15, verbose=2)
accuracy = model.evaluate(X_test, Y_test, verbose=0)[1]
print("IRNN test accuracy:", accuracy)
assert accuracy > 0.88
