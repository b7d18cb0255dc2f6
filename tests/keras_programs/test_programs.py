"""Programs in the manner of Keras 1's time, run as they are: each asserts its quality at its end.

They are not part of `make test`; `make test-programs` runs them.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
# They reach their quality in so few steps by what 1.0 means: the epsilon of Adadelta, the momentum
# of BatchNormalization.
OF_1_0 = {
    "images/mnist_cnn",
    "images/mnist_transfer_cnn",
    "images/resnet",
    "images/wide_resnet",
    "sequences/conv_lstm",
}
PROGRAMS = sorted(path for path in FOLDER.glob("*/*.py"))


def test_there_are_at_least_forty():
    assert len(PROGRAMS) >= 40


def as_parameter(path: Path):
    """Return a program by its name, with the flags that it is written for."""
    name = f"{path.parent.name}/{path.stem}"
    flags = {"keras": "1.0"} if name in OF_1_0 else {}
    return pytest.param(path, id=name, marks=pytest.mark.flags(image_dim_ordering="th", **flags))


@pytest.mark.parametrize("program", [as_parameter(path) for path in PROGRAMS])
def test_it_runs_and_reaches_its_quality(program, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "graphc", "run", str(program)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-1000:]}\n{done.stderr[-3000:]}"
