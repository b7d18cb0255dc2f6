"""Q learning by a network, with a memory and a target network, on a small world to cross."""

import random
from collections import deque

import numpy as np
from keras.layers import Dense
from keras.models import Sequential, model_from_json
from keras.optimizers import RMSprop

np.random.seed(18)
random.seed(18)
size, gamma, actions = 4, 0.9, 4


class Grid(object):
    """From the first corner to the last; a pit in between ends the game."""

    pit, goal = (1, 2), (size - 1, size - 1)

    def reset(self):
        self.at = (0, 0)
        self.steps = 0
        return self.state()

    def state(self):
        seen = np.zeros((1, size * size))
        seen[0, self.at[0] * size + self.at[1]] = 1
        return seen

    def act(self, action):
        move = ((0, 1), (1, 0), (0, -1), (-1, 0))[action]
        self.at = tuple(int(np.clip(a + b, 0, size - 1)) for a, b in zip(self.at, move))
        self.steps += 1
        reward = {self.pit: -1.0, self.goal: 1.0}.get(self.at, -0.02)
        return self.state(), reward, self.at in (self.pit, self.goal) or self.steps > 30


def clone(model):
    copy = model_from_json(model.to_json())
    copy.set_weights(model.get_weights())
    copy.compile("sgd", "mse")
    return copy


model = Sequential()
model.add(Dense(32, init="lecun_uniform", activation="relu", input_shape=(size * size,)))
model.add(Dense(actions, init="lecun_uniform", activation="linear"))
model.compile(loss="mse", optimizer=RMSprop(lr=0.003))
target = clone(model)
memory, env, epsilon, updates = deque(maxlen=1000), Grid(), 1.0, 0
for episode in range(160):
    state, done = env.reset(), False
    while not done:
        if random.random() < epsilon:
            action = random.randrange(actions)
        else:
            action = int(np.argmax(model.predict(state, batch_size=1)))
        new_state, reward, done = env.act(action)
        memory.append((state, action, reward, new_state, done))
        state = new_state
        if len(memory) < 64:
            continue
        batch = random.sample(list(memory), 32)
        states = np.concatenate([one[0] for one in batch])
        after = target.predict(np.concatenate([one[3] for one in batch]))
        goal = model.predict(states)
        for i, (_, a, r, _, end) in enumerate(batch):
            goal[i, a] = r if end else r + gamma * np.max(after[i])
        model.train_on_batch(states, goal)
        updates += 1
        if updates % 50 == 0:
            target.set_weights(model.get_weights())
    epsilon = max(0.05, epsilon * 0.97)
state, done, total = env.reset(), False, 0.0
while not done:
    state, reward, done = env.act(int(np.argmax(model.predict(state))))
    total += reward
print("Steps to the goal:", env.steps, "reward", total)
assert env.at == env.goal
assert env.steps <= 8
