"""Forms of shapes that nobody chose: what a stranger's model may have, far from the grid's.

Sizes are drawn from usual ones and from any; an array has 2^23 elements at most, and a product or a
convolution multiplies 2^29 times at most.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.forms.grid import Form, Sizes, conv_result

_MOST_ELEMENTS, _MOST_MULTIPLICATIONS = 1 << 22, 1 << 28
_USUAL = (1, 2, 3, 4, 7, 8, 10, 16, 20, 32, 50, 64, 100, 128, 200, 256, 300, 512, 784, 1000, 1024)


def random_forms(seed: int) -> Iterator[Form]:
    """Draw forms of `DRAWN_KINDS` without end, the same ones for a seed."""
    source = random.Random(seed)
    while True:
        kind, operation, draw = source.choice(_DRAWN)
        sizes = draw(source)
        if sizes is not None:
            yield Form(kind, operation, Sizes(sizes))


def _size(source: random.Random, most: int) -> int:
    """One up to a number: a usual one, or any."""
    usual = [one for one in _USUAL if one <= most]
    return source.choice(usual) if source.random() < 0.7 else source.randint(1, most)


def _shape(source: random.Random, rank: int) -> tuple[int, ...] | None:
    """Sizes of some tensor: None if there are too many elements, or so few that a call is all that
    takes time."""
    shape = tuple(_size(source, 1 << 16 if rank == 1 else 4096) for _ in range(rank))
    return shape if 1 << 14 <= math.prod(shape) <= _MOST_ELEMENTS else None


def _matmul(source: random.Random) -> dict[str, Any] | None:
    m, n, k = (_size(source, 4096) for _ in range(3))
    sizes: dict[str, Any] = {"m": m, "n": n, "k": k}
    batch = source.choice((1, 1, 1, 4, 32, 128))
    if batch > 1:
        sizes["batch"] = batch
    if source.random() < 0.5:
        sizes["stored"] = source.choice(("a", "b", "ab"))
    elements = batch * (m * k + k * n + m * n)
    is_small = elements <= _MOST_ELEMENTS and batch * m * n * k <= _MOST_MULTIPLICATIONS
    return sizes if is_small and batch * m * n * k >= 1 << 16 else None


def _dense(source: random.Random) -> dict[str, Any] | None:
    m, n, k = (_size(source, 2048) for _ in range(3))
    return {"m": m, "n": n, "k": k} if m * n * k <= _MOST_MULTIPLICATIONS else None


def _conv(source: random.Random) -> dict[str, Any] | None:
    rank = source.choice((1, 2, 2, 2, 3))
    size = _size(source, {1: 1000, 2: 64, 3: 20}[rank])
    sides = [source.choice((1, 2, 3, 3, 3, 4, 5, 7))] * rank
    if source.random() < 0.2:
        sides = [source.choice((1, 3, 5)) for _ in range(rank)]
    border = source.choice(("same", "valid"))
    sizes: dict[str, Any] = {
        "batch": source.choice((1, 4, 16, 32, 64)),
        "channels": _size(source, 128),
        "filters": _size(source, 128),
        "size": (size,) * rank,
        "kernel": tuple(side - (side + 1) % 2 if border == "same" else side for side in sides),
        "stride": source.choice((1, 1, 1, 2, 3)),
        "border": border,
        "part": source.choice(("forward", "image", "weights")),
    }
    if source.random() < 0.2:
        sizes["dilation"] = 2
    if min(conv_result(Sizes(sizes))) < 1:
        return None
    work = sizes["channels"] * sizes["filters"] * math.prod(sizes["kernel"]) * sizes["batch"]
    work *= math.prod(conv_result(Sizes(sizes)))
    elements = sizes["batch"] * max(sizes["channels"], sizes["filters"]) * size**rank
    is_small = elements <= 2 * _MOST_ELEMENTS and work <= 2 * _MOST_MULTIPLICATIONS
    return sizes if is_small and work >= 1 << 20 else None


def _pool(source: random.Random) -> dict[str, Any] | None:
    rank, window = source.choice((1, 2, 2, 3)), source.choice((2, 2, 3, 5))
    size = source.randint(window, {1: 1000, 2: 80, 3: 24}[rank])
    batch, channels = source.choice((1, 8, 32)), source.choice((1, 3, 16, 32, 64))
    if batch * channels * size**rank > _MOST_ELEMENTS:
        return None
    return {
        "part": source.choice(("forward", "training")),
        "mode": source.choice(("maximum", "average")),
        "window": window,
        "stride": source.choice((window, window, 1, 2)),
        "batch": batch,
        "channels": channels,
        "size": (size,) * rank,
    }


def _pointwise(source: random.Random) -> dict[str, Any] | None:
    shape = _shape(source, source.randint(1, 4))
    functions = ("add", "relu", "tanh", "gelu", "gates", "bias_relu")
    return shape and {"function": source.choice(functions), "shape": shape}


def _reduce(source: random.Random) -> dict[str, Any] | None:
    shape = _shape(source, source.randint(1, 4))
    if shape is None:
        return None
    function = source.choice(("sum", "max", "mean", "softmax", "argmax"))
    count = 1 if function in ("softmax", "argmax") else source.randint(1, len(shape))
    axes = tuple(sorted(source.sample(range(len(shape)), count)))
    if function == "softmax":  # of the last axis, as the API has it
        axes = (len(shape) - 1,)
    return {"function": function, "shape": shape, "axes": axes}


def _normalize(source: random.Random) -> dict[str, Any] | None:
    over = source.choice(("row", "batch"))
    shape = _shape(source, 2 if over == "row" else source.randint(3, 4))
    part = source.choice(("forward", "training"))
    return shape and {"part": part, "over": over, "shape": shape}


def _transpose(source: random.Random) -> dict[str, Any] | None:
    shape = _shape(source, source.randint(2, 4))
    if shape is None:
        return None
    order = source.sample(range(len(shape)), len(shape))
    return {"shape": shape, "order": tuple(order)} if order != sorted(order) else None


def _recurrent(source: random.Random) -> dict[str, Any] | None:
    units, batch, steps = _size(source, 512), _size(source, 128), _size(source, 100)
    features = _size(source, 300)
    if units * (units + features) * batch * steps > _MOST_MULTIPLICATIONS:
        return None
    return {
        "layer": source.choice(("lstm", "gru", "rnn")),
        "part": source.choice(("forward", "training")),
        "units": units,
        "batch": batch,
        "steps": steps,
        "features": features,
    }


def _embedding(source: random.Random) -> dict[str, Any] | None:
    vocabulary, width = source.choice((100, 5000, 20_000)), _size(source, 300)
    batch, length = _size(source, 256), _size(source, 200)
    if batch * length * width > _MOST_ELEMENTS or vocabulary * width > _MOST_ELEMENTS:
        return None
    part = source.choice(("forward", "gradient"))
    return {
        "part": part,
        "vocabulary": vocabulary,
        "width": width,
        "batch": batch,
        "length": length,
    }


_DRAWN: tuple[tuple[str, str, Callable[[random.Random], dict[str, Any] | None]], ...] = (
    ("product", "matmul", _matmul),
    ("product", "matmul", _matmul),
    ("product", "dense", _dense),
    ("convolution", "conv", _conv),
    ("convolution", "conv", _conv),
    ("pooling", "pool", _pool),
    ("pointwise", "pointwise", _pointwise),
    ("reduction", "reduce", _reduce),
    ("reduction", "normalize", _normalize),
    ("movement", "transpose", _transpose),
    ("scan", "recurrent", _recurrent),
    ("embedding", "embedding", _embedding),
)

DRAWN_KINDS = tuple(dict.fromkeys(kind for kind, _, _ in _DRAWN))
