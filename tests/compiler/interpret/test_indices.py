"""Indices of each dtype, interpreted."""

from graphc.compiler.runtime.numpy_executor import NumpyExecutor
from tests.compiler.index_programs import Indices


class TestInterpreter(Indices):
    executor = NumpyExecutor
