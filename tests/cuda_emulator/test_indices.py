"""Indices of each dtype in generated CUDA."""

import pytest

from graphc.compiler.lowering.cuda import lower
from graphc.compiler.runtime.gpu.executor import CudaExecutor
from tests.compiler.index_programs import Indices

pytestmark = pytest.mark.over("ptx", "source")


class TestCuda(Indices):
    executor = staticmethod(lambda outputs: CudaExecutor(lower(outputs), outputs))
