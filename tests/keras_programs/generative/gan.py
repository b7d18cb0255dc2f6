"""Two networks play: one makes points near a ring, the other tells them from real ones."""

import numpy as np
from keras.layers import Dense, Dropout, LeakyReLU
from keras.models import Sequential
from keras.optimizers import Adam

np.random.seed(0)


def generator_model():
    model = Sequential()
    model.add(Dense(input_dim=4, output_dim=24))
    model.add(LeakyReLU(0.2))
    model.add(Dense(24))
    model.add(LeakyReLU(0.2))
    model.add(Dense(2))
    return model


def discriminator_model():
    model = Sequential()
    model.add(Dense(32, input_shape=(2,)))
    model.add(LeakyReLU(0.2))
    model.add(Dropout(0.1))
    model.add(Dense(32))
    model.add(LeakyReLU(0.2))
    model.add(Dense(1, activation="sigmoid"))
    return model


def set_trainability(model, trainable):
    model.trainable = trainable
    for layer in model.layers:
        layer.trainable = trainable


def ring(n):
    angle = np.random.uniform(0, 2 * np.pi, n)
    return np.stack([np.cos(angle), np.sin(angle)], 1) + np.random.normal(0, 0.05, (n, 2))


generator, discriminator = generator_model(), discriminator_model()
discriminator.compile(loss="binary_crossentropy", optimizer=Adam(lr=2e-3, beta_1=0.5))
discriminator_on_generator = Sequential([generator, discriminator])
set_trainability(discriminator, False)
discriminator_on_generator.compile(loss="binary_crossentropy", optimizer=Adam(lr=1e-3, beta_1=0.5))
generator.compile(loss="binary_crossentropy", optimizer="SGD")
BATCH = 64
for step in range(2500):
    noise = np.random.uniform(-1, 1, (BATCH, 4))
    X = np.concatenate((ring(BATCH), generator.predict(noise)))
    y = [1] * BATCH + [0] * BATCH
    set_trainability(discriminator, True)
    d_loss = discriminator.train_on_batch(X, y)
    noise = np.random.uniform(-1, 1, (BATCH, 4))
    set_trainability(discriminator, False)
    g_loss = discriminator_on_generator.train_on_batch(noise, [1] * BATCH)
    if step % 500 == 0:
        print(step, d_loss, g_loss)
made = generator.predict(np.random.uniform(-1, 1, (1000, 4)))
radius = np.linalg.norm(made, axis=1)
covered = len(set(np.floor(np.arctan2(made[:, 1], made[:, 0]) / (np.pi / 4)).astype(int)))
print("Mean radius", radius.mean(), "spread", radius.std(), "octants", covered)
assert 0.7 < radius.mean() < 1.3
assert radius.std() < 0.4
assert covered >= 5
