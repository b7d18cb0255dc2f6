"""The op table and `make`, the one way to a node."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from graphc.compiler.graph.checks import SizeChecks, SizeClaim
from graphc.compiler.graph.node import Node, attributes_key, find, intern
from graphc.compiler.graph.ops.traits import PLAIN, Traits
from graphc.compiler.graph.origin import current_origin, origin, origin_of, record
from graphc.errors import DTypeError

Inputs = tuple[Node, ...]
Attrs = Mapping[str, Any]
DTypeRule = Callable[[Inputs, Attrs], Any]
ShapeRule = Callable[[Inputs, Attrs, SizeChecks], tuple[Any, ...]]


@dataclass(frozen=True)
class Op:
    """A row of the op table.

    Attributes:
        name: what the op is called on every floor: in the interpreter, in the gradient rules and in
            the device code.
        family: leaf, pointwise, reduce, movement, index, contraction, window or loop.
        arity: how many inputs, None for any number.
        attributes: the names of its attributes, in order.
        dtype: the rule for the result's dtype; raises DTypeError.
        shape: the rule for the result's shape; states its needs through the SizeChecks.
        traits: what holds for every node of the op.
    """

    name: str
    family: str
    arity: int | None
    attributes: tuple[str, ...]
    dtype: DTypeRule
    shape: ShapeRule
    traits: Traits


OPS: dict[str, Op] = {}

_stated: weakref.WeakKeyDictionary[Node, tuple[SizeClaim, ...]] = weakref.WeakKeyDictionary()


def define(
    name: str,
    family: str,
    arity: int | None,
    dtype: DTypeRule,
    shape: ShapeRule,
    attributes: tuple[str, ...] = (),
    traits: Traits = PLAIN,
) -> None:
    """Add a row to the table."""
    assert name not in OPS, name
    OPS[name] = Op(name, family, arity, attributes, dtype, shape, traits)


def ops_with(trait: Callable[[Traits], bool]) -> frozenset[str]:
    """Return the names of the ops that have a trait."""
    return frozenset(name for name, op in OPS.items() if trait(op.traits))


def make(name: str, *inputs: Node, **attrs: Any) -> Node:
    """The node ``name(*inputs)`` with attributes; shape and dtype are checked and inferred here.

    Raises ShapeError or DTypeError, prefixed by the layer at work.
    """
    op = OPS[name]
    ordered = {attribute: attrs[attribute] for attribute in op.attributes}
    if len(attrs) != len(ordered):
        raise TypeError(f"{name}: unknown attributes {sorted(set(attrs) - set(ordered))}")
    key = (name, inputs, attributes_key(ordered))
    node = find(key)
    if node is None:
        if op.arity is not None and len(inputs) != op.arity:
            raise TypeError(f"{name} takes {op.arity} inputs, received {len(inputs)}")
        dtype = op.dtype(inputs, ordered)
        shape = op.shape(inputs, ordered, SizeChecks())
        node = intern(key, MappingProxyType(ordered), shape, dtype, _is_closed(op, inputs))
    record(node)
    return node


def _is_closed(op: Op, inputs: Inputs) -> bool:
    return not op.traits.external and all(x.closed for x in inputs)


def remake(node: Node, inputs: Inputs) -> Node:
    """The node with other inputs and the same op, attributes and origin."""
    if inputs == node.inputs:
        return node
    with origin(origin_of(node)):
        if _types(inputs) != _types(node.inputs):
            return make(node.op, *inputs, **node.attrs)
        # As the rules for shape and dtype see it, it is the node that was.
        key = (node.op, inputs, node.attrs_key)
        new = find(key)
        if new is None:
            closed = _is_closed(OPS[node.op], inputs)
            new = intern(key, node.attrs, node.shape, node.dtype, closed)
        record(new)
        return state_claims(new, _stated.get(node, ()))


def _types(inputs: Inputs) -> list[tuple[tuple[Any, ...], str]]:
    return [(x.shape, x.dtype) for x in inputs]


def state_claims(node: Node, claims: Sequence[SizeClaim]) -> Node:
    """State a node's size claims in the words of the function that the user called, where that
    makes several nodes: a call tests these before the claims of the node's own rule. The first
    statement stays. Returns the node."""
    if claims and node not in _stated:
        _stated[node] = tuple(claims)
    return node


def size_claims(node: Node) -> list[SizeClaim]:
    """Return the claims of a node about its symbolic sizes, for the call to test."""
    checks = SizeChecks()
    checks.claims += _stated.get(node, ())
    with origin(origin_of(node)):
        OPS[node.op].shape(node.inputs, node.attrs, checks)
    return checks.claims


def refuse_dtype(op: str, expected: str, inputs: Inputs) -> None:
    """Raise the DTypeError of an op that got other dtypes than it takes."""
    received = ", ".join(str(node.dtype) for node in inputs)
    where = current_origin()
    prefix = f"{where}: " if where is not None else ""
    raise DTypeError(f"{prefix}{op} takes {expected}, received {received}; cast(x, dtype) converts")
