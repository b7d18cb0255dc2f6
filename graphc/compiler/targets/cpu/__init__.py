"""The CPU as a target: its facts, its mappings, its passes, its printer.

- `facts`: what the system says of this machine;
- `mappings`: the table of mappings by kinds of kernels; `pointwise`: of those that compute each
  element by itself; `crosswise`, `draws`: what these read crosswise, their random words;
  `reductions`: of those that reduce, and of poolings; `products`: of products of matrices;
  `convolutions`: of these and their gradients; `scatter`: of sums at places that indices name;
  `in_order`: of what no other one takes;
- `printer`: a program as a function of C++; `expressions`: values as its compiler vectorises them;
  `functions`: those of many instructions, and `flat_functions`: of short rows;
  `teams`: loops that threads divide; `masked_lanes`: loops that g++ must not write out;
  `short_names`: the names of loops in text; the statements' forms are templates,
  ``templates/cpu``;
- `passes`: the table of passes over graphs.
"""
