"""From a schedule to CUDA C: pure text and data, no device.

`lower` makes of a graph a `DeviceProgram` (`graphc.compiler.program`): source text, and the
launches that use it. Kernels of all kinds, and loops that one launch runs whole, are loop programs
by the mappings of `graphc.compiler.targets.cuda` (`kernels`); `traffic` says what their launches
move.
"""

from graphc.compiler.lowering.cuda.lower import lower

__all__ = ["lower"]
