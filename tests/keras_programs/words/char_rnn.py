"""A stateful recurrent network reads a text in stripes; its weights go to one that writes."""

import os
import tempfile

import numpy as np
from keras.layers import GRU, Activation, TimeDistributedDense
from keras.models import Sequential

np.random.seed(6)
text = "in the beginning was the word and the word was with the machine. " * 24
chars = sorted(set(text))
ids = np.array([chars.index(c) for c in text])
BATCH, SEQ = 8, 12


def build(batch, seq):
    model = Sequential()
    model.add(
        GRU(40, return_sequences=True, stateful=True, batch_input_shape=(batch, seq, len(chars)))
    )
    model.add(TimeDistributedDense(len(chars)))
    model.add(Activation("softmax"))
    model.compile(loss="categorical_crossentropy", optimizer="adam")
    return model


def batches():
    length = len(ids) // BATCH
    for start in range(0, length - SEQ - 1, SEQ):
        rows = np.arange(BATCH)[:, None] * length + start + np.arange(SEQ + 1)
        hot = np.eye(len(chars))[ids[rows]]
        yield hot[:, :-1], hot[:, 1:]


training = build(BATCH, SEQ)
for epoch in range(60):
    training.reset_states()
    losses = [float(training.train_on_batch(x, y)) for x, y in batches()]
print("loss", np.mean(losses))
handle, path = tempfile.mkstemp(suffix=".h5")
os.close(handle)
training.save_weights(path, overwrite=True)
sampling = build(1, 1)
sampling.load_weights(path)
os.remove(path)
sampling.reset_states()
out = "in the "
for c in out:
    probabilities = sampling.predict(np.eye(len(chars))[[[chars.index(c)]]], batch_size=1)[0, 0]
for _ in range(40):
    out += chars[int(np.argmax(probabilities))]
    x = np.eye(len(chars))[[[chars.index(out[-1])]]]
    probabilities = sampling.predict(x, batch_size=1)[0, 0]
print(out)
assert np.mean(losses) < 0.6
assert sum(word in out for word in ("the word", "beginning", "was the", "machine")) >= 1
