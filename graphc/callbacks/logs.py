"""The logs of a batch that callbacks receive, and the means over batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping, Sequence
from typing import Any

from graphc.metrics import BatchSums

# Batches whose values are kept unread: by then the oldest are long computed.
_MOST_UNREAD = 256


class BatchLogs(MutableMapping[str, Any]):
    """The logs of a batch: 'batch', 'size', and at its end a number for each label.

    Numbers that a device still computes are waited for when one of them is read; training whose
    callbacks do not look at them never waits.
    """

    _unread = object()

    def __init__(self, batch: int, size: int):
        self._values: dict[str, Any] = {"batch": batch, "size": size}
        self._read: Callable[[], Sequence[Any]] = tuple
        self._labels: tuple[str, ...] = ()

    def expect(self, labels: Sequence[str], read: Callable[[], Sequence[Any]]) -> None:
        """`read()` will give a number for each label."""
        self._labels, self._read = tuple(labels), read
        self._values.update(dict.fromkeys(labels, self._unread))

    def read(self) -> dict[str, Any]:
        """All entries as they are now, the numbers that a device computes included."""
        if self._labels:
            for label, value in zip(self._labels, self._read(), strict=True):
                if self._values.get(label) is self._unread:
                    known = type(value) is BatchSums  # which is a float already
                    self._values[label] = value if known else float(value)
            self._labels = ()
        return self._values

    def __getitem__(self, name: str) -> Any:
        value = self._values[name]
        return self.read()[name] if value is self._unread else value

    def __setitem__(self, name: str, value: Any) -> None:
        self._values[name] = value

    def __delitem__(self, name: str) -> None:
        del self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def copy(self) -> BatchLogs:
        """Its own entries; what is read in the one is not in the other."""
        new = BatchLogs.__new__(BatchLogs)
        new._values, new._read, new._labels = dict(self._values), self._read, self._labels
        return new

    def __repr__(self) -> str:
        return repr(dict(self.items()))


class Means:
    """Means over batches, each weighted by its size, and metrics of epochs so far; values are read
    as late as can be."""

    def __init__(self) -> None:
        self._unread: list[dict[str, Any] | BatchLogs] = []
        self._seen = 0
        self._totals: dict[str, float] = {}
        self._of_epochs: dict[str, BatchSums] = {}

    def add(self, logs: Any) -> None:
        """Count a batch. What later callbacks do to its logs is not seen."""
        self._unread.append(logs.copy())
        if len(self._unread) > _MOST_UNREAD:
            self._settle(self._unread[: _MOST_UNREAD // 2])

    def _settle(self, batches: Sequence[dict[str, Any] | BatchLogs]) -> None:
        for logs in batches:
            entries = logs.read() if isinstance(logs, BatchLogs) else logs
            size = entries["size"]
            self._seen += size
            for name, value in entries.items():
                if type(value) is BatchSums:
                    self._of_epochs[name] = value.added_to(self._of_epochs.get(name))
                elif name not in ("batch", "size"):
                    self._totals[name] = self._totals.get(name, 0.0) + value * size
        del self._unread[: len(batches)]

    def means(self) -> dict[str, float]:
        """The means and the metrics of epochs so far, by name."""
        self._settle(list(self._unread))
        means = {name: total / self._seen for name, total in self._totals.items()}
        return {**means, **{name: float(value) for name, value in self._of_epochs.items()}}
