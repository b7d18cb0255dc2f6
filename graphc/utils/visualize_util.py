"""Drawings of models by Graphviz, of the extra 'plot'."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphc.engine.topology.container import Container
from graphc.engine.topology.layer import InputLayer, Layer, as_layer
from graphc.engine.topology.layer_node import LayerNode
from graphc.errors import ArgumentError, MissingPackageError
from graphc.paths import GivenPath, checked_path, shown_path
from graphc.public.calls import public
from graphc.releases import renamed
from graphc.whole_files import written_whole

if TYPE_CHECKING:
    from graphviz import Digraph

_TEXT_FORMATS = ("dot", "gv", "raw")


class Drawing:
    """A graph of the package graphviz, with those methods of pydot's that Keras' own graphs had:
    ``SVG(model_to_dot(model).create(prog="dot", format="svg"))`` in a notebook. What else it has is
    that of a ``graphviz.Digraph``.

    Attributes:
        digraph: the graph.
    """

    def __init__(self, digraph: Digraph) -> None:
        self.digraph = digraph

    def create(self, prog: str | None = None, format: str = "ps") -> bytes:
        """Return a picture as the program Graphviz draws it.

        Args:
            prog: one of its engines, 'dot' by default.
            format: 'svg', 'png', 'pdf' and others; 'dot' and 'raw' are the text for it.

        Raises:
            MissingPackageError: the program is not installed.
            ArgumentError: an engine or a format that there is not.
        """
        graphviz = _graphviz("create")
        for what, value, known in (
            ("prog", prog or "dot", graphviz.ENGINES),
            ("format", format, {*graphviz.FORMATS, "raw"}),
        ):
            if value not in known:
                raise ArgumentError(f"create: {what}: Graphviz has no {value!r}")
        if format in _TEXT_FORMATS:
            return str(self.digraph.source).encode()
        try:
            return bytes(self.digraph.pipe(format, engine=prog))
        except graphviz.ExecutableNotFound as error:
            raise MissingPackageError(
                f"a {format} is drawn by the program Graphviz (dot), which is not found; install "
                "it with the system's packages, e.g. apt install graphviz, or write its text, "
                "plot(model, to_file='model.dot')"
            ) from error

    def write(self, path: GivenPath, prog: str | None = None, format: str = "raw") -> bool:
        """Write what `create` returns into a file, whole or not at all; return True."""
        drawn = self.create(prog, format)
        with written_whole(Path(checked_path("write: path", path))) as part:
            part.write_bytes(drawn)
        return True

    def __getattr__(self, name: str) -> Any:
        if name == "digraph":  # of a copy that is not made yet
            raise AttributeError(name)
        method, _, kind = name.partition("_")
        if kind and method in ("create", "write"):  # create_svg, write_png, ...
            return functools.partial(getattr(self, method), format=kind)
        return getattr(self.digraph, name)


@renamed(show_shape="show_shapes")
def model_to_dot(
    model: Container, show_shapes: bool = False, show_layer_names: bool = True
) -> Drawing:
    """The layers of a model and what each reads, as a `Drawing`.

    Its `source` is the text for Graphviz; notebooks show it where the program is installed.

    Args:
        show_shapes: the shapes of inputs and outputs beside the names.
        show_layer_names: the names beside the classes.

    Raises:
        MissingPackageError: the Python package graphviz is not installed.
        ArgumentError: not a model, or one without layers.
    """
    graphviz = _graphviz("model_to_dot")
    if not isinstance(model, Container):
        raise ArgumentError(f"model_to_dot: expected a model, received {type(model).__name__}")
    dot = graphviz.Digraph(model.name, node_attr={"shape": "record"})
    wiring = model.wiring
    uses: dict[Layer, list[LayerNode]] = {layer: [] for layer in wiring.layers}
    for node in wiring.nodes:
        uses[as_layer(node.outbound_layer)].append(node)
    numbers = {layer: f"layer_{k}" for k, layer in enumerate(uses)}
    for layer, nodes in uses.items():
        dot.node(numbers[layer], _label(layer, nodes, show_shapes, show_layer_names))
    for layer, nodes in uses.items():
        for source in dict.fromkeys(one for node in nodes for one in node.inbound_layers):
            dot.edge(numbers[as_layer(source)], numbers[layer])
    return Drawing(dot)


to_graph = model_to_dot


@renamed(show_shape="show_shapes")
def plot(
    model: Container,
    to_file: GivenPath = "model.png",
    show_shapes: bool = False,
    show_layer_names: bool = True,
) -> None:
    """Draw a model into a file, whole or not at all; a file that is there is replaced.

    Args:
        to_file: its end says the format: '.png', '.svg', '.pdf' and others are drawn by the
            program Graphviz; '.dot' and '.gv' are the text for it, and need only the package.
        show_shapes, show_layer_names: see `model_to_dot`.

    Raises:
        MissingPackageError: the package or the program is not installed; the message names it.
        ArgumentError: a format that there is not.
    """
    graphviz = _graphviz("plot")
    path = Path(checked_path("plot: to_file", to_file))
    kind = path.suffix.lower().removeprefix(".")
    if kind not in graphviz.FORMATS:
        raise ArgumentError(
            f"plot: to_file='{shown_path(path)}': its end says the format, e.g. '.png', '.svg', "
            f"'.pdf' or '.dot'; Graphviz has no {path.suffix!r}"
        )
    model_to_dot(model, show_shapes, show_layer_names).write(path, format=kind)


def _graphviz(what: str) -> Any:
    try:
        return importlib.import_module("graphviz")
    except ImportError as error:
        raise MissingPackageError(
            f"{what} needs the Python package graphviz, which is not installed; it is in the extra "
            "'plot': pip install 'graphc[plot]'"
        ) from error


def _label(layer: Layer, nodes: list[LayerNode], show_shapes: bool, show_name: bool) -> str:
    """The name and the class, and the shapes of each use."""
    kind = type(layer).__name__
    title = _escaped(f"{layer.name} ({kind})" if show_name else kind)
    if not show_shapes:
        return title
    shown = layer.inbound_nodes[:1] if isinstance(layer, InputLayer) else nodes
    inputs, outputs = (
        " or ".join(dict.fromkeys(_shapes(getattr(node, f"{side}_shapes")) for node in shown))
        for side in ("input", "output")
    )
    return f"{{{title}|{{input: {_escaped(inputs)}|output: {_escaped(outputs)}}}}}"


def _shapes(shapes: Sequence[object]) -> str:
    return str(shapes[0]) if len(shapes) == 1 else str(list(shapes))


def _escaped(text: str) -> str:
    """Return a user's name without the characters that have a meaning in a record's label."""
    return "".join(f"\\{char}" if char in r"\{}|<>" else char for char in text)


public(__name__)
