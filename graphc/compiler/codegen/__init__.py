"""From a schedule to CUDA C: pure text and data, no device."""

from graphc.compiler.codegen.launch import DeviceProgram
from graphc.compiler.codegen.lower import lower
from graphc.compiler.codegen.memory import plan_memory

__all__ = ["DeviceProgram", "lower", "plan_memory"]
