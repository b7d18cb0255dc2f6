"""A variational autoencoder: digits become points of a plane, and points of the plane digits.

    python examples/autoencoder.py --data mnist/

The encoder gives a normal distribution for each image, a point is drawn from it, and the decoder
restores the image from the point. Source: D. P. Kingma and M. Welling, "Auto-Encoding Variational
Bayes", 2014.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

import common
import images
from graphc import backend as K
from graphc.layers import Dense, Input, Lambda
from graphc.models import Model

LATENT = 2  # so that a picture shows all of it
SHOWN = 10  # images in a row of the picture


def sample(parameters: list) -> object:
    """A point from the normal distribution of each image; the gradient goes on to both
    parameters, since the noise depends on neither."""
    mean, log_variance = parameters
    return mean + K.exp(log_variance / 2) * K.random_normal(K.shape(mean))


def build(pixels: int, hidden: int) -> tuple[Model, Model, Model]:
    """The autoencoder, compiled; its encoder, from images to means; its decoder, from points to
    images. The three share their layers."""
    image = Input(shape=(pixels,), name="image")
    seen = Dense(hidden, activation="relu", name="seen")(image)
    mean = Dense(LATENT, name="mean")(seen)
    log_variance = Dense(LATENT, name="log_variance")(seen)
    point = Lambda(sample, name="point")([mean, log_variance])

    decoder_input = Input(shape=(LATENT,), name="any_point")
    drawn = Dense(hidden, activation="relu", name="drawn")(decoder_input)
    restored = Dense(pixels, activation="sigmoid", name="restored")(drawn)
    decoder = Model(decoder_input, restored, name="decoder")

    def negative_bound(truth: object, output: object) -> object:
        """Return an upper bound of the images' cost in nats: their pixels given the point, and the
        point."""
        pixels_cost = K.sum(K.binary_crossentropy(output, truth), axis=-1)
        divergence = K.square(mean) + K.exp(log_variance) - log_variance - 1
        return pixels_cost + K.sum(divergence, axis=-1) / 2

    model = Model(image, decoder(point), name="autoencoder")
    model.compile("adam", negative_bound)
    return model, Model(image, mean, name="encoder"), decoder


def plane() -> np.ndarray:
    """Points in rows from left to right, the rows from above, as dense as the normal
    distribution."""
    line = [NormalDist().inv_cdf(part) for part in np.linspace(0.05, 0.95, SHOWN)]
    return np.array([(x, y) for y in reversed(line) for x in line], "float32")


def main() -> None:
    args = common.start(images.parser(__doc__))
    data = images.load(args)
    model, encoder, decoder = build(data.x.shape[1], hidden=256)
    model.summary()
    history = model.fit(
        data.x,
        data.x,
        batch_size=64,
        nb_epoch=5 if args.quick else 50,
        validation_data=(data.x_test, data.x_test),
        verbose=2,
    )

    figure, (samples, codes, curve) = common.figure(3, width=11, height=3.6)
    images.plot_grid(samples, decoder.predict(plane()), SHOWN, "images of the plane's points")
    x, y = encoder.predict(data.x_test).T
    points = codes.scatter(x, y, c=data.y_test, cmap="tab10", s=4, vmin=-0.5, vmax=9.5)
    codes.set_title("where test images lie on it")
    figure.colorbar(points, ax=codes, ticks=range(10), label="digit")
    common.plot_history(curve, history.history, "loss", "loss: nats an image")
    common.save_picture(args, "autoencoder", figure)
    losses = history.history
    common.report(
        args,
        "autoencoder",
        data=data.name,
        first_test_loss=losses["val_loss"][0],
        training_loss=losses["loss"][-1],
        test_loss=losses["val_loss"][-1],
    )


if __name__ == "__main__":
    main()
