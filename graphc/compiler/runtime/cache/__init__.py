"""Compiled kernels on disk: `kernels` finds and writes them, `eviction` limits their size,
`private_files` are files that nobody else can have written.
"""
