"""Check the arguments of users: names of optimizers, losses and activations become the objects,
numbers, flags and paths are checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, TypeGuard, TypeVar

import numpy as np

from graphc.errors import ArgumentError, UnknownNameError, unknown_name
from graphc.keywords import refuse_unknown

NO_ALIASES: Mapping[str, str] = {}
NO_OBJECTS: Mapping[str, Any] = MappingProxyType({})
_WHOLE = (int, np.integer)

Entry = TypeVar("Entry")
Function = TypeVar("Function", bound=Callable[..., Any])

_everywhere: dict[str, Any] = {}
_given_objects: ContextVar[Mapping[str, Any]] = ContextVar("graphc_objects", default=NO_OBJECTS)


@contextmanager
def custom_objects(objects: Mapping[str, Any] | None) -> Iterator[None]:
    """Inside, these names stand for these objects in all tables, whatever the tables have.

    It is how the classes and functions of a user reach what a file names.
    """
    if objects is not None:
        _check_objects(objects)
    reset = _given_objects.set({**_given_objects.get(), **(objects or {})})
    try:
        yield
    finally:
        _given_objects.reset(reset)


def _check_objects(objects: object) -> None:
    if not isinstance(objects, Mapping):
        raise ArgumentError(
            "custom_objects: expected a dict from names to classes and functions, e.g. "
            f"{{'MyLayer': MyLayer}}, received {objects!r}"
        )


def given_objects() -> Mapping[str, Any]:
    """Return what the `custom_objects` around have together, the inner ones first, then
    `get_custom_objects`."""
    given = _given_objects.get()
    return {**_everywhere, **given} if _everywhere else given


def get_custom_objects() -> dict[str, Any]:
    """Return the dict of names that stand for these objects everywhere in the process:
    ``get_custom_objects()["swish"] = swish``; then ``Activation("swish")`` finds it."""
    return _everywhere


class CustomObjectScope:
    """A block in which the names of some dicts stand for their objects: ``with
    CustomObjectScope({"swish": swish}): ...``."""

    def __init__(self, *args: Mapping[str, Any]):
        merged: dict[str, Any] = {}
        for objects in args:
            _check_objects(objects)
            merged.update(objects)
        self._entered = custom_objects(merged)

    def __enter__(self) -> CustomObjectScope:
        self._entered.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._entered.__exit__(*error)


def custom_object_scope(*args: Mapping[str, Any]) -> CustomObjectScope:
    """Return a `CustomObjectScope` of these dicts."""
    return CustomObjectScope(*args)


def named(
    kind: str, name: str, table: Mapping[str, Entry], modern: Mapping[str, str] = NO_ALIASES
) -> Entry:
    """The entry of a table.

    Args:
        kind: what the table holds, for the message: ``'optimizer'``.
        name: one of its keys.
        table: name -> object.
        modern: spellings of later Keras versions -> ours; they are errors that name ours.

    Raises:
        UnknownNameError: the name is not in the table.
    """
    if not isinstance(name, str):
        raise unknown_name(kind, name, table)
    given = given_objects()
    if name in given:
        found: Entry = given[name]
        return found
    if name in table:
        return table[name]
    if name in modern:
        raise UnknownNameError(f"unknown {kind} {name!r}: here it is {modern[name]!r}")
    raise unknown_name(kind, name, table)


def get_function(
    kind: str,
    identifier: str | Function,
    table: Mapping[str, Function],
    modern: Mapping[str, str] = NO_ALIASES,
) -> Function:
    """A function by its name; a callable is returned as it is.

    Raises:
        UnknownNameError: the name is not in the table.
        ArgumentError: neither a name nor a callable.
    """
    if isinstance(identifier, str):
        return named(kind, identifier, table, modern)
    if not callable(identifier):
        raise ArgumentError(
            f"expected the name of a known {kind} or a function, received {identifier!r}. "
            f"Known names: {', '.join(table)}."
        )
    return identifier


def takes_keyword(function: Callable[..., object], name: str) -> bool:
    """Return True where a function has a parameter of a name, takes any, or has no signature."""
    try:
        parameters = inspect.signature(function).parameters
    except ValueError:  # some builtins have no signature
        return True
    return name in parameters or any(one.kind is one.VAR_KEYWORD for one in parameters.values())


def get_instance(
    kind: str,
    identifier: object,
    table: Mapping[str, Any],
    kwargs: Mapping[str, Any] | None = None,
) -> Any:
    """An object by its name, or by a dict ``{'name': ..., **arguments}``; others pass unchanged.

    Raises:
        UnknownNameError: the name is not in the table.
        ArgumentError: a dict without a name.
        KeywordError: an argument that what the name stands for does not take.
    """
    if isinstance(identifier, str):
        return _made(kind, identifier, table, kwargs or {})
    if isinstance(identifier, Mapping):
        arguments = dict(identifier)
        if "name" not in arguments:
            raise ArgumentError(
                f"a dict that describes a {kind} needs the key 'name', received {identifier!r}"
            )
        return _made(kind, arguments.pop("name"), table, arguments)
    return identifier


def _made(kind: str, name: str, table: Mapping[str, Any], arguments: Mapping[str, Any]) -> Any:
    maker = named(kind, name, table)
    try:
        parameters = inspect.signature(maker).parameters
    except ValueError:  # some builtins have no signature
        return maker(**arguments)
    if all(one.kind is not one.VAR_KEYWORD for one in parameters.values()):
        refuse_unknown(f"the {kind} {name!r}", arguments, parameters)
    return maker(**arguments)


def get_from_module(
    identifier: object,
    module_params: Mapping[str, object],
    module_name: str,
    instantiate: bool = False,
    kwargs: Mapping[str, Any] | None = None,
) -> object:
    """Return the object that a name stands for; anything but a name or a dict is returned as it is.

    Args:
        identifier: a name, or a dict ``{'name': ..., **arguments}``.
        module_params: name -> object, e.g. ``globals()``.
        module_name: what they are, for the error: ``'constraint'``.
        instantiate: call what a name stands for, with `kwargs`; a dict is always called.
        kwargs: arguments of that call.

    Raises:
        UnknownNameError: the name is not there.
        ArgumentError: a dict without a name.
    """
    if isinstance(identifier, str) and not instantiate:
        return named(module_name, identifier, module_params)
    return get_instance(module_name, identifier, module_params, kwargs)


def finite_number(owner: str, name: str, value: object, least: float | None = None) -> float:
    """The value as a float. ArgumentError for what is not one finite number, from `least` on."""
    number = np.asarray(value, object if isinstance(value, list | tuple) else None)
    if number.dtype.kind not in "biuf" or number.ndim or not np.isfinite(number):
        raise ArgumentError(f"{owner}: {name}: expected a finite number, received {value!r}")
    if least is not None and number < least:
        raise ArgumentError(
            f"{owner}: {name}: expected a number of at least {least:g}, received {value!r}"
        )
    return float(number)


def below_one(owner: str, name: str, value: object) -> float:
    """Return the decay of a running mean, the share that it keeps at each step. ArgumentError
    unless 0 <= value < 1."""
    number = finite_number(owner, name, value)
    if not 0.0 <= number < 1.0:
        raise ArgumentError(
            f"{owner}: {name} is what a running mean keeps at each step, expected 0 <= {name} < 1, "
            f"received {value!r}"
        )
    return number


def is_whole(value: object, least: int | None = None) -> TypeGuard[int]:
    """Return True if a value is a whole number, at least `least` if that is given. A bool is
    none."""
    if not isinstance(value, _WHOLE) or isinstance(value, bool):
        return False
    return least is None or bool(value >= least)


def quotient(value: object) -> object:
    """The int that a float without a fraction stands for, anything else as it is.

    ``16 / 2`` is a float in Python 3, and programs that were written for Python 2 give sizes so.
    """
    if isinstance(value, float | np.floating) and value.is_integer():
        return int(value)
    return value


def whole_number(what: str, value: object, least: int) -> int:
    """The value as an int. ArgumentError for what is not one whole number from `least` on.

    8.0 is one, see `quotient`.
    """
    if type(value) is int and value >= least:
        return value
    value = quotient(value)
    if not is_whole(value, least):
        raise ArgumentError(
            f"{what}: expected a whole number of at least {least}, received {value!r}"
        )
    return int(value)


def true_or_false(where: str, name: str, value: object) -> bool:
    """The value as a bool. ArgumentError for what is neither True nor False (nor 1 or 0)."""
    if isinstance(value, bool | np.bool_) or (isinstance(value, int) and value in (0, 1)):
        return bool(value)
    raise ArgumentError(f"{where}: {name}: expected True or False, received {value!r}")
