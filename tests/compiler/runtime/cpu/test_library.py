"""Shared objects in this process: which file is loaded, and when it goes."""

from __future__ import annotations

import ctypes
import os
import resource
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from graphc.compiler.runtime.cache import kernels as cache_module
from graphc.compiler.runtime.cache.kernels import CacheEntry, KernelCache
from graphc.compiler.runtime.cpu import library
from graphc.errors import CompilerError
from tests.stand_in_compiler import numbered_library, small_library

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts mappings by /proc")

COUNT = int(os.environ.get("GRAPHC_LIBRARIES", "300"))
"""The number of libraries that are made and dropped; a tenth of them is alive at a time."""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KernelCache:
    monkeypatch.setattr(cache_module, "_logged", set())
    tmp_path.chmod(0o700)
    small_library()  # its compiler's process leaves nothing behind, but what Python makes for it
    return KernelCache(tmp_path)


def key_of(number: int) -> str:
    return f"{number:040x}"


def loaded(cache: KernelCache, number: int) -> ctypes.CDLL:
    """A library that is made, or found in the cache."""
    key = key_of(number)
    return cache.obtain(
        f"{key}.so",
        lambda: numbered_library(number),
        lambda entry: library.load_library(key, entry, ("numeral",)),
    )[0]


def numeral(one: ctypes.CDLL) -> int:
    """Return the result of the library's function."""
    return ctypes.CFUNCTYPE(ctypes.c_int)(library.address_of_symbol(one, "numeral"))()


def mapped(cache: KernelCache) -> int:
    """Return the number of mapped parts of files of the cache."""
    return Path("/proc/self/maps").read_text().count(f"{cache.folder}/")


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_libraries_that_no_function_is_left_of_are_unloaded(cache: KernelCache) -> None:
    before = descriptors()
    for number in range(COUNT):
        assert numeral(loaded(cache, number)) == number
        if number % 1000 == 0:
            assert mapped(cache) == 0
    assert mapped(cache) == 0
    assert descriptors() == before


def test_many_are_alive_with_few_descriptors(cache: KernelCache) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors() + 16, hard))
    try:
        alive = [loaded(cache, number) for number in range(COUNT // 10)]
        assert [numeral(one) for one in alive] == list(range(len(alive)))
        assert mapped(cache) >= len(alive)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    one = alive[3]
    del alive
    assert numeral(one) == 3
    del one
    assert mapped(cache) == 0


def test_a_key_that_is_loaded_is_one_library(cache: KernelCache) -> None:
    first = loaded(cache, 1)
    parts = mapped(cache)
    second = loaded(cache, 1)
    assert mapped(cache) == parts
    del first
    assert numeral(second) == 1


def test_a_descriptor_s_number_that_comes_again_is_no_other_library(cache: KernelCache) -> None:
    """The loader takes one of the same name for loaded already."""
    numbers = []

    def load(number: int) -> ctypes.CDLL:
        key = key_of(number)

        def by(entry: CacheEntry) -> object:
            numbers.append(entry.descriptor)
            return library.load_library(key, entry, ("numeral",))

        return cache.obtain(f"{key}.so", lambda: numbered_library(number), by)[0]

    alive = [load(number) for number in (7, 8, 9)]
    assert len(set(numbers)) == 1
    assert [numeral(one) for one in alive] == [7, 8, 9]


def test_what_was_checked_is_loaded_whatever_has_its_name_by_then(cache: KernelCache) -> None:
    loaded(cache, 1)  # kept, and unloaded again
    other = cache.folder / "other"
    other.write_bytes(numbered_library(2))

    def load(entry: CacheEntry) -> object:
        os.replace(other, entry.path)
        return library.load_library("swapped", entry, ("numeral",))

    found, seconds = cache.obtain(f"{key_of(1)}.so", lambda: pytest.fail("made again"), load)
    assert seconds is None
    assert numeral(found) == 1


def test_a_library_whose_file_is_gone_goes_on(cache: KernelCache) -> None:
    one = loaded(cache, 5)
    for path in cache.folder.iterdir():
        path.unlink()
    assert numeral(one) == 5


def test_threads_load_and_drop_at_the_same_time(cache: KernelCache) -> None:
    wrong = []

    def work(start: int) -> None:
        for number in [*range(start, start + 20)] * 2:
            if numeral(loaded(cache, number)) != number:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(10 * k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert mapped(cache) == 0


def changed(content: bytes, at: int, value: int) -> bytes:
    return content[:at] + bytes([value]) + content[at + 1 :]


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda: b"", "it is no ELF file"),
        (lambda: b"not found: g++", "it is no ELF file"),
        (lambda: small_library()[:50], "it is cut short"),
        (lambda: small_library()[:200], "it is cut short"),
        (lambda: small_library()[: len(small_library()) // 3], "it is cut short"),
        (lambda: changed(small_library(), 4, 1), "wrong ELF class"),
        (lambda: changed(small_library(), 18, 40), "cannot open shared object file"),
        (lambda: small_library().replace(b"numeral", b"nothing"), "it has no function numeral"),
        (
            lambda: small_library('extern "C" void away(); extern "C" void numeral() { away(); }'),
            "undefined symbol: away",
        ),
    ],
    ids=[
        "empty",
        "text",
        "header",
        "tables",
        "code",
        "class",
        "machine",
        "missing",
        "undefined",
    ],
)
def test_what_does_not_load_is_an_error_and_is_not_kept(
    cache: KernelCache, broken: Callable[[], bytes], said: str
) -> None:
    def load(entry: CacheEntry) -> object:
        return library.load_library("broken", entry, ("numeral",))

    with pytest.raises(CompilerError, match=f"cannot be loaded .*{said}.*What to do: see that"):
        cache.obtain("broken.so", broken, load)
    assert list(cache.folder.iterdir()) == []
    assert mapped(cache) == 0


def test_what_the_cache_has_and_does_not_load_is_made_again_once(
    cache: KernelCache, caplog: pytest.LogCaptureFixture
) -> None:
    cache.write(f"{key_of(4)}.so", small_library()[:200])
    assert numeral(loaded(cache, 4)) == 4
    assert f"{key_of(4)}.so is made again: the compiled program" in caplog.text
    assert "it is cut short" in caplog.text
    found, seconds = cache.obtain(
        f"{key_of(4)}.so",
        lambda: pytest.fail("made again"),
        lambda entry: library.load_library("4", entry, ("numeral",)),
    )
    assert (numeral(found), seconds) == (4, None)
