"""Twins that share a Sequential in a Graph: a distance of what 'join' gives to a Lambda, a loss of
pairs that is written in the program, and a rate that falls by assignment."""

import numpy as np
from keras import backend as K
from keras.layers.core import Dense, Dropout, Lambda
from keras.models import Graph, Sequential
from keras.optimizers import RMSprop


def distance(joined):
    first, second = list(joined.values())
    return K.sqrt(K.maximum(K.sum(K.square(first - second), axis=1, keepdims=True), 1e-6))


def loss_of_pairs(is_same, far):
    return K.mean(is_same * K.square(far) + (1 - is_same) * K.square(K.maximum(1 - far, 0)))


def pairs_of(samples, kinds, count, random):
    first = random.randint(0, len(samples), count)
    wanted = random.randint(0, 2, count)
    second = np.array(
        [
            random.choice(np.flatnonzero((kinds == kinds[k]) == bool(same)))
            for k, same in zip(first, wanted)
        ]
    )
    return samples[first], samples[second], wanted.astype("float32")


random = np.random.RandomState(17)
np.random.seed(17)
kinds = random.randint(0, 4, 600)
samples = (random.normal(size=(4, 12))[kinds] + 0.3 * random.normal(size=(600, 12))).astype(
    "float32"
)
a, b, same = pairs_of(samples[:500], kinds[:500], 1200, random)
c, d, same_later = pairs_of(samples[500:], kinds[500:], 300, random)

tower = Sequential()
tower.add(Dense(32, activation="relu", input_shape=(12,)))
tower.add(Dropout(0.1))
tower.add(Dense(8))

rate = RMSprop(lr=0.003)
graph = Graph()
graph.add_input(name="first", input_shape=(12,))
graph.add_input(name="second", input_shape=(12,))
graph.add_shared_node(tower, name="twins", inputs=["first", "second"], merge_mode="join")
graph.add_node(Lambda(distance, output_shape=(1,)), name="far", input="twins")
graph.add_output(name="is_same", input="far")
graph.compile(loss={"is_same": loss_of_pairs}, optimizer=rate)
for lr in (0.003, 0.001):
    rate.lr = lr
    graph.fit(
        {"first": a, "second": b, "is_same": same},
        validation_data={"first": c, "second": d, "is_same": same_later},
        batch_size=64,
        nb_epoch=6,
        verbose=0,
    )
far = graph.predict({"first": c, "second": d})["is_same"].ravel()
right = np.mean((far < 0.5) == (same_later > 0.5))
print("right: %.3f" % right)
assert right > 0.93
assert abs(float(K.get_value(rate.lr)) - 0.001) < 1e-8
