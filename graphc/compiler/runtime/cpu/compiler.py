"""Compile a native program to a shared object with the machine's C++ compiler, or find it in the
cache; and the libraries that all of them share (`SharedLibrary`)."""

from __future__ import annotations

import ctypes
import logging
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple

from graphc import resources
from graphc.compiler.lowering.cpu.sections import Section, translation_units
from graphc.compiler.lowering.cpu.step import STEP
from graphc.compiler.runtime.cache.kernels import (
    CacheEntry,
    KernelCache,
    content_key,
    header_texts,
    kernel_cache,
)
from graphc.compiler.runtime.compiler_process import (
    Ahead,
    broke_off,
    compile_to,
    ending,
    failure,
    first_lines,
    kernel_at_fault,
    lines_of,
    source_in,
    working_folder,
)
from graphc.compiler.runtime.cpu import library
from graphc.compiler.runtime.cpu.toolchain import (
    LIBRARY,
    TOOL,
    CppCompiler,
    find_compiler,
    keep,
    likely_compiler,
)
from graphc.compiler.targets.c_text import C_TYPES
from graphc.compiler.targets.cpu.facts import cores
from graphc.config import config
from graphc.errors import CompilerError

_log = logging.getLogger("graphc")

# GCC's OpenMP counts turns, of 11 ns each on Sapphire Rapids, and LLVM's milliseconds. A thread
# that sleeps takes 74 us to wake (two cores, libgomp).
_SPINS = {"GOMP_SPINCOUNT": "3000", "KMP_BLOCKTIME": "1"}

_MEMORY = "graphc_thread_memory"
"""The variable of a program that points to the function below (kernels/scratch.h)."""
_RUNTIME_SOURCE = """\
#include "openmp.h"
#include "program_call.h"
#include "subnormals.h"
#include "thread_memory.h"

extern "C" {
GC_EXPORTED void* graphc_memory(int slot, size_t nbytes) { return gc_thread_memory(slot, nbytes); }
GC_EXPORTED size_t graphc_memory_held() { return gc_held_now(); }
GC_EXPORTED void graphc_start_threads() {
  const gc_flushing flushing;
#pragma omp parallel
  {
    gc_flush();  // a thread that another library started has that one's mode
    gc_block_of_thread(0);
  }
}
GC_EXPORTED int graphc_threads() { return omp_get_max_threads(); }
GC_EXPORTED void graphc_use_threads(int count) { omp_set_num_threads(count); }
GC_EXPORTED void graphc_run(const gc_program_call* call) { gc_run_program(*call); }
}
"""
_SUMS_SOURCE = """\
#include "platform.h"
#include "subnormals.h"
#include "tree_sum.h"

extern "C" {
GC_EXPORTED int graphc_tree_sum(gc_program program, const gc_part* part, int parts,
                                const gc_divided* divided, int count, const unsigned int* word,
                                uint64_t call_step, uint64_t* status, int arrays,
                                const gc_summand* of, void* const* row) {
  const gc_flushing flushing;
  return gc_tree_sum(program, part, parts, divided, count, word, call_step, status, arrays, of,
                     row);
}
}
"""
_PANELS_SOURCE = """\
#include "panel_library.h"

extern "C" {{
extern GC_EXPORTED const gc_panel_function<{type}> graphc_panels;
const gc_panel_function<{type}> graphc_panels = gc_panel_by_way<{type}>;
}}
"""


class SharedLibrary(NamedTuple):
    """A library that all programs of a compiler share, loaded once a process.

    Attributes:
        name: for messages.
        source: C++.
        symbols: what it has to have.
    """

    name: str
    source: str
    symbols: tuple[str, ...]


