"""The releases of Keras 1: which one's meanings the flag ``keras`` asks for, and names that came
after 1.0.

Some calls mean something else in Keras 1.2 than in 1.0.1. An object takes the meaning that is in
force when it is made, keeps it, and writes it into its config. In force is the release that the
flag stands for, 1.0.1 or 1.2.2, or, while a file is read, that of the Keras that wrote the file.
"""

from __future__ import annotations

import functools
import inspect
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

from graphc.config import config

_log = logging.getLogger("graphc")

Named = TypeVar("Named", bound=Callable[..., Any])
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

RELEASES = ("1.0", "1.2")

Release = tuple[int, ...]

FIRST: Release = (1, 0, 1)
"""The release that ``keras=1.0`` means, and a file of Keras 1 that states no version."""

_OF_FLAG = {"1.0": FIRST, "1.2": (1, 2, 2)}

_of_file: ContextVar[Release | None] = ContextVar("graphc_release_of_file", default=None)
_logged: set[str] = set()


def release() -> Release:
    """Return the release in force, such as ``(1, 0, 1)``."""
    return _of_file.get() or _OF_FLAG[config.keras]


def is_read() -> bool:
    """Return whether a file is read, whose release then is in force."""
    return _of_file.get() is not None


def meanings() -> str:
    """Return which of the flag's releases, ``'1.0'`` or ``'1.2'``, the one in force belongs to."""
    return "1.2" if at_least("1.1.0") else "1.0"


def at_least(version: str, of: Release | None = None) -> bool:
    """Return whether the release in force is this one, such as ``'1.0.6'``, or a later one.

    Args:
        of: the release to be compared, where that is one that an object keeps.
    """
    return (of or release()) >= release_of(version)


@functools.cache
def release_of(version: str) -> Release:
    """Return the numbers of a release, ``(1, 0, 6)`` of ``'1.0.6'``."""
    return tuple(map(int, version.split(".")))


def version_of(release: Release) -> str:
    """Return the text of a release, ``'1.0.6'`` of ``(1, 0, 6)``."""
    return ".".join(map(str, release))


def release_in(text: str) -> Release | None:
    """Return the release that a file names, with a zero for a third number that is left out; None
    where the text does not begin with two numbers and a dot between them."""
    match = re.match(r"(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?(?!\d)", text)
    return match and tuple(int(number or 0) for number in match.groups())


@contextmanager
def reading_file_of(written_by: Release) -> Iterator[None]:
    """Put a release in force while a file is read that it wrote."""
    reset = _of_file.set(written_by)
    try:
        yield
    finally:
        _of_file.reset(reset)


def since(release: str) -> Callable[[Named], Named]:
    """Mark a class or a function that came with this release of Keras, such as ``'1.0.6'``.

    Its first use under ``keras=1.0`` logs one line that names the flag (`note_later`): a program
    with such a name was written for a later Keras, whose meanings it may expect.
    """

    def marked(named: Named) -> Named:
        if isinstance(named, type):
            cls: Any = named
            cls.__init__ = _noting(cls.__init__, cls.__name__, release, cls)
            return named
        return _noting(named, named.__name__, release)

    return marked


def arguments_of_1_2(
    *order: str, **defaults: Any
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Give a function the arguments of Keras 1.2 under ``keras=1.2``; its signature is that of 1.0.

    Args:
        order: the arguments that can be given by position in 1.2, all of them and in this order;
            none where it is the function's own. Those that came after 1.0 are keywords under 1.0.
        defaults: those of 1.2 that differ.
    """

    def decorated(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        of_either: Callable[..., Result] = function
        later = _signature_of_1_2(inspect.signature(function), order, defaults)
        catch_all = [one.name for one in later.parameters.values() if one.kind is one.VAR_KEYWORD]

        @functools.wraps(function)
        def called(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
            if meanings() == "1.0":
                return function(*args, **kwargs)
            given = later.bind(*args, **kwargs).arguments
            others = {k: v for name in catch_all for k, v in given.pop(name, {}).items()}
            owner = [given.pop("self")] if "self" in given else []
            return of_either(*owner, **{**defaults, **given, **others})

        vars(called)["signature_of_1_2"] = later
        return called

    return decorated


def _signature_of_1_2(
    signature: inspect.Signature, order: tuple[str, ...], defaults: dict[str, Any]
) -> inspect.Signature:
    parameters = {
        name: one.replace(default=defaults.get(name, one.default))
        for name, one in signature.parameters.items()
    }
    first = [name for name in ("self",) if name in parameters] if order else []
    by_position = [
        parameters.pop(name).replace(kind=inspect.Parameter.POSITIONAL_OR_KEYWORD)
        for name in (*first, *order)
    ]
    others = [
        one.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        if by_position and one.kind is one.POSITIONAL_OR_KEYWORD
        else one
        for one in parameters.values()
    ]
    return signature.replace(parameters=[*by_position, *others])


def renamed(**later: str) -> Callable[[Named], Named]:
    """Take, beside a function's own keywords, the names that later releases have for them:
    ``@renamed(x="X")``."""

    def decorated(function: Named) -> Named:
        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **{later.get(name, name): one for name, one in kwargs.items()})

        vars(called)["names_of_1_2"] = later
        return called  # type: ignore[return-value]  # it stands for the function

    return decorated


def note_later(name: str, release: str) -> None:
    """Log, once a process, that a program uses a name of a later release under ``keras=1.0``. What
    a file names has that file's meanings."""
    if meanings() != "1.0" or is_read() or _logged:
        return
    _logged.add(name)
    _log.warning(
        "%s came with Keras %s, and objects here have the meanings of Keras 1.0; for a program "
        "written for 1.1 or 1.2 set GRAPHC_FLAGS=keras=1.2, or graphc.config.keras = '1.2' before "
        "the first layer (docs/differences.md lists what changes)",
        name,
        release,
    )


def _noting(function: Named, name: str, release: str, owner: type | None = None) -> Named:
    """Return `function`, preceded by `note_later`; of subclasses of `owner` nothing is noted."""

    @functools.wraps(function)
    def noting(*args: Any, **kwargs: Any) -> Any:
        if owner is None or type(args[0]) is owner:
            note_later(name, release)
        return function(*args, **kwargs)

    return noting  # type: ignore[return-value]  # it stands for the function
