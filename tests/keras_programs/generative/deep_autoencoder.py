"""Autoencoders as Keras' blog built them: one of dense layers, and one that takes noise away."""

import numpy as np
from keras.datasets import digits
from keras.layers import Convolution2D, Dense, Input, MaxPooling2D, UpSampling2D
from keras.models import Model
from keras.regularizers import activity_l1

np.random.seed(3)
(x_train, _), (x_test, _) = digits.load_data()
encoding_dim = 16
input_img = Input(shape=(64,))
encoded = Dense(48, activation="relu")(input_img)
encoded = Dense(encoding_dim, activation="relu", activity_regularizer=activity_l1(1e-5))(encoded)
decoded = Dense(48, activation="relu")(encoded)
decoded = Dense(64, activation="sigmoid")(decoded)
autoencoder = Model(input=input_img, output=decoded)
encoder = Model(input=input_img, output=encoded)
encoded_input = Input(shape=(encoding_dim,))
decoder = Model(encoded_input, autoencoder.layers[-1](autoencoder.layers[-2](encoded_input)))
autoencoder.compile(optimizer="adadelta", loss="binary_crossentropy")
autoencoder.fit(
    x_train,
    x_train,
    nb_epoch=60,
    batch_size=32,
    shuffle=True,
    verbose=0,
    validation_data=(x_test, x_test),
)
rebuilt = decoder.predict(encoder.predict(x_test))
assert np.allclose(rebuilt, autoencoder.predict(x_test), atol=1e-5)
error = np.mean((rebuilt - x_test) ** 2) / x_test.var(0).mean()
print("Part of the variance that is lost:", error)
assert error < 0.5

images, held_out = x_train.reshape(-1, 1, 8, 8), x_test.reshape(-1, 1, 8, 8)
noisy, noisy_test = (
    np.clip(x + 0.4 * np.random.normal(size=x.shape), 0.0, 1.0) for x in (images, held_out)
)
input_img = Input(shape=(1, 8, 8))
x = Convolution2D(12, 3, 3, activation="relu", border_mode="same")(input_img)
x = MaxPooling2D((2, 2), border_mode="same")(x)
encoded = Convolution2D(12, 3, 3, activation="relu", border_mode="same")(x)
x = UpSampling2D((2, 2))(encoded)
decoded = Convolution2D(1, 3, 3, activation="sigmoid", border_mode="same")(x)
denoiser = Model(input_img, decoded)
denoiser.compile(optimizer="adam", loss="mse")
denoiser.fit(noisy, images, nb_epoch=25, batch_size=32, verbose=0)
before = np.mean((noisy_test - held_out) ** 2)
after = np.mean((denoiser.predict(noisy_test) - held_out) ** 2)
print("Mean squared noise:", before, "->", after)
assert after < 0.5 * before
