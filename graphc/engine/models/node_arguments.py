"""The arguments that the methods which build a Graph have in common, and the places of their
errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from graphc.compiler import graph as g
from graphc.engine.topology.layer import Layer
from graphc.errors import ArgumentError


def names_given(where: str, input: object, inputs: object) -> list[str]:
    """Return the names in `input` or `inputs`."""
    if not isinstance(inputs, list | tuple):
        raise ArgumentError(f"{where}: inputs: expected a list of names, received {inputs!r}")
    if (input is None) == (not inputs):
        received = f"both, {input!r} and {list(inputs)}" if inputs else "neither"
        raise ArgumentError(
            f"{where}: expected input='a name', or inputs=['a name', 'another'] for several, "
            f"received {received}"
        )
    if len(inputs) == 1:
        raise ArgumentError(
            f"{where}: inputs: expected at least two names, received {list(inputs)}; a single "
            f"one goes to add_node or add_output as input={inputs[0]!r}"
        )
    names = list(inputs) or [input]
    for name in names:
        check_name(f"{where}: {'inputs' if inputs else 'input'}", name)
    return names


def only_output(layer: Layer, x: g.Node | list[g.Node]) -> g.Node:
    """Return the output of a layer; ArgumentError unless it is one tensor."""
    output = layer(x)
    if isinstance(output, list):
        raise ArgumentError(
            f"{layer._graphc_label} gives {len(output)} outputs, and a node is one "
            "tensor; use Model(input, output)"
        )
    return cast(g.Node, output)


def on_inputs(where: str, name: str, used: Sequence[str]) -> str:
    """Return the beginning of an error message: the call, the new name, and its inputs."""
    return f"{where}: {name!r} on {listed(used)}"


def listed(names: Sequence[str]) -> str:
    """Return names as a text for a message."""
    return ", ".join(map(repr, names))


def record_of_call(
    name: str,
    input: str | None,
    inputs: Sequence[str],
    merge_mode: str | None,
    concat_axis: int,
    dot_axes: int | Sequence[int | Sequence[int]],
) -> dict[str, Any]:
    """Return the record of a call in `node_config` or `output_config`."""
    return {
        "name": name,
        "input": input,
        "inputs": list(inputs),
        "merge_mode": merge_mode,
        "concat_axis": concat_axis,
        "dot_axes": dot_axes,
    }


def check_name(where: str, name: object) -> None:
    """Raise ArgumentError for what cannot be a name."""
    if not (isinstance(name, str) and name):
        raise ArgumentError(f"{where}: expected a name, which is a text, received {name!r}")
