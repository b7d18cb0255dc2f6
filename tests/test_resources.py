"""Device code is found in a wheel's layout and in a checkout's, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphc import resources
from graphc.errors import InstallationError


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "graphc"
    folder.mkdir()
    monkeypatch.setattr(resources, "_PACKAGE", folder)
    return folder


def test_this_checkout() -> None:
    root = Path(__file__).resolve().parents[1]
    assert resources.folder("kernels") == root / "kernels"
    assert resources.folder("templates") == root / "templates"


def test_inside_the_package_comes_first(package: Path) -> None:
    (package.parent / "pyproject.toml").touch()
    (package.parent / "kernels").mkdir()
    assert resources.folder("kernels") == package.parent / "kernels"
    (package / "kernels").mkdir()
    assert resources.folder("kernels") == package / "kernels"


def test_a_folder_beside_an_installed_package_belongs_to_another(package: Path) -> None:
    (package.parent / "kernels").mkdir()
    with pytest.raises(InstallationError) as caught:
        resources.folder("kernels")
    assert str(package / "kernels") in str(caught.value)
    assert str(package.parent / "kernels") in str(caught.value)
    assert isinstance(caught.value, FileNotFoundError)
