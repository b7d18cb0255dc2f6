"""The machine's C++ compiler: which one, what it is run with, and whether it can be used."""

from __future__ import annotations

import functools
import logging
import os
import platform
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from graphc.compiler.runtime.cache.kernels import KernelCache, content_key
from graphc.compiler.runtime.compiler_process import (
    Tool,
    broke_off,
    compile_to,
    failure,
    first_lines,
    lines_of,
    query,
    working_folder,
)
from graphc.compiler.targets.cpu.facts import cores, wanted_threads
from graphc.errors import CompilerError

_log = logging.getLogger("graphc")

COMPILERS = ("g++", "clang++", "c++")
FIX = (
    "install a C++ compiler (Debian, Ubuntu: sudo apt install g++) and have it on PATH, or name it "
    "in the environment variable CXX; cpu=numpy runs without one, by the NumPy interpreter"
)
OPENMP_FIX = (
    "install the OpenMP library of the compiler (clang++ on Debian, Ubuntu: sudo apt install "
    "libomp-dev; on macOS: brew install libomp), or let CXX name g++, which has one"
)
TOOL = Tool("the C++ compiler", FIX)

# No fast-math, in any part: NaN, infinities and the order of sums are as written. Whether an
# operation sets errno or a flag of the processor is not read. A product and a sum become one
# fma where kernels/ says so, nowhere else: a compiler contracts a loop's vectors and its remainder
# each in their way, and an element's bits would depend on how many there are. Nothing throws. The
# mappings order loops: where GCC runs turns of an outer loop together, rows that a list names are
# gathered by elements, and sums leave their registers (clang does not know the way to say so).
FLAGS = (
    "-std=c++17",
    "-O3",
    "-march=native",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=off",
    "--param=unroll-jam-max-unroll=1",
    "-fno-exceptions",
    "-fvisibility=hidden",
    "-DGC_NATIVE_MATH",
    "-fPIC",
)
OPENMP = "-fopenmp"
LIBRARY = "-shared"  # beside those, for a library
# Questions about the compiler: the meaning of its flags on this machine (-march=native among them)
# and its version once more, as all that it defines; and where the compiler proper is, which the
# program that was found only runs.
_QUESTIONS = (
    (*FLAGS, "-dM", "-E", "-x", "c++", os.devnull),
    ("-print-prog-name=cc1plus",),
)
# The first that works is taken. Without the library of OpenMP the pragmas for vectors are still
# obeyed, and those for threads are not.
_WAYS = (OPENMP, "-fopenmp-simd")

_TRIAL = """\
#include <stdint.h>
#ifdef _OPENMP
#include <omp.h>
#endif
extern "C" int trial(int n) {
  int count = 0;
#pragma omp parallel for reduction(+ : count)
  for (int i = 0; i < n; ++i) count += i;
  return count;
}
"""
_logged: set[str] = set()


class CppCompiler(NamedTuple):
    """A C++ compiler: its path, what ``--version`` prints first, the flags that it takes, and what
    it is, for keys: equal ones make equal code."""

    path: str
    version: str
    flags: tuple[str, ...]
    identity: str

    @property
    def has_threads(self) -> bool:
        """True if its code runs on several threads, by OpenMP."""
        return OPENMP in self.flags


def compiler_path() -> str | None:
    """The compiler that $CXX names, else the first of `COMPILERS` on PATH; None where there is
    none."""
    named = os.environ.get("CXX")
    return next(filter(None, map(shutil.which, [named] if named else COMPILERS)), None)


def find_compiler(cache: KernelCache) -> CppCompiler:
    """The C++ compiler. CompilerError where there is none, or it does not compile.

    What it can do is tried once and kept in the cache. One without OpenMP makes code for one
    thread, which the log says in one line.
    """
    compiler = likely_compiler(cache)
    if _kept_way(compiler, cache) is None:
        compiler = _with_way(compiler, _way(compiler))
        keep(compiler, cache)
    return _as_logged(compiler)


