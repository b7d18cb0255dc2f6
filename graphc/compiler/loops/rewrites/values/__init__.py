"""Rewrites of values: where they are computed, and what is kept of them.

- `inline`, `compute_at`: values and buffers that are computed where they are read; `producer`: the
  statements that store a buffer, as such a value; `propagate`: elements that are read where their
  names were;
- `keep`, `invariant`, `promote`, `demote`, `name_result`: values that are kept in names or
  registers instead of computed or loaded again.
"""
