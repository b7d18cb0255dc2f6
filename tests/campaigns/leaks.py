"""Many models in one process: neither memory nor mappings nor descriptors grow by them.

A case is a process that makes, trains and drops models one after another. It is measured when some
of them are gone (half of a few; of many, the first 100 or a tenth), and at the end: before, caches
and the heap fill.
"""

from __future__ import annotations

import argparse
import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from graphc.compiler.graph.node import live_nodes
from graphc.config import config
from graphc.layers import GRU, LSTM, Bidirectional, Dense, Dropout, Flatten, TimeDistributed
from graphc.models import Sequential
from tests.campaigns.campaign import Campaign, Cases, Result

_SAMPLES, _STEPS, _FEATURES = 8, 4, 5
_MOST_GROWTH = 4_000_000
"""Bytes that may be more resident at the end. Ten models of 2,000 have more."""

_FILLING = 100
"""Models after which caches are as full as they get. The heap took 3.4 and 4.4 MB from the 20th
model to the 200th, and 2.8 MB from there to the 2,000th (2026-11-27)."""


class Measured(NamedTuple):
    """The resources that the process has of the system, and the number of nodes alive."""

    resident: int
    mapped_files: int
    descriptors: int
    nodes: int


def measured() -> Measured:
    """Return what this process holds once its garbage is gone."""
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    mappings = Path("/proc/self/maps").read_text().splitlines()
    descriptors = len(os.listdir("/proc/self/fd"))
    return Measured(
        resident, sum("/" in line for line in mappings), descriptors, len(list(live_nodes()))
    )


def train(random: np.random.Generator) -> None:
    """Make a model drawn from `random`, train it for an epoch, predict, and drop it."""
    layers = [Dense(int(random.integers(100, 300)), activation="relu") for _ in range(2)]
    first: list = [
        [TimeDistributed(Dense(4), input_shape=(_STEPS, _FEATURES)), Flatten()],
        [GRU(int(random.integers(2, 20)), input_shape=(_STEPS, _FEATURES))],
        [Bidirectional(LSTM(int(random.integers(2, 20))), input_shape=(_STEPS, _FEATURES))],
        [Flatten(input_shape=(_STEPS, _FEATURES)), Dropout(0.5)],
    ][random.integers(4)]
    model = Sequential([*first, *layers, Dense(2)])
    model.compile(str(random.choice(["sgd", "adam", "rmsprop"])), "mse")
    x = random.random((_SAMPLES, _STEPS, _FEATURES), "float32")
    model.fit(x, x[:, 0, :2], batch_size=4, nb_epoch=1, verbose=0)
    model.predict(x)


def run(cases: Cases) -> Iterator[Result]:
    """Yield the result of each case; its options are those of `add_options`."""
    models, programs = cases.options.models, cases.options.programs or cases.options.models
    for index in cases:
        seeds = [int(seed) for seed in cases.random(index).integers(2**63, size=programs)]
        some = max(models // 10, min(models // 2, _FILLING), 1)
        at_first: Measured | None = None
        with config.changed():
            config.cpu = cases.options.cpu
            for k in range(models):
                if k == some:
                    at_first = measured()
                train(np.random.default_rng(seeds[k % programs]))
        assert at_first is not None, "a case has at least two models"
        at_end = measured()
        grown = at_end.resident - at_first.resident
        figures = f"after {some} models {at_first}, after {models} {at_end}"
        fault = "" if at_end[1:] == at_first[1:] and grown <= _MOST_GROWTH else figures
        yield Result(index, fault, {"models": models, "kB more": grown // 1000})


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the campaign's own options."""
    parser.add_argument("--models", type=int, default=2_000, help="in each process")
    parser.add_argument(
        "--programs", type=int, help="distinct models among them; by default, each is of its own"
    )
    parser.add_argument("--cpu", default="numpy", choices=("numpy", "native"))


CAMPAIGN = Campaign(
    "leaks",
    "models that are made, trained and dropped in one process, which must not grow",
    run,
    add_options,
    missing=lambda options: "" if Path("/proc/self/maps").exists() else "the system has no /proc",
    limit=7200,
)
