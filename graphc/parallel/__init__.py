"""Ranks: the processes of one training, which exchange bytes over MPI or NCCL.

The room knows arrays and bytes only. It lies below the engine, which decides what is computed and
what is exchanged. `rank`, `size` and `own_rows` say which rows are a program's own.
"""

from graphc.parallel.joining import own_rows, rank, size

__all__ = ["own_rows", "rank", "size"]
