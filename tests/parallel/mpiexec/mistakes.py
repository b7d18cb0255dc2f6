"""A program that trains, with the mistake that its argument names."""

import os
import signal
import sys
import time

import numpy as np

from graphc import backend as K
from graphc.callbacks import LambdaCallback
from graphc.config import config
from graphc.layers import Dense, Lambda
from graphc.models import Sequential
from graphc.parallel.launcher import find_launcher

mistake = sys.argv[1]
rank = find_launcher().rank
x = np.random.RandomState(1).rand(16, 5)
y = np.random.RandomState(2).rand(16, 1)
if mistake == "early" and rank == 1:
    raise FileNotFoundError("no data on this machine")
if mistake == "data" and rank == 1:
    x[3] += 1
if mistake == "flags" and rank == 1:
    config.floatX = "float64"
model = Sequential([Dense(4 if mistake == "model" and rank else 3, input_dim=5)])
if mistake == "undivided":
    model.add(Lambda(lambda x: x - K.mean(x, axis=0), output_shape=(3,), name="centre"))
model.add(Dense(1))
model.compile("sgd", "mse")
print("made", flush=True)


def on_batch_end(batch: int, logs: object) -> None:
    if rank == 1 and batch == 1:
        if mistake == "callback":
            raise ZeroDivisionError("in a callback")
        if mistake == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if mistake == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)


def batches():
    while True:
        yield x[:8] + (mistake == "generator" and rank), y[:8]


callbacks = [LambdaCallback(on_batch_end=on_batch_end)]
if mistake == "generator":
    model.fit_generator(batches(), 32, 2, verbose=0)
model.fit(x, y, batch_size=4, nb_epoch=1, callbacks=callbacks, verbose=0)
time.sleep(0.1)
print("trained", flush=True)
