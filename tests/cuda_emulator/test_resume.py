"""Training on the device that is killed at an epoch's end goes on from its file, bit by bit."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.files.resumed_programs import chain, check_equal, run_stages, stateful

# The driver is loaded before pycuda.
SCRIPT = """
import sys
from tests.cuda_emulator import emulator
from tests.files.resumed_programs import chain, main, stateful
main(*sys.argv[1:], device="gpu", programs=[chain, stateful])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the processes have left what came out."""
    path = tmp_path_factory.mktemp("resume")
    run_stages(path, [sys.executable, "-c", SCRIPT])
    return path


@pytest.mark.parametrize("make", [chain, stateful])
def test_a_killed_process_goes_on_bit_by_bit(make, folder: Path) -> None:
    check_equal(make, folder)
