"""Reductions and poolings on a CPU.

- `loops`: the loops of their programs, by what they go over;
- `rows`: mappings of rows in lanes or in order; `columns`: of neighbouring results;
  `crosswise_rows`: of tiles that are transposed, and `short_rows`: of those of rows of a few terms;
  `places`: of the place of an extreme;
- `windows_in_vectors`: the mapping of poolings and their gradients, by `window_residues`: elements
  that are a step of windows apart, and `taps`: sums of a row tap by tap; `rows_of_windows`: that of
  poolings of functions.
"""
