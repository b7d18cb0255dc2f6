"""The expression surface: the functions that users write expressions with, which make nodes.

They convert what a user gives (`operands`), broadcast and apply the type rules; ops have none of
that. `graphc.compiler.graph` exports them all.
"""
