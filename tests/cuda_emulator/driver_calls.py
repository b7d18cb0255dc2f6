"""Calls of the driver as C makes them, for what pycuda hides."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import TypeVar

from graphc.compiler.runtime.gpu.probe import DRIVER_LIBRARY

T = TypeVar("T")
Handle = ctypes.c_void_p


def call(name: str, *arguments: object) -> str:
    """The name of the error that a call returns, without ``CUDA_ERROR_``; empty where it succeeds.

    Numbers are passed in 64 bits, which smaller types of C read the lower part of.
    """
    library = ctypes.CDLL(DRIVER_LIBRARY)
    converted = [ctypes.c_uint64(one) if isinstance(one, int) else one for one in arguments]
    code = getattr(library, name)(*converted)
    said = ctypes.c_char_p()
    assert library.cuGetErrorName(code, ctypes.byref(said)) == 0, code
    return "" if code == 0 else said.value.decode().removeprefix("CUDA_ERROR_")


def made(name: str, *arguments: object) -> Handle:
    """Return what a call writes to its first argument; it has to succeed."""
    result = Handle()
    assert call(name, ctypes.byref(result), *arguments) == ""
    return result


def new_context(device: int = 0) -> Handle:
    """A context, which is current now."""
    return made("cuCtxCreate_v4", None, 0, device)


def current() -> int | None:
    """The current context of this thread."""
    return made("cuCtxGetCurrent").value


def memory(nbytes: int = 64) -> int:
    """Device memory of the current context."""
    address = made("cuMemAlloc_v2", nbytes).value
    assert address is not None
    return address


def in_thread(run: Callable[[], T]) -> T:
    """The result of a call in a thread of its own, whose stack of contexts is empty."""
    results: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(run())
        except BaseException as error:  # raised again below
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
