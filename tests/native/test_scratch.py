"""kernels/thread_memory.h under AddressSanitizer, as `make test-native SANITIZE=address` has it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from graphc import resources

PROGRAM = """\
#include <stdio.h>
#include "thread_memory.h"
int main(int count, char**) {
  graphc_thread_memory = gc_thread_memory;
  float* large = gc_scratch<float>(3, 1000);
  large[999] = 1;
  float* small = gc_scratch<float>(3, 5);
  printf("%d\\n", small[4] != small[4]);
  fflush(stdout);
  small[3 + count] = 1;
  gc_scratch<double>(3, 2000)[1999] = 1;
}
"""


def run(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The program, which writes so many elements behind its array as it has arguments."""
    sanitizing = Path(__file__).with_name("sanitizing")
    source, program = tmp_path / "scratch.cpp", tmp_path / "scratch"
    source.write_text(PROGRAM)
    command = [sanitizing, "-std=c++17", "-I", resources.folder("kernels"), source, "-o", program]
    environment = {**os.environ, "GRAPHC_NATIVE_SANITIZE": "address"}
    made = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if "cannot find" in made.stderr:
        pytest.skip("the compiler has no AddressSanitizer")
    assert made.returncode == 0, made.stderr
    return subprocess.run(
        [program, *arguments], env=environment, capture_output=True, text=True, check=False
    )


def test_requested_scratch_may_be_written_and_is_nan_before(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")


def test_one_element_more_is_found(tmp_path: Path) -> None:
    done = run(tmp_path, "one more")
    assert done.returncode != 0
    assert "use-after-poison" in done.stderr
