"""Two LSTMs, one from each end, in the three manners of Keras 1: Graph, functional, wrapper."""

import numpy as np
from keras.layers import LSTM, Bidirectional, Dense, Dropout, Embedding, Input, merge
from keras.models import Graph, Model, Sequential

np.random.seed(1337)
maxlen, max_features = 12, 20


def sequences(n):
    """Return True where the first word comes again as the last one."""
    X = np.random.randint(1, max_features, (n, maxlen))
    y = np.random.randint(0, 2, n)
    X[:, -1] = np.where(y, X[:, 0], (X[:, 0] + np.random.randint(1, 18, n)) % 19 + 1)
    X[:, 0], X[:, -1] = X[:, 0] % 4 + 1, X[:, -1] % 4 + 1
    return X, (X[:, 0] == X[:, -1]).astype("int32")


(X_train, y_train), (X_test, y_test) = sequences(1500), sequences(300)

graph = Graph()
graph.add_input(name="input", input_shape=(maxlen,), dtype=int)
graph.add_node(Embedding(max_features, 8, input_length=maxlen), name="embedding", input="input")
graph.add_node(LSTM(12), name="forward", input="embedding")
graph.add_node(LSTM(12, go_backwards=True), name="backward", input="embedding")
graph.add_node(Dropout(0.1), name="dropout", inputs=["forward", "backward"])
graph.add_node(Dense(16, activation="tanh"), name="hidden", input="dropout")
graph.add_node(Dense(1, activation="sigmoid"), name="sigmoid", input="hidden")
graph.add_output(name="output", input="sigmoid")
graph.compile("adam", {"output": "binary_crossentropy"})
graph.fit({"input": X_train, "output": y_train}, batch_size=32, nb_epoch=25, verbose=0)
found = graph.predict({"input": X_test}, batch_size=32)["output"]
by_graph = np.mean((found.ravel() > 0.5) == y_test)

words = Input(shape=(maxlen,), dtype="int32")
embedded = Embedding(max_features, 8, input_length=maxlen)(words)
forwards = LSTM(12)(embedded)
backwards = LSTM(12, go_backwards=True)(embedded)
merged = merge([forwards, backwards], mode="concat", concat_axis=-1)
output = Dense(1, activation="sigmoid")(Dense(16, activation="tanh")(Dropout(0.1)(merged)))
functional = Model(input=words, output=output)

wrapped = Sequential()
wrapped.add(Embedding(max_features, 8, input_length=maxlen))
wrapped.add(Bidirectional(LSTM(12)))
wrapped.add(Dense(16, activation="tanh"))
wrapped.add(Dense(1, activation="sigmoid"))
results = [by_graph]
for model in (functional, wrapped):
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.fit(X_train, y_train, batch_size=32, nb_epoch=25, verbose=0)
    results.append(model.evaluate(X_test, y_test, verbose=0)[1])
print("Test accuracies:", results)
assert min(results) > 0.85
