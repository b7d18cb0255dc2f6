"""Interning: equal expressions are one object, so they compare by identity and hash at no cost."""

from __future__ import annotations

import threading
import weakref
from typing import Any

_TABLE: weakref.WeakValueDictionary[tuple[Any, ...], Any] = weakref.WeakValueDictionary()
_LOCK = threading.Lock()
"""Functions may be compiled by several threads."""


class Interned(type):
    """The metaclass of frozen dataclasses with ``eq=False`` of which equal fields make one object.

    A class whose fields compare equal where they differ in meaning (0.0 and -0.0, 1 and True) has a
    property `key` instead, of which equal values make one object.
    """

    __match_args__: tuple[str, ...]

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if not kwargs and len(args) == len(cls.__match_args__) and not hasattr(cls, "key"):
            key = (cls, *args)
            found = _TABLE.get(key)  # without an object that nobody keeps
            if found is not None:
                return found
            made = super().__call__(*args)
        else:
            made = super().__call__(*args, **kwargs)
            fields = [getattr(made, name) for name in cls.__match_args__]
            key = (cls, *getattr(made, "key", fields))
        with _LOCK:
            return _TABLE.setdefault(key, made)
