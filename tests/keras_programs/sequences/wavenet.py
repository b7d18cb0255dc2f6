"""Dilated causal convolutions with gates, skips and residuals, over a quantized wave."""

import numpy as np
from keras.layers import Activation, AtrousConvolution1D, Convolution1D, Input, ZeroPadding1D, merge
from keras.models import Model
from keras.optimizers import Adam

np.random.seed(13)
nb_output_bins, fragment_length, nb_filters = 8, 40, 12


class CausalAtrousConvolution1D(AtrousConvolution1D):
    """Pads in front alone, so that no step sees what comes behind it."""

    def __init__(self, nb_filter, filter_length, causal=True, **kwargs):
        super().__init__(nb_filter, filter_length, border_mode="valid", **kwargs)
        self.causal = causal


def causal(x, length, rate=1, **kwargs):
    x = ZeroPadding1D((rate * (length - 1), 0))(x)
    return CausalAtrousConvolution1D(nb_filters, length, atrous_rate=rate, **kwargs)(x)


def residual_block(x, i):
    original_x = x
    tanh_out = Activation("tanh")(causal(x, 2, 2**i, name="dilated_conv_%d_tanh" % 2**i))
    sigm_out = Activation("sigmoid")(causal(x, 2, 2**i, name="dilated_conv_%d_sigm" % 2**i))
    x = merge([tanh_out, sigm_out], mode="mul", name="gated_activation_%d" % i)
    res_x = Convolution1D(nb_filters, 1, border_mode="same")(x)
    skip_x = Convolution1D(nb_filters, 1, border_mode="same")(x)
    return merge([original_x, res_x], mode="sum"), skip_x


input_ = Input(shape=(fragment_length, nb_output_bins), name="input_part")
out = causal(input_, 2, name="initial_causal_conv")
skip_connections = []
for i in range(4):
    out, skip_out = residual_block(out, i)
    skip_connections.append(skip_out)
out = merge(skip_connections, mode="sum")
out = Activation("relu")(out)
out = Convolution1D(nb_filters, 1, border_mode="same", activation="relu")(out)
out = Convolution1D(nb_output_bins, 1, border_mode="same")(out)
out = Activation("softmax", name="output_softmax")(out)
model = Model(input_, out)
model.compile(Adam(lr=0.01), "categorical_crossentropy", metrics=["accuracy"])

wave = 0.5 * np.sin(np.arange(4000) / 3.0) + 0.4 * np.sin(np.arange(4000) / 7.0)
bins = np.clip(((wave + 1) / 2 * nb_output_bins).astype(int), 0, nb_output_bins - 1)
starts = np.arange(0, 3900, 16)
hot = np.eye(nb_output_bins)[bins]
X = np.array([hot[s : s + fragment_length] for s in starts])
Y = np.array([hot[s + 1 : s + fragment_length + 1] for s in starts])
before = model.predict(X[:1])
changed = X[:1].copy()
changed[:, 30:] = np.roll(changed[:, 30:], 1, axis=2)
assert np.allclose(model.predict(changed)[:, :30], before[:, :30], atol=1e-6)
model.fit(X[:200], Y[:200], batch_size=20, nb_epoch=40, verbose=0)
accuracy = model.evaluate(X[200:], Y[200:], verbose=0)[1]
print("Accuracy of the next bin:", accuracy)
assert accuracy > 0.7
