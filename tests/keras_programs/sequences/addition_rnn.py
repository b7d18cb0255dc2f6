"""Sums of numbers as texts: an encoder, its vector repeated, a decoder of a class a step."""

import numpy as np
from keras.layers import Activation, Dense, RepeatVector, TimeDistributed, recurrent
from keras.models import Sequential, slice_X

np.random.seed(10)
DIGITS, INVERT, HIDDEN_SIZE, BATCH_SIZE = 1, True, 64, 64
MAXLEN = DIGITS + 1 + DIGITS


class CharacterTable(object):
    def __init__(self, chars, maxlen):
        self.chars = sorted(set(chars))
        self.char_indices = dict((c, i) for i, c in enumerate(self.chars))
        self.indices_char = dict((i, c) for i, c in enumerate(self.chars))
        self.maxlen = maxlen

    def encode(self, C, maxlen=None):
        X = np.zeros((maxlen or self.maxlen, len(self.chars)))
        for i, c in enumerate(C):
            X[i, self.char_indices[c]] = 1
        return X

    def decode(self, X, calc_argmax=True):
        if calc_argmax:
            X = X.argmax(axis=-1)
        return "".join(self.indices_char[x] for x in X)


chars = "0123456789+ "
ctable = CharacterTable(chars, MAXLEN)
pairs = [(a, b) for a in range(10) for b in range(10)]
np.random.shuffle(pairs)
X = np.array([ctable.encode("{}+{}".format(a, b)[::-1]) for a, b in pairs])
y = np.array([ctable.encode(str(a + b).ljust(DIGITS + 1), DIGITS + 1) for a, b in pairs])
split_at = int(len(X) - len(X) / 10)
X_train, X_val = slice_X(X, 0, split_at), slice_X(X, split_at)
y_train, y_val = y[:split_at], y[split_at:]
model = Sequential()
model.add(recurrent.LSTM(HIDDEN_SIZE, input_shape=(MAXLEN, len(chars))))
model.add(RepeatVector(DIGITS + 1))
model.add(recurrent.LSTM(HIDDEN_SIZE, return_sequences=True))
model.add(TimeDistributed(Dense(len(chars))))
model.add(Activation("softmax"))
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
X_train, y_train = np.tile(X_train, (10, 1, 1)), np.tile(y_train, (10, 1, 1))
model.fit(
    X_train, y_train, batch_size=BATCH_SIZE, nb_epoch=60, verbose=0, validation_data=(X_val, y_val)
)
for i in range(3):
    preds = model.predict_classes(X_val[[i]], verbose=0)
    print(
        "Q",
        ctable.decode(X_val[i])[::-1],
        "T",
        ctable.decode(y_val[i]),
        "is",
        ctable.decode(preds[0], calc_argmax=False),
    )
accuracy = model.evaluate(X_train, y_train, verbose=0)[1]
print("Accuracy of digits:", accuracy)
assert accuracy > 0.95
