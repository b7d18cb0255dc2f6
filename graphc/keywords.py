"""The arguments that calls take, and keywords that they do not take."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection

from graphc.errors import KeywordError, suggestion
from graphc.later.keywords import advice_on, spelling


def named_parameters(function: Callable[..., object]) -> list[str]:
    """The parameters of a function that a caller can name, without `self` and ``**kwargs``."""
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [one.name for one in _parameters(function) if one.kind in by_name and one.name != "self"]


@functools.lru_cache(maxsize=512)  # read for each new layer of the class
def _parameters(function: Callable[..., object]) -> tuple[inspect.Parameter, ...]:
    return tuple(inspect.signature(function).parameters.values())


def refuse_modern(where: str, received: Collection[str], allowed: Collection[str]) -> None:
    """Raise KeywordError for a modern spelling of a keyword that `allowed` has under our name."""
    for name in received:
        if name not in allowed and spelling(name, allowed) is not None:
            raise KeywordError(f"{where}: unknown keyword {name!r}: {advice_on(name, allowed)}.")


def refuse_unknown(where: str, received: Collection[str], allowed: Collection[str]) -> None:
    """Raise KeywordError for the first keyword that is not allowed; names ours or the near ones."""
    refuse_modern(where, received, allowed)
    for name in received:
        if name in allowed:
            continue
        later = advice_on(name, allowed)
        if later is not None:
            raise KeywordError(f"{where}: unknown keyword {name!r}: {later}.")
        known = suggestion(name, allowed) if allowed else "It takes none."
        raise KeywordError(f"{where}: unknown keyword {name!r}. {known}")


def constructor_parameters(cls: type) -> list[str]:
    """The named parameters that making an instance takes: those of ``__init__``, and of the base's
    ``__init__`` where ``**kwargs`` go on to it."""
    found: dict[str, None] = {}
    for base in cls.__mro__:
        init = vars(base).get("__init__")
        if init is None or base is object:
            continue
        found.update(dict.fromkeys(named_parameters(init)))
        kinds = [one.kind for one in _parameters(init)]
        if inspect.Parameter.VAR_KEYWORD not in kinds:
            break
    return list(found)
