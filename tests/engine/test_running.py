"""Lines that a run prints of compiling."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler.runtime.compiler_process import Tool, compile_to
from graphc.engine.training import running
from graphc.layers import Dense
from graphc.models import Sequential


class Making:
    """A function that runs a compiler, one that does nothing, so many times."""

    def __init__(self, folder, times):
        self._folder, self._times = folder, times

    def make(self, training=False):
        for _ in range(self._times):
            compile_to("out", ["true"], Tool("the compiler", "install it"), self._folder)


@pytest.mark.parametrize("times", [1, 3])
def test_a_compiler_that_runs_is_printed_once(times, tmp_path, capsys):
    running.compile_functions("net", Making(tmp_path, times), Making(tmp_path, 1))
    printed = capsys.readouterr().out
    assert printed.startswith("Compiling net (once, its code is kept) ... ")
    assert printed.endswith("s\n")
    assert printed.count("\n") == 1
    compile_to("out", ["true"], Tool("the compiler", "install it"), tmp_path)
    assert capsys.readouterr().out == ""  # it is no longer listened to


def test_nothing_is_printed_where_no_compiler_runs(tmp_path, capsys):
    running.compile_functions("net", Making(tmp_path, 0), None)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("verbose", "made"), [(0, 0), (1, 2), (2, 2)])
def test_a_silent_fit_leaves_it_to_the_first_step(verbose, made, monkeypatch, capsys):
    calls = []
    monkeypatch.setattr(running, "compile_functions", lambda *functions: calls.append(functions))
    model = Sequential([Dense(1, input_dim=2)])
    model.compile("sgd", "mse")
    for _ in range(2):
        model.fit(np.ones((4, 2)), np.ones(4), nb_epoch=1, verbose=verbose)
    assert len(calls) == made
    assert all(name == model.name and test is None for name, _, test in calls)
