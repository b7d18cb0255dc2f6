"""The package as others get it: the wheel carries what it needs, and trains in an environment of
its own."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

TRAIN = """
import numpy as np
import graphc
from graphc.layers.core import Activation, Dense
from graphc.models import Sequential
from graphc.resources import folder

assert (folder("kernels") / "README.md").is_file()
assert (folder("templates") / "README.md").is_file()
np.random.seed(1)
model = Sequential()
model.add(Dense(4, input_dim=3, activation="relu"))
model.add(Dense(2))
model.add(Activation("softmax"))
model.compile(optimizer="sgd", loss="categorical_crossentropy")
x, y = np.random.rand(6, 3), np.eye(2)[[0, 1, 0, 1, 1, 0]]
before = model.get_weights()[0].copy()
loss = model.train_on_batch(x, y)
assert np.isfinite(loss)
assert not np.array_equal(before, model.get_weights()[0])
print(graphc.__version__, graphc.__file__)
"""


def run(*command: object, cwd: Path) -> str:
    """Run to success and return what it printed; on failure show its errors."""
    result = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, f"{command}:\n{result.stdout}\n{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, ROOT, cwd=folder)
    (built,) = folder.glob("graphc-*.whl")
    return built


@pytest.mark.network
def test_the_wheel_carries_what_the_package_needs_and_no_more(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {
        "graphc/py.typed",
        "graphc/kernels/README.md",
        "graphc/templates/README.md",
        "graphc/datasets/digits.npz",
        "graphc/datasets/digits.LICENSE",
        "graphc/view/bundle/view.js",
        "graphc/view/bundle/view.css",
        "graphc/view/bundle/LICENSES.txt",
    } <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"graphc"}


@pytest.mark.network
def test_the_wheel_trains_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    run(sys.executable, "-m", "venv", environment, cwd=tmp_path)
    python = environment / "bin" / "python"
    run(python, "-m", "pip", "install", "-q", wheel, cwd=tmp_path)
    version, location = run(python, "-c", TRAIN, cwd=tmp_path).split()
    assert location.startswith(str(environment))
    assert run(environment / "bin" / "graphc", "--version", cwd=tmp_path) == f"graphc {version}\n"
