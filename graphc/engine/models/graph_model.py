"""Graph, the model of Keras 0.3 with several inputs and outputs, which are given by name."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from graphc import callbacks as cbks
from graphc import lookup, optimizers
from graphc.compiler import graph as g
from graphc.engine.configs.registry import reading
from graphc.engine.models.graph_config import add_named, graph_config
from graphc.engine.models.named_nodes import NamedNodes
from graphc.engine.topology.file_methods import weights_in_order
from graphc.engine.topology.layer_node import to_list
from graphc.engine.training.running import check_verbose
from graphc.engine.training.stored import Data
from graphc.engine.training.workers import workers_for
from graphc.errors import ArgumentError, DataError
from graphc.keywords import refuse_unknown

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


class Graph(NamedNodes):
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
    """

    def build(self, input_shape: object = None) -> None:
        """Nothing is left to do once there is an output. ArgumentError before that."""
        self._need_layers("build")

    def compile(
        self,
        optimizer: str | optimizers.Optimizer,
        loss: object,
        metrics: object = (),
        sample_weight_modes: object = None,
        loss_weights: object = None,
        **kwargs: Any,
    ) -> None:
        """Choose what training makes smaller, and how.

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
        self._need_layers("compile")
        if isinstance(loss, Mapping):
            missing = [name for name in self.output_order if name not in loss]
            if missing:
                raise ArgumentError(
                    f"{where}: loss: the output {missing[0]!r} has no loss; give one for each of "
                    f"the outputs {', '.join(self.output_order)}, e.g. "
                    f"loss={dict.fromkeys(self.output_order, 'mse')}"
                )
        unread = self._unread()
        if unread:
            _log.warning(
                "%s: no output depends on the nodes %s, which are left out",
                where,
                ", ".join(map(repr, unread)),
            )
        super().compile(optimizer, loss, metrics, loss_weights, sample_weight_modes, **kwargs)

    def fit(
        self,
        data: Mapping[str, object],
        batch_size: int = 32,
        nb_epoch: int = 10,
        verbose: int = 1,
        callbacks: Iterable[cbks.Callback] = (),
        validation_split: float = 0.0,
        validation_data: Mapping[str, object] | None = None,
        shuffle: bool | str = True,
        class_weight: Mapping | None = None,
        sample_weight: object = None,
        initial_epoch: int = 0,
        **kwargs: Any,
    ) -> cbks.History:
        """Train on all samples `nb_epoch` times; see `Model.fit`.

        Args:
            data: name -> array, of every input and every output.
            validation_data: such a dict to evaluate behind each epoch.
            class_weight: output -> class -> weight of its samples in the loss.
            sample_weight: output -> a weight for each sample (each step, in 'temporal' mode).
        """
        self._check_training("fit", data, kwargs)
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

    def evaluate(
        self,
        data: Mapping[str, object],
        batch_size: int = 128,
        verbose: int = 0,
        sample_weight: object = None,
        **kwargs: Any,
    ) -> float | list[float]:
        """The loss on data, name -> array, without training; see `Model.evaluate`."""
        self._check_training("evaluate", data, kwargs)
        return super().evaluate(data, data, batch_size, verbose, sample_weight, **kwargs)

    def predict(
        self,
        data: Mapping[str, object],
        batch_size: int = 128,
        verbose: int = 0,
        *,
        shards: int | None = None,
        memory: int | str | None = None,
        on_first_rank_only: bool = False,
    ) -> dict[str, np.ndarray] | None:
        """Output -> its values for all samples; see `Model.predict`."""
        self._check_inputs_of("predict", data)
        return self._by_output(
            super().predict(
                *(data, batch_size, verbose),
                shards=shards,
                memory=memory,
                on_first_rank_only=on_first_rank_only,
            )
        )

    def train_on_batch(
        self,
        data: Mapping[str, object],
        class_weight: Mapping | None = None,
        sample_weight: object = None,
        **kwargs: Any,
    ) -> float | list[float]:
        """One step on one batch; see `Model.train_on_batch`, whose weights come in other order."""
        self._check_training("train_on_batch", data, kwargs)
        return super().train_on_batch(data, data, sample_weight, class_weight, **kwargs)

    def test_on_batch(
        self, data: Mapping[str, object], sample_weight: object = None, **kwargs: Any
    ) -> float | list[float]:
        """The loss of one batch, or a list like `metrics_names`."""
        self._check_training("test_on_batch", data, kwargs)
        return super().test_on_batch(data, data, sample_weight, **kwargs)

    def predict_on_batch(
        self,
        data: Mapping[str, object],
        *,
        shards: int | None = None,
        memory: int | str | None = None,
    ) -> dict[str, np.ndarray]:
        """Output -> its values for one batch."""
        self._check_inputs_of("predict_on_batch", data)
        return self._by_output(super().predict_on_batch(data, shards=shards, memory=memory))

    def evaluate_generator(
        self,
        generator: Iterator,
        val_samples: int,
        verbose: int = 1,
        max_q_size: int = 10,
        nb_worker: int = 1,
        pickle_safe: bool = False,
        *,
        sharded: bool = False,
        **kwargs: Any,
    ) -> float | list[float]:
        """The loss on batches from a generator of dicts, or of pairs of a dict and sample weights;
        see `Model.evaluate_generator`. `verbose` 1 shows a bar."""
        where = f"{self.name}.evaluate_generator"
        check_verbose(where, verbose)
        workers = workers_for(where, generator, nb_worker, pickle_safe)
        return self._evaluate_generator(
            generator, val_samples, max_q_size, workers, kwargs, sharded, verbose == 1
        )

    def predict_generator(
        self,
        generator: Iterator,
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
        """Output -> its values for the first samples from a generator of dicts."""
        return self._by_output(
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
        self._need_layers("get_config")
        return graph_config(self)

    @classmethod
    def from_config(cls, config: Any, custom_objects: Mapping[str, Any] | None = None) -> Graph:
        """A Graph with new weights from what `get_config` gave; see `layer_from_config`."""
        with lookup.custom_objects(custom_objects), reading():
            graph = cls()
            add_named(graph, config)
        return graph

    def keras_0_3_groups(self) -> list[tuple[str, list[g.Node]]]:
        """One group, of the nodes in the order in which they were added."""
        found = [one for layer in self.nodes.values() for one in weights_in_order(layer)]
        return [(self.name, list(dict.fromkeys(found)))]

    def load_weights(
        self,
        fname: str | os.PathLike,
        by_name: bool = False,
        *,
        running_std: str | None = None,
        backend: str | None = None,
    ) -> None:
        """Set the weights of all layers from an HDF5 file; see `Model.load_weights`."""
        super().load_weights(fname, by_name, running_std=running_std, backend=backend)

    def _by_output(
        self, values: np.ndarray | list[np.ndarray] | None
    ) -> dict[str, np.ndarray] | None:
        if values is None:
            return None
        return dict(zip(self.output_order, to_list(values), strict=True))

    def _check_training(self, call: str, data: object, keywords: Mapping[str, object]) -> None:
        where = f"{self.name}.{call}"
        self._need_layers(call)
        refuse_unknown(where, [key for key in ("x", "y") if key in keywords], ["data"])
        self._check_data(where, data, self.output_order)

    def _check_inputs_of(self, call: str, data: object) -> None:
        self._need_layers(call)
        self._check_data(f"{self.name}.{call}", data, [])

    def _check_data(self, where: str, data: object, outputs: Sequence[str]) -> None:
        names = [*self.input_order, *outputs]
        if not isinstance(data, Mapping):
            raise DataError(
                f"{where}: expected a dict with an array for each of {', '.join(names)}, received "
                f"{type(data).__name__}"
            )
        for name in names:
            if name not in data:
                kind = "input" if name in self.input_order else "output"
                raise DataError(
                    f"{where}: the dict has no array for the {kind} {name!r}; expected "
                    f"{', '.join(names)}, received {', '.join(map(str, data)) or 'nothing'}"
                )

    def _prepare_validation(self, data: object, where: str) -> list[Data]:
        where = f"{where}: validation_data"
        if isinstance(data, tuple):
            raise DataError(
                f"{where}: expected a dict with an array for each input and output, received a "
                "tuple; sample weights are not taken with it"
            )
        self._check_data(where, data, self.output_order)
        return self._prepare_all(data, data, None, None)

    def _unpack_batch(self, item: object, where: str) -> tuple[object, object, object]:
        data, weights = _data_and_weights(item)
        self._check_data(where, data, self.output_order)
        return data, data, weights

    def _unpack_inputs(self, item: object, where: str) -> object:
        data, _ = _data_and_weights(item)
        self._check_data(where, data, [])
        return data


def _data_and_weights(item: object) -> tuple[object, object]:
    """Return the dict and the sample weights, if any, of an item of a generator."""
    return item if isinstance(item, tuple) and len(item) == 2 else (item, None)
