"""An op's name is its contract: NumPy function, gradient and device function carry it."""

from __future__ import annotations

import re

import pytest

from graphc import resources
from graphc.compiler.grad import LEAVES, NON_DIFFERENTIABLE, RULES
from graphc.compiler.graph.ops import OPS
from graphc.compiler.interpret import NUMPY, SUPPLIED
from tests.kernels.device_source import POINTWISE


def device_functions() -> set[str]:
    text = (resources.folder("kernels") / "pointwise.cuh").read_text()
    return set(re.findall(r"^(?:template <.*?> )?GC_DEVICE \w+ gc_(\w+)\(", text, re.MULTILINE))


@pytest.mark.parametrize("op", POINTWISE)
def test_pointwise_op_has_a_device_function(op: str) -> None:
    assert op in device_functions()


def test_every_device_function_is_an_op() -> None:
    helpers = {"is_signed", "is_negative", "float_mod", "float_floordiv", "saturated", "select"}
    helpers.add("unpack_bool")  # how a kernel reads what `pack_bools` stored
    assert device_functions() - helpers == set(POINTWISE)


@pytest.mark.parametrize("op", OPS)
def test_op_has_a_numpy_function_or_a_place(op: str) -> None:
    assert (op in NUMPY) != (op in SUPPLIED)


@pytest.mark.parametrize("op", OPS)
def test_op_has_a_gradient_or_is_declared_to_have_none(op: str) -> None:
    assert sum(op in table for table in (RULES, NON_DIFFERENTIABLE, LEAVES)) == 1
