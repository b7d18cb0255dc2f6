"""The arguments of `function`, checked: the graph that it compiles."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from graphc.compiler.function.givens import Pairs, apply_givens, of_type, pairs_of
from graphc.compiler.graph import (
    Node,
    State,
    Symbol,
    as_node,
    label,
    learning_phase,
    state_of,
    toposort,
)
from graphc.compiler.graph.checks import SizeChecks, SizeClaim
from graphc.compiler.graph.dim import symbols
from graphc.config import FLAGS, config
from graphc.errors import ArgumentError, KeywordError, unknown_name

_log = logging.getLogger("graphc")

MODES = next(flag.choices for flag in FLAGS if flag.name == "mode")


@dataclass(frozen=True)
class Arguments:
    """The checked description of the values that a function computes.

    Attributes:
        inputs: in the order of a call's arguments.
        roots: what is fetched, then one new value for each of `states`.
        single: whether a call returns an array alone.
        states: those that a call sets.
        claims: what has to hold of sizes beside the claims of the nodes.
        mode: of the flag's choices.
    """

    inputs: list[Node]
    roots: list[Node]
    single: bool
    states: list[State]
    claims: list[SizeClaim]
    mode: str


def checked_arguments(
    inputs: Sequence[Node],
    outputs: Node | Sequence[Node] | None,
    updates: Pairs | None,
    givens: Pairs | None,
    mode: str | None,
    name: str,
    on_unused_input: str,
) -> Arguments:
    """Return the arguments of `function` as it takes them, with its errors."""
    single = outputs is not None and not isinstance(outputs, list | tuple)
    wanted = [outputs] if single else list(outputs or ())
    checks = SizeChecks()
    pairs = _update_pairs(updates, name, checks)
    roots = [as_node(node) for node in wanted] + [value for _, value in pairs]
    inputs = list(inputs)
    roots = apply_givens(roots, givens, name, checks)
    mode = config.mode if mode is None else mode
    if mode not in MODES:
        raise unknown_name("mode", mode, MODES)
    _check_inputs(inputs, roots, name, on_unused_input)
    states = [state_of(variable) for variable, _ in pairs]
    return Arguments(inputs, roots, single, states, checks.claims, mode)


def _update_pairs(updates: Pairs | None, name: str, checks: SizeChecks) -> list[tuple[Node, Node]]:
    checked: dict[Node, Node] = {}
    for variable, value in pairs_of(updates):
        state = state_of(variable)
        if variable in checked:
            raise ArgumentError(f"{name}: the shared variable {label(variable)} has two updates")
        what = f"{name}: the update of {label(variable)}"
        checked[variable] = of_type(value, state.shape, state.dtype, what, checks)
    return list(checked.items())


def _check_inputs(inputs: list[Node], roots: list[Node], name: str, on_unused_input: str) -> None:
    if on_unused_input not in ("raise", "warn", "ignore"):
        raise KeywordError(
            f"on_unused_input takes 'raise', 'warn' or 'ignore', received {on_unused_input!r}"
        )
    for k, node in enumerate(inputs):
        if not isinstance(node, Node) or node.op != "input":
            raise ArgumentError(
                f"{name}: argument {k} is {node!r}, not an input; to feed the value of an "
                "expression, replace it by an input through `givens`"
            )
    if len(set(inputs)) < len(inputs):
        raise ArgumentError(f"{name}: an input is listed twice")
    needed = [node for node in toposort(roots) if node.op == "input"]
    for node in needed:
        if node is learning_phase() and node not in inputs:
            raise ArgumentError(
                f"{name}: the graph behaves differently in training and testing; list "
                "learning_phase() (K.learning_phase()) among the inputs and feed 0 or 1, or fix it "
                "with givens=[(learning_phase(), False)]"
            )
        if node not in inputs:
            raise ArgumentError(f"{name}: the graph needs {label(node)}, which is not in `inputs`")
    unknown = _symbols_of_sizes(roots, needed)
    for node in inputs:
        if node in needed or node is learning_phase() or unknown & _symbols(node):
            continue
        message = f"{name}: the input {label(node)} is not needed by any output or update"
        if on_unused_input == "raise":
            raise ArgumentError(f"{message}; remove it, or pass on_unused_input='ignore'")
        if on_unused_input == "warn":
            _log.warning(message)


def _symbols_of_sizes(roots: list[Node], inputs: list[Node]) -> set[Symbol]:
    """The symbols of the sizes in a graph that the shapes of these inputs do not determine."""
    found = set().union(*map(_symbols, toposort(roots)))
    return found.difference(*map(_symbols, inputs))


def _symbols(node: Node) -> set[Symbol]:
    shapes = node.shape if isinstance(node.dtype, tuple) else (node.shape,)
    read = (node.attrs["size"],) if node.op == "dim" else ()
    return {symbol for sizes in (*shapes, read) for size in sizes for symbol in symbols(size)}
