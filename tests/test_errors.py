"""Error classes keep Keras' `except` clauses working, and messages name near spellings."""

from __future__ import annotations

import builtins
import inspect

import pytest

from graphc import errors

CLASSES = [
    value
    for _, value in inspect.getmembers(errors, inspect.isclass)
    if value.__module__ == "graphc.errors" and value is not errors.GraphcError
]


@pytest.mark.parametrize("error", CLASSES)
def test_each_error_is_a_graphc_error_and_a_builtin(error: type[Exception]) -> None:
    assert issubclass(error, errors.GraphcError)
    fitting = [base for base in error.__mro__ if base.__module__ == builtins.__name__]
    assert set(fitting) - {Exception, BaseException, object}


@pytest.mark.parametrize(
    ("name", "near"),
    [("adm", ["adam", "adamax"]), ("RELU", ["relu"]), ("sdg", ["sgd"]), ("zzz", [])],
)
def test_nearest(name: str, near: list[str]) -> None:
    assert errors.nearest(name, ["relu", "sgd", "adam", "adamax"]) == near


def test_suggestion_lists_all_names_where_none_is_near() -> None:
    assert errors.suggestion("zzz", ["relu", "tanh"]) == "Known names: relu, tanh."
    assert errors.suggestion("ReLU", ["relu", "tanh"]) == "Did you mean 'relu'?"


def test_unknown_name() -> None:
    error = errors.unknown_name("activation", "rellu", ["relu", "tanh"])
    assert str(error) == "unknown activation 'rellu'. Did you mean 'relu'?"
