"""The threads of a block fetch each element of their tiles once: as the text says it, in Python."""

from __future__ import annotations

import re

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.codegen import lower
from graphc.compiler.codegen.memory import launches
from graphc.compiler.codegen.tiles import PADDING
from graphc.compiler.graph import Node

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
FILL = re.compile(
    r"(?P<head>for \(int turn[^{]*|if \(thread[^{]*|)\{ const int outer = (?P<outer>[^;]+); "
    r"const int inner = (?P<inner>[^;]+); (?P<store>gc_put_column|gc_put_row|tiles\.)[^;]*?"
    r"(?P<name>left0|right0)\["
)


def text(node: Node) -> str:
    """The text of a product, in one line."""
    (step,) = [one for one in launches(lower([node]).steps) if "const auto fill" in one.text]
    return " ".join(step.text.split())


def fetched(source: str, name: str) -> np.ndarray:
    """Return the number of times that each (k, outer) of a tile is filled."""
    depth, width = map(int, re.search(rf"{name}\[2\]\[(\d+)\]\[(\d+)\];", source).groups())
    threads = int(re.search(r"__launch_bounds__\((\d+)", source)[1])
    own = re.search(rf"const int {name}_outer = ([^;]+), {name}_k = ([^;]+);", source)
    behind = source[source.index("const auto fill") :]
    (fill,) = [one for one in FILL.finditer(behind) if one["name"] == name]
    turns = re.search(r"turn < (\d+)", fill["head"])
    spare = re.search(r"thread < (\d+)", fill["head"])
    names: dict[str, np.ndarray] = {
        "thread": np.arange(int(spare[1]) if spare else threads)[:, None],
        "turn": np.arange(int(turns[1]) if turns else 1),
    }

    def value(formula: str) -> np.ndarray:
        return eval(formula.replace("/", "//"), {}, names) + np.zeros((1, len(names["turn"])), int)

    names[f"{name}_outer"], names[f"{name}_k"] = map(value, own.groups())
    outer, inner = value(fill["outer"]), value(fill["inner"])
    counts = np.zeros((depth, width - PADDING), int)
    for more in range(1 if fill["store"] == "tiles." else 4):
        along_k = fill["store"] == "gc_put_column"
        np.add.at(counts, (inner + more * along_k, outer + more * (not along_k)), 1)
    return counts


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("sizes", SIZES)
def test_each_element_of_a_tile_is_fetched_once(sizes, turned):
    m, n, k = SIZES[sizes]
    x = g.transpose(g.input((k, m))) if turned else g.input((m, k))
    y = g.transpose(g.input((n, k))) if turned else g.input((k, n))
    source = text(g.matmul(x, y))
    for name in ("left0", "right0"):
        assert (fetched(source, name) == 1).all()


def test_tiles_of_all_shapes_were_looked_at():
    """Along either axis, by fours or one by one, in one turn or several."""
    found = set()
    for m, n, k in SIZES.values():
        source = text(g.matmul(g.input((m, k)), g.input((k, n))))
        found |= set(re.findall(r"a block computes (\d+ x \d+)", source))
    assert found >= {"128 x 128", "64 x 64", "32 x 32", "16 x 32", "64 x 16", "16 x 64"}
