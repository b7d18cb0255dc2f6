"""Graph, the model of Keras 0.3 with several inputs and outputs, which are given by name."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, Unpack, cast

import numpy as np

from graphc import callbacks as cbks
from graphc import lookup, optimizers
from graphc.compiler import graph as g
from graphc.engine.configs.registry import reading_layers
from graphc.engine.data.workers import workers_for
from graphc.engine.keywords import BatchKeywords, CompileKeywords, TrainingKeywords
from graphc.engine.models.graph_config import add_named, graph_config
from graphc.engine.models.named_feeds import NamedFeeds, check_named
from graphc.engine.models.named_nodes import NamedNodes
from graphc.engine.topology.layer import Layer
from graphc.engine.topology.layer_node import LayerNode, to_list
from graphc.engine.topology.weight_files import weights_in_order
from graphc.engine.topology.wiring import Wiring, trace
from graphc.engine.training.model import Model
from graphc.engine.training.running import check_verbose
from graphc.errors import ArgumentError
from graphc.keywords import refuse_unknown
from graphc.paths import GivenPath
from graphc.releases import FIRST

_log = logging.getLogger("graphc")

_COMPILE_KEYWORDS = (
    "optimizer",
    "loss",
    "metrics",
    "sample_weight_modes",
    "loss_weights",
    "mode",
    "class_mode",
)


class Graph(Model):
    """Layers wired by names, with any number of inputs and outputs.

    Nodes name those before them, which they read.

        graph = Graph()
        graph.add_input(name="left", input_shape=(32,))
        graph.add_input(name="right", input_shape=(16,))
        graph.add_node(Dense(8), name="hidden", inputs=["left", "right"], merge_mode="concat")
        graph.add_node(Dense(1), name="last", input="hidden")
        graph.add_output(name="score", input="last")
        graph.compile("adam", {"score": "mse"})
        graph.fit({"left": x1, "right": x2, "score": y})
        graph.predict({"left": x1, "right": x2})["score"]

    One dict holds the arrays of the inputs and the targets of the outputs; what else is in it is
    ignored. A Graph is a layer too, and may be a part of other models.

    A node is a layer, used on the one or on the merged tensors that it names; shapes are checked,
    and weights made, as nodes are added. A layer that was in use before keeps the name that it has
    elsewhere; any other is named as its node.

    Attributes:
        nodes: name -> layer.
        input_order, output_order: names, as they were added.
        input_config, node_config, output_config: what was added, as the methods' arguments.
    """

    _graphc_feeds = NamedFeeds

    def __init__(self, name: str | None = None):
        Layer.__init__(self, name=name)
        self._graphc.release = FIRST  # the last one has no Graph
        self._graphc_named = named = NamedNodes(self)
        self.nodes = named.nodes
        self.input_order, self.output_order = named.input_order, named.output_order
        self.input_config, self.node_config = named.input_config, named.node_config
        self.output_config = named.output_config
        self._graphc_connect([], [])

    def add_input(
        self,
        name: str,
        input_shape: Sequence[int | None] | None = None,
        batch_input_shape: Sequence[int | None] | None = None,
        dtype: str = "float",
    ) -> None:
        """Add an input, which is fed by its name.

        Args:
            name: of the input.
            input_shape: of one sample, without the batch axis (`batch_input_shape` has it).
            dtype: 'float', which is floatX, 'int', which is int32, or a type by its own name.
        """
        self._graphc_named.add_input(name, input_shape, batch_input_shape, dtype)

    def add_node(
        self,
        layer: Layer,
        name: str,
        input: str | None = None,
        inputs: Sequence[str] = (),
        merge_mode: str = "concat",
        concat_axis: int = -1,
        dot_axes: int | Sequence[int | Sequence[int]] = -1,
        create_output: bool = False,
    ) -> None:
        """Use a layer on an input or a node, or on several of them.

        Args:
            layer: a layer or a model; one that is in use already shares its weights.
            name: of the node.
            input: the name of what it is used on.
            inputs: names of several, which are merged first.
            merge_mode: how: a mode of `Merge`, or 'join' for a layer that takes a list.
            concat_axis, dot_axes: of these modes; see `Merge`.
            create_output: whether the node is an output too, of the same name.
        """
        self._graphc_named.add_node(
            layer, name, input, inputs, merge_mode, concat_axis, dot_axes, create_output
        )

    def add_shared_node(
        self,
        layer: Layer,
        name: str,
        inputs: Sequence[str] = (),
        merge_mode: str | None = None,
        concat_axis: int = -1,
        dot_axes: int | Sequence[int | Sequence[int]] = -1,
        outputs: Sequence[str] = (),
        create_output: bool = False,
    ) -> None:
        """Use a layer, with the same weights, on each of several inputs or nodes.

        Args:
            layer: a layer or a model.
            name: of the node: of its merged results, where they are merged.
            inputs: names of what it is used on.
            merge_mode, concat_axis, dot_axes: how the results are merged; None leaves them apart,
                'join' gives them to the next node, whose layer takes a list.
            outputs: a name for each result, where they are left apart.
            create_output: whether the result, or each of them, is an output too.
        """
        self._graphc_named.add_shared_node(
            layer, name, inputs, merge_mode, concat_axis, dot_axes, outputs, create_output
        )

    def add_output(
        self,
        name: str,
        input: str | None = None,
        inputs: Sequence[str] = (),
        merge_mode: str = "concat",
        concat_axis: int = -1,
        dot_axes: int | Sequence[int | Sequence[int]] = -1,
    ) -> None:
        """Make a node, or several merged ones, an output: its targets and its loss are given by
        this name. Arguments as of `add_node`."""
        self._graphc_named.add_output(name, input, inputs, merge_mode, concat_axis, dot_axes)

    def _graphc_connect(self, inputs: Sequence[g.Node], outputs: Sequence[g.Node]) -> None:
        super()._graphc_connect(inputs, outputs)
        self.output_names = list(self.output_order)

    def _graphc_nodes(self) -> Sequence[LayerNode]:
        tensors = [*self._graphc_named.tensors(), *self.outputs]
        return trace(self.inputs, tensors, self.name).nodes

    def _graphc_replace(self, tensors: Mapping[g.Node, g.Node]) -> None:
        self._graphc_named.replace(tensors)
        super()._graphc_replace(tensors)

    @cached_property
    def _graphc_wiring(self) -> Wiring:
        if not self.outputs:
            raise ArgumentError(
                f"{self.name}: a Graph needs an output: "
                "graph.add_output(name='output', input='the name of a node')"
            )
        return super()._graphc_wiring

    def set_previous(  # type: ignore[override]  # arguments as Keras' Graph had them
        self,
        layer: Layer,
        connection_map: Mapping[str, str] = MappingProxyType({}),
        reset_weights: bool = True,
    ) -> None:
        """Connect the graph to a layer, or its inputs to the outputs of another Graph.

        Args:
            layer: with as many outputs as the graph has inputs.
            connection_map: input -> output of the other Graph, where there are several.
            reset_weights: has no effect, as the weights are those of the nodes behind the inputs.

        Raises:
            ArgumentError: other inputs or outputs than there are.
        """
        if self.nb_input == 1:
            super().set_previous(layer, reset_weights)
            return
        outputs = (
            dict(zip(layer.output_names, layer.outputs, strict=True))
            if isinstance(layer, Graph)
            else {}
        )
        found = [outputs.get(connection_map.get(name, "")) for name in self.input_order]
        if None in found or set(connection_map) != set(self.input_order):
            raise ArgumentError(
                f"{self.name}.set_previous: connection_map: expected an output of another Graph "
                f"({', '.join(outputs) or 'none'}) for each of the inputs "
                f"{', '.join(self.input_order)}, received {dict(connection_map)}"
            )
        self._graphc_connect_to(cast("list[g.Node]", found), reset_weights=False)

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of a node or of another name, or at a position in `layers`."""
        return self.nodes[name] if name in self.nodes else super().get_layer(name, index)

    def build(self, input_shape: object = None) -> None:
        """Do nothing: weights are made as nodes are added. ArgumentError if there is no output
        yet."""
        self._graphc_need_layers("build")

    def compile(  # type: ignore[override]  # arguments as Keras' Graph has them
        self,
        optimizer: str | optimizers.Optimizer,
        loss: object,
        metrics: object = (),
        sample_weight_modes: object = None,
        loss_weights: object = None,
        **kwargs: Unpack[CompileKeywords],
    ) -> None:
        """Choose the loss that training minimizes, and the optimizer.

        Args:
            optimizer: a name or an optimizer.
            loss: output -> a name or a function; one alone is for all outputs.
            metrics: names or functions for all outputs, or output -> such a list.
            sample_weight_modes: output -> None, or 'temporal' for a weight at each step.
            loss_weights: output -> the factor of its loss in the total, 1 where there is none.
            mode: for `graphc.function`; see `Model.compile`.

        Raises:
            ArgumentError: no output, an output without a loss, an input that no output depends on.
            KeywordError: an output that there is not, an unknown keyword.
        """
        where = f"{self.name}.compile"
        refuse_unknown(where, kwargs, _COMPILE_KEYWORDS)
        self._graphc_need_layers("compile")
        if isinstance(loss, Mapping):
            missing = [name for name in self.output_order if name not in loss]
            if missing:
                raise ArgumentError(
                    f"{where}: loss: the output {missing[0]!r} has no loss; give one for each of "
                    f"the outputs {', '.join(self.output_order)}, e.g. "
                    f"loss={dict.fromkeys(self.output_order, 'mse')}"
                )
        unread = self._graphc_named.unread(self._graphc_wiring.nodes)
        if unread:
            _log.warning(
                "%s: no output depends on the nodes %s, which are left out",
                where,
                ", ".join(map(repr, unread)),
            )
        super().compile(optimizer, loss, metrics, loss_weights, sample_weight_modes, **kwargs)

    def fit(  # type: ignore[override]  # one dict of data, as Keras' Graph
        self,
        data: Mapping[str, object],
        batch_size: int = 32,
        nb_epoch: int = 10,
        verbose: int = 1,
        callbacks: Iterable[cbks.Callback] = (),
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool | str = True,
        class_weight: Mapping[Any, Any] | None = None,
        sample_weight: object = None,
        initial_epoch: int = 0,
        **kwargs: Unpack[TrainingKeywords],
    ) -> cbks.History:
        """Train on all samples `nb_epoch` times; see `Model.fit`.

        Args:
            data: name -> array, of every input and every output.
            validation_data: such a dict to evaluate after each epoch.
            class_weight: output -> class -> weight of its samples in the loss.
            sample_weight: output -> a weight for each sample (each step, in 'temporal' mode).
        """
        self._graphc_check_training("fit", data, kwargs)
        return super().fit(
            data,
            data,
            batch_size=batch_size,
            nb_epoch=nb_epoch,
            verbose=verbose,
            callbacks=callbacks,
            validation_split=validation_split,
            validation_data=validation_data,
            shuffle=shuffle,
            class_weight=class_weight,
            sample_weight=sample_weight,
            initial_epoch=initial_epoch,
            **kwargs,
        )

    def evaluate(  # type: ignore[override]  # one dict of data, as Keras' Graph
        self,
        data: Mapping[str, object],
        batch_size: int = 128,
        verbose: int = 0,
        sample_weight: object = None,
        **kwargs: Unpack[TrainingKeywords],
    ) -> float | list[float]:
        """The loss on data, name -> array, without training; see `Model.evaluate`."""
        self._graphc_check_training("evaluate", data, kwargs)
        return super().evaluate(data, data, batch_size, verbose, sample_weight, **kwargs)

    def predict(  # type: ignore[override]  # one dict of data, as Keras' Graph
        self,
        data: Mapping[str, object],
        batch_size: int = 128,
        verbose: int = 0,
        *,
        shards: int | None = None,
        memory: int | str | None = None,
        on_first_rank_only: bool = False,
    ) -> dict[str, np.ndarray] | None:
        """Return the predictions of each output, by name, for all samples; see `Model.predict`."""
        self._graphc_check_inputs_of("predict", data)
        return self._graphc_by_output(
            super().predict(
                *(data, batch_size, verbose),
                shards=shards,
                memory=memory,
                on_first_rank_only=on_first_rank_only,
            )
        )

    def train_on_batch(  # type: ignore[override]  # one dict of data, as Keras' Graph
        self,
        data: Mapping[str, object],
        class_weight: Mapping[Any, Any] | None = None,
        sample_weight: object = None,
        **kwargs: Unpack[BatchKeywords],
    ) -> float | list[float]:
        """Train on one batch; see `Model.train_on_batch`, which takes the weights in the other
        order."""
        self._graphc_check_training("train_on_batch", data, kwargs)
        return super().train_on_batch(data, data, sample_weight, class_weight, **kwargs)

    def test_on_batch(  # type: ignore[override]  # one dict of data, as Keras' Graph
        self,
        data: Mapping[str, object],
        sample_weight: object = None,
        **kwargs: Unpack[BatchKeywords],
    ) -> float | list[float]:
        """The loss of one batch, or a list like `metrics_names`."""
        self._graphc_check_training("test_on_batch", data, kwargs)
        return super().test_on_batch(data, data, sample_weight, **kwargs)

    def predict_on_batch(  # type: ignore[override]  # one dict of data, as Keras' Graph
        self,
        data: Mapping[str, object],
        *,
        shards: int | None = None,
        memory: int | str | None = None,
    ) -> dict[str, np.ndarray]:
        """Return the predictions of each output, by name, for one batch."""
        self._graphc_check_inputs_of("predict_on_batch", data)
        values = self._graphc_by_output(
            super().predict_on_batch(data, shards=shards, memory=memory)
        )
        return cast("dict[str, np.ndarray]", values)

    def evaluate_generator(  # type: ignore[override]  # with verbose, as Keras' Graph
        self,
        generator: Iterator[Any],
        val_samples: int,
        verbose: int = 1,
        max_q_size: int = 10,
        nb_worker: int = 1,
        pickle_safe: bool = False,
        *,
        sharded: bool = False,
        **kwargs: Unpack[TrainingKeywords],
    ) -> float | list[float]:
        """The loss on batches from a generator of dicts, or of pairs of a dict and sample weights;
        see `Model.evaluate_generator`. `verbose` 1 shows a bar."""
        where = f"{self.name}.evaluate_generator"
        check_verbose(where, verbose)
        workers = workers_for(where, generator, nb_worker, pickle_safe)
        call = ("evaluate_generator", kwargs, self.evaluate_generator, "show_accuracy")
        return self._graphc_generator_trainer.evaluate(
            *(self._graphc_trainer.compiled_for(*call), generator, val_samples, max_q_size),
            *(workers, sharded, verbose == 1),
        )

    def predict_generator(  # type: ignore[override]  # gives a dict, as Keras' Graph
        self,
        generator: Iterator[Any],
        val_samples: int,
        max_q_size: int = 10,
        nb_worker: int = 1,
        pickle_safe: bool = False,
        *,
        shards: int | None = None,
        memory: int | str | None = None,
        sharded: bool = False,
        on_first_rank_only: bool = False,
    ) -> dict[str, np.ndarray] | None:
        """Return the predictions of each output, by name, for the first samples from a generator of
        dicts."""
        return self._graphc_by_output(
            super().predict_generator(
                *(generator, val_samples, max_q_size, nb_worker, pickle_safe),
                shards=shards,
                memory=memory,
                sharded=sharded,
                on_first_rank_only=on_first_rank_only,
            )
        )

    def get_config(self) -> dict[str, Any]:
        """The inputs, nodes and outputs in the order in which they were added, and the layers."""
        self._graphc_need_layers("get_config")
        return graph_config(self.name, self._graphc_named)

    @classmethod
    def from_config(cls, config: Any, custom_objects: Mapping[str, Any] | None = None) -> Graph:
        """Return a Graph with new weights, made from a config; see `layer_from_config`."""
        with lookup.custom_objects(custom_objects), reading_layers():
            graph = cls()
            add_named(graph, graph._graphc_named, config)
        return graph

    def keras_0_3_groups(self) -> list[tuple[str, list[g.Node]]]:
        """Return one group: the weights of all nodes, in the order in which they were added."""
        found = [one for layer in self.nodes.values() for one in weights_in_order(layer)]
        return [(self.name, list(dict.fromkeys(found)))]

    def load_weights(
        self,
        fname: GivenPath,
        by_name: bool = False,
        *,
        running_std: str | None = None,
        backend: str | None = None,
    ) -> None:
        """Set the weights of all layers from an HDF5 file; see `Model.load_weights`."""
        super().load_weights(fname, by_name, running_std=running_std, backend=backend)

    def _graphc_by_output(
        self, values: np.ndarray | list[np.ndarray] | None
    ) -> dict[str, np.ndarray] | None:
        if values is None:
            return None
        return dict(zip(self.output_order, to_list(values), strict=True))

    def _graphc_check_training(
        self, call: str, data: object, keywords: Mapping[str, object]
    ) -> None:
        where = f"{self.name}.{call}"
        self._graphc_need_layers(call)
        refuse_unknown(where, [key for key in ("x", "y") if key in keywords], ["data"])
        check_named(where, data, self.input_order, self.output_order)

    def _graphc_check_inputs_of(self, call: str, data: object) -> None:
        self._graphc_need_layers(call)
        check_named(f"{self.name}.{call}", data, self.input_order)
