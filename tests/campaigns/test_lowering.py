"""The campaign of lowering finds a kernel that no mapping takes."""

from __future__ import annotations

from argparse import Namespace

import pytest

from graphc.compiler.targets.cuda import mappings
from tests.campaigns import lowering
from tests.campaigns.campaign import Cases


def test_a_kind_without_mappings_on_one_target_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = Cases(0, 0, 1, Namespace())
    assert [result.fault for result in lowering.run(cases)] == [""]
    monkeypatch.setitem(mappings.CUDA_MAPPINGS, "pointwise", ())
    (result,) = lowering.run(cases)
    assert result.fault.startswith("cuda:\nTraceback")
