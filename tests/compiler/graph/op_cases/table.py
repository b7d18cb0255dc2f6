"""All rows, every op of the op table among them."""

from tests.compiler.graph.op_cases import movement, pointwise, product, reduce, windows

CASES = [
    *pointwise.CASES,
    *reduce.CASES,
    *movement.CASES,
    *product.CASES,
    *windows.CASES,
]
