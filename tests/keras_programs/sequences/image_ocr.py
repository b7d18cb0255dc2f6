"""Strips of figures of unequal width, read without their places: connectionist labels (CTC)."""

import numpy as np
from keras import backend as K
from keras.layers import GRU, Activation, Dense, Input, Lambda, TimeDistributed, merge
from keras.models import Model
from keras.optimizers import SGD

np.random.seed(14)
nb_letters, img_w, img_h, max_string_len = 3, 16, 4, 3
shapes = np.array([[1, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]], "float32")


def strips(n):
    X = np.random.rand(n, img_w, img_h) * 0.2
    labels = np.random.randint(0, nb_letters, (n, max_string_len))
    for x, word in zip(X, labels):
        at = np.random.randint(0, 2)
        for letter in word:
            width = np.random.randint(2, 4)
            x[at : at + width] += shapes[letter]
            at += width + np.random.randint(1, 3)
    return X, labels


def ctc_lambda_func(args):
    y_pred, labels, input_length, label_length = args
    return K.ctc_batch_cost(labels, y_pred, input_length, label_length)


input_data = Input(name="the_input", shape=(img_w, img_h), dtype="float32")
inner = TimeDistributed(Dense(12, activation="relu", name="dense1"))(input_data)
gru_1 = GRU(16, return_sequences=True, init="he_normal", name="gru1")(inner)
gru_1b = GRU(16, return_sequences=True, go_backwards=True, init="he_normal", name="gru1_b")(inner)
gru_1b = Lambda(lambda x: K.reverse(x, 1), output_shape=lambda shape: shape)(gru_1b)
gru1_merged = merge([gru_1, gru_1b], mode="sum")
inner = TimeDistributed(Dense(nb_letters + 1, name="dense2"))(gru1_merged)
y_pred = Activation("softmax", name="softmax")(inner)
labels = Input(name="the_labels", shape=[max_string_len], dtype="float32")
input_length = Input(name="input_length", shape=[1], dtype="int64")
label_length = Input(name="label_length", shape=[1], dtype="int64")
loss_out = Lambda(ctc_lambda_func, output_shape=(1,), name="ctc")(
    [y_pred, labels, input_length, label_length]
)
sgd = SGD(lr=0.1, decay=1e-6, momentum=0.9, nesterov=True, clipnorm=5)
model = Model(input=[input_data, labels, input_length, label_length], output=[loss_out])
model.compile(loss={"ctc": lambda y_true, y_pred: y_pred}, optimizer=sgd)
test_func = K.function([input_data], [y_pred])


def inputs(X, y):
    n = len(X)
    return {
        "the_input": X,
        "the_labels": y,
        "input_length": np.full((n, 1), img_w),
        "label_length": np.full((n, 1), max_string_len),
    }


def decode(X):
    found = []
    for best in test_func([X])[0].argmax(axis=2):
        kept = [a for a, b in zip(best, np.r_[-1, best[:-1]]) if a != b and a != nb_letters]
        found.append(tuple(kept))
    return found


X, y = strips(600)
model.fit(inputs(X, y), {"ctc": np.zeros(600)}, batch_size=30, nb_epoch=25, verbose=0)
X_test, y_test = strips(200)
accuracy = np.mean([a == tuple(b) for a, b in zip(decode(X_test), y_test)])
print("Words read without an error:", accuracy)
assert accuracy > 0.8
