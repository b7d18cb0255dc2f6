"""The campaign of interrupts sees half a step, and some of its cases."""

from __future__ import annotations

import argparse
import random
from contextlib import nullcontext

import pytest

from tests.campaigns import interrupts
from tests.campaigns.campaign import Cases
from tests.campaigns.random_models import Program


def test_half_a_step_is_found(monkeypatch: pytest.MonkeyPatch):
    def torn(seed: int, block: int) -> Program:
        program = original(seed, block)
        model, fit = program.model, program.model.fit

        def interrupted(*data: object, **arguments: object) -> None:
            fit(*data, **{**arguments, "nb_epoch": 1})
            first, *others = model.get_weights()
            model.set_weights([first + 1, *others])
            raise KeyboardInterrupt

        monkeypatch.setattr(model, "fit", interrupted, raising=False)
        return program

    original = interrupts._program
    interrupts.steps_of(0, 0, "numpy")
    monkeypatch.setattr(interrupts, "_program", torn)
    monkeypatch.setattr(interrupts, "Counted", lambda at: nullcontext())
    monkeypatch.setattr(interrupts, "Timed", lambda seconds: nullcontext())
    fault, _ = interrupts._case(random.Random(1), 0, 0)
    assert fault == "the weights are of no number of whole steps"


def test_interrupts_leave_whole_steps():
    found = list(interrupts.run(Cases(7, 0, 8, argparse.Namespace(native=0))))
    assert [result.fault for result in found if result.fault] == []


def test_a_counted_interrupt_comes_at_the_same_moment_each_time():
    def called() -> None:
        reached.append(True)

    found = []
    for at in (1, 3, 3, None):
        reached: list[bool] = []
        try:
            with interrupts.Counted(at):
                for _ in range(4):
                    called()
        except KeyboardInterrupt:
            found.append(len(reached))
    assert found == [0, 1, 1]
