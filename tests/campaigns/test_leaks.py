"""The campaign of leaks finds one that is planted."""

from __future__ import annotations

import mmap
from argparse import Namespace
from contextlib import ExitStack, nullcontext
from functools import partial

import pytest

from graphc.compiler import graph as g
from tests.campaigns import leaks
from tests.campaigns.campaign import Cases

OPTIONS = Namespace(models=20, programs=None, cpu="numpy")


def resident() -> mmap.mmap:
    """A million bytes of the system's own, whatever this process has freed before."""
    held = mmap.mmap(-1, 1_000_000, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    held.write(b"x" * 1_000_000)
    return held


@pytest.mark.parametrize(
    "hold",
    [
        lambda: nullcontext(g.input((2,))),
        resident,
        partial(open, __file__),
    ],
)
def test_what_each_model_leaves_is_found(hold, monkeypatch):
    with ExitStack() as held:
        monkeypatch.setattr(leaks, "train", lambda random: held.enter_context(hold()))
        (result,) = leaks.run(Cases(0, 0, 1, OPTIONS))
    assert "after 10 models" in result.fault
    assert result.counts["models"] == 20


def test_each_program_is_drawn_from_the_seed(monkeypatch):
    drawn = []
    monkeypatch.setattr(leaks, "train", lambda random: drawn.append(random.random()))
    options = Namespace(**{**vars(OPTIONS), "programs": 5})
    (result,) = leaks.run(Cases(7, 0, 1, options))
    assert result.fault == ""
    assert drawn == drawn[:5] * 4
    assert len(set(drawn)) == 5
    list(leaks.run(Cases(7, 0, 1, options)))
    assert drawn[20:] == drawn[:20]
