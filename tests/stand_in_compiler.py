"""A program that answers as a C++ compiler does, for tests of what graphc makes of its answers."""

from __future__ import annotations

import functools
import shlex
import subprocess
import tempfile
from pathlib import Path

import pytest

from graphc.compiler.runtime.cpu.toolchain import compiler_path

_SCRIPT = """\
#!/bin/sh
PATH=/usr/bin:/bin
echo "$@" >> {folder}/runs.log
if [ "$1" = --version ]; then echo "g++ 12.4"; echo more; exit; fi
case "$*" in
  *-dM*) echo "#define __AVX2__ 1"; exit;;
  *-print-prog-name=*) echo {proper}; exit;;
esac
for word; do
  for refused in {refused}; do
    if [ "$word" = "$refused" ]; then echo "cannot do $word" >&2; exit 1; fi
  done
  case "$word" in *.cpp) source=$word;; esac
  output=$word
done
case "$source" in
  */trial.cpp) {trial};;
  *) if grep -q graphc_step "$source"; then
    {program}
  else
    {runtime}
  fi;;
esac
cat {library} > "$output"
"""

# All that the runtime library and a program have to have; and a number, to tell copies apart.
_LIBRARY = """\
extern "C" {
void* (*graphc_thread_memory)(int, unsigned long);
void* graphc_memory(int, unsigned long) { return nullptr; }
unsigned long graphc_memory_held() { return 0; }
int graphc_threads() { return 1; }
void graphc_use_threads(int) {}
void graphc_start_threads() {}
void graphc_run(const void*) {}
int graphc_tree_sum() { return 0; }
void graphc_step() {}
extern const volatile int graphc_value = 0x5EEDF00D;
int numeral() { return graphc_value; }
}
"""
_NUMBER = (0x5EEDF00D).to_bytes(4, "little")


def stand_in_compiler(
    folder: Path,
    refused: tuple[str, ...] = (),
    program: str = "",
    library: Path = Path("/dev/null"),
    proper: str = "cc1plus",
    trial: str = "",
    runtime: str = "",
) -> Path:
    """The file ``g++`` in `folder`: it notes its runs in ``runs.log`` there and copies a library
    to its output.

    Args:
        refused: flags at which it fails.
        program: what the shell does for the source of a program, with its path in ``$source`` and
            that of the output in ``$output``, before the library is copied.
        library: what is copied; by default nothing.
        proper: what it calls the compiler proper.
        trial: as `program`, for the one by which graphc tries what the compiler can do.
        runtime: the same for the library that all programs share.
    """
    path = folder / "g++"
    path.write_text(
        _SCRIPT.format(
            folder=shlex.quote(str(folder)),
            refused=" ".join(refused),
            program=program or ":",
            library=shlex.quote(str(library)),
            proper=shlex.quote(proper),
            trial=trial or ":",
            runtime=runtime or ":",
        ),
        encoding="utf-8",
    )
    path.chmod(0o755)
    return path


def runs(folder: Path) -> list[str]:
    """The arguments of each run of the compiler in `folder`."""
    log = folder / "runs.log"
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


@functools.cache
def small_library(source: str = _LIBRARY) -> bytes:
    """A shared object that loads as the runtime library and as a program, and computes nothing; or
    one of another source. Made by the real compiler, once a process."""
    path = compiler_path()
    if path is None:
        pytest.skip("needs a C++ compiler")
    with tempfile.TemporaryDirectory() as folder:
        file, output = Path(folder, "small.cpp"), Path(folder, "small.so")
        file.write_text(source, encoding="utf-8")
        command = [path, "-shared", "-fPIC", "-nostdlib", str(file), "-o", str(output)]
        subprocess.run(command, check=True, capture_output=True)
        return output.read_bytes()


def numbered_library(number: int) -> bytes:
    """One whose function ``numeral`` gives this number."""
    return small_library().replace(_NUMBER, number.to_bytes(4, "little"))
