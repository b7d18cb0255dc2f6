"""The CPU as a target: its facts, its mappings, its passes, its printer.

- `facts`: what the system says of this machine;
- `mappings`: the table of mappings by kinds of kernels; `pointwise`: of those that compute each
  element by itself; `crosswise`: of what these read crosswise; `reductions`, `columns`,
  `short_rows`: of those that reduce, and of poolings; `products`: of products of matrices;
  `products_strips`, `products_few_rows`, `products_transposed`, `products_long_sums`,
  `products_tiny_sides`: of those whose terms a call tells, of a few rows by rows or columns of
  weights, of few results of long sums, of a few columns or terms; `product_panels`, `panels`: the
  pieces and the intrinsics of all these; `convolutions`, `image_rows`, `weight_gradients`,
  `pooled_windows`: of convolutions; `winograd`, `winograd_statements`, `winograd_tiles`: of those
  by transforms; `pooled_gradients`: of gradients of weights behind a pooling; `in_order`: of what
  no other one takes;
- `printer`: a program as a function of C++; `expressions`: values as its compiler vectorises them;
  `teams`: loops that threads divide; `short_names`: the names of loops in text; the statements'
  forms are templates, ``templates/cpu``;
- `passes`: the table of passes over graphs.
"""
