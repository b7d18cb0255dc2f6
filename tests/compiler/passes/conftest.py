"""Inputs of the loops under test."""

import pytest

from graphc.compiler import graph as g
from tests.compiler.passes.loops import TIME


@pytest.fixture
def xs():
    """A sequence: (time, batch, 3)."""
    return g.input((TIME, g.BATCH, 3), "float64", name="xs")


@pytest.fixture
def start():
    """A first carry: (batch, 4)."""
    return g.input((g.BATCH, 4), "float64", name="start")
