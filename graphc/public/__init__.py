"""Answers to programs whose names are not those of Keras 1.

`answers` tells about a name or a module that graphc lacks, `callers` looks at the line of the
program.
"""
