"""Convolutions on a CPU, with their gradients and the poolings behind them.

- `exchange`: a pass over the graph, ahead of all mappings, after which vectors hold the larger of
  channels and filters;
- `operands`: the loops and operands, of which the mappings are made;
- `windows`: filters by panels of windows; `image_rows`: rows of windows read where they lie in the
  image; `bands`: parts of a sample that threads divide;
- `weight_gradients`: few and long windows, by samples; `weight_blocks`: those of many sums;
- `winograd`, `winograd_statements`, `winograd_tiles`: the mappings by transforms of tiles, their
  statements and their intrinsics;
- `pooled_windows`: a pooling behind a convolution, with the loops of `pooled_loops`;
  `pooled_gradients`: the gradient of weights where a pooling is between.
"""