_RUNTIME = SharedLibrary(
    "the runtime library",
    _RUNTIME_SOURCE,
    (
        *("graphc_memory", "graphc_memory_held"),
        *("graphc_threads", "graphc_use_threads", "graphc_start_threads", "graphc_run"),
    ),
)
_SUMS = SharedLibrary("the library of sums over shards", _SUMS_SOURCE, ("graphc_tree_sum",))
_PANELS = {
    dtype: SharedLibrary(
        f"the library of products of {dtype}",
        _PANELS_SOURCE.format(type=C_TYPES[dtype]),
        ("graphc_panels",),
    )
    for dtype in ("float32", "float64")
}
"""For programs that have a variable ``graphc_panels_<dtype>`` (kernels/host_panel_float32.h)."""
_TREE_SUM = ctypes.CFUNCTYPE(
    ctypes.c_int,
    *(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_int),
    *(ctypes.c_void_p, ctypes.c_uint64, ctypes.c_void_p),
    *(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p),
)
_LIBRARY_FLAGS = ("-O2",)
"""Behind those of programs: libraries have vectors and unrolled loops as they should be, and
``-O3`` takes an eighth longer to find none to make."""
_runtimes: dict[CppCompiler, Runtime] = {}
_panels: dict[tuple[CppCompiler, str], ctypes.CDLL] = {}
_libraries_ahead: dict[tuple[CppCompiler, str], Ahead[bytes]] = {}


class Library(NamedTuple):
    """A loaded shared object, and the seconds that the compiler took; None where it did not run."""

    functions: ctypes.CDLL
    seconds: float | None
    runtime: Runtime


class Runtime:
    """The state that the programs of one compiler share in a process: threads, and their memory.
    Its library is never unloaded, nor is that of OpenMP, on which it depends.

    Attributes:
        memory: the address of the function that gives threads their memory.
        run: runs a program, given the address of a ``gc_program_call`` (kernels/program_call.h).
    """

    run: Callable[[int], None]

    def __init__(self, functions: ctypes.CDLL, sums: Callable[[], ctypes.CDLL]):
        """`sums` returns the library of sums over shards, which a program without them does not
        wait for."""
        self._load_sums = sums
        self.memory = library.address_of_symbol(functions, "graphc_memory")
        self._held = functions["graphc_memory_held"]
        self._held.restype = ctypes.c_size_t
        self._threads = functions["graphc_threads"]
        self._use_threads = functions["graphc_use_threads"]
        self._start_threads = functions["graphc_start_threads"]
        run = functions["graphc_run"]
        run.argtypes, run.restype = [ctypes.c_void_p], None
        self.run = run
        self.start_threads()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._alone)

    @property
    def threads(self) -> int:
        """The number of threads over which kernels are divided at most."""
        return int(self._threads())

    @property
    def scratch(self) -> int:
        """The bytes of scratch memory that all threads of the process hold."""
        return int(self._held())

    @cached_property
    def tree_sum(self) -> Callable[..., int]:
        """``gc_tree_sum`` of kernels/tree_sum.h. CompilerError if it does not compile."""
        return _TREE_SUM(library.address_of_symbol(self._sums, "graphc_tree_sum"))

    @cached_property
    def _sums(self) -> ctypes.CDLL:
        return self._load_sums()  # and keep it: one that nobody keeps is unloaded

    def start_threads(self) -> None:
        """Start all threads, with their stacks and the 64 MB of addresses that glibc reserves for
        each, so that a later look at the free memory counts them; or give those that another
        library of the process has started the mode of floating-point numbers that ours have."""
        self._start_threads()

    def _alone(self) -> None:
        """Let a forked process compute on one thread: OpenMP's others stay behind in its parent,
        and would be waited for."""
        if self.threads > 1:
            self._use_threads(1)
            _log.info("native code runs on one thread in a forked process")


def loaded(
    source: str,
    layers: Mapping[str, str],
    name: str,
    code: str = "",
    sections: Sequence[Section] = (),
) -> Library:
    """The functions of a program: of one that is loaded, from the cache, or made by the compiler,
    of which as many run at a time as there are cores.

    Args:
        source: C++; it may include the files of ``kernels/``.
        layers: for each function of the source, the layers that it computes, for messages.
        name: of the function, for messages.
        code: the source without its notes, by which a compiled one is found; empty where it has
            none.
        sections: the functions of the source; none for a source that is compiled as it is.

    Raises CompilerError where there is no compiler, it fails or takes too long, or (an error of
    graphc) the source does not compile.
    """
    cache = kernel_cache()
    compiler = likely_compiler(cache)
    what = source, layers, name, code, sections
    try:
        made = _loaded_by(compiler, cache, *what)
    except CompilerError:
        tried = find_compiler(cache)  # which may have another reason to fail
        if tried == compiler:
            raise
        return _loaded_by(tried, cache, *what)
    keep(compiler, cache)
    return made


