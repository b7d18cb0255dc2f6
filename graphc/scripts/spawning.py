"""Processes that multiprocessing starts anew (`spawn`, `forkserver`) import keras as the program
does that starts them."""

from __future__ import annotations

import multiprocessing
from multiprocessing import spawn
from typing import Any

from graphc.scripts import keras_names


class _Installed:
    """An object that a process reads from another by installing the finder of keras."""

    def __reduce__(self) -> Any:
        return keras_names.install, ()


def install_in_children() -> None:
    """Let the processes that this one starts install the finder before they import the program.

    A new process reads first what `get_preparation_data` gave in the old one: its path, its
    arguments, the program. There is no other way in before the program's own imports, but for the
    environment and .pth files, which would meet other programs too.
    """
    prepared = spawn.get_preparation_data

    def with_finder(name: str) -> dict[str, Any]:
        return {"graphc": _Installed(), **prepared(name)}

    vars(spawn)["get_preparation_data"] = with_finder
    if "forkserver" in multiprocessing.get_all_start_methods():
        # Its server is such a process too, and later Pythons let it import the program first.
        multiprocessing.set_forkserver_preload(["graphc.as_keras"])
