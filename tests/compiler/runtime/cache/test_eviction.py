"""The bound on the folder of compiled kernels: what goes, what stays, with others at work."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from graphc.compiler.runtime.cache import eviction
from graphc.compiler.runtime.cache import kernels as cache_module
from graphc.compiler.runtime.cache.kernels import KernelCache
from graphc.compiler.runtime.cache.private_files import PrivateFolder
from graphc.config import config

HOUR = 3600.0


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KernelCache:
    monkeypatch.setattr(eviction, "_written", {})
    monkeypatch.setattr(cache_module, "_logged", set())
    tmp_path.chmod(0o700)
    return KernelCache(tmp_path)


def put(cache: KernelCache, number: int, ending: str, nbytes: int, hours_ago: float) -> Path:
    path = cache.folder / f"{number:040x}.{ending}"
    path.write_bytes(bytes(nbytes))
    path.chmod(0o600)
    os.utime(path, (time.time() - hours_ago * HOUR,) * 2)
    return path


def trim(cache: KernelCache, bound: int) -> None:
    with PrivateFolder(cache.folder) as folder:
        eviction.trim(folder, bound)


def names(cache: KernelCache) -> set[str]:
    return {path.name.lstrip("0") for path in cache.folder.iterdir()}


def test_the_least_recently_used_goes_with_its_source(cache: KernelCache) -> None:
    put(cache, 1, "so", 300, 1)
    put(cache, 1, "cpp", 100, 9)  # written once, when the library was made
    put(cache, 2, "so", 300, 5)
    put(cache, 2, "cpp", 100, 5)
    put(cache, 3, "j2", 200, 7)
    put(cache, 4, "cubin", 200, 3)
    trim(cache, 1200)
    assert len(names(cache)) == 6
    trim(cache, 1120)  # of which 1008 are kept, so that the next entry does not remove another
    assert names(cache) == {"1.so", "1.cpp", "2.so", "2.cpp", "4.cubin"}
    trim(cache, 950)
    assert names(cache) == {"1.so", "1.cpp", "4.cubin"}


def test_what_was_used_a_moment_ago_stays_whatever_its_size(cache: KernelCache) -> None:
    put(cache, 1, "cpp", 5000, 0)
    put(cache, 2, "so", 10, 1)
    trim(cache, 100)
    assert names(cache) == {"1.cpp"}


def test_files_of_others_making_neither_count_nor_go(cache: KernelCache) -> None:
    for name in ("notes.txt", "k.so", ".hidden", f"{7:040x}.py"):
        (cache.folder / name).write_bytes(bytes(500))
        os.utime(cache.folder / name, (0, 0))
    put(cache, 1, "so", 50, 1)
    trim(cache, 100)
    assert len(names(cache)) == 5


def test_what_a_killed_writer_has_left_goes_after_an_hour(cache: KernelCache) -> None:
    for digits, hours in (("a" * 12, 2.0), ("b" * 12, 0.1)):
        path = cache.folder / f".{1:040x}.so.{digits}"
        path.write_bytes(b"half")
        os.utime(path, (time.time() - hours * HOUR,) * 2)
    trim(cache, 10**9)
    (left,) = cache.folder.iterdir()
    assert left.name.endswith("b" * 12)


def test_what_is_read_counts_as_used(cache: KernelCache) -> None:
    for number in (1, 2):
        cache.write(f"{number:040x}.so", bytes(400))
        path = cache.folder / f"{number:040x}.so"
        os.utime(path, (time.time() - (4 - number) * HOUR,) * 2)
    assert cache.read(f"{1:040x}.so") == bytes(400)
    trim(cache, 500)
    assert names(cache) == {"1.so"}


def test_the_flag_bounds_what_is_written(
    cache: KernelCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eviction, "amount", lambda text: {"64MB": 10_000, "none": None}[text])
    for number in range(20):
        config.cache_size = "none" if number < 19 else "64MB"
        cache.write(f"{number:040x}.so", bytes(1000))
        if number < 19:
            assert len(names(cache)) == number + 1
            put_back = time.time() - (100 - number) * HOUR
            os.utime(cache.folder / f"{number:040x}.so", (put_back,) * 2)
    total = sum(path.stat().st_size for path in cache.folder.iterdir())
    assert total <= 10_000
    assert f"{19:x}.so" in names(cache)


_EVICTING = """
import os, sys
from pathlib import Path
from graphc.compiler.runtime.cache import eviction
from graphc.compiler.runtime.cache.kernels import KernelCache

def work(start):
    for number in range(start, start + 60):
        content = number.to_bytes(4, "little") * 500
        made, _ = cache.obtain(f"{number % 70:040x}.so", lambda: content, lambda one: one.content)
        assert made[:4] * 500 == made and int.from_bytes(made[:4], "little") % 70 == number % 70
        cache.write_source(f"{number % 70:040x}.cpp", "int x;")

eviction.amount = lambda text: 100_000
eviction._IN_USE_SECONDS = 0
cache = KernelCache(Path(sys.argv[1]))
children = []
for k in range(10):
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work(10 * k)
            status = 0
        finally:
            os._exit(status)
    children.append(child)
sys.exit(any(os.waitpid(child, 0)[1] for child in children))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system with fork")
def test_ten_processes_evict_at_once(cache: KernelCache) -> None:
    command = [sys.executable, "-c", _EVICTING, str(cache.folder)]
    done = subprocess.run(
        command, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    trim(cache, 100_000)
    assert sum(path.stat().st_size for path in cache.folder.iterdir()) <= 100_000
    assert not [path for path in cache.folder.iterdir() if path.name.startswith(".")]


def test_what_is_there_is_counted_by_kind_and_cleared(cache: KernelCache) -> None:
    put(cache, 1, "so", 300, 2)
    put(cache, 2, "so", 200, 5)
    put(cache, 1, "cpp", 100, 1)
    kept = cache.folder / "notes.txt"
    kept.write_bytes(bytes(50))
    kept.chmod(0o600)
    before = time.time()
    with PrivateFolder(cache.folder) as folder:
        found = eviction.usage(folder)
        gone = eviction.clear(folder)
    kinds = {eviction.KINDS["so"]: (2, 500), eviction.KINDS["cpp"]: (1, 100)}
    for counted in (found, gone):
        assert {kind: (counted.files[kind], counted.nbytes[kind]) for kind in kinds} == kinds
        assert counted.files.keys() == kinds.keys()
        assert counted.oldest == pytest.approx(before - 5 * HOUR, abs=60)
    assert names(cache) == {"notes.txt"}
    with PrivateFolder(cache.folder) as folder:
        assert eviction.usage(folder) == eviction.Usage()
