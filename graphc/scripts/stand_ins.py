"""Modules that stand in for Theano and TensorFlow where these are not installed.

Many programs of Keras 1 import one of them and use it nowhere, or in a branch that does not run.
The import passes; a use is an error that names the line and what to call instead.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NoReturn

from graphc.errors import MissingModuleError, StandInError
from graphc.public.callers import imports_name, user_line
from graphc.scripts.replacements import replacement

PACKAGES = {"theano": "Theano", "tensorflow": "TensorFlow"}

# What is a module or has attributes of its own: reading it is no use yet.
_NAMESPACES = {
    "theano": {
        "theano.compile",
        "theano.config",
        "theano.gof",
        "theano.printing",
        "theano.sandbox",
        "theano.sandbox.cuda",
        "theano.sandbox.rng_mrg",
        "theano.tensor",
        "theano.tensor.extra_ops",
        "theano.tensor.nnet",
        "theano.tensor.signal",
        "theano.tensor.signal.downsample",
        "theano.tensor.signal.pool",
        "theano.tensor.shared_randomstreams",
    },
    "tensorflow": {
        "tensorflow.app",
        "tensorflow.contrib",
        "tensorflow.flags",
        "tensorflow.image",
        "tensorflow.nn",
        "tensorflow.python",
        "tensorflow.summary",
        "tensorflow.train",
    },
}
# Keras within TensorFlow is Keras 2 or 3.
_KERAS = ("tensorflow.keras", "tensorflow.contrib.keras", "tensorflow.python.keras")


# Packages around Keras 2 and 3.
_AROUND = frozenset(
    {"keras_core", "keras_cv", "keras_hub", "keras_nlp", "keras_tuner", "kerastuner", "tf_keras"}
)


def _refuse(name: str) -> NoReturn:
    package = PACKAGES[name.partition(".")[0]]
    raise StandInError(
        f"{user_line()}: {name}: {package} is not installed, and graphc computes without it. "
        f"{replacement(name)}"
    )


def _keras_2(name: str) -> MissingModuleError:
    return MissingModuleError(
        f"no module {name!r}: it is Keras 2 or 3, within TensorFlow; graphc has the names and "
        "arguments of Keras 1. Import them from keras, e.g. `from keras.layers import Dense`; what "
        "has another name there is told",
        name=name,
    )


class StandInModule(ModuleType):
    """A module that can be imported, and names be imported from; anything else is a use of it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        whole = f"{self.__name__}.{name}"
        if whole in _KERAS:
            if imports_name(sys._getframe(1)):
                raise _keras_2(whole)
            _refuse(whole)
        if whole in _NAMESPACES[self.__name__.partition(".")[0]]:
            return StandInModule(whole)
        if imports_name(sys._getframe(1)) and name != "__all__":
            return StandInName(whole)
        if name.startswith("__") and name != "__version__":
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        _refuse(whole)

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("__") and not isinstance(value, StandInModule):
            _refuse(f"{self.__name__}.{name}")
        super().__setattr__(name, value)

    def __call__(self, *args: object, **kwargs: object) -> NoReturn:
        _refuse(self.__name__)


class StandInName:
    """The value of ``from theano import name``: any use of it is an error."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __repr__(self) -> str:
        return f"<{self.__name__}, which is not installed>"

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(f"{self!r} has no attribute {name!r}")
        _refuse(f"{self.__name__}.{name}")


def _using(self: StandInName, *args: object, **kwargs: object) -> NoReturn:
    _refuse(self.__name__)


for _method in (
    *("call", "mro_entries", "getitem", "iter", "len", "enter", "int", "float", "index"),
    *("add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "pow", "neg"),
):
    setattr(StandInName, f"__{_method}__", _using)


class _StandInLoader(Loader):
    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return StandInModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing: a stand-in has no code."""


class StandInFinder(MetaPathFinder):
    """Finds Theano, TensorFlow and their modules; the last finder, so that real ones are found."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        top = fullname.partition(".")[0]
        if top in _AROUND:
            raise MissingModuleError(
                f"no module {top!r}: it is a package of Keras 2 or 3, and graphc has the names and "
                "arguments of Keras 1; import layers and models from keras",
                name=top,
            )
        # A module that an installed package lacks is that package's matter.
        if top not in PACKAGES or (
            fullname != top and not isinstance(sys.modules.get(top), StandInModule)
        ):
            return None
        for keras in _KERAS:
            if fullname == keras or fullname.startswith(f"{keras}."):
                raise _keras_2(fullname)
        return ModuleSpec(fullname, _StandInLoader(), is_package=True)
