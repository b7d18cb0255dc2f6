"""Texts as vectors of words by a Tokenizer, and a perceptron for their topics."""

import numpy as np
from keras.layers import Activation, Dense, Dropout
from keras.models import Sequential
from keras.preprocessing.text import Tokenizer
from keras.utils import np_utils

np.random.seed(1337)
topics = ["wheat corn harvest grain", "oil barrel crude opec", "bank rate loan dollar"]
others = "the of and to in said a mln for from".split()
labels = np.random.randint(0, 3, 600)
texts = [
    " ".join(
        np.random.permutation(
            list(np.random.choice(others, 8))
            + topics[k].split()[:2]
            + list(np.random.choice(topics[k].split(), 2))
        )
    )
    for k in labels
]
tokenizer = Tokenizer(nb_words=30)
tokenizer.fit_on_texts(texts)
X = tokenizer.sequences_to_matrix(tokenizer.texts_to_sequences(texts), mode="binary")
Y = np_utils.to_categorical(labels, 3)
model = Sequential()
model.add(Dense(32, input_shape=(30,)))
model.add(Activation("relu"))
model.add(Dropout(0.5))
model.add(Dense(3))
model.add(Activation("softmax"))
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
history = model.fit(X[:480], Y[:480], nb_epoch=8, batch_size=32, verbose=2, validation_split=0.1)
score = model.evaluate(X[480:], Y[480:], batch_size=32, verbose=0)
print("Test score:", score[0], "Test accuracy:", score[1])
assert score[1] > 0.95
assert sorted(history.history) == ["acc", "loss", "val_acc", "val_loss"]
