"""The data of a Graph: dicts from the names of inputs and outputs to arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphc.engine.data.stored import Data
from graphc.engine.training.compiled import Compiled
from graphc.engine.training.feeds import Feeds
from graphc.errors import DataError


class NamedFeeds(Feeds):
    """Takes inputs and targets out of one dict; a generator may give sample weights beside it."""

    def validation(self, compiled: Compiled, data: object, where: str) -> list[Data]:
        """Return the arrays of `validation_data`."""
        where = f"{where}: validation_data"
        if isinstance(data, tuple):
            raise DataError(
                f"{where}: expected a dict with an array for each input and output, received a "
                "tuple; sample weights are not taken with it"
            )
        self._check(where, data)
        return self.samples(compiled, data, data)

    def of_item(self, item: object, where: str) -> tuple[object, object, object]:
        """Return the dict, as inputs and as targets, and the sample weights or None."""
        data, weights = _data_and_weights(item)
        self._check(where, data)
        return data, data, weights

    def inputs_of_item(self, item: object, where: str) -> object:
        """Return the dict."""
        data, _ = _data_and_weights(item)
        check_named(where, data, self._model.input_names)
        return data

    def _check(self, where: str, data: object) -> None:
        check_named(where, data, self._model.input_names, self._model.output_names)


def check_named(
    where: str, data: object, inputs: Sequence[str], outputs: Sequence[str] = ()
) -> None:
    """Raise DataError unless data are a dict with an array for each of these names."""
    names = [*inputs, *outputs]
    if not isinstance(data, Mapping):
        raise DataError(
            f"{where}: expected a dict with an array for each of {', '.join(names)}, received "
            f"{type(data).__name__}"
        )
    for name in names:
        if name not in data:
            kind = "input" if name in inputs else "output"
            raise DataError(
                f"{where}: the dict has no array for the {kind} {name!r}; expected "
                f"{', '.join(names)}, received {', '.join(map(str, data)) or 'nothing'}"
            )


def _data_and_weights(item: Any) -> tuple[object, object]:
    """Return the dict and the sample weights, if any, of an item of a generator."""
    return item if isinstance(item, tuple) and len(item) == 2 else (item, None)
