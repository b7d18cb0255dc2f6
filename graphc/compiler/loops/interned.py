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
        names = _FIELDS.get(cls)
        if names is None:
            names = _FIELDS[cls] = _identifying_fields(cls)
        if len(args) == len(names):  # most are there already
            found = _TABLE.get((cls, *args))
            if found is not None:
                return found
        made = super().__call__(*args, **kwargs)
        key = [getattr(made, name) for name in names] if names else made.key
        with _LOCK:
            return _TABLE.setdefault((cls, *key), made)


_FIELDS: dict[type, tuple[str, ...]] = {}
"""By class, the fields that say which object it is; none where the property `key` does."""


def _identifying_fields(cls: Any) -> tuple[str, ...]:
    return () if hasattr(cls, "key") else tuple(field.name for field in fields(cls))
