"""Rewrites of loop programs: each a function from a program to a program that means the same.

A rewrite names loops by their variables and buffers by their names. It raises `RewriteError` where
the result would mean something else, or where that is not proved; the program it is given stays as
it is.

- `loops`: how the turns of loops are nested, and in which order they are; `conditions`: the tests
  in them; `execution`: who runs them;
- `values`: where values are computed; `staging`: copies of what loops read and write; `buffers`:
  axes and accesses;
- `arithmetic`: what may change bits: sums in parts, fused multiply-adds, intrinsics;
- `simplify`: what is decided is written out, which most rewrites end with;
- `names`, `refusal`, `site`, `boxes`, `elements`: what rewrites share.
"""
