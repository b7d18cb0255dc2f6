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


def test_suggestion_lists_all_names_where_none_is_near() -> None:
    assert errors.suggestion("zzz", ["relu", "tanh"]) == "Known names: relu, tanh."
    assert errors.suggestion("ReLU", ["relu", "tanh"]) == "Did you mean 'relu'?"


def test_suggestion_does_not_list_very_many_names() -> None:
    suggested = errors.suggestion("zzz", [f"name_{k}" for k in range(60)])
    assert suggested == "No known name is spelled like it."


def test_unknown_name() -> None:
    error = errors.unknown_name("activation", "rellu", ["relu", "tanh"])
    assert str(error) == "unknown activation 'rellu'. Did you mean 'relu'?"


def test_the_error_for_a_name_of_a_later_keras_says_so_and_suggests_no_near_name() -> None:
    message = str(errors.unknown_name("activation", "gelu", ["relu", "elu", "tanh"]))
    assert message.startswith("unknown activation 'gelu': it is a name of Keras 2 or 3; here use ")
    assert "relu" not in message
    error = errors.unknown_name("initialization", "Identity", ["identity", "zero"])
    assert str(error) == "unknown initialization 'Identity'. Did you mean 'identity'?"


def test_where_an_error_was_is_said_in_front_and_its_class_stays() -> None:
    with pytest.raises(errors.ShapeError, match="^dense_1: 3 and 4$"), errors.errors_at("dense_1"):
        raise errors.ShapeError("3 and 4")
    with pytest.raises(ValueError, match="^3$"), errors.errors_at("dense_1"):
        raise ValueError(3)


def test_fifty_names_are_listed() -> None:
    names = [f"{letter}{k}" * 3 for k in range(10) for letter in "abcde"]
    assert errors.suggestion("zzzzzzzzzzzz", names) == f"Known names: {', '.join(names)}."
    assert errors.suggestion("zzzzzzzzzzzz", [*names, "f"]) == "No known name is spelled like it."
