"""Graphs as pictures for notebooks: SVG by Graphviz's ``dot`` where it is installed, else text."""

from __future__ import annotations

import html
import shutil
import subprocess
from collections.abc import Sequence

from graphc.compiler.graph.node import Node
from graphc.compiler.graph.origin import name_of, origin_of
from graphc.compiler.graph.printer import format_graph
from graphc.compiler.graph.walk import toposort

_MOST_NODES = 300
"""Nodes of a drawing; with more, dot takes minutes, and the result is unreadable."""


def draw(outputs: Sequence[Node]) -> str:
    """The outputs and all they depend on, as HTML: a drawing, or the printed form."""
    nodes = toposort(outputs)
    dot = shutil.which("dot")
    if dot is not None and len(nodes) <= _MOST_NODES:
        done = subprocess.run(
            [dot, "-Tsvg"],
            input=dot_source(outputs),
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        if done.returncode == 0:
            return done.stdout[done.stdout.index("<svg") :]
    return f"<pre>{html.escape(format_graph(outputs))}</pre>"


def dot_source(outputs: Sequence[Node]) -> str:
    """The graph in Graphviz's language: a box a node, with its name, op, type and layer."""
    names: dict[Node, str] = {}
    lines = ["digraph {", '  node [shape=box, fontname="sans-serif", fontsize=10]']
    for node in toposort(outputs):
        names[node] = f"n{len(names)}"
        parts = [name_of(node), node.op, repr(node)[1:-1].partition(": ")[2], origin_of(node)]
        label = "\\n".join(_quoted(str(part)) for part in parts if part)
        bold = ", penwidth=2" if node in outputs else ""
        lines.append(f'  {names[node]} [label="{label}"{bold}]')
        lines += [f"  {names[x]} -> {names[node]}" for x in node.inputs]
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    """Text inside of the quotes of Graphviz's strings, on one line."""
    shown = "".join(char if char.isprintable() else " " for char in text)
    return shown.replace("\\", "\\\\").replace('"', '\\"')
