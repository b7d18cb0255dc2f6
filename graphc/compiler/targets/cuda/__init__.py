"""A GPU that runs CUDA as a target: its facts, its passes, its mappings, its printer.

- `facts`: what mappings may ask of a card; `passes`: those of CUDA code;
- `mappings`: the table of mappings by kinds of kernels; `pointwise`: of those that compute each
  element by itself; `reductions`: of those that reduce, made of what `rows` does to the passes over
  a row; `intrinsics`: what lanes do together; `products`: of products of matrices; `convolutions`:
  of these and their gradients; `scatter`: of sums at places that indices name; `scans`: of loops
  that one launch runs whole;
- `printer`: a program as a kernel of CUDA; `numbering`: which block and thread runs which turns of
  loops; `thread_numbers`: a thread's number in indices; `own_registers`: which registers each
  thread has; `packs`: loops whose turns are one wide access; the statements' forms are templates,
  ``templates/cuda``.
"""
