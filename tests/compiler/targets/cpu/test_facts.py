"""The facts of a CPU, from files that a system could have."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from graphc.compiler.runtime.cpu.compiler import loaded
from graphc.compiler.targets.cpu import facts

_HASWELL = """\
processor\t: 0
flags\t\t: fpu sse2 avx avx2 fma

processor\t: 1
flags\t\t: fpu sse2 avx avx2 avx512f
"""
_ARM = "processor\t: 0\nFeatures\t: fp asimd crc32\n"


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the place of the system's files."""
    monkeypatch.setattr(facts, "_CPU_INFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(facts, "_CACHES", tmp_path / "cache")
    monkeypatch.setattr(facts.platform, "machine", lambda: "x86_64")
    return tmp_path


def _cache(system: Path, number: int, kind: str, level: int, size: str) -> None:
    folder = system / "cache" / f"index{number}"
    folder.mkdir(parents=True)
    for name, text in (("type", kind), ("level", str(level)), ("size", size)):
        (folder / name).write_text(f"{text}\n")


def test_vectors_are_the_widest_of_the_first_processor(system: Path) -> None:
    (system / "cpuinfo").write_text(_HASWELL)
    found = facts.this_machine.__wrapped__()
    assert (found.vector_bytes, found.vector_registers) == (32, 16)
    assert found.lanes_of(8) == 4
    (system / "cpuinfo").write_text(_ARM)
    assert facts.this_machine.__wrapped__().vector_registers == 32


def test_an_unknown_system_has_the_vectors_of_its_architecture(system: Path) -> None:
    found = facts.this_machine.__wrapped__()
    assert (found.vector_bytes, found.vector_registers, found.cache_bytes) == (16, 16, ())


def test_caches_are_those_of_data_by_level(system: Path) -> None:
    _cache(system, 0, "Data", 1, "48K")
    _cache(system, 1, "Instruction", 1, "32K")
    _cache(system, 2, "Unified", 2, "2048K")
    _cache(system, 3, "Unified", 3, "33M")
    assert facts.this_machine.__wrapped__().cache_bytes == (48 << 10, 2 << 20, 33 << 20)


def test_vectors_are_those_that_the_compiler_uses() -> None:
    source = """\
#include "host_vector.h"
extern "C" GC_EXPORTED int graphc_step() { return GC_VECTOR_BYTES; }
"""
    step = loaded(source, {}, "a test").functions["graphc_step"]
    step.restype = ctypes.c_int
    assert step() == facts.this_machine().vector_bytes
