"""Fire modules: a squeeze to few channels, and two expansions that are joined."""

import numpy as np
from keras.datasets import digits
from keras.layers import (
    Activation,
    AveragePooling2D,
    Convolution2D,
    Dropout,
    Flatten,
    Input,
    MaxPooling2D,
    merge,
)
from keras.models import Model
from keras.utils.np_utils import to_categorical

np.random.seed(1)


def fire_module(x, fire_id, squeeze=4, expand=8):
    s_id = "fire" + str(fire_id) + "/"
    x = Convolution2D(squeeze, 1, 1, activation="relu", name=s_id + "squeeze1x1")(x)
    left = Convolution2D(expand, 1, 1, activation="relu", name=s_id + "expand1x1")(x)
    right = Convolution2D(
        expand, 3, 3, border_mode="same", activation="relu", name=s_id + "expand3x3"
    )(x)
    return merge([left, right], mode="concat", concat_axis=1, name=s_id + "concat")


(X_train, y_train), (X_test, y_test) = digits.load_data()
X_train, X_test = (X.reshape(-1, 1, 8, 8) for X in (X_train, X_test))
img_input = Input(shape=(1, 8, 8))
x = Convolution2D(12, 3, 3, border_mode="same", activation="relu", name="conv1")(img_input)
x = fire_module(x, 2)
x = MaxPooling2D((2, 2), name="pool1")(x)
x = fire_module(x, 3, squeeze=8, expand=16)
x = Dropout(0.2, name="drop9")(x)
x = Convolution2D(10, 1, 1, name="conv10")(x)
x = AveragePooling2D((4, 4))(x)
x = Flatten()(x)
out = Activation("softmax", name="loss")(x)
model = Model(img_input, out, name="squeezenet")
model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
model.fit(X_train, to_categorical(y_train, 10), nb_epoch=20, batch_size=32, verbose=2)
accuracy = model.evaluate(X_test, to_categorical(y_test, 10), verbose=0)[1]
print(accuracy)
assert accuracy > 0.88
