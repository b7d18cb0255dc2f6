"""Parts of random draws in generated CUDA."""

import pytest

from graphc.compiler.lowering.cuda import lower
from graphc.compiler.runtime.gpu.executor import CudaExecutor
from tests.compiler.draw_programs import DrawParts

pytestmark = pytest.mark.over("ptx", "source")


class TestCuda(DrawParts):
    executor = staticmethod(lambda outputs: CudaExecutor(lower(outputs), outputs))
