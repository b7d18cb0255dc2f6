"""Motion from accelerometers: which activity a watch was worn in.

    python examples/motion.py --data basic_motions.npz
    python examples/motion.py --full-length

One input per axis goes into a Graph, each through a convolution along time of its own; what they
find is joined in dense layers.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

import numpy as np

import common
import recordings
from graphc.callbacks import History, ModelCheckpoint
from graphc.layers import Convolution1D, Dense, Dropout, Flatten, MaxPooling1D
from graphc.models import Graph
from graphc.optimizers import Adam
from graphc.utils.np_utils import to_categorical

SENSORS = ("wrist", "hip", "ankle")
FULL_LENGTH = 16_501

GENERATED = "generated signals"

# What is generated: the steps that a swing takes, how far it goes, and one of how many is made.
MOTIONS = {
    "badminton": (24, 2.0, 4),
    "running": (12, 2.0, 1),
    "standing": (48, 0.1, 1),
    "walking": (24, 1.0, 1),
}

Samples = dict[str, np.ndarray]


def build(steps: int, inputs: Sequence[str], columns: int, pool: int, lr: float) -> Graph:
    """A branch for each input of (steps, columns); a probability for each motion."""
    model = Graph()
    for name in inputs:
        model.add_input(name=name, input_shape=(steps, columns))
        model.add_node(Convolution1D(20, 5, activation="relu"), name=f"{name} conv", input=name)
        model.add_node(Dropout(0.25), name=f"{name} drop", input=f"{name} conv")
        model.add_node(MaxPooling1D(pool), name=f"{name} pool", input=f"{name} drop")
        model.add_node(Flatten(), name=f"{name} flat", input=f"{name} pool")
    flat = [f"{name} flat" for name in inputs]
    model.add_node(Dense(50, activation="relu"), name="joined", inputs=flat, merge_mode="concat")
    model.add_node(Dense(len(MOTIONS), activation="softmax"), name="last", input="joined")
    model.add_output(name="motion", input="last")
    model.compile(Adam(lr), {"motion": "categorical_crossentropy"}, metrics=["accuracy"])
    return model


def generated(
    random: np.random.RandomState, count: int, steps: int, inputs: Sequence[str], columns: int
) -> Samples:
    """Samples whose motions differ as real ones do: swings of their own period, size and rhythm,
    in another phase on each axis, a little faster or slower each time, under noise."""
    motion = np.arange(count) % len(MOTIONS)
    period, size, one_of = np.array(list(MOTIONS.values())).T[:, motion, None, None]
    pace = random.uniform(0.9, 1.1, size=(count, 1, 1))
    samples = {"motion": to_categorical(motion, len(MOTIONS))}
    for name in inputs:
        phase = random.uniform(size=(count, 1, columns))
        turns = np.arange(steps)[None, :, None] * pace / period + phase
        swings = np.where(turns % one_of < 1, size * np.sin(2 * np.pi * turns), 0)
        samples[name] = (swings + random.normal(0, 0.3, swings.shape)).astype("float32")
    return samples


def batches(random: np.random.RandomState, size: int, steps: int) -> Iterator[Samples]:
    """Full-length samples without end: all of them would not have to fit into memory."""
    while True:
        yield generated(random, size, steps, SENSORS, columns=3)


def samples_of(args: argparse.Namespace) -> tuple[str, Samples, Samples]:
    """Return the data's name, and samples to train and to test: 100 steps at 10 Hz, an input for
    each of six axes."""
    axes = recordings.AXES
    if not args.data and not args.download:
        count = 40 if args.quick else 200
        train, test = (
            generated(np.random.RandomState([args.seed, part]), count, 100, axes, columns=1)
            for part in range(2)
        )
        return GENERATED, train, test
    with common.reading(args):
        path = recordings.download() if args.download else args.data
        parts = recordings.read(path)
    # The test samples are scaled as the training samples are: nothing is learned from them.
    x_train = parts[0][0]
    mean, std = x_train.mean((0, 1)), x_train.std((0, 1))
    train, test = (
        {"motion": to_categorical(y, len(MOTIONS))}
        | dict(zip(axes, np.split((x - mean) / std, len(axes), axis=2), strict=True))
        for x, y in parts
    )
    return f"recordings, {path}", train, test


def short(args: argparse.Namespace, train: Samples) -> tuple[Graph, History]:
    """Train on samples of 100 steps."""
    model = build(100, recordings.AXES, columns=1, pool=2, lr=0.001)
    history = model.fit(train, batch_size=8, nb_epoch=5 if args.quick else 60, verbose=2)
    return model, history


def full_length(args: argparse.Namespace) -> tuple[Graph, History, Samples]:
    """Train on long recordings of three sensors with three axes each, made as they are needed."""
    steps, count, epochs = (1000, 32, 2) if args.quick else (FULL_LENGTH, 128, 10)
    training, held_out, test = (np.random.RandomState([args.seed, part]) for part in range(3))
    model = build(steps, SENSORS, columns=3, pool=10, lr=0.0001)
    best = str(args.out / "motion_full_length.h5")
    history = model.fit_generator(
        batches(training, 16, steps),
        samples_per_epoch=count,
        nb_epoch=epochs,
        validation_data=generated(held_out, 32, steps, SENSORS, columns=3),
        callbacks=[ModelCheckpoint(best, monitor="val_loss", save_best_only=True)],
        verbose=2,
    )
    model.load_weights(best)
    return model, history, generated(test, 64, steps, SENSORS, columns=3)


def main() -> None:
    parser = common.parser(
        __doc__,
        data=recordings.FORM,
        without="signals are generated",
        download="fetch BasicMotions (0.5 MB), once, and use it",
    )
    parser.add_argument(
        "--full-length",
        action="store_true",
        help=f"{FULL_LENGTH:,} steps, three inputs of 3, on generated signals",
    )
    args = common.start(parser)
    if args.full_length:
        if args.data or args.download:
            parser.error("--full-length takes no --data and no --download: signals are generated")
        data = GENERATED
        common.say_data(data)
        model, history, test = full_length(args)
    else:
        data, train, test = samples_of(args)
        common.say_data(data)
        model, history = short(args, train)
    found = model.predict(test)["motion"].argmax(axis=1)
    truth = test["motion"].argmax(axis=1)

    figure, (signal, curve, table) = common.figure(3, width=10)
    first = next(iter(model.input_order))
    for row, name in enumerate(MOTIONS):
        signal.plot(test[first][truth == row][0][:100, 0] - 6 * row, label=name, linewidth=1)
    signal.set_title(f"{first}, a sample each")
    signal.set_xlabel("step")
    signal.set_yticks(-6 * np.arange(len(MOTIONS)), MOTIONS)
    common.plot_history(curve, history.history, "acc", "accuracy")
    common.plot_confusion(table, truth, found, list(MOTIONS))
    name = "motion_full_length" if args.full_length else "motion"
    common.save_picture(args, name, figure)
    common.report(
        args, name, data=data, test_samples=len(truth), test_accuracy=np.mean(found == truth)
    )


if __name__ == "__main__":
    main()
