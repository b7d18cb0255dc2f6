"""Functions in configs: stored as a name and a token, never as code.

    {"function": "double", "token": "0c1b...-3"}

The token stands for the function in the process that made it, as long as the function is there. Any
other process needs the function itself, in `custom_objects`, by its name or by its place.
"""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

from graphc.errors import UnknownNameError
from graphc.lookup import given_objects

_PROCESS = secrets.token_hex(8)
_numbers = itertools.count(1)
_tokens: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
_functions: WeakValueDictionary[str, Any] = WeakValueDictionary()

_KEYS = {"function", "token"}


def function_as_data(function: Callable[..., Any]) -> dict[str, str | None]:
    """Return a function's name and token; the token is None for a callable that takes no weak
    reference."""
    return {"function": _name(function), "token": _token(function)}


def is_stored_function(value: object) -> bool:
    """Return True if a value has the form that `function_as_data` returns."""
    return isinstance(value, Mapping) and set(value) == _KEYS


def function_of(stored: Mapping[str, Any], place: str) -> Any:
    """Return the function that a config means.

    Args:
        stored: what `function_as_data` gave, or that without a token.
        place: the layer's name and the argument's, ``lambda_1.function``.

    Raises:
        UnknownNameError: this process does not have the function, and `custom_objects` neither.
    """
    name, token, given = stored["function"], stored.get("token"), given_objects()
    for key in (place, name):
        if key in given:
            return given[key]
    function = _functions.get(token) if isinstance(token, str) else None
    if function is not None:
        return function
    key = place if name == "<lambda>" else name
    raise UnknownNameError(
        f"{place} is the function {name!r} of another run of a program; a file has a function's "
        f"name, not its code. Pass the function by custom_objects={{{key!r}: function}}"
    )


def _name(function: Callable[..., Any]) -> str:
    inner = getattr(function, "func", function)  # of a functools.partial
    return getattr(inner, "__name__", type(function).__name__)


def _token(function: Callable[..., Any]) -> str | None:
    try:
        token = _tokens.get(function)
        if token is None:
            # A forked process counts on from the same number, with functions of its own.
            token = f"{_PROCESS}-{os.getpid()}-{next(_numbers)}"
            _tokens[function] = token
        if token not in _functions:  # new, or that of an equal one which is gone
            _functions[token] = function
    except TypeError:  # no hash, or no weak references to it
        return None
    return token
