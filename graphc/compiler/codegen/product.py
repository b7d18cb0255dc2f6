"""Matrix products as kernels.

For each element of `batch`, ``result[i, j] = sum over k of left[i, k] * right[k, j]``. What lies
behind the product (bias, activation, dropout, a residual) is computed in its epilogue, what lies
before it (a cast, a scale) while the operands are fetched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from graphc.compiler.codegen.emitter import Emitter
from graphc.compiler.codegen.expression import Expression
from graphc.compiler.codegen.index import Coordinates, Index
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Shape, Size

OperandAxis: TypeAlias = Literal["outer", "k"]
"""An axis of an operand: the summed one, or the other (i of the left, j of the right operand)."""


@dataclass(frozen=True)
class Direct:
    """An operand that lies in memory as matrices whose rows have no gaps between elements.

    Element (batch, outer, k) is at ``offset + sum(batch * batch_strides) + outer * row + k`` where
    `fast` is "k", and at ``... + k * row + outer`` where it is "outer".

    Attributes:
        node: the value in memory.
        fast: the axis along which elements are neighbours.
        row: elements from one row to the next.
        batch_strides: elements from one matrix to the next along each batch axis; 0 where all share
            one.
        offset: elements before the first.
        steps: of a slice of a loop's sequence: pairs of the leaf that counts the loop's steps, and
            the elements from one step's value to the next.
    """

    node: Node
    fast: OperandAxis
    row: Size
    batch_strides: Shape = ()
    offset: Size = 0
    steps: tuple[tuple[Node, Size], ...] = ()


@dataclass(frozen=True)
class Pulled:
    """An operand that is worked out, element by element, while it is fetched.

    Attributes:
        node: what it is; two operands of one node are fetched once.
        fast: the axis along which neighbours are likely to be neighbours in memory: threads that
            lie side by side take elements that do. With "outer" all elements that a thread fetches
            in one step have one `outer`.
        value: (emitter, batch coordinates, outer, k) -> the element's value. The coordinates are
            names of ints, or digits, and lie inside of the operand. What it prints is inside of
            the loop over k, and is not run for elements outside of the operand; what depends on
            `outer` alone is moved out of the loop by the compiler, if it has no branches.
    """

    node: Node
    fast: OperandAxis
    value: Callable[[Emitter, Coordinates, Expression, Expression], Expression] = field(
        compare=False
    )


Operand: TypeAlias = Direct | Pulled


@dataclass(frozen=True, eq=False)
class Product:
    """One product of a kernel.

    Attributes:
        node: the anchor of the kernel whose value it is.
        batch: the axes along which there are products; () is one product.
        m, n, k: the rows of the result, its columns, and what is summed; ints or symbolic.
        left, right: the operands; the outer axis of `left` is i (0 to m - 1), of `right` j.
        result: (emitter, batch coordinates, i, j) -> the element of `node` that is at row i and
            column j.
        packs: whether columns j, j + 1, j + 2, j + 3 are neighbours in `node` for each j that is
            a multiple of four, the first of them at a position that is a multiple of four, and n
            is a multiple of four: they are stored 16 bytes at a time then.
    """

    node: Node
    batch: Shape
    m: Size
    n: Size
    k: Size
    left: Operand
    right: Operand
    result: Callable[[Emitter, Coordinates, Expression, Expression], Index]
    packs: bool
