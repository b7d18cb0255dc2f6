"""Words to a sentence and sentences to a text, each by an attention layer that takes masks."""

import numpy as np
from keras import backend as K
from keras import constraints, initializations, regularizers
from keras.engine.topology import Layer
from keras.layers import GRU, Bidirectional, Dense, Embedding, Input, TimeDistributed
from keras.models import Model

np.random.seed(16)
n_words, sentences, words = 20, 4, 6


class AttentionWithContext(Layer):
    def __init__(self, W_regularizer=None, W_constraint=None, bias=True, **kwargs):
        self.supports_masking = True
        self.init = initializations.get("glorot_uniform")
        self.W_regularizer = regularizers.get(W_regularizer)
        self.W_constraint = constraints.get(W_constraint)
        self.bias = bias
        super().__init__(**kwargs)

    def build(self, input_shape):
        assert len(input_shape) == 3
        self.W = self.init((input_shape[-1], input_shape[-1]), name="{}_W".format(self.name))
        self.b = K.zeros((input_shape[-1],), name="{}_b".format(self.name))
        self.u = self.init((input_shape[-1], 1), name="{}_u".format(self.name))
        self.trainable_weights = [self.W, self.b, self.u]
        self.built = True

    def compute_mask(self, input, input_mask=None):
        return None

    def call(self, x, mask=None):
        uit = K.tanh(K.dot(x, self.W) + self.b)
        ait = K.dot(uit, self.u)[:, :, 0]
        a = K.exp(ait)
        if mask is not None:
            a *= K.cast(mask, K.floatx())
        a /= K.cast(K.sum(a, axis=1, keepdims=True) + K.epsilon(), K.floatx())
        return K.sum(x * K.expand_dims(a), axis=1)

    def get_output_shape_for(self, input_shape):
        return (input_shape[0], input_shape[-1])


X = np.random.randint(3, n_words, (1500, sentences, words))
y = np.random.randint(0, 2, 1500)
for x, k in zip(X, y):
    x[np.random.randint(sentences), np.random.randint(words - 1)] = 1 + k
X[:, :, -1] = 0
sentence_input = Input(shape=(words,), dtype="int32")
embedded = Embedding(n_words, 12, input_length=words, mask_zero=True)(sentence_input)
l_lstm = GRU(12, return_sequences=True)(embedded)
sentEncoder = Model(sentence_input, AttentionWithContext()(l_lstm))
review_input = Input(shape=(sentences, words), dtype="int32")
review_encoder = TimeDistributed(sentEncoder)(review_input)
l_lstm_sent = Bidirectional(GRU(8, return_sequences=True))(review_encoder)
preds = Dense(1, activation="sigmoid")(AttentionWithContext()(l_lstm_sent))
model = Model(review_input, preds)
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["acc"])
model.fit(X[:1200], y[:1200], nb_epoch=15, batch_size=32, verbose=0)
accuracy = model.evaluate(X[1200:], y[1200:], verbose=0)[1]
print("Accuracy:", accuracy)
assert accuracy > 0.9
