"""A wrapper with weights of its own that calls the steps of the layer inside: attention to all of a
sequence at each step. Which of the numbers of a sequence is marked?"""

import numpy as np
from keras import backend as K
from keras.engine import InputSpec
from keras.layers import LSTM, Dense, Wrapper
from keras.models import Sequential

np.random.seed(3)


class Attention(Wrapper):
    def build(self, input_shape):
        self.input_spec = [InputSpec(shape=input_shape)]
        features = input_shape[2]
        self.layer.build(input_shape)
        self.layer.built = True
        super().build()
        units = self.layer.output_dim
        self.W_x = self.layer.init((features, 8), name=f"{self.name}_W_x")
        self.W_h = self.layer.init((units, 8), name=f"{self.name}_W_h")
        self.v = K.variable(np.random.uniform(-0.5, 0.5, (8, 1)), name=f"{self.name}_v")
        self.W_joined = self.layer.init((2 * features, features), name=f"{self.name}_W_joined")
        own = [self.W_x, self.W_h, self.v, self.W_joined]
        self.trainable_weights = self.layer.trainable_weights + own

    def get_output_shape_for(self, input_shape):
        return self.layer.get_output_shape_for(input_shape)

    def step(self, x, states):
        h, sequence, keys = states[0], states[-2], states[-1]
        scores = K.squeeze(K.dot(K.tanh(keys + K.expand_dims(K.dot(h, self.W_h), 1)), self.v), 2)
        context = K.sum(sequence * K.expand_dims(K.softmax(scores)), axis=1)
        return self.layer.step(K.dot(K.concatenate([x, context]), self.W_joined), states)

    def call(self, x, mask=None):
        constants = [*self.layer.get_constants(x), x, K.dot(x, self.W_x)]
        initial = self.layer.get_initial_states(x)
        last, _, _ = K.rnn(
            self.step, self.layer.preprocess_input(x), initial, mask=mask, constants=constants
        )
        return last


steps = 6
places = np.random.randint(0, steps, 1200)
X = np.random.uniform(-1, 1, (1200, steps, 2))
X[:, :, 1] = np.eye(steps)[places]
y = X[np.arange(1200), places, 0]
model = Sequential([Attention(LSTM(12, consume_less="gpu"), input_shape=(steps, 2)), Dense(1)])
assert len(model.trainable_weights) == 3 + 4 + 2
model.compile("adam", "mse")
model.fit(X[:1000], y[:1000], nb_epoch=30, batch_size=20, verbose=2)
error = model.evaluate(X[1000:], y[1000:], verbose=0)
model.save_weights("attention.h5")
print(error, y.var())
assert error < 0.1 * y.var()
