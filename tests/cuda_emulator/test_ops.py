"""The op table's third column: each row as generated CUDA, against the row and the interpreter."""

from graphc.compiler.codegen import lower
from tests.compiler.op_programs import OpPrograms
from tests.cuda_emulator.graph_programs import both


class TestCuda(OpPrograms):
    lower = staticmethod(lower)
    both = staticmethod(both)
