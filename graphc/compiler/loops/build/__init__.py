"""From a kernel of a schedule to its plain loop program.

- `storage`: where the values around a kernel lie; `block`: bodies of loops and branches that grow;
- `builder`: the walk over a kernel's graph, and where statements stand;
- `movement`, `gather`, `draws`: ops that read or make one element; `reductions`, `windows`: those
  that reduce several;
- `kernels`: the loops of each kind of kernel: `plain_program`; `scan`: those of a loop of kernels
  that one launch runs whole.
"""

from graphc.compiler.loops.build.kernels import (
    BuiltKernel,
    build,
    plain_program,
    with_repeated_checks,
)
from graphc.compiler.loops.build.scan import build_scan
from graphc.compiler.loops.build.storage import KernelBuffers, Storage, buffers_of

__all__ = [
    "BuiltKernel",
    "KernelBuffers",
    "Storage",
    "buffers_of",
    "build",
    "build_scan",
    "plain_program",
    "with_repeated_checks",
]
