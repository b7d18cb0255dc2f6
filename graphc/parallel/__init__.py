"""Ranks: the processes of one training, which exchange bytes over MPI or NCCL.

The room knows arrays and bytes only. It lies below the engine, which decides what is computed and
what is exchanged.
"""
