"""Rewrite rows, (pattern, result), written in the expression syntax.

    x, y = variables("x y")
    exp, log = operations("exp log")
    row = Rewrite(log(exp(x) / y), x - log(y))

In a pattern an operation stands for a node of that op, a variable for any node that its predicate
accepts (a repeated one for the same node), and a number for a scalar constant of that value in any
dtype, also after broadcast, cast and reshape. In a result an operation is the function of that
name of the expression surface, and a number is weak: it takes the dtype of what it meets.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from functools import partial
from operator import contains
from typing import Any

from graphc.compiler import graph as g
from graphc.compiler.graph import OPS, Node
from graphc.compiler.passes.constants import SCALARS, scalar_value

Rule = Callable[[Node], object]
"""Gives what replaces a node: a node of its dtype, or a number; None where it does not apply."""


class Pattern:
    """An operation on patterns, variables and numbers. Compared by identity."""

    __slots__ = ("op", "operands")

    def __init__(self, op: str, *operands: object):
        self.op = op
        self.operands = operands

    def __str__(self) -> str:
        """The operation as a formula: ``exp(x) / y``."""
        texts = [_operand_text(one) for one in self.operands]
        if self.op in _SIGNS:
            return f" {_SIGNS[self.op]} ".join(texts)
        if self.op in _PREFIXES and len(texts) == 1:
            return f"{_PREFIXES[self.op]}{texts[0]}"
        return f"{self.op}({', '.join(map(str, self.operands))})"


class Variable(Pattern):
    """Any node that `accepts` takes."""

    __slots__ = ("accepts",)

    def __init__(self, name: str, accepts: Callable[[Node], bool]):
        super().__init__(name)
        self.accepts = accepts

    def __str__(self) -> str:
        return self.op


def _operator(op: str, reflected: bool = False) -> Callable[..., Pattern]:
    if reflected:
        return lambda self, other: Pattern(op, other, self)
    return lambda self, *others: Pattern(op, self, *others)


_BINARY = {
    "add": "add",
    "sub": "sub",
    "mul": "mul",
    "truediv": "div",
    "pow": "pow",
    "and": "logical_and",
    "or": "logical_or",
    "xor": "logical_xor",
}
for _python, _op in _BINARY.items():
    setattr(Pattern, f"__{_python}__", _operator(_op))
    setattr(Pattern, f"__r{_python}__", _operator(_op, reflected=True))
for _python, _op in {"neg": "neg", "invert": "logical_not"}.items():
    setattr(Pattern, f"__{_python}__", _operator(_op))

_SIGNS = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "/",
    "pow": "**",
    "logical_and": "&",
    "logical_or": "|",
    "logical_xor": "^",
}
_PREFIXES = {"neg": "-", "logical_not": "~"}


def _operand_text(operand: object) -> str:
    """An operand within a formula, in parentheses where it is an operation with a sign."""
    signed = isinstance(operand, Pattern) and operand.op in _SIGNS | _PREFIXES
    return f"({operand})" if signed else str(operand)


# Any: a type checker does not see the operators that are installed above.
def variables(names: str, accepts: Callable[[Node], bool] = lambda node: True) -> list[Any]:
    """One `Variable` for each of the names, all with this predicate."""
    return [Variable(name, accepts) for name in names.split()]


def operations(names: str) -> list[Callable[..., Any]]:
    """One operation for each of the names: a function that makes a `Pattern` of its operands."""
    return [partial(Pattern, name) for name in names.split()]


def matches(
    pattern: object, node: Node, bound: Mapping[Variable, Node]
) -> Iterator[Mapping[Variable, Node]]:
    """All ways to bind the pattern's variables, on top of `bound`, so that it is the node."""
    if isinstance(pattern, Variable):
        if pattern not in bound:
            if pattern.accepts(node):
                yield {**bound, pattern: node}
        elif bound[pattern] is node:
            yield bound
    elif isinstance(pattern, Pattern):
        if node.op != pattern.op:
            return
        yield from _all_match(pattern.operands, node.inputs, bound)
        if OPS[node.op].traits.commutative:
            yield from _all_match(pattern.operands, node.inputs[::-1], bound)
    elif scalar_value(node) == pattern:
        yield bound


def _all_match(
    patterns: Sequence[object], nodes: Sequence[Node], bound: Mapping[Variable, Node]
) -> Iterator[Mapping[Variable, Node]]:
    if not patterns:
        yield bound
        return
    for found in matches(patterns[0], nodes[0], bound):
        yield from _all_match(patterns[1:], nodes[1:], found)


class Rewrite:
    """A rewrite rule: what its pattern matches becomes its result."""

    def __init__(self, pattern: Pattern, result: object):
        self.pattern = pattern
        self.result = result
        self._kinds = [_ops_of(operand) for operand in pattern.operands]
        self._commutes = OPS[pattern.op].traits.commutative

    def __str__(self) -> str:
        """The rule as a formula: ``x + 0 = x``."""
        return f"{self.pattern} = {self.result}"

    def __call__(self, node: Node) -> object:
        if node.op == self.pattern.op and self._may_match(node):
            for bound in matches(self.pattern, node, {}):
                return _build(self.result, bound)
        return None

    def _may_match(self, node: Node) -> bool:
        """Return False if the inputs' ops rule the pattern out, which they do for most nodes."""
        ops = [x.op for x in node.inputs]
        if all(map(contains, self._kinds, ops)):
            return True
        return self._commutes and all(map(contains, self._kinds, reversed(ops)))


def _ops_of(pattern: object) -> Container[str]:
    """The ops of the nodes that a pattern may stand for."""
    if isinstance(pattern, Variable):
        return OPS
    return (pattern.op,) if isinstance(pattern, Pattern) else SCALARS


def _build(result: object, bound: Mapping[Variable, Node]) -> object:
    if isinstance(result, Variable):
        return bound[result]
    if isinstance(result, Pattern):
        return getattr(g, result.op)(*(_build(operand, bound) for operand in result.operands))
    return result
