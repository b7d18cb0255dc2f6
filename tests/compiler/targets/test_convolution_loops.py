"""Plain programs of convolutions as those of products."""

from __future__ import annotations

import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH
from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.targets.convolution_loops import in_products
from graphc.compiler.targets.product_loops import product_of, with_axes_of_products
from graphc.errors import RewriteError
from tests.compiler.loops.random_loops import same_meaning
from tests.compiler.targets.convolution_cases import CASES, WIDTH, convolution
from tests.compiler.targets.cuda.products.cases import ARGUMENTS, arrays, plain

SIZES = [{symbols(BATCH)[0]: n, symbols(WIDTH)[0]: n + 1} for n in (1, 3)]


def check(program: LoopProgram, made: LoopProgram) -> None:
    arguments = {one.name: ARGUMENTS[one.name] for one in program.arguments}
    is_known = not any(symbols(n) for one in program.inputs for n in one.shape)
    same_meaning(
        program, made, *(SIZES[:1] if is_known else SIZES), arguments=arguments, is_finite=True
    )


@pytest.mark.parametrize("case", CASES)
def test_a_convolution_is_a_product_of_filters_and_windows(case: str) -> None:
    program = CASES[case]()
    made = with_axes_of_products(in_products(program))
    product = product_of(made)
    assert not isinstance(product, str), product
    assert len(product.kept) == 2
    check(program, made)


@pytest.mark.parametrize("case", CASES)
def test_each_sample_may_have_a_product(case: str) -> None:
    program = CASES[case]()
    check(program, in_products(program, by_samples=True))


def test_what_is_no_product() -> None:
    refused = {
        "it has one filter": plain(convolution(1, 2, (5, 3))),
        "it has one window of one sample": plain(convolution(5, 2, (3, 3), samples=1)),
        "its results have 0 loops over terms": plain(convolution(5, 1, (3, 1))),
        "it does not add one product in each turn": plain(
            g.sum(arrays(BATCH, 5, 4), axis=1),
        ),
    }
    for reason, program in refused.items():
        with pytest.raises(RewriteError) as raised:
            in_products(program)
        assert reason in raised.value.reason
