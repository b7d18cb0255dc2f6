"""What is computed together: from a graph to kernels and loops of kernels, of no target.

In the order in which a program passes through:

- `layout`, `rotate`: rewrites that make more fuse: transposes move behind arithmetic, and loops
  begin their elementwise work one step ahead;
- `inline`: which nodes are stored, and which every reader computes for itself; `strides`: index
  maps that need no computing;
- `relation`: where a node reads another one: at its own element, at its row, or elsewhere;
- `group`, `fusion`: the stored nodes, divided into groups that one kernel each computes;
- `pooling`: which pooling goes with its convolution;
- `unlift`: the body of a scan as a program of its own;
- `persistent`: which loops one launch can run through, and how its threads share the work;
- `packed_bools`: which bools are stored as bits of a byte;
- `build`: all of it together: `make_schedule`;
- `kernel`: what comes out: `Kernel`, `Loop`;
- `cards`: what kernels are laid out for.
"""

from graphc.compiler.schedule.build import make_schedule
from graphc.compiler.schedule.kernel import KINDS, Kernel, Loop, Step, kernels

__all__ = ["KINDS", "Kernel", "Loop", "Step", "kernels", "make_schedule"]
