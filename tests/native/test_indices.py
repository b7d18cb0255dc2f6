"""Indices of each dtype in native code."""

from graphc.compiler.lowering.cpu import lower_native
from graphc.compiler.runtime.cpu.executor import NativeExecutor
from tests.compiler.index_programs import Indices
from tests.native.graph_programs import needs_compiler

pytestmark = needs_compiler


class TestNative(Indices):
    executor = staticmethod(lambda outputs: NativeExecutor(lower_native(outputs)))
