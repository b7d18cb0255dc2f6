"""A variational autoencoder on digits; its loss reads tensors of the model."""

import numpy as np
from keras import backend as K
from keras import objectives
from keras.datasets import digits
from keras.layers import Dense, Input, Lambda
from keras.models import Model

np.random.seed(2)
batch_size, original_dim, latent_dim, intermediate_dim = 50, 64, 2, 64

x = Input(batch_shape=(batch_size, original_dim))
h = Dense(intermediate_dim, activation="relu")(x)
z_mean = Dense(latent_dim)(h)
z_log_sigma = Dense(latent_dim)(h)


def sampling(args):
    z_mean, z_log_sigma = args
    epsilon = K.random_normal(shape=(batch_size, latent_dim), mean=0.0, std=0.3)
    return z_mean + K.exp(z_log_sigma) * epsilon


z = Lambda(sampling, output_shape=(latent_dim,))([z_mean, z_log_sigma])
decoder_h = Dense(intermediate_dim, activation="relu")
decoder_mean = Dense(original_dim, activation="sigmoid")
x_decoded_mean = decoder_mean(decoder_h(z))
vae = Model(x, x_decoded_mean)
encoder = Model(x, z_mean)
decoder_input = Input(shape=(latent_dim,))
generator = Model(decoder_input, decoder_mean(decoder_h(decoder_input)))


def vae_loss(x, x_decoded_mean):
    xent_loss = original_dim * objectives.binary_crossentropy(x, x_decoded_mean)
    kl_loss = -0.5 * K.mean(1 + z_log_sigma - K.square(z_mean) - K.exp(z_log_sigma), axis=-1)
    return xent_loss + kl_loss


vae.compile(optimizer="rmsprop", loss=vae_loss)
(x_train, y_train), (x_test, y_test) = digits.load_data()
x_train, x_test = x_train[:1400], x_test[:350]
vae.fit(
    x_train,
    x_train,
    shuffle=True,
    nb_epoch=60,
    batch_size=batch_size,
    verbose=0,
    validation_data=(x_test, x_test),
)
loss = vae.evaluate(x_test, x_test, batch_size=batch_size, verbose=0)
codes = encoder.predict(x_test, batch_size=batch_size)
grid = generator.predict(np.array([[0.0, 0.0], [1.0, -1.0]]))
between = np.array([codes[y_test[:350] == k].mean(0) for k in range(10)]).std(0).mean()
print("Test loss", loss, "means apart by", between)
assert grid.shape == (2, 64)
p = np.clip(x_train.mean(0), 1e-6, 1 - 1e-6)
baseline = -(x_test * np.log(p) + (1 - x_test) * np.log(1 - p)).sum(1).mean()
assert loss < 0.88 * baseline
assert between > 0.3
