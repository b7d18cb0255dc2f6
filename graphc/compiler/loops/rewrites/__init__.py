"""Rewrites of loop programs: each a function from a program to a program that means the same.

A rewrite names loops by their variables and buffers by their names. It raises `RewriteError` where
the result would mean something else, or where that is not proved; the program it is given stays as
it is.

Of loops:

- `split`, `fuse`, `reorder`: how turns are nested; `fission`, `fuse.join`: what one loop does;
- `bind`, `vectorise`, `unroll`: who runs the turns; `version`: two programs, by sizes;
- `hoist`, `simplify`: what is computed once, or not at all.
"""
