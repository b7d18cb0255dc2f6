"""From a schedule to C++ for this machine's CPU: pure text and data, as for CUDA.

The schedule, the kernels, the emitter and its rules are those of CUDA (`graphc.compiler.codegen`);
what differs is how a kernel's work is laid out. Each kernel becomes one static function of loops,
and one exported function calls them in order (`step`), so that a call of the program is one call
from Python. The text is C++, not C, as ``kernels/`` is: both targets compile the same arithmetic.

- `lower`: the table `LOWERINGS`, a function for each kind of kernel;
- `context`: functions and their parameters;
- `nest`: loops over the elements of results, of which the innermost is vectorised; `hoist`: which
  of them a statement of the `emitter` belongs in;
- `loop_program`: kernels that a mapping of `graphc.compiler.targets.cpu` takes; the rest are here:
- `pointwise`: stores of what lies behind a convolution;
- `loop`: loops; where rows are independent, each thread takes all steps for rows of its own;
- `convolution`: by transforms (`winograd`), one with a pooling behind it (`pooled_winograd`), its
  windows (`pooled_windows`, `tile_elements`) and their random words (`tile_words`); `sparse_conv`:
  the gradient of its weights; `conv_loops`: what these share.

Inner extents are numbers in the text, symbolic sizes arguments, so one text serves every batch. A
test that fails ends the step behind its kernel, ahead of every kernel that writes a state.

Threads are OpenMP's, with static schedules. What they are given never depends on another thread,
and no sum is divided by their number: results are the same bits for any number of threads.
"""

from graphc.compiler.codegen.native.lower import NativeProgram, lower_native

__all__ = ["NativeProgram", "lower_native"]
