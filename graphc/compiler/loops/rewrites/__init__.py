"""Rewrites of loop programs: each a function from a program to a program that means the same.

A rewrite names loops by their variables and buffers by their names. It raises `RewriteError` where
the result would mean something else, or where that is not proved; the program it is given stays as
it is.

- `loops`: how the turns of loops are nested, in which order they are, and who runs them;
- `data`: where values are computed and kept;
- `arithmetic`: what may change bits: sums in parts, fused multiply-adds, intrinsics;
- `simplify`: what is decided is written out, which most rewrites end with;
- `names`, `refusal`, `site`, `boxes`, `elements`: what rewrites share.
"""
