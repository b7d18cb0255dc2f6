"""Results that may still be being computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np


class Pending:
    """The values that a call fetches; `get` waits for the device if need be.

    The call itself did not wait, so that the host prepares the next batch while the device works.
    Dropped unread, the values cost no waiting at all.
    """

    def __init__(self, fetch: Callable[[], Sequence[np.ndarray]]):
        """`fetch` waits and gives the values; it is called at most once."""
        self._fetch: Callable[[], Sequence[np.ndarray]] | None = fetch
        self._values: list[np.ndarray] = []

    @classmethod
    def done(cls, values: Sequence[np.ndarray]) -> Pending:
        """Return a pending result whose values are there already."""
        pending = cls(tuple)
        pending._values, pending._fetch = list(values), None
        return pending

    def get(self) -> list[np.ndarray]:
        """The values. DeviceError where the device failed."""
        if self._fetch is not None:
            self._values = list(self._fetch())
            self._fetch = None
        return self._values
