"""Training interrupted at any moment: a number of whole steps is done, and training goes on.

Half of the interrupts are raised where a counted call begins or a function of C has returned, which
are the moments at which Python raises a real one; so a case can be repeated. The others are real,
at a moment by the clock.
"""

from __future__ import annotations

import argparse
import gc
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from inspect import CO_GENERATOR
from types import FrameType, TracebackType

import numpy as np

from graphc.callbacks import Callback
from graphc.config import config
from graphc.engine import Model
from tests.campaigns.campaign import Campaign, Cases, Result
from tests.campaigns.random_models import BATCH, Program, drawn

EPOCHS = 2
EARLY = 0.2  # of the interrupts may come before the end of the first step
BLOCK = 10  # cases of one model, whose steps are taken one by one only once


@dataclass(frozen=True)
class State:
    """All weights, and all that the optimizer updates, once it has a function to do so."""

    weights: list[bytes]
    optimizer: list[bytes]

    def agrees(self, other: State) -> bool:
        """Return True if the two are the same, as far as both are known."""
        if self.weights != other.weights:
            return False
        return not self.optimizer or not other.optimizer or self.optimizer == other.optimizer


class Counted:
    """Counts the moments of a block, and raises KeyboardInterrupt at one of them.

    No garbage is collected in it: what a collection calls would be other moments in each run.
    """

    def __init__(self, at: int | None = None):
        self.count, self._at = 0, at
        self._collects = False

    def __enter__(self) -> Counted:
        self._collects = gc.isenabled()
        gc.disable()
        sys.setprofile(self._noted)
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.setprofile(None)
        if self._collects:
            gc.enable()

    def _noted(self, frame: FrameType, event: str, argument: object) -> None:
        if event not in ("call", "c_return") or _begins_generator(frame, event):
            return
        self.count += 1
        if self.count == self._at:
            raise KeyboardInterrupt


def _begins_generator(frame: FrameType, event: str) -> bool:
    """Return True if a profile function may not raise: a generator is being entered.

    CPython 3.11 then leaves the frame without unwinding it, so the thread's chain of handled
    exceptions goes on into a generator that is freed, and a later call takes what lies there for
    its function. A signal is raised after this moment, where the generator unwinds.
    """
    return event == "call" and bool(frame.f_code.co_flags & CO_GENERATOR)


class Timed:
    """Raises KeyboardInterrupt by a signal, after some seconds of a block."""

    def __init__(self, seconds: float):
        self._seconds = max(seconds, 1e-6)

    def __enter__(self) -> None:
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, self._seconds)

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)


class _FirstBatch(Callback):
    """Notes what a clock says when the first batch is done: what comes before makes functions."""

    def __init__(self, clock: Callable[[], float]):
        super().__init__()
        self._clock = clock
        self.end = 0.0

    def on_batch_end(self, batch: int, logs: object = None) -> None:
        self.end = self.end or self._clock()


@dataclass(frozen=True)
class Steps:
    """The course of a model's training, step by step.

    Attributes:
        losses: of each step.
        states: before the first step, and behind each.
        moments: of the end of the first step, and of a whole training.
        seconds: until the end of the first step, and of a whole training.
    """

    losses: list[object]
    states: list[State]
    moments: tuple[int, int]
    seconds: tuple[float, float]


def state_of(model: Model) -> State:
    """Return the values that the model's steps change."""
    arrays = model.get_weights(), model.optimizer.get_state()
    return State(*([one.tobytes() for one in several] for several in arrays))


def _program(seed: int, block: int) -> Program:
    program = drawn(np.random.default_rng([seed, block]))
    program.arguments["shuffle"] = False
    return program


def _batches(program: Program) -> list[tuple[int, int]]:
    samples = len(next(iter(program.x.values())) if isinstance(program.x, dict) else
                  program.x[0] if isinstance(program.x, list) else program.x)  # fmt: skip
    return [(start, start + BATCH) for start in range(0, samples, BATCH)] * EPOCHS


@lru_cache(maxsize=1)
def steps_of(seed: int, block: int, cpu: str) -> Steps:
    """The steps of the model of a block. (`cpu` is the flag's value, which they depend on.)"""
    program = _program(seed, block)
    states, losses = [state_of(program.model)], []
    for start, stop in _batches(program):
        losses.append(program.model.train_on_batch(*program.rows(start, stop)))
        states.append(state_of(program.model))
    program, started = _program(seed, block), time.perf_counter()
    seconds = _trained(program, lambda: time.perf_counter() - started)
    program = _program(seed, block)
    with Counted() as counted:
        moments = _trained(program, lambda: counted.count)
    return Steps(losses, states, tuple(map(int, moments)), seconds)


def _trained(program: Program, clock: Callable[[], float]) -> tuple[float, float]:
    """Return what a clock says at the end of the first step, and of the training."""
    first = _FirstBatch(clock)
    program.model.fit(*program.data, nb_epoch=EPOCHS, callbacks=[first], **program.arguments)
    return first.end, clock()


def _case(draw: random.Random, seed: int, block: int) -> tuple[str, str]:
    """Interrupt a training once. Return what is wrong after it, and how it ended."""
    steps, program = steps_of(seed, block, config.cpu), _program(seed, block)
    early = draw.random() < EARLY
    if draw.random() < 0.5:
        first, last = steps.moments
        interrupt: Counted | Timed = Counted(draw.randint(1 if early else first, last))
    else:
        begin, end = steps.seconds
        interrupt = Timed(draw.uniform(0 if early else begin, end))
    interrupted = False
    try:
        with interrupt:
            program.model.fit(*program.data, nb_epoch=EPOCHS, **program.arguments)
    except KeyboardInterrupt:
        interrupted = True
    state = state_of(program.model)
    possible = [number for number, one in enumerate(steps.states) if one.agrees(state)]
    if not possible:
        return "the weights are of no number of whole steps", "torn"
    done = possible[-1]
    if not interrupted and done + 1 != len(steps.states):
        return f"training ended after {done} steps, and no interrupt came out", "torn"
    for number, (start, stop) in list(enumerate(_batches(program)))[done:]:
        loss = program.model.train_on_batch(*program.rows(start, stop))
        if not np.array_equal(loss, steps.losses[number], equal_nan=True):
            return f"after {done} steps: the loss of step {number} is {loss}, not " + str(
                steps.losses[number]
            ), "torn"
        if not steps.states[number + 1].agrees(state_of(program.model)):
            return f"after {done} steps: step {number} leaves another state", "torn"
    program.model.fit(*program.data, nb_epoch=1, **program.arguments)
    if not interrupted:
        return "", "came too late"
    return "", "before the first step" if done == 0 else "between steps"


def run(cases: Cases) -> Iterator[Result]:
    """Yield what each interrupt gives."""
    sys.unraisablehook = lambda unraisable: None  # an interrupt that Python cannot raise there
    for index in cases:
        block = index // BLOCK
        native = np.random.default_rng([cases.seed, block, 1]).random() < cases.options.native / 100
        config.cpu = "native" if native else "numpy"
        draw = random.Random(int(cases.random(index).integers(2**63)))
        fault, found = _case(draw, cases.seed, block)
        yield Result(index, fault, {found: 1, "native": int(native)})


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--native", type=int, default=20, help="percent that run as native code")


CAMPAIGN = Campaign("interrupts", __doc__.splitlines()[0], run, _add_options, group=BLOCK)
