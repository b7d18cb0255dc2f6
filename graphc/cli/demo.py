"""``graphc demo``: train a network on handwritten digits, from data to accuracy."""

from __future__ import annotations

import argparse
import hashlib
import io
import time
from contextlib import nullcontext, redirect_stdout

import numpy as np

from graphc.cli.command import Command
from graphc.cli.launching import count, run_on_ranks
from graphc.compiler.runtime.cpu.toolchain import compiler_path
from graphc.config import config
from graphc.datasets import digits
from graphc.layers.core import Activation, Dense, Dropout
from graphc.models import Sequential
from graphc.parallel.joining import join
from graphc.parallel.launcher import find_launcher
from graphc.parallel.tree import shards_of_rank

_SEED = 1337
_EPOCHS = 60


def _network() -> Sequential:
    model = Sequential()
    model.add(Dense(512, input_dim=64))
    model.add(Activation("relu"))
    model.add(Dropout(0.5))
    model.add(Dense(256))
    model.add(Activation("relu"))
    model.add(Dropout(0.5))
    model.add(Dense(10))
    model.add(Activation("softmax"))
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _run(arguments: argparse.Namespace) -> None:
    shards = arguments.shards or max(arguments.ranks, int(config.shards))
    shards_of_rank(shards, arguments.ranks, 0)  # an error where there are too few
    if arguments.ranks > 1 and find_launcher() is None:
        command = ["demo", "--verbose", str(arguments.verbose), "--shards", str(shards)]
        raise SystemExit(run_on_ranks(command, arguments.ranks))
    ranks = join("graphc demo")
    with nullcontext() if ranks.rank == 0 else redirect_stdout(io.StringIO()):
        _train(arguments.verbose, shards)


def _train(verbose: int, shards: int) -> None:
    np.random.seed(_SEED)
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    print(
        f"Handwritten digits (UCI): {len(x_train)} images of 8 x 8 pixels to train on, "
        f"{len(x_test)} held out.\n"
        f"Flags: device={config.device}, floatX={config.floatX}, mode={config.mode}.\n"
    )
    model = _network()
    model.summary()
    compiles = config.device != "cpu" or (config.cpu != "numpy" and compiler_path() is not None)
    waits = "; first its kernels are compiled, unless they are kept" if compiles else ""
    print(f"\nTraining, {_EPOCHS} epochs{waits}:", flush=True)
    started = time.perf_counter()
    model.fit(x_train, y_train, batch_size=64, nb_epoch=_EPOCHS, verbose=verbose, shards=shards)
    print(f"trained in {time.perf_counter() - started:.1f} s\n\n{model.compile_report()}\n")
    _, accuracy = np.ravel(model.evaluate(x_test, y_test, verbose=0, shards=shards))
    weights = hashlib.sha256(b"".join(one.tobytes() for one in model.get_weights())).hexdigest()
    print(f"weights: {weights[:16]}")
    print(f"test accuracy: {accuracy:.4f}")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--verbose",
        type=int,
        choices=(0, 1, 2),
        default=1,
        help="progress of the training: 0 none, 1 a bar, 2 a line for each epoch (default: 1)",
    )
    parser.add_argument(
        "--ranks",
        type=count,
        default=1,
        help="train in so many processes, under mpiexec (default: 1)",
    )
    parser.add_argument(
        "--shards",
        type=count,
        help="take each batch in so many parts (default: one for each rank); the weights depend on "
        "them, not on the ranks",
    )


COMMAND = Command(
    name="demo",
    summary="train a network on handwritten digits and print its accuracy",
    description="""\
Trains a network of three Dense layers on 1,797 handwritten digits (UCI; shipped with graphc) and
prints its layers, the progress, what the compiler did, and as the last line the accuracy on the
fifth of the images that the training never saw. The same version, flags and machine give the same
numbers at every run. The line before it is a hash of the weights: for the same number of shards it
is the same on any number of ranks.

examples:
  graphc demo
  graphc demo --verbose 2                       a line for each epoch
  GRAPHC_FLAGS=floatX=float64 graphc demo       in double precision
  GRAPHC_FLAGS=dump=/tmp/passes graphc demo     write the graph after each pass
  graphc demo --ranks 2                         in two processes, under mpiexec
  graphc demo --shards 2                        the same weights in one
""",
    run=_run,
    add_arguments=_add_arguments,
)
