"""Sarcasm in product reviews: does it show in how sentiment moves from sentence to sentence?

    python examples/sarcasm.py --data sarcasm_amazon.tsv

A review is a sequence of sentences, a sentence six numbers (reviews.py). Two recurrent autoencoders
and a dense one are trained one on the other, without labels; their encoders, one on the other, are
then trained to tell ironic reviews from regular ones.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from matplotlib.axes import Axes
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import common
import reviews
from graphc.callbacks import EarlyStopping, ModelCheckpoint
from graphc.engine.topology import Layer
from graphc.layers import GRU, AutoEncoder, Dense, Masking
from graphc.models import Sequential
from graphc.preprocessing.sequence import pad_sequences

SENTENCES = 50  # of a longer review, the first ones are read
LEAST = 12  # reviews of a kind: some are trained on, some held out, some tested


def pretrained(encoder: Layer, decoder: Layer, x: np.ndarray, nb_epoch: int) -> np.ndarray:
    """Train an encoder to keep what a decoder can restore `x` from; the codes of `x`."""
    model = Sequential()
    if x.ndim == 3:
        model.add(Masking(input_shape=x.shape[1:]))  # padding counts in no loss
    autoencoder = AutoEncoder(encoder, decoder)
    model.add(autoencoder)
    model.compile("rmsprop", "mse")
    history = model.fit(x, x, batch_size=32, nb_epoch=nb_epoch, verbose=0)
    losses = history.history["loss"]
    print(f"  {encoder.name}: reconstruction error {losses[0]:.4f} to {losses[-1]:.4f}", flush=True)
    autoencoder.output_reconstruction = False
    model.compile("rmsprop", "mse")
    return model.predict(x)


def stacked(x: np.ndarray, nb_epoch: int) -> Sequential:
    """The classifier, its encoders trained on `x` (reviews, sentences, 6) layer by layer."""
    is_sentence = x.any(axis=-1, keepdims=True)
    first = GRU(50, return_sequences=True, input_dim=6, name="encoder_1")
    codes = pretrained(first, GRU(6, return_sequences=True), x, nb_epoch)
    second = GRU(60, return_sequences=True, input_dim=50, name="encoder_2")
    codes = pretrained(second, GRU(50, return_sequences=True), codes * is_sentence, nb_epoch)
    # A masked step repeats the output before it: the last one is that of the last sentence.
    third = Dense(50, activation="tanh", input_dim=60, name="encoder_3")
    pretrained(third, Dense(60, activation="tanh"), codes[:, -1], nb_epoch)

    model = Sequential()
    model.add(Masking(input_shape=x.shape[1:]))
    model.add(GRU(50, return_sequences=True, weights=first.get_weights()))
    model.add(GRU(60, weights=second.get_weights()))
    model.add(Dense(50, activation="tanh", weights=third.get_weights()))
    model.add(Dense(1, activation="sigmoid"))
    model.compile("rmsprop", "binary_crossentropy", metrics=["accuracy"])
    return model


def finetuned(
    args: argparse.Namespace, x: np.ndarray, y: np.ndarray, fold: int
) -> tuple[Sequential, int]:
    """The classifier at the epoch that was best on a tenth held out of `x`, and that epoch."""
    pretraining, epochs = (1, 2) if args.quick else (40, 60)
    train, held_out = train_test_split(
        np.arange(len(x)), test_size=0.1, stratify=y, random_state=args.seed
    )
    model = stacked(x[train], pretraining)
    best = str(args.out / f"sarcasm_{fold}.h5")
    history = model.fit(
        x[train],
        y[train],
        batch_size=32,
        nb_epoch=epochs,
        verbose=0,
        validation_data=(x[held_out], y[held_out]),
        callbacks=[
            ModelCheckpoint(best, monitor="val_loss", save_best_only=True),
            EarlyStopping(monitor="val_loss", patience=15),
        ],
    )
    model.load_weights(best)
    return model, int(np.argmin(history.history["val_loss"])) + 1


def summary(sequence: np.ndarray) -> np.ndarray:
    """A review as one row, for models that know no order."""
    return np.concatenate(
        [sequence.mean(0), sequence.std(0), sequence.min(0), sequence.max(0), [len(sequence)]]
    )


def cross_validated(
    args: argparse.Namespace, sequences: list[np.ndarray], y: np.ndarray
) -> dict[str, np.ndarray]:
    """Method -> accuracy and F1 of the ironic reviews in each fold, (folds, 2)."""
    count, maxlen = (2, 12) if args.quick else (5, SENTENCES)
    x = pad_sequences(sequences, maxlen=maxlen, dtype="float32", truncating="post")
    flat = np.array([summary(sequence) for sequence in sequences])
    stars = flat[:, [reviews.FEATURES.index("stars")]]
    scores: dict[str, list] = {}
    folds = StratifiedKFold(count, shuffle=True, random_state=args.seed)
    for fold, (train, test) in enumerate(folds.split(x, y), start=1):
        print(f"fold {fold}: {len(train)} reviews to train, {len(test)} to test", flush=True)
        linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        model, epoch = finetuned(args, x[train], y[train], fold)
        found = {
            "all regular": np.zeros(len(test), "int64"),
            "stars alone": linear.fit(stars[train], y[train]).predict(stars[test]),
            "logistic regression": linear.fit(flat[train], y[train]).predict(flat[test]),
            "stacked GRUs": model.predict_classes(x[test], verbose=0).ravel(),
        }
        for name, classes in found.items():
            score = accuracy_score(y[test], classes), f1_score(y[test], classes, zero_division=0)
            scores.setdefault(name, []).append(score)
        accuracy, f1 = scores["stacked GRUs"][-1]
        print(f"  best epoch {epoch}: accuracy {accuracy:.3f}, F1 {f1:.3f}", flush=True)
    return {name: np.array(rows) for name, rows in scores.items()}


def plot_movement(plot: Axes, sequences: list[np.ndarray], y: np.ndarray) -> None:
    """Sentiment on the way through a review, on average."""
    way = np.linspace(0, 1, 21)
    compound = reviews.FEATURES.index("compound")
    for label, value in (("ironic", 1), ("regular", 0)):
        curves = [
            np.interp(way, np.linspace(0, 1, len(sequence)), sequence[:, compound])
            for sequence, ironic in zip(sequences, y, strict=True)
            if ironic == value
        ]
        plot.plot(way, np.mean(curves, axis=0), label=label)
    plot.set_title("sentiment from title to end")
    plot.set_xlabel("way through the review")
    plot.set_ylabel("mean of VADER's score, -1 to 1")
    plot.legend()


def plot_scores(plot: Axes, scores: dict[str, np.ndarray], column: int, title: str) -> None:
    """The mean of the folds as a bar, each fold as a point."""
    for row, folds in enumerate(scores.values()):
        plot.barh(row, folds[:, column].mean(), color="lightsteelblue")
        plot.plot(folds[:, column], np.full(len(folds), row), "k.", markersize=4)
    plot.set_yticks(range(len(scores)), scores)
    plot.set_xlim(0, 1)
    plot.set_xlabel("bar: mean; points: folds")
    plot.set_title(title)


def main() -> None:
    parser = common.parser(__doc__, data=reviews.FORM, without="it says where to get them")
    args = common.start(parser)
    if args.data is None:
        sys.exit(f"no data: give --data PATH\n{reviews.WHERE_TO_GET_IT}\nPATH: {reviews.FORM}")
    with common.reading(args):
        corpus = reviews.read(args.data)
        if args.quick:
            corpus = corpus[:: max(1, len(corpus) // 150)]
        y = np.array([review.ironic for review in corpus], "int64")
        if not LEAST <= y.sum() <= len(y) - LEAST:
            raise ValueError(
                f"{args.data} has {len(y)} reviews, {y.sum()} of them ironic; at least {LEAST} "
                "of each kind are needed"
            )
    data = f"{len(corpus)} reviews, {y.sum()} of them ironic, {args.data}"
    common.say_data(data)
    sequences = reviews.features(corpus)

    scores = cross_validated(args, sequences, y)
    figure, (movement, accuracy, f1) = common.figure(3, width=11)
    plot_movement(movement, sequences, y)
    plot_scores(accuracy, scores, 0, "accuracy")
    plot_scores(f1, scores, 1, "F1 of ironic")
    f1.set_yticklabels([])
    common.save_picture(args, "sarcasm", figure)
    results = {
        name: {"accuracy": rows[:, 0].mean(), "f1": rows[:, 1].mean()}
        for name, rows in scores.items()
    }
    common.report(args, "sarcasm", data=data, **results)


if __name__ == "__main__":
    main()
