"""The next value of a noisy season: a perceptron on a window, then a recurrent layer beside it."""

import numpy as np
from keras.callbacks import Callback, EarlyStopping
from keras.layers import GRU, Dense, Input, merge
from keras.models import Model, Sequential

np.random.seed(17)
t = np.arange(700)
series = np.sin(t / 6.0) + 0.5 * np.sin(t / 17.0) + np.random.normal(0, 0.05, t.size)
look_back = 12
X = np.array([series[i : i + look_back] for i in range(t.size - look_back)])
y = series[look_back:]


class LossHistory(Callback):
    def on_train_begin(self, logs={}):
        self.losses = []

    def on_batch_end(self, batch, logs={}):
        self.losses.append(logs.get("loss"))


history = LossHistory()
model = Sequential()
model.add(Dense(24, input_dim=look_back, activation="relu"))
model.add(Dense(1))
model.compile(loss="mean_squared_error", optimizer="adam")
model.fit(
    X[:550],
    y[:550],
    nb_epoch=60,
    batch_size=16,
    verbose=0,
    validation_split=0.1,
    callbacks=[history, EarlyStopping(monitor="val_loss", patience=8)],
)
error = np.mean((model.predict(X[550:]).ravel() - y[550:]) ** 2) / y.var()
assert history.losses[-1] < history.losses[0]
window = Input(shape=(look_back, 1))
season = Input(shape=(2,))
x = merge([GRU(16)(window), season], mode="concat")
both = Model([window, season], Dense(1)(x))
both.compile("rmsprop", "mae")
phase = np.stack([np.sin(t / 6.0), np.cos(t / 6.0)], 1)[look_back:]
both.fit([X[:550, :, None], phase[:550]], y[:550], nb_epoch=25, batch_size=16, verbose=0)
recurrent = both.evaluate([X[550:, :, None], phase[550:]], y[550:], verbose=0)
print("Mean squared by variance", error, "mean absolute", recurrent)
assert error < 0.06
assert recurrent < 0.25
