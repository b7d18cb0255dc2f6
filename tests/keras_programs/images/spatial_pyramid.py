"""Pooling over a pyramid of regions: one network for pictures of several sizes."""

import numpy as np
from keras import backend as K
from keras.engine.topology import Layer
from keras.layers import Activation, Convolution2D, Dense
from keras.models import Sequential

np.random.seed(4)


class SpatialPyramidPooling(Layer):
    def __init__(self, pool_list, **kwargs):
        self.pool_list = pool_list
        self.regions = sum(i * i for i in pool_list)
        super().__init__(**kwargs)

    def build(self, input_shape):
        self.nb_channels = input_shape[1]

    def get_output_shape_for(self, input_shape):
        return (input_shape[0], self.nb_channels * self.regions)

    def get_config(self):
        config = {"pool_list": self.pool_list}
        return dict(list(super().get_config().items()) + list(config.items()))

    def call(self, x, mask=None):
        batch, channels, rows, cols = K.shape(x)
        outputs = []
        for regions in self.pool_list:
            row_length = K.cast(rows, "float32") / regions
            col_length = K.cast(cols, "float32") / regions
            for j in range(regions):
                for i in range(regions):
                    x1, x2, y1, y2 = (
                        K.cast(K.round(value), "int32")
                        for value in (
                            i * col_length,
                            i * col_length + col_length,
                            j * row_length,
                            j * row_length + row_length,
                        )
                    )
                    crop = K.reshape(x[:, :, y1:y2, x1:x2], [batch, channels, y2 - y1, x2 - x1])
                    outputs.append(K.max(crop, axis=(2, 3)))
        return K.concatenate(outputs)


def pictures(n, size):
    """Bright spots in one of the four quarters."""
    y = np.random.randint(0, 4, n)
    X = np.random.rand(n, 1, size, size) * 0.5
    for x, k in zip(X, y):
        row, col = np.random.randint(0, size // 2 - 1, 2)
        x[0, row + (k // 2) * size // 2, col + (k % 2) * size // 2] = 2.0
    return X, np.eye(4)[y]


model = Sequential()
model.add(Convolution2D(8, 3, 3, border_mode="same", input_shape=(1, None, None)))
model.add(Activation("relu"))
model.add(SpatialPyramidPooling([1, 2]))
model.add(Dense(4, activation="softmax"))
model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
for epoch in range(12):
    for size in (8, 12, 15):
        X, Y = pictures(200, size)
        model.fit(X, Y, nb_epoch=1, verbose=0, batch_size=20)
for size in (8, 12, 15, 20):
    accuracy = model.evaluate(*pictures(200, size), verbose=0)[1]
    print(size, accuracy)
    assert accuracy > 0.8
