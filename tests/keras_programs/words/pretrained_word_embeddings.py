"""Word vectors that are given and stay as they are, under convolutions."""

import numpy as np
from keras.layers import Convolution1D, Dense, Embedding, Flatten, Input, MaxPooling1D
from keras.models import Model
from keras.preprocessing.sequence import pad_sequences
from keras.preprocessing.text import Tokenizer
from keras.utils.np_utils import to_categorical

np.random.seed(1337)
animals, tools, fill = "cat dog cow hen fox", "saw axe nail file drill", "one two red big old near"
embeddings_index = {w: np.r_[1, np.random.normal(0, 0.3, 7)] for w in animals.split()}
embeddings_index.update({w: np.r_[-1, np.random.normal(0, 0.3, 7)] for w in tools.split()})
embeddings_index.update({w: np.random.normal(0, 0.3, 8) for w in fill.split()})
labels = np.random.randint(0, 2, 500)
seen = [animals.split()[:3], tools.split()[:3]]
held_out = [animals.split()[3:], tools.split()[3:]]


def text(k, words):
    chosen = list(np.random.choice(words[k], 2)) + list(np.random.choice(fill.split(), 8))
    return " ".join(np.random.permutation(chosen))


texts = [text(k, seen if i < 400 else held_out) for i, k in enumerate(labels)]
tokenizer = Tokenizer(nb_words=50)
tokenizer.fit_on_texts(texts)
data = pad_sequences(tokenizer.texts_to_sequences(texts), maxlen=12)
word_index = tokenizer.word_index
embedding_matrix = np.zeros((len(word_index) + 1, 8))
for word, i in word_index.items():
    embedding_matrix[i] = embeddings_index[word]
embedding_layer = Embedding(
    len(word_index) + 1, 8, weights=[embedding_matrix], input_length=12, trainable=False
)
sequence_input = Input(shape=(12,), dtype="int32")
x = embedding_layer(sequence_input)
x = Convolution1D(16, 3, activation="relu")(x)
x = MaxPooling1D(10)(x)
x = Flatten()(x)
preds = Dense(2, activation="softmax")(x)
model = Model(sequence_input, preds)
model.compile(loss="categorical_crossentropy", optimizer="rmsprop", metrics=["acc"])
model.fit(data[:400], to_categorical(labels[:400], 2), nb_epoch=20, batch_size=16, verbose=0)
assert np.allclose(embedding_layer.get_weights()[0], embedding_matrix)
accuracy = model.evaluate(data[400:], to_categorical(labels[400:], 2), verbose=0)[1]
print("Accuracy on words never seen:", accuracy)
assert accuracy > 0.9
