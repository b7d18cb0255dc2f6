"""One kernel of each kind that has no file of tests of its own, as a stranger reads it."""

from __future__ import annotations

import pytest

from graphc.compiler.lowering.cuda import lower
from graphc.compiler.passes import optimize
from graphc.compiler.program.launch import Launch
from tests.compiler.lowering import kinds
from tests.compiler.lowering.golden_text import check_golden


@pytest.mark.parametrize(
    "name",
    [
        *(
            "pointwise",
            "drawn_shard",
            "update",
            "gather",
            "scatter",
            "window",
            "conv",
            "pooled_conv",
        ),
        *(
            "empty_product",
            "one_filter",
            "holes_of_a_call",
            "pooled_volume",
            "unpooled",
            "overlapping",
            "first_maximum",
            "walked",
        ),
    ],
)
def test_text_of_a_kind(name: str) -> None:
    kind, outputs, states = getattr(kinds, name)()
    program = lower(optimize(outputs)[0], states)
    found = [
        step.text for step in program.steps if isinstance(step, Launch) and step.kernel.kind == kind
    ]
    assert len(found) == 1
    check_golden(name, found[0])
