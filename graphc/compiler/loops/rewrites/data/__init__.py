"""Rewrites of data.

- `stage`, `stage_value`, `stage_result`: what a loop reads, computes or writes, in a buffer of a
  scope and a `layout`; `pipeline`: that some turns ahead;
- `inline`, `compute_at`: values and buffers that are computed where they are read; `propagate`:
  elements that are read where their names were;
- `expand`: a buffer of each turn as one of all; `relayout`: its axes; `postpone`: where it is;
- `keep`, `promote`, `demote`: values that are kept instead of computed or loaded again;
- `flatten`: elements by their position; `pack`: neighbours that are moved at once.
"""
