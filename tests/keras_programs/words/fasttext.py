"""The mean of the vectors of words and of pairs of words."""

import numpy as np
from keras.layers import Dense, Embedding, GlobalAveragePooling1D
from keras.models import Sequential
from keras.preprocessing import sequence

np.random.seed(8)
ngram_range, max_features, maxlen = 2, 12, 24


def create_ngram_set(input_list, ngram_value=2):
    return set(zip(*[input_list[i:] for i in range(ngram_value)]))


def add_ngram(sequences, token_indice):
    return [s + [token_indice[p] for p in zip(s, s[1:]) if p in token_indice] for s in sequences]


def texts(n):
    """Return True where 3 before 4 is more often than 4 before 3."""
    X, y = [], []
    while len(X) < n:
        words = np.random.randint(1, max_features, 10).tolist()
        k = np.random.randint(0, 9)
        words[k : k + 2] = (3, 4) if np.random.rand() < 0.5 else (4, 3)
        pairs = list(zip(words, words[1:]))
        difference = pairs.count((3, 4)) - pairs.count((4, 3))
        if difference:
            X.append(words)
            y.append(int(difference > 0))
    return X, np.array(y)


(X_train, y_train), (X_test, y_test) = texts(1500), texts(300)
ngrams = set()
for one in X_train:
    ngrams |= create_ngram_set(one, 2)
token_indice = {v: k + max_features + 1 for k, v in enumerate(sorted(ngrams))}
max_features += len(token_indice) + 1
X_train, X_test = (
    sequence.pad_sequences(add_ngram(X, token_indice), maxlen=maxlen) for X in (X_train, X_test)
)
model = Sequential()
model.add(Embedding(max_features, 10, input_length=maxlen))
model.add(GlobalAveragePooling1D())
model.add(Dense(1, activation="sigmoid"))
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
model.fit(X_train, y_train, batch_size=32, nb_epoch=30, verbose=0)
accuracy = model.evaluate(X_test, y_test, verbose=0)[1]
print("Test accuracy:", accuracy)
assert accuracy > 0.9
