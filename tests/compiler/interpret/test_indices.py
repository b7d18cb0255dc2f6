"""Indices of each dtype, interpreted."""

from graphc.compiler.interpret import Program
from tests.compiler.index_programs import Indices


class TestInterpreter(Indices):
    executor = Program
