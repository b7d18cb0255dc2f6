"""Parts of random draws in native code."""

from graphc.compiler.lowering.cpu import lower_native
from graphc.compiler.runtime.cpu.executor import NativeExecutor
from tests.compiler.draw_programs import RANGES, DrawParts
from tests.native.graph_programs import needs_compiler

pytestmark = needs_compiler


class TestNative(DrawParts):
    executor = staticmethod(lambda outputs: NativeExecutor(lower_native(outputs)))
    ranges = (*RANGES, (20_011, 1234, 14_007))
