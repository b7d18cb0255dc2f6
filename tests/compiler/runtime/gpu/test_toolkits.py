"""Which toolkit compiles for which card."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from graphc.compiler.cards import CARDS
from graphc.compiler.runtime.cache.kernels import KernelCache
from graphc.compiler.runtime.gpu import nvcc, toolkits
from graphc.config import config


@pytest.mark.parametrize(
    ("release", "capability", "problem"),
    [
        ((11, 7), (9, 0), "CUDA 11.7 does not know sm_90 yet"),
        ((11, 8), (9, 0), ""),
        ((13, 0), (9, 0), ""),
        ((11, 0), (8, 6), "CUDA 11.0 does not know sm_86 yet"),
        ((12, 6), (12, 0), "CUDA 12.6 does not know sm_120 yet"),
        ((12, 8), (10, 0), ""),
        ((12, 9), (7, 0), ""),
        ((13, 0), (7, 0), "CUDA 13.0 no longer compiles for sm_70"),
        ((13, 1), (6, 1), "CUDA 13.1 no longer compiles for sm_61"),
        ((13, 0), (7, 5), ""),
        ((12, 0), (3, 7), "CUDA 12.0 no longer compiles for sm_37"),
        ((13, 0), (99, 0), ""),  # of a card to come nothing is claimed
    ],
)
def test_a_toolkit_too_old_or_too_new_for_a_card_is_named(
    release: tuple[int, int], capability: tuple[int, int], problem: str
) -> None:
    assert toolkits.mismatch(release, capability) == problem


@pytest.mark.parametrize(
    ("capability", "versions"),
    [
        ((9, 0), "11.8 or later"),
        ((7, 0), "9.0 or later and before 13.0"),
        ((5, 2), "before 13.0"),
        ((99, 0), ""),
    ],
)
def test_the_toolkits_that_are_needed(capability: tuple[int, int], versions: str) -> None:
    assert toolkits.range_of(capability) == versions
    assert (f"the nvcc of CUDA {versions} first" in toolkits.fix(capability)) == bool(versions)


def test_each_card_that_code_is_generated_for_has_its_toolkit() -> None:
    assert all("or later" in toolkits.range_of(card.capability) for card in CARDS.values())


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="needs nvcc")
def test_the_table_agrees_with_the_compiler_that_is_here(tmp_path: Path) -> None:
    config.cuda_cache = str(tmp_path)
    compiler = nvcc.find_compiler(KernelCache(tmp_path))
    listed = subprocess.run(
        [compiler.path, "--list-gpu-code"], capture_output=True, text=True, check=True
    ).stdout
    known = {(int(code[:-1]), int(code[-1])) for code in re.findall(r"sm_(\d+)\b", listed)}
    assert known
    assert compiler.release is not None
    assert [one for one in known if toolkits.mismatch(compiler.release, one)] == []
    unknown = {(7, 0), (9, 0), (10, 0)} - known
    assert [one for one in unknown if not toolkits.mismatch(compiler.release, one)] == []
