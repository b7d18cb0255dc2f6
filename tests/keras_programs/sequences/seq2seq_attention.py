"""Sequences reversed by a decoder with attention, which subclasses a recurrent layer."""

import numpy as np
from keras import backend as K
from keras.engine import InputSpec
from keras.layers import LSTM, Activation, Dense, Embedding, Input, TimeDistributed
from keras.models import Model

np.random.seed(15)
n_words, length, units = 8, 5, 32


class AttentionDecoder(LSTM):
    """At each step the states meet all encoded steps; the context is the input of the step."""

    def build(self, input_shape):
        self.input_spec = [InputSpec(shape=input_shape)]
        nb_samples, self.steps, features = input_shape
        super().build((nb_samples, self.steps, features))
        self.W_a = self.inner_init((self.output_dim, features), name="{}_W_a".format(self.name))
        self.U_a = self.init((features, features), name="{}_U_a".format(self.name))
        self.v_a = self.init((features, 1), name="{}_v_a".format(self.name))
        self.trainable_weights += [self.W_a, self.U_a, self.v_a]

    def preprocess_input(self, x):
        return x

    def get_constants(self, x):
        constants = super().get_constants(x)
        self.kept = len(constants)
        return constants + [x, K.dot(x, self.U_a)]

    def step(self, x, states):
        h = states[0]
        encoded, projected = states[-2:]
        energies = K.tanh(K.expand_dims(K.dot(h, self.W_a), 1) + projected)
        scores = K.dot(energies, self.v_a)[:, :, 0]
        weights = K.softmax(scores)
        context = K.sum(encoded * K.expand_dims(weights, -1), axis=1)
        gates = super().preprocess_input(K.expand_dims(context, 1))[:, 0]
        return super().step(gates, states[:-2])


X = np.random.randint(1, n_words, (2000, length))
Y = np.eye(n_words)[X[:, ::-1]]
inputs = Input(shape=(length,), dtype="int32")
x = Embedding(n_words, 16, input_length=length)(inputs)
x = LSTM(units, return_sequences=True)(x)
x = AttentionDecoder(units, return_sequences=True)(x)
x = TimeDistributed(Dense(n_words))(x)
model = Model(inputs, Activation("softmax")(x))
model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
model.fit(X[:1700], Y[:1700], batch_size=32, nb_epoch=30, verbose=0)
accuracy = model.evaluate(X[1700:], Y[1700:], verbose=0)[1]
print("Accuracy:", accuracy)
assert accuracy > 0.9
