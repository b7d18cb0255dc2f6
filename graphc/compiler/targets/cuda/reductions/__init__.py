"""Reductions on a GPU.

- `rows`: mappings of rows, each by a thread, some lanes, warps or a block;
- `columns`: mappings of neighbouring results.
"""
