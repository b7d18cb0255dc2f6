"""A network with the layers that came with Keras 1.1 and 1.2, in the tf order."""

import numpy as np
from keras.callbacks import EarlyStopping, ReduceLROnPlateau
from keras.datasets import digits
from keras.layers import (
    AtrousConvolution2D,
    BatchNormalization,
    Conv2D,
    Cropping2D,
    Dense,
    GlobalAveragePooling2D,
    Input,
    SpatialDropout2D,
    ZeroPadding2D,
)
from keras.models import Model
from keras.optimizers import Nadam
from keras.utils.np_utils import to_categorical

np.random.seed(10)
(X_train, y_train), (X_test, y_test) = digits.load_data()
X_train, X_test = (X.reshape(-1, 8, 8, 1) for X in (X_train, X_test))
tf = {"dim_ordering": "tf"}
inputs = Input(shape=(8, 8, 1))
x = ZeroPadding2D((2, 2), **tf)(inputs)
x = Cropping2D(((1, 1), (1, 1)), **tf)(x)
x = Conv2D(12, 3, 3, bias=False, **tf)(x)
x = BatchNormalization(axis=3)(x)
x = SpatialDropout2D(0.1, **tf)(x)
x = AtrousConvolution2D(16, 3, 3, atrous_rate=(2, 2), activation="relu", **tf)(x)
x = GlobalAveragePooling2D(**tf)(x)
x = Dense(10, activation="softmax")(x)
model = Model(inputs, x)
model.compile(Nadam(lr=0.01), "categorical_crossentropy", metrics=["accuracy"])
model.fit(
    X_train,
    to_categorical(y_train, 10),
    nb_epoch=12,
    verbose=2,
    validation_split=0.1,
    callbacks=[EarlyStopping(patience=4), ReduceLROnPlateau(patience=2, factor=0.5)],
)
accuracy = model.evaluate(X_test, to_categorical(y_test, 10), verbose=0)[1]
print(accuracy)
assert accuracy > 0.85
