"""A fault: what a program did that has no meaning, on its way to the statement that did it."""

from __future__ import annotations


class Fault(Exception):
    """Something without a meaning, in words. The statement that it is in makes an `EvaluationError`
    of it."""
