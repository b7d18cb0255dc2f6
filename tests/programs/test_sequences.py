"""Recurrent programs of 2016: stacked and stateful LSTMs, masked sequences, both directions."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.layers import GRU, LSTM, Dense, Dropout, Embedding, Masking, TimeDistributed
from graphc.layers.core import Activation, RepeatVector
from graphc.models import Sequential
from graphc.optimizers import Adam
from graphc.preprocessing import sequence
from graphc.preprocessing.text import Tokenizer
from tests.programs.round_trip import assert_comes_back


def test_stacked_lstm_for_classification(tmp_path):
    np.random.seed(1)
    data_dim, timesteps, nb_classes = 4, 6, 2
    model = Sequential()
    model.add(LSTM(8, return_sequences=True, input_shape=(timesteps, data_dim)))
    model.add(LSTM(8, return_sequences=True))
    model.add(LSTM(8))
    model.add(Dense(nb_classes, activation="softmax"))
    model.compile(loss="categorical_crossentropy", optimizer=Adam(lr=0.02), metrics=["accuracy"])
    x = np.random.random((96, timesteps, data_dim))
    y = np.eye(nb_classes)[(x[:, 0, 0] > 0.5).astype(int)]  # what the last step has to remember
    model.fit(
        x[:64], y[:64], batch_size=16, nb_epoch=30, verbose=0, validation_data=(x[64:], y[64:])
    )
    assert model.evaluate(x[64:], y[64:], verbose=0)[1] > 0.8
    assert_comes_back(model, x, tmp_path)


def test_stateful_lstm_reads_a_long_sequence_in_pieces():
    """States go on from batch to batch: pieces predict what the whole sequence does."""
    np.random.seed(2)
    batch, steps, pieces = 4, 5, 3
    stateful = Sequential()
    stateful.add(LSTM(6, return_sequences=True, stateful=True, batch_input_shape=(batch, steps, 2)))
    stateful.add(LSTM(6, return_sequences=True, stateful=True))
    stateful.add(TimeDistributed(Dense(1)))
    whole = Sequential()
    whole.add(LSTM(6, return_sequences=True, input_shape=(None, 2)))
    whole.add(LSTM(6, return_sequences=True))
    whole.add(TimeDistributed(Dense(1)))
    whole.set_weights(stateful.get_weights())
    x = np.random.normal(size=(batch, steps * pieces, 2))
    expected = whole.predict(x)
    for _ in range(2):
        read = [
            stateful.predict(x[:, k * steps : (k + 1) * steps], batch_size=batch) for k in range(3)
        ]
        np.testing.assert_allclose(np.concatenate(read, axis=1), expected, rtol=1e-4, atol=1e-6)
        stateful.reset_states()

    stateful.compile(loss="mse", optimizer="rmsprop")
    y = np.cumsum(x, axis=1)[:, :, :1] / 5
    losses = []
    for _ in range(40):
        for k in range(pieces):
            part = slice(k * steps, (k + 1) * steps)
            losses.append(stateful.train_on_batch(x[:, part], y[:, part]))
        stateful.reset_states()
    assert np.mean(losses[-3:]) < 0.7 * np.mean(losses[:3])


def test_sentiment_of_padded_texts(tmp_path):
    np.random.seed(3)
    texts = [
        "good film very good",
        "bad film",
        "very bad",
        "good good",
        "a bad bad film",
        "so good",
    ]
    labels = np.array([1, 0, 0, 1, 0, 1])
    tokenizer = Tokenizer(nb_words=20)
    tokenizer.fit_on_texts(texts)
    X = sequence.pad_sequences(tokenizer.texts_to_sequences(texts), maxlen=6)
    model = Sequential()
    model.add(Embedding(20, 8, input_length=6, mask_zero=True, dropout=0.1))
    model.add(LSTM(8, dropout_W=0.1, dropout_U=0.1))
    model.add(Dense(1))
    model.add(Activation("sigmoid"))
    with pytest.warns(UserWarning, match="class_mode"):
        model.compile(loss="binary_crossentropy", optimizer=Adam(lr=0.05), class_mode="binary")
    model.fit(X, labels, batch_size=3, nb_epoch=40, verbose=0, show_accuracy=True)
    score, acc = model.evaluate(X, labels, verbose=0, show_accuracy=True)
    assert acc == 1.0
    assert score < 0.3
    assert model.predict_classes(X, verbose=0).ravel().tolist() == labels.tolist()
    assert_comes_back(model, X, tmp_path)


def test_padding_changes_nothing_behind_a_masking(tmp_path):
    np.random.seed(4)
    model = Sequential()
    model.add(Masking(mask_value=0.0, input_shape=(None, 3)))
    model.add(GRU(5, return_sequences=True))
    model.add(Dropout(0.5))
    model.add(GRU(4))
    short = np.random.normal(size=(3, 4, 3))
    padded = np.concatenate([short, np.zeros((3, 5, 3))], axis=1)
    np.testing.assert_allclose(model.predict(padded), model.predict(short), rtol=1e-5)
    assert_comes_back(model, padded, tmp_path)


def test_encoder_and_decoder(tmp_path):
    """A vector repeated for each step, as in the addition example."""
    np.random.seed(5)
    model = Sequential()
    model.add(GRU(24, input_shape=(4, 3)))
    model.add(RepeatVector(4))
    model.add(GRU(24, return_sequences=True))
    model.add(TimeDistributed(Dense(3)))
    model.add(Activation("softmax"))
    model.compile(loss="categorical_crossentropy", optimizer=Adam(lr=0.02), metrics=["accuracy"])
    digits = np.random.randint(0, 3, (128, 4))
    x = np.eye(3)[digits]
    history = model.fit(x, x[:, ::-1], batch_size=32, nb_epoch=40, verbose=0)
    assert history.history["acc"][-1] > 0.75
    assert history.history["acc"][0] < 0.5
    assert_comes_back(model, x, tmp_path)


def test_temporal_sample_weights_leave_steps_out():
    np.random.seed(6)
    model = Sequential([GRU(3, return_sequences=True, input_shape=(5, 2))])
    model.compile(loss="mse", optimizer="sgd", sample_weight_mode="temporal")
    x, y = np.random.random((4, 5, 2)), np.random.random((4, 5, 3))
    weights = np.zeros((4, 5))
    weights[:, :2] = 1
    errors = np.mean((model.predict(x) - y) ** 2, axis=-1)
    loss = model.evaluate(x, y, sample_weight=weights, verbose=0)
    assert loss == pytest.approx(errors[:, :2].mean(), rel=1e-5)
