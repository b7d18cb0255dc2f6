"""Run a script as ``python script.py`` does, with ``keras`` for a name of graphc."""

from __future__ import annotations

import builtins
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType, TracebackType

from graphc.errors import MissingFileError
from graphc.scripts import keras_names, python2, spawning

MAIN = "__main__"
_CAME_WITH_KERAS = frozenset({"scipy", "six"})


@dataclass(frozen=True)
class Script:
    """A script: its path as it was given, its file, which tracebacks name, and its text."""

    path: str
    file: str
    source: bytes


def read_program(path: str) -> Script:
    """Return the program in a file, or in the ``__main__.py`` of a folder.

    Raises:
        MissingFileError: no such file.
    """
    file = Path(path) / "__main__.py" if Path(path).is_dir() else Path(path)
    try:
        return Script(path, os.path.abspath(file), file.read_bytes())
    except OSError as error:
        raise MissingFileError(f"can't open the program {str(file)!r}: {error.strerror}") from error


def run_program(program: Script, arguments: Sequence[str]) -> None:
    """Execute a program as the module ``__main__``.

    What it raises leaves this function, and ends the process as it would end ``python script.py``;
    the traceback that is printed begins in the program.
    """
    main = ModuleType(MAIN)
    main.__file__ = program.file
    main.__loader__ = SourceFileLoader(MAIN, program.file)
    vars(main)["__builtins__"] = builtins
    sys.modules[MAIN] = main
    sys.argv = [program.path, *arguments]
    if not sys.flags.safe_path:
        sys.path[0] = os.path.dirname(os.path.realpath(program.file))
    keras_names.install()
    spawning.install_in_children()
    _show_from_the_program(program)
    exec(compile(program.source, program.file, "exec", dont_inherit=True), vars(main))


def _missing(error: BaseException) -> str | None:
    """Return the sentence for a package that was installed with Keras and is not with graphc."""
    name = error.name if isinstance(error, ModuleNotFoundError) else None
    if name is None or name.partition(".")[0] not in _CAME_WITH_KERAS:
        return None
    package = name.partition(".")[0]
    return f"{package} was installed with Keras. Install it with: python -m pip install {package}"


def _show_from_the_program(program: Script) -> None:
    """Let a traceback that ends the process begin with the program's frames, and what comes of
    Python 2, or of a package that Keras needed, be told below it."""
    show = sys.excepthook

    def shown(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        outer = trace
        while outer is not None and outer.tb_frame.f_code is not run_program.__code__:
            outer = outer.tb_next
        within = trace if outer is None else outer.tb_next
        remark = python2.remark(error.with_traceback(within), program.path) or _missing(error)
        if remark is not None:
            error.add_note(remark)
        show(kind, error, within)

    sys.excepthook = shown
