"""Rewrites of loop programs: each a function from a program to a program that means the same.

A rewrite names loops by their variables and buffers by their names. It raises `RewriteError` where
the result would mean something else, or where that is not proved; the program it is given stays as
it is.
"""
