"""Convolutions on a GPU, with their gradients and the poolings behind them.

- `windows`: the mappings, a tile of filters and windows a block;
- `pooled`: the mapping of those with a pooling behind them; `pooled_loops`: their loops.
"""
