"""A picture that is changed so that the layers of a network respond more: scipy's L-BFGS in K."""

import numpy as np
from keras import backend as K
from keras.datasets import digits
from keras.layers import Convolution2D, MaxPooling2D, ZeroPadding2D
from keras.models import Sequential
from scipy.optimize import fmin_l_bfgs_b

np.random.seed(8)
img_height = img_width = 8
dream = K.placeholder((1, 1, img_height, img_width))
first_layer = ZeroPadding2D((1, 1), input_shape=(1, img_height, img_width))
first_layer.set_input(dream, shape=(1, 1, img_height, img_width))
model = Sequential()
model.add(first_layer)
model.add(Convolution2D(4, 3, 3, activation="relu", name="conv1_1"))
model.add(ZeroPadding2D((1, 1)))
model.add(Convolution2D(4, 3, 3, activation="relu", name="conv1_2"))
model.add(MaxPooling2D((2, 2), strides=(2, 2)))
model.add(Convolution2D(8, 3, 3, activation="relu", name="conv2_1"))
layer_dict = {layer.name: layer for layer in model.layers}


def continuity_loss(x):
    assert K.ndim(x) == 4
    a = K.square(x[:, :, : img_height - 1, : img_width - 1] - x[:, :, 1:, : img_width - 1])
    b = K.square(x[:, :, : img_height - 1, : img_width - 1] - x[:, :, : img_height - 1, 1:])
    return K.sum(K.pow(a + b + 1e-6, 1.25))


loss = K.variable(0.0)
for layer_name, coeff in {"conv1_2": 0.5, "conv2_1": 1.0}.items():
    x = layer_dict[layer_name].output
    shape = layer_dict[layer_name].output_shape
    loss = loss - coeff * K.sum(K.square(x)) / np.prod(shape[1:])
loss += 0.01 * continuity_loss(dream) + 0.05 * K.sum(K.square(dream)) / (img_height * img_width)
f_outputs = K.function([dream], [loss, K.gradients(loss, dream)])


def evaluate(x):
    loss_value, grad = f_outputs([x.reshape((1, 1, img_height, img_width))])
    return float(loss_value), np.array(grad).flatten().astype("float64")


(_, _), (X_test, _) = digits.load_data()
x = X_test[0].astype("float64")
before = evaluate(x)[0]
bounds = [(0.0, 2.0)] * x.size
x, after, info = fmin_l_bfgs_b(
    lambda v: evaluate(v)[0], x, fprime=lambda v: evaluate(v)[1], bounds=bounds, maxfun=25
)
print("Loss:", before, "->", after)
assert after < before - 0.01
