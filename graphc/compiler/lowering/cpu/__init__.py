"""From a schedule to C++ for this machine's CPU: pure text and data, as for CUDA.

The schedule and the kernels are those of CUDA (`graphc.compiler.lowering.cuda`). Each kernel
becomes one function, a loop program by a mapping of `graphc.compiler.targets.cpu`, and one
exported function calls them in order (`step`), so that a call of the program is one call from
Python. The text is C++, not C, as ``kernels/`` is: both targets compile the same arithmetic.

- `lower`: from a graph to a program; `context`: its scopes;
- `kernels`: kernels by their mappings;
- `sections`: what a compiler reads at a time;
- `loop`: loops; where rows are independent, each thread takes all steps for rows of its own.

Inner extents are numbers in the text, symbolic sizes arguments, so one text serves every batch. A
test that fails ends the step behind its kernel, ahead of every kernel that writes a state.

Threads are OpenMP's, with static schedules. What they are given never depends on another thread,
and no sum is divided by their number: results are the same bits for any number of threads.
"""

from graphc.compiler.lowering.cpu.lower import NativeProgram, lower_native

__all__ = ["NativeProgram", "lower_native"]
