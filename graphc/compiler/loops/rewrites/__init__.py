"""Rewrites of loop programs: each a function from a program to a program that means the same.

A rewrite names loops by their variables and buffers by their names. It raises `RewriteError` where
the result would mean something else, or where that is not proved; the program it is given stays as
it is.

Of loops:

- `split`, `fuse`, `reorder`: how turns are nested; `fission`, `fuse.join`: what one loop does;
- `bind`, `vectorise`, `unroll`: who runs the turns; `version`: two programs, by sizes;
- `hoist`, `simplify`: what is computed once, or not at all.

Of data:

- `stage`, `stage_value`, `stage_result`: what a loop reads, computes or writes, in a buffer of a
  scope and a `layout`; `pipeline`: that some turns ahead;
- `inline`, `compute_at`: values and buffers that are computed where they are read;
- `expand`: a buffer of each turn as one of all; `partial_sums`: sums in parts, and their tree;
- `contract`, `use`: fused multiply-adds, and intrinsics.
"""
