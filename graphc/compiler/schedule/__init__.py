"""The schedule: a graph divided into kernels, and loops of kernels, for no particular target.

In the order in which a program passes through:

- `layout`, `rotate`: rewrites that make more fuse: transposes sink below arithmetic, and loops
  begin their elementwise work one step ahead;
- `inline`: the choice of the nodes that are materialised, and of those that every reader computes
  for itself; `strides`: index maps that need no computing;
- `relation`: where a node reads another one: at its own element, at its row, or elsewhere;
- `group`, `fusion`: the stored nodes, divided into groups that one kernel each computes;
- `pooling`: the poolings that are fused into their convolution;
- `scan_body`: the body of a scan as a program of its own;
- `persistent`: the loops that one launch can run through, and how its threads share the work;
- `packed_bools`: bools that are stored as bits of a byte;
- `build`: all of it together: `make_schedule`;
- `kernel`: the result: `Kernel`, `Loop`, `Persistent`;
- `hardware`: the facts of a target that kernels are laid out for.
"""

from graphc.compiler.schedule.build import make_schedule
from graphc.compiler.schedule.kernel import KINDS, Kernel, Loop, Step, kernels

__all__ = ["KINDS", "Kernel", "Loop", "Step", "kernels", "make_schedule"]