def likely_compiler(cache: KernelCache) -> CppCompiler:
    """The C++ compiler as `find_compiler` returns it where it is known what it can do; else as one
    that can do all. What it compiles then shows that, and takes no longer for it; where that fails,
    ask `find_compiler`. CompilerError where there is none, or it does not run."""
    path = compiler_path()
    if path is None:
        named = os.environ.get("CXX")
        wanted = f"CXX={named} is no program" if named else f"none of {', '.join(COMPILERS)}"
        raise CompilerError(f"no C++ compiler ({wanted} on PATH). What to do: {FIX}")
    said = query(path, _QUESTIONS, TOOL, cache)
    version = said.texts[0].strip().splitlines()[0]
    # Some of what -march=native tunes for has no name among what is defined.
    identity = f"{said.identity}\n{processor()}"
    compiler = CppCompiler(path, version, (*FLAGS, _WAYS[0]), identity)
    way = _kept_way(compiler, cache)
    return compiler if way is None else _as_logged(_with_way(compiler, way))


def keep(compiler: CppCompiler, cache: KernelCache) -> None:
    """Keep in the cache that a compiler does with its flags, if nothing is known of it."""
    if _kept_way(compiler, cache) is None:
        cache.write(_way_entry(compiler), compiler.flags[-1].encode())


def _as_logged(compiler: CppCompiler) -> CppCompiler:
    """Return a compiler; the log says if it has no threads."""
    if not compiler.has_threads:
        has_none = f"{compiler.path} has no OpenMP. What to do: {OPENMP_FIX}"
        _log_once(f"native code runs on one thread: {has_none}")
    return compiler


def _with_way(compiler: CppCompiler, way: str) -> CppCompiler:
    return compiler._replace(flags=(*FLAGS, way))


def _way_entry(compiler: CppCompiler) -> str:
    return f"{content_key([compiler.identity, *FLAGS, *_WAYS, _TRIAL])}.flags"


def _kept_way(compiler: CppCompiler, cache: KernelCache) -> str | None:
    """Return the one of `_WAYS` by which a compiler compiles; None where that is not known yet."""
    kept = cache.read(_way_entry(compiler))
    return None if kept is None else kept.decode()


def _way(compiler: CppCompiler) -> str:
    """Return the first of `_WAYS` by which a small program compiles."""
    for way in _WAYS:
        compiles, said = _trial(compiler.path, (*FLAGS, way, LIBRARY))
        if compiles:
            return way
    raise CompilerError(
        f"{TOOL.what} {compiler.path} ({compiler.version}) does not compile a small program with "
        f"{' '.join(FLAGS)}. What to do: {FIX}. It said:\n{first_lines(said)}"
    )


def _trial(path: str, flags: Sequence[str]) -> tuple[bool, list[str]]:
    """Return whether the compiler makes a small program, and the lines that it prints.
    CompilerError where it did not get to the end."""
    with working_folder(TOOL) as folder:
        source, output = folder / "trial.cpp", folder / "trial.so"
        source.write_text(_TRIAL, encoding="utf-8")
        done = compile_to(output.name, [path, *flags, str(source)], TOOL, folder)
        if done.returncode == 0 and output.is_file():
            return True, lines_of(done)
        if broke_off(done):  # which says nothing of its flags
            raise failure(done, path, TOOL, "a small program")
        return False, lines_of(done)


@functools.cache
def processor() -> str:
    """Return the processor's model and instruction sets, on which ``-march=native`` depends."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    wanted = ("model name", "flags", "CPU implementer", "CPU part", "Features")
    found = {key.strip(): value.strip() for key, _, value in (x.partition(":") for x in lines)}
    return " ".join([platform.machine(), *(found.get(key, "") for key in wanted)])


def threads(compiler: CppCompiler) -> str:
    """Return the number of threads that its code runs on, with the reason."""
    if not compiler.has_threads:
        return "1, as the compiler has no OpenMP"
    wanted = wanted_threads()
    if wanted is not None:
        return f"{wanted}, by OMP_NUM_THREADS"
    return f"{cores()}, one per core (OMP_NUM_THREADS chooses)"


def _log_once(message: str) -> None:
    """Log one line, the first time in this process."""
    if message not in _logged:
        _logged.add(message)
        _log.warning(message)
