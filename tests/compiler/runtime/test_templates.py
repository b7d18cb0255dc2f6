"""Templates are compiled once: their bytecode lies in the kernel cache."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import jinja2
import pytest

from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.compiler.runtime.cache import kernels as cache_module
from graphc.compiler.targets import templates
from graphc.config import config


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache."""
    monkeypatch.setattr(cache_module, "_logged", set())
    config.cuda_cache = str(tmp_path / "cache")
    yield tmp_path / "cache"
    templates.environment.cache_clear()  # what the next test compiles is for its own folder


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Callable[[], tuple[str, list[str]]]:
    """Prints a function's kernels as a new process does: their text, and the templates that were
    compiled for it."""
    compiled: list[str] = []
    compile_template = jinja2.Environment.compile

    def watched(self: jinja2.Environment, source: str, name: str, *rest: object) -> object:
        compiled.append(name)
        return compile_template(self, source, name, *rest)

    monkeypatch.setattr(jinja2.Environment, "compile", watched)

    def start() -> tuple[str, list[str]]:
        templates.environment.cache_clear()
        compiled.clear()
        x = g.input((g.BATCH, 3), name="x")
        source = function([x], g.exp(x)).kernels(2, target="cuda").source
        return source, list(compiled)

    return start


def test_the_next_process_compiles_no_template(kept: Path, started: Callable) -> None:
    source, compiled = started()
    assert "cuda/program.cu.j2" in compiled
    entries = sorted(path.name for path in kept.iterdir())
    assert len(entries) == len(compiled)
    assert {Path(name).suffix for name in entries} == {".j2"}
    assert started() == (source, [])
    assert sorted(path.name for path in kept.iterdir()) == entries


def test_a_damaged_entry_is_made_again(
    kept: Path, started: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    source, compiled = started()
    for path in kept.iterdir():
        data = path.read_bytes()
        middle = len(data) // 2
        path.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
    assert started() == (source, compiled)
    assert caplog.text.count("is damaged; it is made again") == len(compiled)
    assert started() == (source, [])


def test_bytecode_of_other_versions_is_another_entry(
    kept: Path, started: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, compiled = started()
    monkeypatch.setattr(jinja2, "__version__", "3.0")
    assert started() == (source, compiled)
    monkeypatch.setattr(templates, "MAGIC_NUMBER", b"3.0")
    assert started() == (source, compiled)
    assert len(list(kept.iterdir())) == 3 * len(compiled)


def test_a_folder_that_takes_no_files_is_said_and_kernels_are_printed(
    kept: Path, started: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    expected = started()
    for path in kept.iterdir():
        path.unlink()
    kept.rmdir()
    kept.write_text("")
    with caplog.at_level(logging.WARNING):
        assert started() == expected
    assert f"the kernel cache {kept} is not used: it cannot be made" in caplog.text
