"""The campaign of networks finds a lowering that stops, a kernel in order and a wrong value."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

import pytest

from graphc.compiler.targets.cpu import mappings
from graphc.compiler.targets.cuda import mappings as cuda_mappings
from graphc.config import config
from tests.campaigns import models, networks
from tests.campaigns.campaign import Cases


def faults(*, native: int = 0, in_order: bool = False) -> list[str]:
    options = Namespace(native=native, in_order=in_order)
    return [result.fault for result in networks.run(Cases(0, 0, 1, options))]


def test_a_kernel_that_no_mapping_takes_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults() == [""]
    monkeypatch.setitem(cuda_mappings.CUDA_MAPPINGS, "pointwise", ())
    (fault,) = faults()
    assert fault.startswith("cuda:\nTraceback")


def test_a_kernel_in_order_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    *_, last = mappings.CPU_MAPPINGS["pointwise"]
    monkeypatch.setitem(mappings.CPU_MAPPINGS, "pointwise", (last,))
    assert faults() == [""]
    (fault,) = faults(in_order=True)
    assert "by the mapping in order" in fault


def test_another_value_of_native_code_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    rounded = models._rounded

    def shifted(*arguments: Any) -> models.Arrays:
        found = rounded(*arguments)
        return {name: value + (config.cpu == "native") for name, value in found.items()}

    assert faults(native=100) == [""]
    monkeypatch.setattr(models, "_rounded", shifted)
    (fault,) = faults(native=100)
    assert "native code is 1 from the interpreter" in fault
