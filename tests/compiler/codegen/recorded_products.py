"""The products that CUDA kernels compute, recorded as they are lowered: their text is not read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any
from unittest import mock

from graphc.compiler.codegen import lower, lower_product
from graphc.compiler.codegen.product import Product
from graphc.compiler.codegen.product_operand import Fetch
from graphc.compiler.codegen.tiles import Tile
from graphc.compiler.graph import Node
from graphc.compiler.targets.cuda import products as cuda_products
from graphc.compiler.targets.cuda.product_tiles import BlockTile


@dataclass
class Recorded:
    """A launch that computes products of equal sizes.

    Attributes:
        products: the products; none of a loop program.
        tile: a block's tile of the result; None if a warp computes one result.
        fetches: the fetches of the operands' tiles, left ones first.
    """

    products: Sequence[Product]
    tile: Tile | BlockTile | None
    fetches: list[Fetch] = field(default_factory=list)


def recorded_products(*outputs: Node) -> list[Recorded]:
    """Return the launches of a program that compute products, in order."""
    found: list[Recorded] = []
    with _recording(found):
        lower(outputs)
    return found


@contextmanager
def _recording(found: list[Recorded]) -> Iterator[None]:
    print_tiles, print_vector = lower_product._print_tiles, lower_product.print_vector
    fetch, by_tiles = lower_product.fetch, cuda_products._by_tiles

    @wraps(print_tiles)
    def tiles(
        name: str,
        kernel: Any,
        products: Any,
        context: Any,
        signature: Any,
        tile: Tile,
        *rest: Any,
    ) -> Any:
        found.append(Recorded(products, tile))
        return print_tiles(name, kernel, products, context, signature, tile, *rest)

    @wraps(print_vector)
    def vector(name: str, kernel: Any, products: Any, *rest: Any) -> Any:
        found.append(Recorded(products, None))
        return print_vector(name, kernel, products, *rest)

    @wraps(fetch)
    def fetching(*arguments: Any) -> tuple[Fetch, str]:
        one, head = fetch(*arguments)
        found[-1].fetches.append(one)
        return one, head

    @wraps(by_tiles)
    def mapped(program: Any, product: Any, tile: BlockTile, *rest: Any) -> Any:
        mapped_program = by_tiles(program, product, tile, *rest)
        found.append(Recorded((), tile))
        return mapped_program

    with (
        mock.patch.object(cuda_products, "_by_tiles", mapped),
        mock.patch.object(lower_product, "_print_tiles", tiles),
        mock.patch.object(lower_product, "print_vector", vector),
        mock.patch.object(lower_product, "fetch", fetching),
    ):
        yield
