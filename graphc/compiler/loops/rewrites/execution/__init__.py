"""Rewrites of execution: who runs the turns of loops.

- `bind`: threads, blocks, lanes; `vectorise`: lanes of vectors; `unroll`: written out;
- `synchronise`, `merge_barriers`: where all wait for each other.
"""
