"""Word vectors of skip-grams: two embeddings whose product says whether words are neighbours."""

import numpy as np
from keras.layers import Activation, Embedding, Merge, Reshape
from keras.models import Sequential
from keras.preprocessing.sequence import make_sampling_table, skipgrams

np.random.seed(7)
groups = [range(1, 7), range(7, 13), range(13, 19)]
V, dim_embedding = 19, 8
corpus = [np.random.choice(list(groups[np.random.randint(3)]), 12) for _ in range(150)]
assert make_sampling_table(V).shape == (V,)
pivot = Sequential()
pivot.add(Embedding(V, dim_embedding, input_length=1))
pivot.add(Reshape(dims=(dim_embedding, 1)))
context = Sequential()
context.add(Embedding(V, dim_embedding, input_length=1))
context.add(Reshape(dims=(dim_embedding, 1)))
model = Sequential()
model.add(Merge([pivot, context], mode="dot", dot_axes=(1, 1)))
model.add(Reshape((1,)))
model.add(Activation("sigmoid"))
model.compile(loss="binary_crossentropy", optimizer="adam")
for epoch in range(8):
    loss = 0.0
    for words in corpus:
        couples, labels = skipgrams(list(map(int, words)), V, window_size=3, negative_samples=1.0)
        couples = np.array(couples, dtype="int32")
        loss += float(model.train_on_batch([couples[:, :1], couples[:, 1:]], np.array(labels)))
    print(epoch, loss / len(corpus))
vectors = pivot.layers[0].get_weights()[0]
unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
near = unit @ unit.T
inside = np.mean([near[a, b] for g in groups for a in g for b in g if a != b])
across = np.mean([near[a, b] for g in groups for a in g for b in range(1, V) if b not in g])
print("Cosine inside a group", inside, "and across", across)
assert inside > across + 0.5
