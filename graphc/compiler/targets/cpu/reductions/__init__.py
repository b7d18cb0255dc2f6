"""Reductions and poolings on a CPU.

- `loops`: the loops of their programs, by what they go over;
- `rows`: mappings of rows in lanes or in order; `columns`: of neighbouring results; `short_rows`:
  of rows of a few terms; `places`: of the place of an extreme.
"""
