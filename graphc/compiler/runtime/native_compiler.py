"""Compiling a native program to a shared object with the machine's C++ compiler, or finding it in
the cache."""

from __future__ import annotations

import ctypes
import logging
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from graphc import resources
from graphc.compiler.runtime.cache import (
    content_key,
    header_texts,
    kernel_cache,
    private_folder,
    without_comments,
)
from graphc.compiler.runtime.compiler_process import (
    first_lines,
    kernel_at_fault,
    lines_of,
    run,
)
from graphc.compiler.runtime.toolchain import FIX, WHAT, Compiler, find_compiler, processor
from graphc.errors import DeviceError

_log = logging.getLogger("graphc")

# GCC's OpenMP counts turns, LLVM's milliseconds.
_SPINS = {"GOMP_SPINCOUNT": "1000", "KMP_BLOCKTIME": "1"}
_forks_minded: list[ctypes.CDLL] = []  # one library, whose OpenMP is that of all
_FUNCTION = re.compile(r"^static void (\w+)\(", re.MULTILINE)


class Library(NamedTuple):
    """A loaded shared object, and the seconds that the compiler took; None where it did not run."""

    functions: ctypes.CDLL
    seconds: float | None


def loaded(source: str, layers: Mapping[str, str], name: str) -> Library:
    """The functions of a translation unit: from the cache, or made by one run of the compiler.

    Args:
        source: C++; it may include the files of ``kernels/``.
        layers: for each static function of the source, the layers that it computes, for messages.
        name: of the function, for messages.

    Raises DeviceError where there is no compiler, or (an error of graphc) the source does not
    compile.
    """
    cache = kernel_cache()
    compiler = find_compiler(cache)
    include = resources.folder("kernels")
    bare, headers = without_comments(source), header_texts(include)
    key = content_key([bare, *compiler.flags, compiler.version, processor(), *headers])
    content, seconds = cache.read(f"{key}.so"), None
    if content is None:
        path = cache.write_source(f"{key}.cpp", source)
        started = time.perf_counter()
        content = _compiled(compiler, path, include, source, layers, name)
        seconds = time.perf_counter() - started
        cache.write(f"{key}.so", content)
    path = cache.folder / f"{key}.so"
    if not path.is_file():  # the folder does not take it
        path = private_folder() / f"{key}.so"
        path.write_bytes(content)
    try:
        with _short_waits():
            functions = ctypes.CDLL(str(path))
    except OSError as error:
        raise DeviceError(
            f"{name}: the compiled program {path} cannot be loaded ({error}). What to do: see that "
            "its folder allows programs to be run (the flag cuda_cache chooses another one)"
        ) from error
    if compiler.has_threads:
        _mind_forks(functions)
    return Library(functions, seconds)


def _mind_forks(functions: ctypes.CDLL) -> None:
    """Let a forked process compute on one thread: OpenMP's others stay behind in its parent, and
    would be waited for."""
    if _forks_minded or not hasattr(os, "register_at_fork"):
        return

    def alone() -> None:
        functions["omp_set_num_threads"](1)
        _log.info("native code runs on one thread in a forked process")

    os.register_at_fork(after_in_child=alone)
    _forks_minded.append(functions)


@contextmanager
def _short_waits() -> Iterator[None]:
    """Let the threads of OpenMP, which read this when its library is loaded, sleep soon where they
    wait for each other: on a machine that does other work too, one that spins takes the processor
    from the one that it waits for. What the user sets stays."""
    if not os.environ.keys().isdisjoint(("OMP_WAIT_POLICY", *_SPINS)):
        yield
        return
    os.environ.update(_SPINS)
    try:
        yield
    finally:
        for name in _SPINS:
            del os.environ[name]


def _compiled(
    compiler: Compiler,
    path: Path,
    include: Path,
    source: str,
    layers: Mapping[str, str],
    name: str,
) -> bytes:
    with tempfile.TemporaryDirectory(prefix="graphc-") as folder:
        output = Path(folder, "step.so")
        command = [compiler.path, *compiler.flags, "-I", str(include), str(path), "-o", str(output)]
        done = run(command, WHAT, FIX)
        if done.returncode or not output.is_file():
            raise _compile_error(done, compiler, path, source, layers, name)
        if done.stderr.strip():
            _log.info("%s on %s: %s", compiler.path, path, done.stderr.strip())
        return output.read_bytes()


def _compile_error(
    done: subprocess.CompletedProcess[str],
    compiler: Compiler,
    path: Path,
    source: str,
    layers: Mapping[str, str],
    name: str,
) -> DeviceError:
    """The compiler's first lines, with the kernel and the layers that they are about."""
    said = lines_of(done)
    where = kernel_at_fault(said, path, source, _FUNCTION, layers)
    return DeviceError(
        f"{name}: {compiler.path} did not compile the generated source{where}; this is an error of "
        f"graphc, please report it with the source, which is kept at {path}; cpu=numpy runs "
        f"without it. The compiler ({compiler.version}) ended with status {done.returncode} and "
        f"said:\n{first_lines(said)}"
    )
