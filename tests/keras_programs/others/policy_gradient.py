"""A policy that learns from what it got: rewards weigh the samples, or stand in the loss."""

import numpy as np
from keras import backend as K
from keras.layers import Dense, Input
from keras.models import Model, Sequential
from keras.optimizers import Adam

np.random.seed(19)


def play(model, n=200):
    """Contexts of three numbers; the right arm is that of the largest."""
    X = np.random.normal(size=(n, 3))
    p = model.predict(X)
    actions = np.array([np.random.choice(3, p=one / one.sum()) for one in p])
    return X, actions, (actions == X.argmax(1)).astype("float32")


policy = Sequential()
policy.add(Dense(24, activation="relu", input_dim=3))
policy.add(Dense(3, activation="softmax"))
policy.compile(loss="categorical_crossentropy", optimizer=Adam(lr=0.01))
for i in range(80):
    X, actions, rewards = play(policy)
    advantage = rewards - rewards.mean()
    policy.fit(
        X, np.eye(3)[actions], sample_weight=advantage, nb_epoch=1, batch_size=200, verbose=0
    )
by_weights = play(policy, 1000)[2].mean()

state = Input(shape=(3,))
h = Dense(24, activation="relu")(state)
out_pi = Dense(3, activation="softmax", name="pi")(h)
out_v = Dense(1, name="v")(h)
actor_critic = Model(input=state, output=[out_pi, out_v])
actor = Model(input=state, output=out_pi)


def policy_loss(actual, predicted):
    """Of (advantage * action): the log of what was done."""
    return -K.sum(actual * K.log(K.clip(predicted, 1e-6, 1.0)), axis=-1)


actor_critic.compile(Adam(lr=0.01), loss=[policy_loss, "mse"], loss_weights={"pi": 1.0, "v": 0.5})
actor._make_predict_function()
for i in range(80):
    X, actions, rewards = play(actor)
    value = actor_critic.predict(X)[1].ravel()
    weighed = np.eye(3)[actions] * (rewards - value)[:, None]
    losses = actor_critic.train_on_batch(X, [weighed, rewards])
by_critic = play(actor, 1000)[2].mean()
print("Right arms:", by_weights, by_critic)
assert by_weights > 0.8
assert by_critic > 0.8
