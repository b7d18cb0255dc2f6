"""One network for two pictures: near for two of one digit, far for two of different ones."""

import random

import numpy as np
from keras import backend as K
from keras.datasets import digits
from keras.layers import Dense, Dropout, Input, Lambda
from keras.models import Model, Sequential
from keras.optimizers import RMSprop

np.random.seed(1337)
random.seed(1337)


def euclidean_distance(vects):
    x, y = vects
    return K.sqrt(K.sum(K.square(x - y), axis=1, keepdims=True))


def eucl_dist_output_shape(shapes):
    shape1, shape2 = shapes
    return (shape1[0], 1)


def contrastive_loss(y_true, y_pred):
    margin = 1
    apart = K.square(K.maximum(margin - y_pred, 0))
    return K.mean(y_true * K.square(y_pred) + (1 - y_true) * apart)


def create_pairs(x, y):
    by_digit = [np.where(y == i)[0] for i in range(10)]
    pairs, labels = [], []
    n = min(len(by_digit[d]) for d in range(10)) - 1
    for d in range(10):
        for i in range(n):
            other = (d + random.randrange(1, 10)) % 10
            pairs += [[x[by_digit[d][i]], x[by_digit[d][i + 1]]]]
            pairs += [[x[by_digit[d][i]], x[by_digit[other][i]]]]
            labels += [1, 0]
    return np.array(pairs), np.array(labels)


(X_train, y_train), (X_test, y_test) = digits.load_data()
tr_pairs, tr_y = create_pairs(X_train, y_train)
te_pairs, te_y = create_pairs(X_test, y_test)

base_network = Sequential()
base_network.add(Dense(64, input_shape=(64,), activation="relu"))
base_network.add(Dropout(0.1))
base_network.add(Dense(32, activation="relu"))
input_a, input_b = Input(shape=(64,)), Input(shape=(64,))
processed_a, processed_b = base_network(input_a), base_network(input_b)
distance = Lambda(euclidean_distance, output_shape=eucl_dist_output_shape)(
    [processed_a, processed_b]
)
model = Model(input=[input_a, input_b], output=distance)
model.compile(loss=contrastive_loss, optimizer=RMSprop())
model.fit([tr_pairs[:, 0], tr_pairs[:, 1]], tr_y, batch_size=64, nb_epoch=12, verbose=2)
pred = model.predict([te_pairs[:, 0], te_pairs[:, 1]])
accuracy = np.mean((pred.ravel() < 0.5) == (te_y == 1))
print("Accuracy on test pairs:", accuracy)
assert accuracy > 0.88
