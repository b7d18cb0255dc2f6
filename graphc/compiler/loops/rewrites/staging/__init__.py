"""Rewrites that stage data: copies in a buffer of a scope and a layout.

- `stage`: what a loop reads; `stage_value`: a value that it computes; `stage_terms`: what it
  reduces; `stage_result`: what it writes;
- `pipeline`: what later turns read is copied while earlier ones compute;
- `layout`, `filling`: the order of elements in a staged box, and who fills it; `relayout`: another
  order.
"""
