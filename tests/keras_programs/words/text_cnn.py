"""Windows of several widths over a sentence, each pooled over time, as Kim's network has them."""

import numpy as np
from keras.layers import (
    Convolution2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    MaxPooling2D,
    Reshape,
    merge,
)
from keras.models import Model

np.random.seed(11)
vocabulary_size, sequence_length, embedding_dim = 30, 14, 10
X = np.random.randint(2, vocabulary_size, (1400, sequence_length))
y = np.random.randint(0, 3, 1400)
for x, k in zip(X, y):
    phrase = ([4, 9, 4], [9, 9, 4, 4], [4, 4, 9, 9])[k]
    at = np.random.randint(0, sequence_length - len(phrase))
    x[at : at + len(phrase)] = phrase
Y = np.eye(3)[y]

inputs = Input(shape=(sequence_length,), dtype="int32")
embedding = Embedding(
    output_dim=embedding_dim, input_dim=vocabulary_size, input_length=sequence_length
)(inputs)
reshape = Reshape((1, sequence_length, embedding_dim))(embedding)
pooled = []
for size in (3, 4):
    conv = Convolution2D(
        16,
        size,
        embedding_dim,
        border_mode="valid",
        init="normal",
        activation="relu",
        dim_ordering="th",
    )(reshape)
    pooled.append(
        MaxPooling2D(
            pool_size=(sequence_length - size + 1, 1),
            strides=(1, 1),
            border_mode="valid",
            dim_ordering="th",
        )(conv)
    )
merged_tensor = merge(pooled, mode="concat", concat_axis=1)
dropout = Dropout(0.2)(Flatten()(merged_tensor))
output = Dense(output_dim=3, activation="softmax")(dropout)
model = Model(input=inputs, output=output)
model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
model.fit(X[:1100], Y[:1100], batch_size=32, nb_epoch=15, verbose=0, validation_split=0.1)
accuracy = model.evaluate(X[1100:], Y[1100:], verbose=0)[1]
print("Test accuracy:", accuracy)
assert accuracy > 0.9
