"""Interning: equal expressions are one object, so they compare by identity and hash at no cost."""

from __future__ import annotations

import threading
import weakref
from dataclasses import fields
from functools import partial
from typing import Any

_Objects = dict[tuple[Any, ...], "weakref.ref[Any]"]

_LOCK = threading.RLock()
"""Functions may be compiled by several threads. A collection may come, and objects die, at any
moment, in the thread that has it too."""


class Interned(type):
    """The metaclass of frozen dataclasses with ``eq=False`` of which equal fields make one object.

    A class whose fields compare equal where they differ in meaning (0.0 and -0.0, 1 and True) has a
    property `key` instead, of which equal values make one object.
    """

    _objects: _Objects
    _identifying: tuple[str, ...] | None  # the fields that say which object it is

    def __init__(cls, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cls._objects = {}
        cls._identifying = None

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        names = cls._identifying
        if names is None:
            names = cls._identifying = _identifying_fields(cls)
        is_key = len(args) == len(names) and not kwargs
        if is_key:  # most are there already
            known = cls._objects.get(args)
            if known is not None and (found := known()) is not None:
                return found
        made = type.__call__(cls, *args, **kwargs)
        if is_key:
            key = args
        else:
            key = tuple(getattr(made, name) for name in names) if names else made.key
        with _LOCK:
            known = cls._objects.get(key)
            found = None if known is None else known()
            if found is None:
                cls._objects[key] = weakref.ref(made, partial(_forget, cls._objects, key))
                return made
        return found


def _forget(
    objects: _Objects,
    key: tuple[Any, ...],
    dead: weakref.ref[Any],
    lock: threading.RLock = _LOCK,  # here still where the process ends and globals are gone
) -> None:
    """Remove an object that died, unless an equal one has taken its place."""
    with lock:
        if objects.get(key) is dead:
            del objects[key]


def _identifying_fields(cls: Any) -> tuple[str, ...]:
    """Return the names of the fields that say which object it is; none where the property `key`
    does."""
    return () if hasattr(cls, "key") else tuple(field.name for field in fields(cls))
