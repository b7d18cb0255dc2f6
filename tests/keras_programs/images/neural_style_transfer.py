"""The content of one picture in the style of another: Gram matrices of features."""

import numpy as np
from keras import backend as K
from keras.layers import Convolution2D, MaxPooling2D, ZeroPadding2D
from keras.models import Sequential

np.random.seed(9)
size = 16
rows, cols = np.mgrid[:size, :size] / float(size)
content_image = np.stack([rows, cols, rows * cols])[None]
style_image = np.stack([np.sin(20 * rows)] * 3)[None]
content = K.variable(content_image)
style = K.variable(style_image)
combination = K.placeholder((1, 3, size, size))
input_tensor = K.concatenate([content, style, combination], axis=0)
first_layer = ZeroPadding2D((1, 1))
first_layer.set_input(input_tensor, shape=(3, 3, size, size))
model = Sequential()
model.add(first_layer)
model.add(Convolution2D(8, 3, 3, activation="relu", name="conv1_1"))
model.add(MaxPooling2D((2, 2), strides=(2, 2)))
model.add(Convolution2D(8, 3, 3, activation="relu", name="conv2_1"))
outputs_dict = dict([(layer.name, layer.output) for layer in model.layers])


def gram_matrix(x):
    assert K.ndim(x) == 3
    features = K.batch_flatten(x)
    return K.dot(features, K.transpose(features))


def style_loss(style, combination):
    return K.sum(K.square(gram_matrix(style) - gram_matrix(combination))) / (4.0 * 9 * size**4)


loss = K.variable(0.0)
layer_features = outputs_dict["conv2_1"]
loss += 0.02 * K.sum(K.square(layer_features[2, :, :, :] - layer_features[0, :, :, :]))
for layer_name in ("conv1_1", "conv2_1"):
    features = outputs_dict[layer_name]
    loss += 10.0 * style_loss(features[1, :, :, :], features[2, :, :, :])
grads = K.gradients(loss, combination)
outputs = [loss]
if type(grads) in {list, tuple}:
    outputs += grads
else:
    outputs.append(grads)
f_outputs = K.function([combination], outputs)
x = np.random.uniform(0, 1, (1, 3, size, size))
losses = []
for i in range(60):
    value, gradient = f_outputs([x])
    x -= 0.1 * gradient / (np.abs(gradient).max() + 1e-8)
    losses.append(float(value))
print(losses[0], losses[-1])
assert losses[-1] < 0.3 * losses[0]
