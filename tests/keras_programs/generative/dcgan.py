"""A generator of upsampling convolutions against a convolutional discriminator, on digits."""

import numpy as np
from keras.datasets import digits
from keras.layers.convolutional import Convolution2D, MaxPooling2D, UpSampling2D
from keras.layers.core import Activation, Dense, Flatten, Reshape
from keras.layers.normalization import BatchNormalization
from keras.models import Sequential
from keras.optimizers import Adam

np.random.seed(1)


def generator_model():
    model = Sequential()
    model.add(Dense(input_dim=10, output_dim=64))
    model.add(Activation("tanh"))
    model.add(Dense(16 * 2 * 2))
    model.add(BatchNormalization())
    model.add(Activation("tanh"))
    model.add(Reshape((16, 2, 2), input_shape=(16 * 2 * 2,)))
    model.add(UpSampling2D(size=(2, 2)))
    model.add(Convolution2D(8, 3, 3, border_mode="same"))
    model.add(Activation("tanh"))
    model.add(UpSampling2D(size=(2, 2)))
    model.add(Convolution2D(1, 3, 3, border_mode="same"))
    model.add(Activation("tanh"))
    return model


def discriminator_model():
    model = Sequential()
    model.add(Convolution2D(8, 3, 3, border_mode="same", input_shape=(1, 8, 8)))
    model.add(Activation("tanh"))
    model.add(MaxPooling2D(pool_size=(2, 2)))
    model.add(Convolution2D(16, 3, 3))
    model.add(Activation("tanh"))
    model.add(Flatten())
    model.add(Dense(1))
    model.add(Activation("sigmoid"))
    return model


def generator_containing_discriminator(generator, discriminator):
    model = Sequential()
    model.add(generator)
    discriminator.trainable = False
    model.add(discriminator)
    return model


(X_train, _), _ = digits.load_data()
X_train = 2 * X_train.reshape(-1, 1, 8, 8) - 1
discriminator = discriminator_model()
generator = generator_model()
discriminator_on_generator = generator_containing_discriminator(generator, discriminator)
d_optim = Adam(lr=0.001, beta_1=0.5)
g_optim = Adam(lr=0.002, beta_1=0.5)
generator.compile(loss="binary_crossentropy", optimizer="SGD")
discriminator_on_generator.compile(loss="binary_crossentropy", optimizer=g_optim)
discriminator.trainable = True
discriminator.compile(loss="binary_crossentropy", optimizer=d_optim)
BATCH_SIZE = 48
for epoch in range(30):
    for index in range(int(X_train.shape[0] / BATCH_SIZE)):
        noise = np.random.uniform(-1, 1, (BATCH_SIZE, 10))
        image_batch = X_train[index * BATCH_SIZE : (index + 1) * BATCH_SIZE]
        generated_images = generator.predict(noise, verbose=0)
        X = np.concatenate((image_batch, generated_images))
        d_loss = discriminator.train_on_batch(X, [1] * BATCH_SIZE + [0] * BATCH_SIZE)
        discriminator.trainable = False
        g_loss = discriminator_on_generator.train_on_batch(noise, [1] * BATCH_SIZE)
        discriminator.trainable = True
    print("epoch", epoch, "d_loss", float(d_loss), "g_loss", float(g_loss))
made = generator.predict(np.random.uniform(-1, 1, (500, 10)))
apart = np.abs(made.mean(0) - X_train.mean(0)).mean()
blank = np.abs(X_train.mean(0)).mean()
print("Mean picture is off by", apart, "and a grey one by", blank)
assert apart < 0.7 * blank
assert made.std(0).mean() > 0.1
