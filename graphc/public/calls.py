"""Calls of the public functions with arguments that they do not take.

Python's own TypeError names the method of some base class and no argument that would do.
`public` puts a wrapper around what a program calls. Only where a call fails to bind, it looks at
the signature and raises a KeywordError or an ArgumentCountError that says what is taken.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Mapping
from types import FunctionType, TracebackType
from typing import Any

from graphc.errors import ArgumentCountError, GraphcError, KeywordError, ReadOnlyError
from graphc.keywords import refuse_modern, refuse_unknown
from graphc.later.keywords import advice_on
from graphc.lookup import is_whole
from graphc.public.answers import answer_for
from graphc.public.callers import user_frame
from graphc.public.stars import add_imported
from graphc.releases import meanings

PACKAGE = "graphc"
# What these parts define is strict by itself, or no part of the API of Keras.
_OTHER_FOLDERS = ("compiler", "config", "errors", "files", "later", "public", "releases")
_CALLED = ("__init__", "__call__")
_MAKING = ("__init__", "__new__")
# Training calls them, each time with the same arguments.
_OF_EACH_BATCH = ("on_batch_begin", "on_batch_end")
# The arguments after the first size of a kernel, and all of its sizes.
_FURTHER_SIZES = (["nb_col"], ["kernel_dim2", "kernel_dim3"])
_SIZES = (["nb_row", "nb_col"], ["kernel_dim1", "kernel_dim2", "kernel_dim3"])
# Frames that only pass a call on, or bind its arguments.
_PASSING = {"graphc.releases", "contextlib", "inspect", __name__}

_wrapped: dict[object, object] = {}  # functions and classes -> what stands for them


def public(module: str, read: Mapping[str, Callable[[], object]] | None = None) -> None:
    """Guard the calls of all that a module has of graphc, add what programs have by its star, and
    answer for names that it lacks.

    To be called at the end of a module that programs import. A function is replaced by its wrapper,
    in the module and in its tables; of a class the methods are. `read` is that of `answer_for`.
    """
    names = vars(sys.modules[module])
    for name, value in list(names.items()):
        if isinstance(value, dict) and not name.startswith("__"):
            value.update({key: guarded(one) for key, one in value.items()})
        elif not name.startswith("_"):
            names[name] = guarded(value)
    add_imported(module)
    answer_for(module, read)


def guarded(value: Any) -> Any:
    """Return what stands for a function or a class of graphc; anything else as it is."""
    if isinstance(value, FunctionType) and _is_ours(value):
        if value not in _wrapped:
            wrapper = _checked(value, lambda args: value.__name__)
            _wrapped[value] = _wrapped[wrapper] = wrapper
        return _wrapped[value]
    if isinstance(value, type) and _is_ours(value):
        if all(getattr(value, name) is getattr(object, name) for name in _MAKING):
            setattr(value, _MAKING[0], _taking_nothing(value))
        for cls in value.__mro__:
            if _is_ours(cls) and cls not in _wrapped and not issubclass(cls, GraphcError):
                _wrapped[cls] = cls
                _guard_methods(cls)
    return value


def checked_call(function: FunctionType) -> Callable[..., Any]:
    """Return what stands for a function of graphc itself, such as ``graphc.grad``."""
    return _checked(function, lambda args: f"{PACKAGE}.{function.__name__}")


def _is_ours(value: FunctionType | type) -> bool:
    package, _, rest = (value.__module__ or "").partition(".")
    return package == PACKAGE and rest.partition(".")[0] not in _OTHER_FOLDERS


def _guard_methods(cls: type) -> None:
    for name, value in list(vars(cls).items()):
        if name in _OF_EACH_BATCH or (name.startswith("_") and name not in _CALLED):
            continue
        label = functools.partial(_method, name)
        if isinstance(value, FunctionType):
            setattr(cls, name, _checked(value, label, bound=True))
        elif isinstance(value, classmethod) and isinstance(value.__func__, FunctionType):
            setattr(cls, name, classmethod(_checked(value.__func__, label, bound=True)))
        elif isinstance(value, property) and value.fset is None:
            setattr(cls, name, value.setter(functools.partial(_refuse_to_set, name)))


def _taking_nothing(cls: type) -> Callable[[Any], None]:
    def __init__(self: Any) -> None:
        super(cls, self).__init__()  # type: ignore[arg-type]  # a class

    return __init__


def _refuse_to_set(name: str, owner: object, value: object) -> None:
    raise ReadOnlyError(
        f"{_method(name, (owner,))} is read only: it follows from how {type(owner).__name__} "
        f"is used; received {_shown(value)}"
    )


def _checked(
    function: FunctionType, label: Callable[[tuple[Any, ...]], str], bound: bool = False
) -> Callable[..., Any]:
    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            if _is_of_the_body(error.__traceback__):
                raise
            mistake = _mistake(function, label, args, kwargs, bound)
            if mistake is None:
                raise
        raise mistake from None

    return checked


def _is_of_the_body(trace: TracebackType | None) -> bool:
    """Tell an error that a function raised from one that its call did not get that far."""
    while trace is not None and trace.tb_frame.f_globals.get("__name__") in _PASSING:
        trace = trace.tb_next
    return trace is not None


def _mistake(
    function: FunctionType,
    label: Callable[[tuple[Any, ...]], str],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    bound: bool,
) -> GraphcError | None:
    """The error for arguments that do not fit a signature; None if they do."""
    parameters = list(_signature(function).parameters.values())
    where = label(args)
    renamed = getattr(function, "names_of_1_2", {})
    kwargs = {renamed.get(name, name): value for name, value in kwargs.items()}
    if bound:
        parameters, args = parameters[1:], args[1:]
    either = inspect.Parameter.POSITIONAL_OR_KEYWORD
    by_position = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, either)]
    named = [p.name for p in parameters if p.kind in (either, p.KEYWORD_ONLY)]
    kinds = {p.kind for p in parameters}
    # Others go on to what checks them, which the call has not reached.
    refuse = refuse_modern if inspect.Parameter.VAR_KEYWORD in kinds else refuse_unknown
    try:
        refuse(where, kwargs, named)
    except KeywordError as error:
        return error.with_traceback(None)
    if len(args) > len(by_position) and inspect.Parameter.VAR_POSITIONAL not in kinds:
        return ArgumentCountError(
            f"{where}: expected {_count(len(by_position))}{_listed(by_position)}, received "
            f"{len(args)}: {_shown(args)}"
        )
    twice = [name for name in by_position[: len(args)] if name in kwargs]
    if twice:
        return KeywordError(f"{where}: {twice[0]!r} is given twice, by position and by name")
    given = {*by_position[: len(args)], *kwargs}
    missing = [
        p.name
        for p in parameters
        if p.default is p.empty
        and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        and p.name not in given
    ]
    if missing:
        hint = (
            _one_by_one(where, args, missing)
            or _of_a_window(where, args, missing)
            or _of_kernel_size(where, args, kwargs, missing)
            or _of_later(kwargs, named)
            or _of_a_pair(where, args, missing)
            or _of_a_generator(where, args, kwargs)
            or _of_a_subclass(function, missing)
        )
        verb = "are" if len(missing) > 1 else "is"
        return ArgumentCountError(f"{where}: {_named(missing)} {verb} missing{hint}")
    return None


def _signature(function: FunctionType) -> inspect.Signature:
    if meanings() == "1.2" and hasattr(function, "signature_of_1_2"):
        of_1_2: inspect.Signature = function.signature_of_1_2
        return of_1_2
    return inspect.signature(function)


def _named(names: list[str]) -> str:
    return " and ".join(map(repr, names))


def _count(number: int) -> str:
    return {0: "no argument", 1: "1 argument"}.get(number, f"at most {number} arguments")


def _listed(names: list[str]) -> str:
    return f" ({', '.join(names)})" if names else ""


def _one_by_one(where: str, args: tuple[Any, ...], missing: list[str]) -> str:
    """A hint for sizes that came as one tuple, as later releases of Keras take them."""
    for place, value in enumerate(args):
        sizes = isinstance(value, tuple | list) and all(map(is_whole, value))
        if sizes and len(value) == len(missing) + 1:
            flat = [*args[:place], *value, *args[place + 1 :]]
            return (
                f": the numbers of {_shown(value)} are given one by one here, "
                f"{where}({', '.join(map(_shown, flat))})"
            )
    return ""


def _of_a_window(where: str, args: tuple[Any, ...], missing: list[str]) -> str:
    """A hint for one size of a kernel, which later releases of Keras take for all axes."""
    if len(args) != 2 or not is_whole(args[1]) or missing not in _FURTHER_SIZES:
        return ""
    sizes = ", ".join([_shown(args[1])] * (len(missing) + 1))
    return f": a kernel has a size for each axis, {where}({_shown(args[0])}, {sizes})"


def _of_kernel_size(
    where: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], missing: list[str]
) -> str:
    """A hint for the sizes of a kernel under the name that later releases of Keras have."""
    size = kwargs.get("kernel_size")
    sizes = list(size) if isinstance(size, tuple | list) else [size] * len(missing)
    if missing not in _SIZES or len(sizes) != len(missing) or not all(map(is_whole, sizes)):
        return ""
    shown = ", ".join(map(_shown, [*args, *sizes]))
    return f": kernel_size (of Keras 2) is given by its numbers one by one, {where}({shown})"


def _of_later(kwargs: Mapping[str, Any], allowed: list[str]) -> str:
    """A hint for a keyword of Keras 2 or 3 beside what is missing."""
    for name in kwargs:
        advice = None if name in allowed else advice_on(name, allowed)
        if advice is not None:
            return f"; unknown keyword {name!r}: {advice}"
    return ""


def _of_a_pair(where: str, args: tuple[Any, ...], missing: list[str]) -> str:
    """A hint for inputs and targets that came as a pair, as data sets of TensorFlow have them."""
    pair = len(args) == 1 and isinstance(args[0], tuple | list) and len(args[0]) == 2
    if not pair or missing != ["y"]:
        return ""
    return f": inputs and targets are two arguments, {where}(x, y)"


def _of_a_generator(where: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """A hint for a generator, which later releases of Keras give to `fit` and its kin."""
    owner, _, method = where.rpartition(".")
    given = any(hasattr(one, "__next__") for one in (*args[:1], kwargs.get("x")))
    if not given or method not in ("fit", "evaluate"):
        return ""
    return f"; a generator goes to {owner}.{method}_generator"


def _of_a_subclass(function: FunctionType, missing: list[str]) -> str:
    """A hint for a model that is a class with layers and a `call`, as later releases have them."""
    if function.__name__ != "__init__" or missing != ["input", "output"]:
        return ""
    return (
        "; a Model is made of tensors, x = Input(shape=...) and Model(x, Dense(2)(x)); what a "
        "class of its own computes goes into a function of tensors"
    )


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _method(name: str, args: tuple[Any, ...]) -> str:
    """A method as the program knows it: by the object's own name, or by the class."""
    owner = args[0]
    cls = owner if isinstance(owner, type) else type(owner)
    if name == "__init__":
        return _alias(cls)
    own = getattr(owner, "__dict__", {}).get("name")
    is_users = not cls.__module__.startswith(f"{PACKAGE}.")
    label = cls.__name__ if is_users or not isinstance(own, str) else own
    return label if name == "__call__" else f"{label}.{name}"


def _alias(cls: type) -> str:
    """The name of a class that the calling line has, if that is another one."""
    frame = user_frame()
    if frame is None or cls.__name__ in frame.f_code.co_names:
        return cls.__name__
    for module, names in list(sys.modules.items()):
        if module.startswith(f"{PACKAGE}."):
            for name, value in list(vars(names).items()):
                if value is cls and name in frame.f_code.co_names:
                    return name
    return cls.__name__
