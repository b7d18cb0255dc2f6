"""The op table as native code: each row, against the row and the interpreter."""

from graphc.compiler.lowering.cpu import lower_native
from tests.compiler.op_programs import OpPrograms
from tests.native.graph_programs import both, needs_compiler

pytestmark = needs_compiler


class TestNative(OpPrograms):
    lower = staticmethod(lower_native)
    both = staticmethod(both)
