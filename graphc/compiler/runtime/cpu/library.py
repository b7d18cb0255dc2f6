"""Shared objects in this process: loaded from an open file, one for each key, and unloaded when
nothing refers to them any more.

glibc takes a library for loaded already where one of the same *name* is; so does any loader where
it is the same file. On Linux a library is loaded as ``/proc/self/fd/N``: the very file that was
checked, whatever its name in the cache stands for by now. N is that of another file later on, so
the name is spelled differently for each library (`_names`), and the descriptor is closed once the
library is mapped: two thousand of them need no descriptor. A file that is mapped keeps its inode.
Elsewhere the loader gets the path, in a folder to which nobody else may write.

Unloading is safe as long as no thread is in a library's code. Threads of OpenMP wait in the library
of OpenMP, which is therefore never unloaded. What a thread keeps from call to call has a destructor
that runs when the thread ends, for which the C library would keep its library; so generated code
asks the one runtime library for it (``kernels/thread_memory.h``), which stays, too. A program has
no thread-local storage, of which a process has little to give.
"""

from __future__ import annotations

import _ctypes
import ctypes
import itertools
import os
import struct
import sys
import threading
import weakref
from collections.abc import Iterator, Sequence

from graphc.compiler.runtime.cache.kernels import CacheEntry
from graphc.errors import CompilerError

_FIX = (
    "see that its folder allows programs to be run (the flag cuda_cache chooses another one), and "
    "that the compiler (CXX names another one) is one for this machine"
)

# Of the ELF header: class, then from byte 16 on type, machine, version, entry, the offsets of the
# program and the section headers, flags, and sizes and counts.
_ELF = struct.Struct("<HHIQQQIHHHHHH")
_ELF64 = 2
_PROGRAM = struct.Struct("<IIQQQQQQ")  # type, flags, offset, addresses, bytes in the file, ...

_loaded: weakref.WeakValueDictionary[str, ctypes.CDLL] = weakref.WeakValueDictionary()
_turn = threading.RLock()


def _spellings() -> Iterator[str]:
    """Yield names for the folder /proc/self/fd, no two spelled alike: a path may have any number of
    ``.`` and of empty parts. The bits of a number choose them."""
    for number in itertools.count():
        yield "/proc/self/fd/" + "".join("./" if bit == "1" else "/" for bit in f"{number:b}")


_names = _spellings()


def found(key: str) -> ctypes.CDLL | None:
    """The library that was loaded by a key, as long as something refers to it."""
    return _loaded.get(key)


def load_library(key: str, entry: CacheEntry, names: Sequence[str]) -> ctypes.CDLL:
    """Load an entry of the cache, which has to have functions of these names.

    The library is unloaded when nothing refers to it any more. Call its functions by
    `address_of_symbol`: the object that ctypes makes for a name is part of a reference cycle, which
    would keep the library until the garbage collector runs.

    Raises CompilerError for what is no library for this process.
    """
    with _turn:
        library = found(key)
        if library is not None:
            return library
        problem = _cut_short(entry.content)
        if problem:
            raise _error(entry, problem)
        name = _name_of(entry)
        try:
            library = ctypes.CDLL(name)
        except OSError as error:
            raise _error(entry, str(error).removeprefix(f"{name}: ")) from error
        weakref.finalize(library, _close, library._handle).atexit = False
        missing = next((name for name in names if not has_symbol(library, name)), None)
        if missing is not None:
            raise _error(entry, f"it has no function {missing}")
        _loaded[key] = library
        return library


def _error(entry: CacheEntry, problem: str) -> CompilerError:
    return CompilerError(
        f"the compiled program {entry.path} cannot be loaded ({problem}). What to do: {_FIX}"
    )


def _name_of(entry: CacheEntry) -> str:
    if sys.platform == "linux" and os.path.exists("/proc/self/fd"):
        return f"{next(_names)}{entry.descriptor}"
    return str(entry.path)


def _close(handle: int) -> None:
    if sys.platform == "win32":
        _ctypes.FreeLibrary(handle)
    else:
        _ctypes.dlclose(handle)


def _cut_short(content: bytes) -> str:
    """Return the fault of a library that is shorter than its header says, as one written to a full
    disk is; touching the missing part would end the process. Empty for whole ones."""
    if sys.platform != "linux":
        return ""
    if content[:4] != b"\x7fELF":
        return "it is no ELF file"
    if len(content) < 16 + _ELF.size:
        return "it is cut short"
    if content[4] != _ELF64 or sys.byteorder != "little":
        return ""  # for the loader, which reports it
    header = _ELF.unpack_from(content, 16)
    at, size, count = header[4], header[8], header[9]
    if size != _PROGRAM.size or at + count * size > len(content):
        return "it is cut short"
    for k in range(count):
        part = _PROGRAM.unpack_from(content, at + k * size)
        if part[2] + part[5] > len(content):
            return "it is cut short"
    return ""


def address_of_symbol(library: ctypes.CDLL, name: str) -> int:
    """The address of a function or a variable that the library has."""
    return ctypes.addressof(ctypes.c_char.in_dll(library, name))


def has_symbol(library: ctypes.CDLL, name: str) -> bool:
    """Return whether a library has a function or a variable of this name."""
    try:
        address_of_symbol(library, name)
    except ValueError:
        return False
    return True
