"""A generative adversarial network: one model draws digits, another one tells them from real ones.

    python examples/adversaries.py --data mnist/

Both are convolutional. Sources: I. Goodfellow and others, "Generative Adversarial Nets", 2014;
A. Radford, L. Metz and S. Chintala, "Unsupervised Representation Learning with Deep Convolutional
Generative Adversarial Networks", 2016.
"""

from __future__ import annotations

import numpy as np

import common
import images
from graphc.layers import (
    BatchNormalization,
    Convolution2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    LeakyReLU,
    Reshape,
    UpSampling2D,
)
from graphc.models import Model, Sequential
from graphc.optimizers import Adam

NOISE = 64  # numbers that an image is drawn from
BATCH = 64  # real images in a step, and drawn ones
STEPS = 3750  # of training


def build_artist(side: int) -> Sequential:
    """Draws an image of (side * side) from noise: a small one of 32 channels, made twice as large
    two times. Its layers are normalized by the batch also when it is done with training (mode=2),
    so that it always draws as it did when the critic looked."""
    small = side // 4
    return Sequential(
        [
            Dense(32 * small * small, input_dim=NOISE),
            Reshape((32, small, small)),
            BatchNormalization(mode=2, axis=1),
            LeakyReLU(0.2),
            UpSampling2D((2, 2), dim_ordering="th"),
            Convolution2D(32, 3, 3, border_mode="same", dim_ordering="th"),
            BatchNormalization(mode=2, axis=1),
            LeakyReLU(0.2),
            UpSampling2D((2, 2), dim_ordering="th"),
            Convolution2D(1, 5, 5, border_mode="same", activation="sigmoid", dim_ordering="th"),
            Flatten(),
        ],
        name="artist",
    )


def build_critic(side: int) -> Sequential:
    """The probability that an image of (side * side) is a real one."""
    return Sequential(
        [
            Reshape((1, side, side), input_shape=(side * side,)),
            Convolution2D(16, 5, 5, subsample=(2, 2), border_mode="same", dim_ordering="th"),
            LeakyReLU(0.2),
            Convolution2D(32, 5, 5, subsample=(2, 2), border_mode="same", dim_ordering="th"),
            LeakyReLU(0.2),
            Flatten(),
            Dense(1, activation="sigmoid"),
        ],
        name="critic",
    )


def build(side: int) -> tuple[Sequential, Sequential, Model]:
    """The artist, the critic, and both, one behind the other; the latter two compiled."""
    artist, critic = build_artist(side), build_critic(side)
    critic.compile(Adam(0.0005, beta_1=0.5), "binary_crossentropy")
    noise = Input(shape=(NOISE,), name="noise")
    critic.trainable = False  # in both; with the flag keras=1.2 compile reads it
    both = Model(noise, critic(artist(noise)), name="both")
    both.compile(Adam(0.0005, beta_1=0.5), "binary_crossentropy")
    return artist, critic, both


def train(artist: Sequential, critic: Sequential, both: Model, real: np.ndarray) -> list[float]:
    """A step of the critic, then one of the artist; the loss of each."""
    count = len(real)
    x = np.concatenate([real, artist.predict_on_batch(noise_of(count))])
    # Real ones are called 0.9, so that the critic is never all too sure.
    y = np.repeat([[0.9], [0.0]], count, axis=0)
    # A model trains what was trainable when it first trained (keras=1.0): both, the artist only.
    critic.trainable = True
    critic_loss = critic.train_on_batch(x, y)
    critic.trainable = False
    return [critic_loss, both.train_on_batch(noise_of(count), np.ones((count, 1)))]


def build_judge(data: images.Digits, nb_epoch: int) -> tuple[Sequential, float]:
    """A classifier that only real images trained, and its accuracy on test images: it says how
    many of the drawn images look like some digit, and whether all digits are drawn."""
    judge = Sequential(
        [
            Dense(256, input_dim=data.x.shape[1], activation="relu"),
            Dropout(0.2),
            Dense(10, activation="softmax"),
        ]
    )
    judge.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    judge.fit(data.x, data.y, batch_size=64, nb_epoch=nb_epoch, verbose=0)
    return judge, judge.evaluate(data.x_test, data.y_test, verbose=0)[1]


def noise_of(count: int) -> np.ndarray:
    """Draw the noise that as many images are made from."""
    return np.random.normal(size=(count, NOISE))


def shuffled_batches(count: int) -> np.ndarray:
    """Places of samples in random order, a row a batch; what fills no batch is left out."""
    order = np.random.permutation(count)
    return order[: count // BATCH * BATCH].reshape(-1, BATCH)


def main() -> None:
    args = common.start(images.parser(__doc__))
    data = images.load(args)
    real = data.x[: 16 * BATCH] if args.quick else data.x
    epochs = 2 if args.quick else STEPS // (len(real) // BATCH)

    artist, critic, both = build(data.side)
    history = []
    for epoch in range(1, epochs + 1):
        batches = shuffled_batches(len(real))
        losses = [train(artist, critic, both, real[rows]) for rows in batches]
        history.append(np.mean(losses, axis=0))
        print("epoch {}: critic {:.3f}, artist {:.3f}".format(epoch, *history[-1]), flush=True)

    judge, accuracy = build_judge(data, nb_epoch=3 if args.quick else 20)
    samples = artist.predict(noise_of(16 * BATCH), batch_size=BATCH)
    judged = judge.predict(samples)
    figure, (grid, curve, counts) = common.figure(3, width=11, height=3.6)
    images.plot_grid(grid, samples[:64], 8, "drawn images")
    curve.plot(range(1, epochs + 1), history, label=["critic", "artist"])
    curve.set_title("losses")
    curve.set_xlabel("epoch")
    curve.legend()
    shares = np.bincount(judged.argmax(axis=1), minlength=10) / len(judged)
    counts.bar(range(10), shares, color="lightsteelblue")
    counts.set_xticks(range(10))
    counts.set_title("digits among 1,024 drawn images")
    common.save_picture(args, "adversaries", figure)
    common.report(
        args,
        "adversaries",
        data=data.name,
        critic_loss=history[-1][0],
        artist_loss=history[-1][1],
        judge_test_accuracy=accuracy,
        judge_is_sure_of_test=np.mean(judge.predict(data.x_test).max(axis=1) > 0.9),
        judge_is_sure_of_drawn=np.mean(judged.max(axis=1) > 0.9),
        digits=list(shares),
    )


if __name__ == "__main__":
    main()
