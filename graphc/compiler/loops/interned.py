"""Interning: equal expressions are one object, so they compare by identity and hash at no cost."""

from __future__ import annotations

import threading
import weakref
from dataclasses import fields
from typing import Any

_TABLE: weakref.WeakValueDictionary[tuple[Any, ...], Any] = weakref.WeakValueDictionary()
_LOCK = threading.Lock()
"""Functions may be compiled by several threads."""


class Interned(type):
    """The metaclass of frozen dataclasses with ``eq=False`` of which equal fields make one object.

    A class whose fields compare equal where they differ in meaning (0.0 and -0.0, 1 and True) has a
    property `key` instead, of which equal values make one object.
    """

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().__call__(*args, **kwargs)
        key = getattr(made, "key", None)
        if key is None:
            key = tuple(getattr(made, field.name) for field in fields(made))
        with _LOCK:
            return _TABLE.setdefault((cls, *key), made)
