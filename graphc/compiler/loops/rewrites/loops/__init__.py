"""Rewrites of loops.

- `split`, `fuse`, `reorder`: how turns are nested;
- `cut`, `peel`: one loop as two of fewer turns; `fission`, `fuse.join`: what one loop does;
- `bind`, `vectorise`, `unroll`: who runs the turns;
- `hoist`: what is the same in all turns is computed once;
- `version`: two programs, by sizes.
"""
