"""A question about a story: two recurrent encoders whose vectors are added."""

import numpy as np
from keras.layers import Dense, Dropout, RepeatVector, recurrent
from keras.layers.core import Merge
from keras.layers.embeddings import Embedding
from keras.models import Sequential
from keras.optimizers import Adam
from keras.preprocessing.sequence import pad_sequences

np.random.seed(1337)
RNN = recurrent.LSTM
people, places = ["mary", "john"], ["garden", "kitchen", "office"]
vocab = sorted(people + places + ["went", "where", "is", "?", "."])
word_idx = dict((c, i + 1) for i, c in enumerate(vocab))


def stories(n):
    X, Xq, Y = [], [], []
    for _ in range(n):
        story, at = [], {}
        for who in np.random.permutation(people):
            at[who] = str(np.random.choice(places))
            story += [str(who), "went", at[who], "."]
        asked = str(np.random.choice(people))
        X.append([word_idx[w] for w in story])
        Xq.append([word_idx[w] for w in ("where", "is", asked, "?")])
        y = np.zeros(len(vocab) + 1)
        y[word_idx[at[asked]]] = 1
        Y.append(y)
    return pad_sequences(X, maxlen=8), pad_sequences(Xq, maxlen=4), np.array(Y)


X, Xq, Y = stories(1500)
tX, tXq, tY = stories(300)
vocab_size, EMBED_HIDDEN_SIZE = len(vocab) + 1, 32
sentrnn = Sequential()
sentrnn.add(Embedding(vocab_size, EMBED_HIDDEN_SIZE, input_length=8))
sentrnn.add(Dropout(0.05))
qrnn = Sequential()
qrnn.add(Embedding(vocab_size, EMBED_HIDDEN_SIZE, input_length=4))
qrnn.add(Dropout(0.05))
qrnn.add(RNN(EMBED_HIDDEN_SIZE, return_sequences=False))
qrnn.add(RepeatVector(8))
model = Sequential()
model.add(Merge([sentrnn, qrnn], mode="sum"))
model.add(RNN(EMBED_HIDDEN_SIZE, return_sequences=False))
model.add(Dense(vocab_size, activation="softmax"))
model.compile(optimizer=Adam(lr=0.004), loss="categorical_crossentropy", metrics=["accuracy"])
model.fit([X, Xq], Y, batch_size=32, nb_epoch=45, validation_split=0.05, verbose=0)
loss, acc = model.evaluate([tX, tXq], tY, batch_size=32, verbose=0)
print("Test loss / test accuracy = {:.4f} / {:.4f}".format(loss, acc))
assert acc > 0.9