def _loaded_by(
    compiler: CppCompiler,
    cache: KernelCache,
    source: str,
    layers: Mapping[str, str],
    name: str,
    code: str,
    sections: Sequence[Section],
) -> Library:
    """Return what `loaded` does, by this compiler."""
    key = _key(code or source, compiler)

    def load(entry: CacheEntry) -> ctypes.CDLL:
        runtime = runtime_library(cache, compiler)
        functions = library.load_library(key, entry, (STEP,))
        if library.has_symbol(functions, _MEMORY):  # else nothing of it needs memory
            ctypes.c_void_p.in_dll(functions, _MEMORY).value = runtime.memory
        for dtype in _PANELS:
            if library.has_symbol(functions, f"graphc_panels_{dtype}"):
                panels = _panels_of(dtype, cache, compiler)
                ctypes.c_void_p.in_dll(functions, f"graphc_panels_{dtype}").value = panels
        return functions

    found = library.found(key)
    if found is not None:
        return Library(found, None, runtime_library(cache, compiler))
    make = _maker(cache, compiler, f"{key}.cpp", source, layers, name, sections)
    made = cache.obtain(f"{key}.so", make, load)
    return Library(*made, runtime_library(cache, compiler))


@contextmanager
def libraries_ahead() -> Iterator[Callable[[], None]]:
    """Give the body a function that has the compiler make the libraries which programs share, where
    the cache has none, while the body lowers and compiles the first of them. That of the runtime is
    kept where the program fails to compile, too.

    The function raises CompilerError as `likely_compiler` does.
    """
    begun: dict[tuple[CppCompiler, str], Ahead[bytes]] = {}
    is_over = False

    def begin() -> None:
        if is_over:
            return
        cache = kernel_cache()
        compiler = likely_compiler(cache)
        if not _is_missing(_RUNTIME, cache, compiler):
            return  # no cold start: the other one may not be needed
        for one in (_PANELS.get(config.floatX), _RUNTIME):
            if one is not None and _is_missing(one, cache, compiler):
                begun[compiler, one.name] = Ahead(_maker_of(one, cache, compiler))
        _libraries_ahead.update(begun)

    try:
        yield begin
    except CompilerError:
        for compiler, name in list(begun):
            if name == _RUNTIME.name:
                with suppress(CompilerError):
                    runtime_library(kernel_cache(), compiler)
        raise
    finally:
        is_over = True
        for key, ahead in begun.items():
            _libraries_ahead.pop(key, None)
            ahead.stop()


def _is_missing(one: SharedLibrary, cache: KernelCache, compiler: CppCompiler) -> bool:
    """Return whether nobody has made a library yet, or makes it now."""
    if compiler in _runtimes if one is _RUNTIME else (compiler, one.name) in _panels:
        return False
    if (compiler, one.name) in _libraries_ahead:
        return False
    return cache.read(f"{_library_key(one, compiler)}.so") is None


def _obtained(one: SharedLibrary, cache: KernelCache, compiler: CppCompiler) -> ctypes.CDLL:
    """Return a shared library: from the cache, or as the compiler makes it."""
    key = _library_key(one, compiler)

    def load(entry: CacheEntry) -> ctypes.CDLL:
        with _short_waits():
            return library.load_library(key, entry, one.symbols)

    ahead = _libraries_ahead.get((compiler, one.name))
    make = _maker_of(one, cache, compiler) if ahead is None else ahead.result
    return cache.obtain(f"{key}.so", make, load)[0]


def _maker_of(one: SharedLibrary, cache: KernelCache, compiler: CppCompiler) -> Callable[[], bytes]:
    file = f"{_library_key(one, compiler)}.cpp"
    return _maker(cache, _for_libraries(compiler), file, one.source, {}, one.name)


