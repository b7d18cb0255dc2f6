"""The op table's third column: each row as generated CUDA, against the row and the interpreter."""

import pytest

from graphc.compiler.lowering.cuda import lower
from tests.compiler.op_programs import OpPrograms
from tests.cuda_emulator.graph_programs import both_on_each_card


@pytest.mark.over("ptx", "source")
class TestCuda(OpPrograms):
    lower = staticmethod(lower)
    both = staticmethod(both_on_each_card)
