"""The next picture of a moving square, by convolutional LSTMs."""

import numpy as np
from keras.layers.convolutional import Convolution3D
from keras.layers.convolutional_recurrent import ConvLSTM2D
from keras.layers.normalization import BatchNormalization
from keras.models import Sequential

np.random.seed(12)
n, frames, size = 60, 5, 8
movies = np.zeros((n, frames + 1, size, size, 1))
for movie in movies:
    row, col = np.random.randint(1, 4, 2)
    down, right = np.random.randint(0, 2, 2)
    for t in range(frames + 1):
        r, c = min(row + down * t, 6), min(col + right * t, 6)
        movie[t, r : r + 2, c : c + 2] = 1.0
noisy, shifted = movies[:, :-1], movies[:, 1:]
seq = Sequential()
seq.add(
    ConvLSTM2D(
        nb_filter=8,
        nb_row=3,
        nb_col=3,
        input_shape=(None, size, size, 1),
        dim_ordering="tf",
        border_mode="same",
        return_sequences=True,
    )
)
seq.add(BatchNormalization())
seq.add(
    ConvLSTM2D(
        nb_filter=8,
        nb_row=3,
        nb_col=3,
        border_mode="same",
        return_sequences=True,
        dim_ordering="tf",
    )
)
seq.add(BatchNormalization())
seq.add(
    Convolution3D(
        nb_filter=1,
        kernel_dim1=1,
        kernel_dim2=3,
        kernel_dim3=3,
        activation="sigmoid",
        border_mode="same",
        dim_ordering="tf",
    )
)
seq.compile(loss="binary_crossentropy", optimizer="adadelta")
seq.fit(noisy[:50], shifted[:50], batch_size=10, nb_epoch=40, verbose=0)
found = seq.predict(noisy[50:])[:, 2:] > 0.5
truth = shifted[50:][:, 2:] > 0.5
overlap = (found & truth).sum() / float((found | truth).sum())
print("Intersection over union:", overlap)
assert overlap > 0.5
