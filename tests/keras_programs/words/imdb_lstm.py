"""Sequences of word numbers are praise or not: embeddings, dropout and an LSTM."""

import numpy as np
from keras.layers import LSTM, Activation, Dense, Dropout, Embedding
from keras.models import Sequential
from keras.preprocessing import sequence

np.random.seed(1337)
max_features, maxlen, batch_size = 60, 16, 32


def reviews(n):
    """Words below 10 praise and those from 10 to 19 blame; "not" is 20 and turns the next."""
    X, y = [], []
    for _ in range(n):
        words = np.random.randint(1, max_features, np.random.randint(8, 24)).tolist()
        total, sign = 0, 1
        for word in words[-maxlen:]:
            total += sign * ((word < 10) - (10 <= word < 20))
            sign = -1 if word == 20 else 1
        if total:
            X.append(words)
            y.append(int(total > 0))
    return X, np.array(y)


(X_train, y_train), (X_test, y_test) = reviews(2000), reviews(400)
X_train = sequence.pad_sequences(X_train, maxlen=maxlen)
X_test = sequence.pad_sequences(X_test, maxlen=maxlen)
model = Sequential()
model.add(Embedding(max_features, 16, input_length=maxlen, dropout=0.1))
model.add(LSTM(16, dropout_W=0.1, dropout_U=0.1))
model.add(Dropout(0.2))
model.add(Dense(1))
model.add(Activation("sigmoid"))
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
model.fit(
    X_train,
    y_train,
    batch_size=batch_size,
    nb_epoch=12,
    verbose=2,
    validation_data=(X_test, y_test),
)
score, acc = model.evaluate(X_test, y_test, batch_size=batch_size, verbose=0)
print("Test accuracy:", acc)
assert acc > 0.85
