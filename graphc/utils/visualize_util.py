"""Drawings of models by Graphviz, of the extra 'plot'."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphc.engine.models.graph_model import Graph
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
    model: Container,
    show_shapes: bool = False,
    show_layer_names: bool = True,
    *,
    recursive: bool = False,
) -> Drawing:
    """The layers of a model and what each reads, as a `Drawing`.

    Its `source` is the text for Graphviz; notebooks show it where the program is installed.

    Args:
        show_shapes: the shapes of inputs and outputs beside the names.
        show_layer_names: the names beside the classes.
        recursive: the layers of models inside, in place of these models.

    Raises:
        MissingPackageError: the Python package graphviz is not installed.
        ArgumentError: not a model, or one without layers.
    """
    return _drawn(model, recursive, show_shapes, show_layer_names)


to_graph = model_to_dot


@renamed(show_shape="show_shapes")
def plot(
    model: Container,
    to_file: GivenPath = "model.png",
    show_shapes: bool = False,
    show_layer_names: bool = True,
    *,
    recursive: bool = False,
) -> None:
    """Draw a model into a file, whole or not at all; a file that is there is replaced.

    Args:
        to_file: its end says the format: '.png', '.svg', '.pdf' and others are drawn by the
            program Graphviz; '.dot' and '.gv' are the text for it, and need only the package.
        show_shapes, show_layer_names, recursive: see `model_to_dot`.

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
    _drawn(model, recursive, show_shapes, show_layer_names).write(path, format=kind)


class ModelToDot:
    """Draws a model, ``ModelToDot()(model)``, as in Keras 0.3; see `model_to_dot`."""

    def __call__(
        self,
        model: Container,
        recursive: bool = True,
        show_shape: bool = False,
        connect_to: str | None = None,
    ) -> Drawing:
        """Return the drawing of a model.

        Args:
            recursive: the layers of models inside, in place of these models.
            show_shape: the shapes of inputs and outputs beside the names.
            connect_to: the name of a further box, to which lines lead from the outputs.
        """
        return _drawn(model, recursive, show_shape, connect_to=connect_to)


def layer_typename(layer: Layer) -> str:
    """Return the class of a layer with its module, as Keras 0.3 showed it."""
    return f"{type(layer).__module__}.{type(layer).__name__}"


def get_layer_to_name(model: Container) -> dict[Layer, str]:
    """Return the names of the inputs and nodes of a Graph by their layers; none of other models."""
    if not isinstance(model, Graph):
        return {}
    names = zip(model.input_layers, model.input_names, strict=True)
    return {layer: name for name, layer in model.nodes.items()} | dict(names)


def _drawn(
    model: Container,
    recursive: bool,
    show_shapes: bool,
    show_layer_names: bool = True,
    connect_to: str | None = None,
) -> Drawing:
    graphviz = _graphviz("model_to_dot")
    if not isinstance(model, Container):
        raise ArgumentError(f"model_to_dot: expected a model, received {type(model).__name__}")
    dot = graphviz.Digraph(model.name, node_attr={"shape": "record"})
    boxes = _Boxes(recursive)
    boxes.add(model, {})
    numbers = {layer: f"layer_{k}" for k, layer in enumerate(boxes.uses)}
    for layer, nodes in boxes.uses.items():
        dot.node(numbers[layer], _label(layer, nodes, show_shapes, show_layer_names))
    for source, layer in boxes.lines:
        dot.edge(numbers[source], numbers[layer])
    if connect_to is not None:
        for source in boxes.sources(model.output_layers):
            dot.edge(numbers[source], connect_to)
    return Drawing(dot)


class _Boxes:
    """The layers that are drawn, and the lines between them.

    Attributes:
        uses: layer -> its uses.
        lines: pairs of a layer and one that reads it.
    """

    def __init__(self, recursive: bool) -> None:
        self._recursive = recursive
        self._sources: dict[Layer, list[Layer]] = {}  # layers without a box -> those in their place
        self.uses: dict[Layer, list[LayerNode]] = {}
        self.lines: dict[tuple[Layer, Layer], None] = {}

    def add(self, model: Container, read: Mapping[Layer, list[Layer]]) -> None:
        """Add the layers of a model; `read` has what its inputs are outside of it."""
        self._sources |= read
        wiring = model.wiring
        for layer in wiring.layers:
            if layer not in read and not self._is_opened(layer):
                self.uses.setdefault(layer, [])
        for node in wiring.nodes:
            layer = as_layer(node.outbound_layer)
            before = list(map(as_layer, node.inbound_layers))
            if self._is_opened(layer):
                assert isinstance(layer, Container)
                inputs = zip(layer.input_layers, before, strict=True)
                self.add(layer, {one: self.sources([source]) for one, source in inputs})
                self._sources[layer] = self.sources(layer.output_layers)
                continue
            self.uses[layer].append(node)
            self.lines |= dict.fromkeys((source, layer) for source in self.sources(before))

    def sources(self, layers: Iterable[Layer]) -> list[Layer]:
        """Return the layers whose boxes lines from these layers begin at."""
        found = [self._sources.get(layer, [layer]) for layer in layers]
        return list(dict.fromkeys(one for several in found for one in several))

    def _is_opened(self, layer: Layer) -> bool:
        return self._recursive and isinstance(layer, Container)


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
