"""Every flag of graphc: its default, what it takes, what it means, and where its value came from.

A value comes from the first of these that names the flag:

1. Python: ``graphc.config.floatX = 'float64'``
2. the environment: ``GRAPHC_FLAGS=device=cpu,floatX=float64`` (the last of two equal names wins, so
   that ``GRAPHC_FLAGS="$GRAPHC_FLAGS,mode=DebugMode"`` overrides)
3. the file ``~/.graphcrc``: lines like ``floatX = float64``, with or without a ``[global]`` heading
4. the file ``~/.keras/keras.json`` of Keras: `graphc.keras_json`
5. the default in `FLAGS`

The environment and the file are read at the first use of a flag, so importing graphc never fails
on them. A flag or a value that does not exist is a `FlagError` that lists the allowed ones.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from graphc import keras_json
from graphc.amounts import size_in_bytes
from graphc.errors import ArgumentError, FlagError, UnknownFlagError
from graphc.later.attributes import OF_CONFIG
from graphc.later.near import nearest

ENVIRONMENT_VARIABLE = "GRAPHC_FLAGS"
SET_IN_PYTHON = "set in Python"

_log = logging.getLogger("graphc")


@dataclass(frozen=True)
class Flag:
    """One flag. With no `choices` its value is a number, where it is to be `below` one, a whole
    number where it has a `least` one, a size in bytes, where it `is_size`, else the path of a
    folder, or empty for none."""

    name: str
    default: str
    choices: tuple[str, ...]
    meaning: str
    below: float | None = None
    is_size: bool = False
    least: int | None = None

    @property
    def takes(self) -> str:
        """The values that the flag takes, in words."""
        if self.is_size:
            none = ", or none" if self.default == "none" else ""
            return f"a size such as 64MB or 1.5GB{none}"
        if self.below is not None:
            return f"a number above 0 and below {self.below}"
        if self.least is not None:
            return f"a whole number from {self.least} on"
        return _either(self.choices) if self.choices else "the path of a folder, or nothing"

    def checked(self, value: object, source: str) -> str:
        """`value` as this flag stores it; raises `FlagError`, naming `source`, if not allowed."""
        if self.below is not None:
            return self._number(value, source)
        if self.is_size:
            return self._size(value, source)
        if self.least is not None:
            return self._whole_number(value, source)
        if not self.choices and isinstance(value, os.PathLike):
            value = os.fspath(value)
        if not isinstance(value, str) or (self.choices and value not in self.choices):
            raise FlagError(
                f"{source}: flag {self.name!r} takes {self.takes}, received {value!r}."
                + _did_you_mean(value, self.choices)
            )
        if self.choices or not value:
            return value
        folder = Path(value).expanduser()
        if folder.exists() and not folder.is_dir():
            raise FlagError(
                f"{source}: flag {self.name!r} takes {self.takes}, received {value!r}, "
                "which is a file."
            )
        return str(folder)

    def _number(self, value: object, source: str) -> str:
        number = math.nan
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            with suppress(ValueError):
                number = float(value)
        assert self.below is not None  # of each flag that is a number
        if not 0 < number < self.below:
            raise FlagError(f"{source}: flag {self.name!r} takes {self.takes}, received {value!r}.")
        return repr(number)

    def _size(self, value: object, source: str) -> str:
        if value == self.default:  # which may be none
            return self.default
        try:
            size_in_bytes(self.name, value)
        except ArgumentError:
            raise FlagError(
                f"{source}: flag {self.name!r} takes {self.takes}, received {value!r}."
            ) from None
        return str(value).strip()

    def _whole_number(self, value: object, source: str) -> str:
        text = value.strip() if isinstance(value, str) else str(value)
        whole = type(value) in (int, str) and text.isascii() and text.isdigit()
        assert self.least is not None  # of each flag that is a whole number
        if not whole or int(text) < self.least:
            raise FlagError(f"{source}: flag {self.name!r} takes {self.takes}, received {value!r}.")
        return str(int(text))


FLAGS = (
    Flag(
        "device",
        "cpu",
        ("cpu", "gpu", "auto"),
        "where functions run; without a usable GPU, gpu is an error, and auto takes the cpu",
    ),
    Flag(
        "cpu",
        "auto",
        ("auto", "native", "numpy"),
        "how functions run on the CPU: native compiles them with the machine's C++ compiler and is "
        "an error where there is none, numpy interprets them; auto compiles where a compiler is "
        "found, but for what is small and runs too seldom to repay the compiler",
    ),
    Flag(
        "floatX",
        "float32",
        ("float32", "float64"),
        "the type of weights and of data whose type is not given",
    ),
    Flag(
        "keras",
        "1.0",
        ("1.0", "1.2"),
        "the release of Keras 1 whose formulas and defaults apply to layers, optimizers and models "
        "that are made from now on; the names of all releases are always available",
    ),
    Flag(
        "image_dim_ordering",
        "default",
        ("default", "th", "tf"),
        "the axes of images where no dim_ordering is given: th has the channels first, tf last; "
        "default is th with keras=1.0, tf with keras=1.2",
    ),
    Flag(
        "epsilon",
        "1e-07",
        (),
        "the small number that keeps divisors and logarithms of losses and constraints away from "
        "zero",
        below=0.5,
    ),
    Flag(
        "mode",
        "FAST_RUN",
        ("FAST_RUN", "FAST_COMPILE", "DebugMode", "NanGuardMode"),
        "FAST_RUN: all passes; FAST_COMPILE: few, and no C++ compiler where cpu=auto; DebugMode: "
        "each pass is checked against the graph before it, generated code against the "
        "interpreter; NanGuardMode: the first value that is not finite is an error",
    ),
    Flag(
        "shards",
        "1",
        (),
        "the default of the argument shards of fit, evaluate and the like: the number of parts of "
        "a batch, which a step computes one after the other; that takes less memory for "
        "activations, and trains in the same way",
        least=1,
    ),
    Flag(
        "memory",
        "none",
        (),
        "the default of the argument memory of fit, evaluate and the like: the memory that a step "
        "may take; its batch is divided into as few shards as fit, a power of two",
        is_size=True,
    ),
    Flag(
        "ranks",
        "none",
        ("none", "mpi", "nccl"),
        "the processes that train one model together, those that mpiexec or srun started, which "
        "share the shards; their sums move between hosts by mpi, or, with device=gpu and a GPU for "
        "each, between GPUs by nccl, which has never run on several GPUs",
    ),
    Flag("dump", "", (), "write the graph after each pass into this folder"),
    Flag(
        "cuda_cache",
        "",
        (),
        "keep compiled kernels in this folder; by default in $XDG_CACHE_HOME/graphc/kernels",
    ),
    Flag(
        "cache_size",
        "1GB",
        ("64MB", "256MB", "1GB", "4GB", "16GB", "none"),
        "the limit on the size of the folder of compiled kernels; the least recently used ones are "
        "removed",
    ),
    Flag(
        "lowering",
        "once",
        ("once", "always"),
        "once: the program that a graph is lowered to is kept beside the compiled kernels, so that "
        "a second start finds it; always: each start lowers its graphs",
    ),
    Flag(
        "compile_limit",
        "10min",
        ("10s", "1min", "10min", "1h", "none"),
        "how long one run of a compiler may take before it is stopped",
    ),
    Flag(
        "described_weights",
        "1GB",
        ("256MB", "1GB", "4GB", "16GB", "64GB"),
        "how much memory the weights of a model that a file or a config describes may take",
    ),
    Flag(
        "read_window",
        "256MB",
        (),
        "the memory that samples of arrays in files are read into, ahead of the steps that need "
        "them; the larger it is, the fewer reads take a shuffled epoch",
        is_size=True,
    ),
    Flag(
        "shuffle_folder",
        "",
        (),
        "where arrays in files would be read more than three times a shuffled epoch, write the "
        "samples first in the order in which they are needed, into a temporary file in this folder",
    ),
)

_TABLE = {flag.name: flag for flag in FLAGS}


class Setting(NamedTuple):
    """One row of `Config.table`: a flag as it stands now."""

    name: str
    value: str
    source: str
    default: str
    takes: str
    meaning: str


class Config:
    """The flags' values, as attributes (``config.floatX``); assigning one checks it.

    `environ`, `rc_file` and `keras_file` stand for the process's environment, ``~/.graphcrc`` and
    ``~/.keras/keras.json``. The values are those of the process: all threads share them.
    """

    _environ: Mapping[str, str] | None
    _rc_file: Path | None
    _keras_file: Path | None
    _values: dict[str, tuple[str, str]] | None

    def __init__(
        self,
        environ: Mapping[str, str] | None = None,
        rc_file: Path | None = None,
        keras_file: Path | None = None,
    ) -> None:
        super().__setattr__("_environ", environ)
        super().__setattr__("_rc_file", rc_file)
        super().__setattr__("_keras_file", keras_file)
        super().__setattr__("_values", None)

    def __getattr__(self, name: str) -> str:
        if name[0] == "_":
            raise AttributeError(f"config has no attribute {name!r}")
        settings = self._values
        if settings is not None and name in settings:  # it is read in each call of a model
            return settings[name][0]
        return self._settings()[_flag(name, "config").name][0]

    def __setattr__(self, name: str, value: object) -> None:
        flag = _flag(name, "config")
        checked = flag.checked(value, "config")
        self._settings()[name] = (checked, SET_IN_PYTHON)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *_TABLE]

    def __repr__(self) -> str:
        rows = (f"{row.name}={row.value} ({row.source})" for row in self.table())
        return f"Config({', '.join(rows)})"

    def source(self, name: str) -> str:
        """Where the value of flag `name` came from.

        One of ``'default'``, ``'~/.keras/keras.json'``, ``'~/.graphcrc:3'`` (with the line),
        ``'GRAPHC_FLAGS'`` and ``'set in Python'``.
        """
        return self._settings()[_flag(name, "config.source").name][1]

    def table(self) -> list[Setting]:
        """All flags with their values, in the order of `FLAGS`."""
        settings = self._settings()
        return [
            Setting(flag.name, *settings[flag.name], flag.default, flag.takes, flag.meaning)
            for flag in FLAGS
        ]

    @contextmanager
    def changed(self, **values: object) -> Iterator[Config]:
        """Set flags for the length of a ``with`` block: ``with config.changed(floatX='float64'):``.

        On leaving, every flag has its value and source of before, whatever the block assigned.
        """
        settings = self._settings()
        before = dict(settings)
        try:
            for name, value in values.items():
                setattr(self, name, value)
            yield self
        finally:
            settings.update(before)

    def _settings(self) -> dict[str, tuple[str, str]]:
        """Name -> (value, source); read from the file and the environment at the first use."""
        settings = self._values
        if settings is None:
            environ = os.environ if self._environ is None else self._environ
            settings = {flag.name: (flag.default, "default") for flag in FLAGS}
            given = _from_file(_home_file() if self._rc_file is None else self._rc_file)
            given.update(_from_environment(environ.get(ENVIRONMENT_VARIABLE, "")))
            file = keras_json.home_file() if self._keras_file is None else self._keras_file
            settings.update(_from_keras_json(file, given))
            settings.update(given)
            super().__setattr__("_values", settings)
        return settings


def _home_file() -> Path | None:
    try:
        return Path.home() / ".graphcrc"
    except RuntimeError:  # a user without a home folder
        return None


def _from_environment(text: str) -> dict[str, tuple[str, str]]:
    settings = {}
    for item in filter(None, map(str.strip, text.split(","))):
        name, value = _split(item, ENVIRONMENT_VARIABLE)
        settings[name] = (_TABLE[name].checked(value, ENVIRONMENT_VARIABLE), ENVIRONMENT_VARIABLE)
    return settings


def _from_file(path: Path | None) -> dict[str, tuple[str, str]]:
    if path is None or not path.exists():
        return {}
    shown = _shown(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FlagError(f"{shown}: cannot be read ({error}).") from error
    settings: dict[str, tuple[str, str]] = {}
    for number, line in enumerate(map(str.strip, lines), start=1):
        source = f"{shown}:{number}"
        if not line or line.startswith(("#", ";")):
            continue
        if line.startswith("["):
            if line != "[global]":
                raise FlagError(f"{source}: expected no heading but [global], received {line}.")
            continue
        name, value = _split(line, source)
        if name in settings:
            raise FlagError(
                f"{source}: flag {name!r} was set already at {settings[name][1]}; keep one of them."
            )
        settings[name] = (_TABLE[name].checked(value, source), source)
    return settings


def _from_keras_json(
    path: Path | None, given: Mapping[str, tuple[str, str]]
) -> dict[str, tuple[str, str]]:
    """The settings of Keras' file that none of the `given` ones overrides; a line in the log names
    those that differ from the defaults."""
    if path is None:
        return {}
    shown = _shown(path)
    found = keras_json.read(path, shown)
    flags = {
        key: _TABLE[name]
        for key, name in keras_json.FLAGS_OF_KEYS.items()
        if key in found and name not in given
    }
    settings = {flag.name: (flag.checked(found[key], shown), shown) for key, flag in flags.items()}
    counted = [
        f"{key} {found[key]!r}"
        for key, flag in flags.items()
        if settings[flag.name][0] != flag.default
    ]
    if counted:
        ignored = ", ".join(map(str, found.keys() - keras_json.FLAGS_OF_KEYS.keys()))
        _log.warning(
            "%s: %s count here too%s; GRAPHC_FLAGS and ~/.graphcrc override them",
            shown,
            ", ".join(counted),
            f", and what else it sets ({ignored}) is ignored" if ignored else "",
        )
    return settings


def _shown(path: Path) -> str:
    try:
        return str("~" / path.relative_to(Path.home()))
    except (ValueError, RuntimeError):
        return str(path)


def _split(item: str, source: str) -> tuple[str, str]:
    name, equals, value = item.partition("=")
    if not equals:
        raise FlagError(f"{source}: expected name=value, received {item!r}.")
    return _flag(name.strip(), source).name, value.strip()


def _flag(name: str, source: str) -> Flag:
    if name in OF_CONFIG:
        raise UnknownFlagError(f"{source} has no {name!r}: {OF_CONFIG[name]}")
    if name not in _TABLE:
        raise UnknownFlagError(
            f"{source}: unknown flag {name!r}. The flags are {', '.join(_TABLE)}."
            + _did_you_mean(name, _TABLE)
        )
    return _TABLE[name]


def _either(words: tuple[str, ...]) -> str:
    return ", ".join(words[:-1]) + " or " + words[-1]


def _did_you_mean(received: object, allowed: Mapping[str, Flag] | tuple[str, ...]) -> str:
    near = nearest(received, allowed)[:1]
    return f" Did you mean {near[0]!r}?" if near else ""


config = Config()
