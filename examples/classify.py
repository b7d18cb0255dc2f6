"""Which digit an image shows: the classic multilayer perceptron and convolutional network.

    python examples/classify.py --data mnist/
    python examples/classify.py --data mnist/ --model cnn

Of MNIST's test set, 8,000 images are trained on and 2,000 held out; without --data the images are
the digits that graphc ships, of 8 by 8 pixels.
"""

from __future__ import annotations

import common
import images
from graphc.layers import Convolution2D, Dense, Dropout, Flatten, MaxPooling2D, Reshape
from graphc.models import Sequential


def mlp(side: int) -> Sequential:
    """Two hidden layers."""
    return Sequential(
        [
            Dense(512, activation="relu", input_dim=side * side),
            Dropout(0.2),
            Dense(512, activation="relu"),
            Dropout(0.2),
            Dense(10, activation="softmax"),
        ]
    )


def cnn(side: int) -> Sequential:
    """Two convolutions, a pooling, and a hidden layer."""
    return Sequential(
        [
            Reshape((1, side, side), input_shape=(side * side,)),
            Convolution2D(32, 3, 3, activation="relu", dim_ordering="th"),
            Convolution2D(32, 3, 3, activation="relu", dim_ordering="th"),
            MaxPooling2D((2, 2), dim_ordering="th"),
            Dropout(0.25),
            Flatten(),
            Dense(128, activation="relu"),
            Dropout(0.5),
            Dense(10, activation="softmax"),
        ]
    )


MODELS = {"mlp": mlp, "cnn": cnn}


def main() -> None:
    parser = images.parser(__doc__)
    parser.add_argument("--model", choices=MODELS, default="mlp", help="(mlp)")
    args = common.start(parser)
    data = images.load(args)
    model = MODELS[args.model](data.side)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.summary()
    history = model.fit(
        data.x,
        data.y,
        batch_size=128 if len(data.x) > 5000 else 32,
        nb_epoch=3 if args.quick else 12,
        validation_data=(data.x_test, data.y_test),
        verbose=2,
    )
    _, accuracy = model.evaluate(data.x_test, data.y_test, verbose=0)
    found = model.predict_classes(data.x_test, verbose=0)

    figure, (curve, table, mistakes) = common.figure(3, width=10)
    common.plot_history(curve, history.history, "acc", "accuracy")
    common.plot_confusion(table, data.y_test, found, [str(digit) for digit in range(10)])
    wrong = data.x_test[found != data.y_test][:36]
    images.plot_grid(mistakes, wrong, 6, "test images taken for another digit")
    name = f"classify_{args.model}"
    common.save_picture(args, name, figure)
    common.report(args, name, data=data.name, test_accuracy=accuracy)


if __name__ == "__main__":
    main()
