"""The threads of a block fetch each element of their tiles once."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.codegen import matmul
from graphc.compiler.codegen.product_operand import Fetch
from graphc.compiler.codegen.tiles import Tile
from tests.compiler.codegen.expression_values import value_of
from tests.compiler.codegen.recorded_products import Recorded, recorded_products

SIZES = {
    "large": (4096, 4096, 4096),
    "odd": (4097, 4099, 4095),
    "medium": (1024, 1024, 64),
    "odd and medium": (1023, 1021, 63),
    "small": (512, 512, 64),
    "odd and small": (509, 511, 61),
    "a step of a loop": (128, 512, 512),
    "few rows": (10, 10_000, 512),
    "few columns": (10_000, 10, 512),
    "odd and few": (9_999, 7, 511),
    "short k": (512, 512, 8),
    "odd and short k": (511, 509, 9),
}


def product(sizes: tuple[int, int, int], turned: bool = False) -> Recorded:
    """Return the launch of a product of two matrices, which lie transposed in memory or not, as if
    no mapping took it."""
    m, n, k = sizes
    x = g.transpose(g.input((k, m))) if turned else g.input((m, k))
    y = g.transpose(g.input((n, k))) if turned else g.input((k, n))
    with mock.patch.object(matmul, "lower_where_mapped", return_value=[]):
        (one,) = recorded_products(g.matmul(x, y))
    return one


def fetched(fetch: Fetch, tile: Tile) -> np.ndarray:
    """Return the number of times that each (k, outer) of a tile is fetched."""
    names = {
        "thread": np.arange(int(fetch.spare or tile.threads))[:, None],
        "turn": np.arange(fetch.turns),
    }
    outer = value_of(fetch.outer, names) + value_of(fetch.turn_outer, names)
    k = value_of(fetch.k, names) + value_of(fetch.turn_k, names)
    outer, k, _ = np.broadcast_arrays(outer, k, names["thread"] + names["turn"])
    counts = np.zeros((tile.depth, fetch.span), int)
    for more in range(4 if fetch.wide else 1):
        np.add.at(counts, (k + more * fetch.along_k, outer + more * (not fetch.along_k)), 1)
    return counts


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("sizes", SIZES)
def test_each_element_of_a_tile_is_fetched_once(sizes: str, turned: bool) -> None:
    one = product(SIZES[sizes], turned)
    assert isinstance(one.tile, Tile)
    assert [fetch.span for fetch in one.fetches] == [one.tile.rows, one.tile.columns]
    for fetch in one.fetches:
        assert (fetched(fetch, one.tile) == 1).all()


def test_tiles_of_all_shapes_were_looked_at() -> None:
    """Along either axis, by fours or one by one, in one turn or several."""
    found = [product(sizes) for sizes in SIZES.values()]
    shapes = {(one.tile.rows, one.tile.columns) for one in found if one.tile is not None}
    assert shapes >= {(128, 128), (64, 64), (32, 32), (16, 32), (64, 16), (16, 64)}
    fetches = [fetch for one in found for fetch in one.fetches]
    assert {(fetch.along_k, fetch.wide) for fetch in fetches} == {
        (along_k, wide) for along_k in (False, True) for wide in (False, True)
    }
    assert {fetch.turns == 1 for fetch in fetches} == {False, True}
