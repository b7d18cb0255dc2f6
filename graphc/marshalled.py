"""Functions of Python as text and back, for programs that do so themselves: nothing else here reads
or writes code."""

from __future__ import annotations

import marshal
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphc.errors import ArgumentError
from graphc.releases import since

Dumped = tuple[str, tuple[Any, ...] | None, tuple[Any, ...] | None]


@since("1.1.0")
def func_dump(func: Callable[..., object]) -> Dumped:
    """Return the code of a function as text, its defaults, and the values that it closes over.

    ArgumentError for what is no function of Python. The text is for this version of Python alone.
    """
    if not isinstance(func, types.FunctionType):
        raise ArgumentError(f"func_dump: expected a function of Python, received {func!r}")
    closure = tuple(cell.cell_contents for cell in func.__closure__) if func.__closure__ else None
    return marshal.dumps(func.__code__).decode("latin-1"), func.__defaults__, closure


@since("1.1.0")
def func_load(
    code: str | tuple[Any, ...] | list[Any],
    defaults: Sequence[Any] | None = None,
    closure: Sequence[Any] | None = None,
    globs: Mapping[str, Any] | None = None,
) -> Callable[..., Any]:
    """Return the function of what `func_dump` gave. It is code: call this on your own alone.

    Args:
        code: the text, or all three that `func_dump` gave.
        defaults, closure: of the function.
        globs: the names that it finds; those of this module by default.

    ArgumentError for what is no code of this version of Python.
    """
    text, defaults, closure = code if isinstance(code, tuple | list) else (code, defaults, closure)
    try:
        loaded = marshal.loads(text.encode("latin-1"))
    except (ValueError, EOFError, TypeError, AttributeError) as error:
        raise ArgumentError(f"func_load: expected what func_dump gave ({error})") from error
    if not isinstance(loaded, types.CodeType):
        raise ArgumentError(f"func_load: expected the code of a function, found {type(loaded)}")
    cells = None if closure is None else tuple(map(types.CellType, closure))
    names = dict(globals() if globs is None else globs)
    given = None if defaults is None else tuple(defaults)
    return types.FunctionType(loaded, names, loaded.co_name, given, cells)
