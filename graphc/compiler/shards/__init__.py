"""Steps that take their batch in shards: which parts of a graph may be computed shard by shard.

`divide` cuts a graph into a function of a shard's rows, whose results are summed over the shards,
and a function of the sums. `statuses` is the analysis behind it, `table` its rule for each op.
"""

from graphc.compiler.shards.divide import Divided, divide
from graphc.compiler.shards.rows import FIRST, RowDivision, joined_rows, shard_ranges

__all__ = ["FIRST", "Divided", "RowDivision", "divide", "joined_rows", "shard_ranges"]
