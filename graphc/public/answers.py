"""Tell what to use in the place of a name or a module that Keras 2 or 3 has and Keras 1 lacks."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import FrameType, ModuleType

from graphc.errors import MissingAttributeError, MissingModuleError, MissingNameError
from graphc.later.names import ELSEWHERE, MODULES, advice_for, sentence
from graphc.later.near import nearest
from graphc.public.callers import imports_name

PACKAGE = "graphc"


def answer_for(module: str, read: Mapping[str, Callable[[], object]] | None = None) -> None:
    """Give a module a ``__getattr__``, which is called for a name that it lacks.

    ``from module import name`` is an ImportError and ``module.name`` an AttributeError, with the
    same message. A module inside of it that is not imported yet is, as Keras had most of its own
    once it was imported.

    It is set from here because a checker of types that sees a ``__getattr__`` in a module takes any
    name of it for right.

    Args:
        read: name -> what returns its value now, for names that the module computes; one that
            raises an ImportError is lacking.
    """
    computed = dict(read or {})

    def __getattr__(name: str) -> object:
        if name in computed:
            with contextlib.suppress(ImportError):
                return computed[name]()
        return looked_up(module, name, sys._getframe(1))

    vars(sys.modules[module])["__getattr__"] = __getattr__


def looked_up(module: str, name: str, frame: FrameType) -> ModuleType:
    """Return a module inside of another one; of a name that this one lacks, tell the frame that
    reads it."""
    importing = imports_name(frame)
    is_module = not name.startswith("__") and _is_submodule(module, name)
    if is_module and not importing:
        return importlib.import_module(f"{module}.{name}")
    if is_module or name.startswith("__"):  # the machinery of imports looks for itself then
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    message = _message(module, name)
    if importing:
        raise MissingNameError(message, name=module)
    raise MissingAttributeError(message, name=name, obj=sys.modules.get(module))


def _is_submodule(module: str, name: str) -> bool:
    path = getattr(sys.modules.get(module), "__path__", None)
    return path is not None and PathFinder.find_spec(f"{module}.{name}", path) is not None


def _message(module: str, name: str) -> str:
    rest = ".".join([*module.split(".")[1:], name])
    if rest in MODULES:
        advice = sentence(MODULES[rest])
    elif (home := ELSEWHERE.get(name)) is not None and f"{PACKAGE}.{home}" != module:
        advice = f"it is in {PACKAGE}.{home}"
    elif (found := advice_for(name)) is not None:
        advice = found
    else:
        near = nearest(name, public_names(sys.modules[module]))
        return _as_spelt(f"{module} has no {name!r}{_meant(near)}", module)
    return _as_spelt(f"{module} has no {name!r}: {advice}", module)


def public_names(module: ModuleType) -> list[str]:
    """The names that a module is there for, without those that its own code needs."""
    names = getattr(module, "__all__", None)
    if names is not None:
        return list(names)
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and _is_of_the_api(getattr(value, "__module__", None) or "")
    ]


def _is_of_the_api(home: str) -> bool:
    own = ("errors", "lookup", "public", "paths", "config", "compiler")
    return home.startswith(f"{PACKAGE}.") and home.split(".")[1] not in own


def _meant(near: list[str]) -> str:
    return f": did you mean {' or '.join(map(repr, near))}?" if near else ""


def _as_spelt(message: str, module: str) -> str:
    """The message under the name that the program has imported the module by."""
    if module.replace(PACKAGE, "keras", 1) in sys.modules:
        return message.replace(f"{PACKAGE}.", "keras.").replace(f"{PACKAGE} ", "keras ")
    return message


def module_answer(fullname: str) -> MissingModuleError | None:
    """Return the error about a module of Keras 2 or 3 by its whole name; None for another."""
    package, _, rest = fullname.partition(".")
    for known, use in MODULES.items():
        if rest == known or rest.startswith(f"{known}."):
            advice = sentence(use).replace(f"{PACKAGE}.", f"{package}.")
            return MissingModuleError(f"no module {fullname!r}: {advice}", name=fullname)
    return None


class LaterModules(MetaPathFinder):
    """Tells about a module that graphc lacks. It is the last finder: what is there is found."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.startswith(f"{PACKAGE}."):
            error = module_answer(fullname)
            if error is not None:
                raise error
        return None
