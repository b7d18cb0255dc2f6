"""Products of matrices on a CPU.

- `panels`: the intrinsics, all rows of a strip by a panel of columns; `pieces`: operands in order,
  and the sums of a strip's panel, of which the mappings are made;
- `added_parts`: sums of many terms, of which the first part is stored and others are added;
- `rows_by_panels`: mappings of threads that have matrices, or panels of one, of their own;
  `panel_parts`: of those, part by part;
  `strips`, `unknown_columns`: of any number of rows, by columns that are known or that a call
  gives; `rows_of_loops`: of the rows that a thread takes through all steps of a loop;
- `few_rows`, `transposed`, `long_sums`, `tiny_sides`: mappings of a few rows by rows or columns of
  weights, of few results of long sums, of a few columns or terms.
"""
