"""Pictures that a filter of a trained network likes most, by steps along the gradient."""

import numpy as np
from keras import backend as K
from keras.datasets import digits
from keras.layers import Convolution2D, Dense, Flatten
from keras.models import Sequential
from keras.utils.np_utils import to_categorical

np.random.seed(6)
(X_train, y_train), _ = digits.load_data()
input_img = K.placeholder((1, 1, 8, 8))
first_layer = Convolution2D(6, 3, 3, activation="relu", name="conv1_1", input_shape=(1, 8, 8))
model = Sequential([first_layer])
model.add(Convolution2D(6, 3, 3, activation="relu", name="conv1_2"))
model.add(Flatten())
model.add(Dense(10, activation="softmax"))
model.compile("adam", "categorical_crossentropy")
model.fit(X_train.reshape(-1, 1, 8, 8), to_categorical(y_train, 10), nb_epoch=4, verbose=2)
layer_dict = dict([(layer.name, layer) for layer in model.layers])


def normalize(x):
    return x / (K.sqrt(K.mean(K.square(x))) + 1e-5)


liked = 0
for filter_index in range(3):
    layer_output = layer_dict["conv1_2"].output
    loss = K.mean(layer_output[:, filter_index, :, :])
    grads = normalize(K.gradients(loss, model.input))
    iterate = K.function([model.input, K.learning_phase()], [loss, grads])
    img = np.random.random((1, 1, 8, 8)) * 0.2 + 0.4
    losses = []
    for i in range(20):
        loss_value, grads_value = iterate([img, 0])
        img += grads_value * 0.5
        losses.append(float(loss_value))
    print(filter_index, losses[0], losses[-1])
    liked += losses[-1] > 2 * losses[0] + 0.1
assert liked >= 2
