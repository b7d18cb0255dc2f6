"""An LSTM that reads a text letter by letter and then writes one: the project's own README.

    python examples/writer.py
    python examples/writer.py --data some_book.txt

It reads several streams of the text at the same time, a window after the other, and its state goes
on from each window to the next one (stateful=True). Another model with the same weights writes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import common
from graphc.callbacks import Callback, ModelCheckpoint
from graphc.layers import LSTM, Dense, Embedding, TimeDistributed
from graphc.models import Sequential
from graphc.optimizers import Adam

README = Path(__file__).resolve().parents[1] / "README.md"
STREAMS = 16  # of the text that are read at the same time
WINDOW = 40  # letters that a training step reads at each
LEAST = 11 * STREAMS * WINDOW  # letters: a tenth, held out, is more than one step then
TEMPERATURES = (0.4, 0.7, 1.0)


def build(letters: int, streams: int, window: int, units: int) -> Sequential:
    """From letters (places, window) to the probabilities of each one's next letter."""
    return Sequential(
        [
            Embedding(letters, 32, batch_input_shape=(streams, window)),
            LSTM(units, return_sequences=True, stateful=True, dropout_W=0.3, dropout_U=0.3),
            TimeDistributed(Dense(letters, activation="softmax")),
        ]
    )


def windows(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Windows and the letters that follow on each of theirs, (n, WINDOW) and (n, WINDOW, 1).

    A text in PLACES strips; sample i * PLACES + k is window i of strip k, so that sample k of a
    batch goes on where sample k of the batch before ended."""
    count = (len(codes) - 1) // (STREAMS * WINDOW)
    size = count * STREAMS * WINDOW
    x, y = (
        part.reshape(STREAMS, count, WINDOW).transpose(1, 0, 2).reshape(-1, WINDOW)
        for part in (codes[:size], codes[1 : size + 1])
    )
    return x, y[..., None]


class FromTheStart(Callback):
    """Each epoch begins with an empty memory, and so does the validation behind it."""

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        self.model.reset_states()


def write(model: Sequential, letters: str, start: str, count: int) -> list[str]:
    """`count` letters after `start`, one text for each temperature.

    A low temperature takes likely letters only, 1 takes each as often as the model expects it."""
    units = model.layers[1].output_dim
    writer = build(len(letters), streams=len(TEMPERATURES), window=1, units=units)
    writer.set_weights(model.get_weights())
    codes = [[letters.index(letter)] * len(TEMPERATURES) for letter in start]
    for step in range(len(start) + count - 1):
        chances = writer.predict_on_batch(np.array(codes[step])[:, None])[:, 0]
        if step + 1 == len(codes):
            scores = np.log(chances) / np.array(TEMPERATURES)[:, None]
            # The highest score with Gumbel noise is a draw from the scores' softmax.
            codes.append((scores + np.random.gumbel(size=scores.shape)).argmax(axis=1))
    return ["".join(letters[code] for code in text) for text in np.transpose(codes)]


def main() -> None:
    parser = common.parser(__doc__, data="a text file, UTF-8", without="graphc's README.md")
    args = common.start(parser)
    with common.reading(args):
        text = (args.data or README).read_text(encoding="utf-8")
        if len(text) < LEAST:
            raise ValueError(f"{args.data} has {len(text):,} letters, fewer than {LEAST:,}")
    data = f"{args.data or 'README.md'}, {len(text)} letters"
    common.say_data(data)

    letters = "".join(sorted(set(text)))
    codes = np.array([letters.index(letter) for letter in text], "int32")
    x, y = windows(codes[: len(codes) * 9 // 10])
    x_test, y_test = windows(codes[len(codes) * 9 // 10 :])
    model = build(len(letters), STREAMS, WINDOW, units=64 if args.quick else 192)
    model.compile(Adam(0.004), "sparse_categorical_crossentropy", metrics=["accuracy"])
    best = str(args.out / "writer.h5")
    history = model.fit(
        x,
        y,
        batch_size=STREAMS,
        shuffle=False,  # windows in their order
        nb_epoch=3 if args.quick else 40,
        validation_data=(x_test, y_test),
        callbacks=[FromTheStart(), ModelCheckpoint(best, monitor="val_loss", save_best_only=True)],
        verbose=2,
    ).history
    model.load_weights(best)

    texts = write(model, letters, start=text[:40], count=60 if args.quick else 400)
    for temperature, written in zip(TEMPERATURES, texts, strict=True):
        print(f"--- temperature {temperature}\n{written}")
    figure, (curve,) = common.figure(width=5)
    common.plot_history(curve, history, "loss", "nats a letter")
    common.save_picture(args, "writer", figure)
    common.report(
        args,
        "writer",
        data=data,
        best_epoch=int(np.argmin(history["val_loss"])) + 1,
        bits_a_letter=min(history["val_loss"]) / np.log(2),
        texts=texts,
    )


if __name__ == "__main__":
    main()
