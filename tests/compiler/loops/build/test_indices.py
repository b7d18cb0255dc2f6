"""Indices in plain programs, in range and outside of it."""

from tests.compiler.index_programs import Indices
from tests.compiler.loops.build.plain_executor import PlainExecutor


class TestPlain(Indices):
    executor = PlainExecutor
