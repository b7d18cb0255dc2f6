"""Indices of each dtype, interpreted."""

from graphc.compiler.runtime.cpu import CpuExecutor
from tests.compiler.index_programs import Indices


class TestInterpreter(Indices):
    executor = CpuExecutor
