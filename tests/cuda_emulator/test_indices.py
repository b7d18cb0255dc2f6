"""Indices of each dtype in generated CUDA."""

from graphc.compiler.codegen import lower
from graphc.compiler.runtime.cuda_executor import CudaExecutor
from tests.compiler.index_programs import Indices


class TestCuda(Indices):
    executor = staticmethod(lambda outputs: CudaExecutor(lower(outputs), outputs))
