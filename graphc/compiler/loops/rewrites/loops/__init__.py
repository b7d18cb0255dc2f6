"""Rewrites of loops: how their turns are nested, and in which order they are.

- `split`, `fuse`, `reorder`, `enclose`: nests of loops; `nest`: which are perfect;
- `fission`, `fuse.join`: what one loop does; `hoist`, `sink`: what is computed ahead of it;
- `part`: some of its turns; `pick_terms`: those alone in which a term is not zero; `rename`: its
  variable.
"""
