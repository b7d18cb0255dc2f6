"""Make ``import keras`` mean graphc, for this process."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
import sysconfig
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

import graphc
from graphc.errors import AlreadyImportedError, MissingModuleError
from graphc.public.answers import looked_up, module_answer
from graphc.releases import meanings
from graphc.scripts.stand_ins import StandInFinder

_log = logging.getLogger("graphc")

NAME = "keras"
# The version that a program reads in `keras.__version__`, by the flag `keras`.
VERSIONS = {"1.0": "1.0.1", "1.2": "1.2.2"}


class KerasModule(ModuleType):
    """The module ``keras``: graphc, but for its version, which is the one of Keras that objects
    have the meanings of."""

    def __init__(self) -> None:
        super().__init__(NAME, "Keras 1, as graphc has it.")
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name == "__version__":
            return VERSIONS[meanings()]
        if name in vars(graphc):
            return vars(graphc)[name]
        return looked_up("graphc", name, sys._getframe(1))

    def __dir__(self) -> list[str]:
        return [*dir(graphc), "__version__"]


class _ExistingModuleLoader(Loader):
    """Loads a module that exists already, and leaves it as it is."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._spec = module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        if self._spec is not None:  # the import machinery has put that of the other name there
            module.__spec__ = self._spec


class KerasFinder(MetaPathFinder):
    """Finds ``keras.x``, which is the very module ``graphc.x``."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        top, _, rest = fullname.partition(".")
        if top != NAME:
            return None
        module = _module_of_graphc(fullname, f"graphc.{rest}") if rest else KerasModule()
        return ModuleSpec(
            fullname, _ExistingModuleLoader(module), is_package=hasattr(module, "__path__")
        )


def _module_of_graphc(fullname: str, ours: str) -> ModuleType:
    try:
        return importlib.import_module(ours)
    except ModuleNotFoundError as error:
        if error.name != ours:  # of a module that it imports
            raise
    raise module_answer(fullname) or MissingModuleError(
        f"no module {fullname!r}: it is not one of Keras 1's that graphc has", name=fullname
    )


def install() -> None:
    """Let ``keras`` name graphc from now on; a second call changes nothing.

    Raises:
        AlreadyImportedError: another ``keras`` is imported already.
    """
    imported = sys.modules.get(NAME)
    if imported is not None and not isinstance(imported, KerasModule):
        raise AlreadyImportedError(
            f"another keras is imported already, from {getattr(imported, '__file__', None)}: put "
            "`import graphc.as_keras` before whatever imports keras, or run the program by "
            "`python -m graphc run script.py`"
        )
    if any(isinstance(finder, KerasFinder) for finder in sys.meta_path):
        return
    _report_hidden()
    sys.meta_path.insert(0, KerasFinder())
    sys.meta_path.append(StandInFinder())


def _report_hidden() -> None:
    """Log a line if a ``keras`` beside the program is out of reach now. An installed one is not
    worth it: not to import that is what the caller wanted."""
    installed = {Path(sysconfig.get_path(kind)).resolve() for kind in ("purelib", "platlib")}
    beside = [place for place in sys.path if Path(place or ".").resolve() not in installed]
    spec = PathFinder.find_spec(NAME, beside)
    if spec is None:
        return
    place = spec.origin or ", ".join(spec.submodule_search_locations or ())
    if "site-packages" in place or "dist-packages" in place:
        return
    _log.warning(
        "keras is graphc in this program, and %s is not imported; rename it if the program needs "
        "it too",
        place,
    )
