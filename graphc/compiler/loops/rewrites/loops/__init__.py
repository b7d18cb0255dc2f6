"""Rewrites of loops.

- `split`, `fuse`, `reorder`, `enclose`, `sink`: how turns are nested; `rename`: their names;
- `cut`, `peel`: one loop as two of fewer turns; `guard`: as one of more turns, and a test;
- `fission`, `fuse.join`: what one loop does;
- `bind`, `vectorise`, `unroll`: who runs the turns; `synchronise`, `merge_barriers`: where
  they wait;
- `hoist`, `unswitch`: what is the same in all turns is computed, or tested, once;
- `predicate`, `branch`: a test around statements, or at what they read and store;
- `version`: two programs, by sizes.
"""