def _library_key(one: SharedLibrary, compiler: CppCompiler) -> str:
    return _key(one.source, _for_libraries(compiler))


def _for_libraries(compiler: CppCompiler) -> CppCompiler:
    return compiler._replace(flags=(*compiler.flags, *_LIBRARY_FLAGS))


def runtime_library(cache: KernelCache, compiler: CppCompiler) -> Runtime:
    """The library that all programs of a compiler share, loaded once a process."""
    if compiler not in _runtimes:
        sums = partial(_obtained, _SUMS, cache, compiler)
        _runtimes.setdefault(compiler, Runtime(_obtained(_RUNTIME, cache, compiler), sums))
    return _runtimes[compiler]


def _panels_of(dtype: str, cache: KernelCache, compiler: CppCompiler) -> int:
    """Return the address of the ``gc_panel_function`` of a type (kernels/host_panel.h)."""
    one = _PANELS[dtype]
    if (compiler, one.name) not in _panels:
        _panels.setdefault((compiler, one.name), _obtained(one, cache, compiler))
    return library.address_of_symbol(_panels[compiler, one.name], "graphc_panels")


def _key(source: str, compiler: CppCompiler) -> str:
    headers = header_texts(resources.folder("kernels"))
    return content_key([source, *compiler.flags, compiler.identity, *headers])


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


def _maker(
    cache: KernelCache,
    compiler: CppCompiler,
    file: str,
    source: str,
    layers: Mapping[str, str],
    name: str,
    sections: Sequence[Section] = (),
) -> Callable[[], bytes]:
    """Return a function that compiles a source, kept in the cache by the name `file`, to the bytes
    of a library."""

    def make() -> bytes:
        path = cache.write_source(file, source)
        units = translation_units(source, sections, cores())
        return _compiled(compiler, path, source, units, layers, name)

    return make


def _compiled(
    compiler: CppCompiler,
    path: Path,
    source: str,
    units: Sequence[str],
    layers: Mapping[str, str],
    name: str,
) -> bytes:
    """Return the library that a source, kept at `path`, is compiled to: its translation units at
    the same time, and linked."""

    def run(output: str, *given: str | Path) -> Path:
        command = [compiler.path, *compiler.flags, "-I", include, *map(str, given)]
        done = compile_to(output, command, TOOL, folder)
        if done.returncode or not (folder / output).is_file():
            raise _compile_error(done, compiler, path, source, layers, name)
        if done.stderr.strip():
            _log.info("%s on %s: %s", compiler.path, path, done.stderr.strip())
        return folder / output

    def compile_unit(number: int) -> Path:
        file = source_in(folder, f"{number}.cpp", path, units[number])
        return run(f"{number}.o", "-c", file)

    def linked(*files: Path) -> bytes:
        return run("step.so", LIBRARY, *files).read_bytes()

    include = str(resources.folder("kernels"))
    with working_folder(TOOL) as folder:
        if len(units) == 1:
            return linked(source_in(folder, path.name, path, source))
        others = [Ahead(partial(compile_unit, number)) for number in range(1, len(units))]
        try:
            objects = [compile_unit(0), *(one.result() for one in others)]
        finally:
            for one in others:
                one.stop()
        return linked(*objects)


def _compile_error(
    done: subprocess.CompletedProcess[str],
    compiler: CppCompiler,
    path: Path,
    source: str,
    layers: Mapping[str, str],
    name: str,
) -> CompilerError:
    """The compiler's first lines, with the kernel and the layers that they are about."""
    said = lines_of(done)
    if broke_off(done):
        return failure(done, compiler.path, TOOL, name)
    where = kernel_at_fault(said, path, source, layers)
    return CompilerError(
        f"{name}: {compiler.path} did not compile the generated source{where}; this is an error of "
        f"graphc, please report it with the source, which is kept at {path}; cpu=numpy runs "
        f"without it. The compiler ({compiler.version}) {ending(done)} and said:\n"
        f"{first_lines(said)}"
    )
