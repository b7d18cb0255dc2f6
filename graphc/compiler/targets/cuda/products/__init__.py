"""Products of matrices on a GPU.

- `blocks`: the mappings, a tile of the result a block; `vectors`: the mappings of what tiles are
  not for, a matrix by a vector, and sums of few terms;
- `tiles`: how a result is divided among blocks and threads; `groups`: threads that share the sums
  of a small tile; `parts`: blocks that divide the terms of long sums;
- `operands`, `named_places`: elements in memory, and those that are computed.
"""
