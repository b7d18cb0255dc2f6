"""The grid: operations, and the shapes in which each is measured.

A `Form` names an operation and gives its sizes; `OPERATIONS` says which arrays the operation reads
and how many FLOP it takes; `FORMS` is the grid. The two sides, `graphc_side` and `torch_side`,
build each operation in their own way from the same sizes and arrays.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]


class Sizes(Mapping[str, Any]):
    """The sizes and options of a form, by name; each also an attribute."""

    def __init__(self, values: Mapping[str, Any]):
        self._values = dict(values)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_values"][name]
        except KeyError:
            raise AttributeError(f"no size is named {name!r}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


@dataclass(frozen=True)
class Operation:
    """The part that all forms of one operation have in common.

    Attributes:
        arrays: the arrays that a form reads, from its sizes and a source of random numbers.
        flops: multiplications and additions; 0 where moving bytes is all there is to do.
        exponentials: how many functions of their kind (tanh, the logistic function, erf) are taken.
    """

    arrays: Callable[[Sizes, np.random.Generator], Arrays]
    flops: Callable[[Sizes], int]
    exponentials: Callable[[Sizes], int]


@dataclass(frozen=True)
class Form:
    """One operation in one shape.

    Attributes:
        kind: the row of the chart that it belongs to: product, convolution, ...
        operation: its key in `OPERATIONS`.
        sizes: its sizes and options, float32 arrays and int32 indices.
    """

    kind: str
    operation: str
    sizes: Sizes

    @property
    def name(self) -> str:
        """By which results, the command line and messages know it."""
        sizes = (f"{name}={_written(value)}" for name, value in self.sizes.items())
        return f"{self.operation} {' '.join(sizes)}"

    def arrays(self) -> Arrays:
        """The arrays that it reads: the same numbers in each process."""
        seed = zlib.crc32(self.name.encode())
        return OPERATIONS[self.operation].arrays(self.sizes, np.random.default_rng(seed))

    def flops(self) -> int:
        """Of one call."""
        return OPERATIONS[self.operation].flops(self.sizes)

    def exponentials(self) -> int:
        """Of one call."""
        return OPERATIONS[self.operation].exponentials(self.sizes)

    def described(self) -> dict[str, Any]:
        """Its kind, operation and sizes, for JSON; `form_of` makes it of them again."""
        return {"kind": self.kind, "operation": self.operation, "sizes": dict(self.sizes)}


def form_of(described: Mapping[str, Any]) -> Form:
    """The form that `Form.described` describes, also after JSON, which has no tuples."""
    sizes = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in described["sizes"].items()
    }
    return Form(described["kind"], described["operation"], Sizes(sizes))


def _written(value: object) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape, np.float32)


# Products: `stored` says which operands lie transposed.


def _product_arrays(s: Sizes, rng: np.random.Generator) -> Arrays:
    left, right = (s.m, s.k), (s.k, s.n)
    left = left[::-1] if "a" in s.get("stored", "") else left
    right = right[::-1] if "b" in s.get("stored", "") else right
    batch = (s.batch,) if "batch" in s else ()
    return {"a": _normal(rng, *batch, *left), "b": _normal(rng, *batch, *right)}


def _product_flops(s: Sizes) -> int:
    return int(2 * s.get("batch", 1) * s.m * s.n * s.k)


def _dense_arrays(s: Sizes, rng: np.random.Generator) -> Arrays:
    return {
        "x": _normal(rng, s.m, s.k),
        "W": _normal(rng, s.k, s.n),
        "b": _normal(rng, s.n),
    }


# Convolutions: `part` is the forward pass, or the gradient to the image or to the weights.


def conv_padding(s: Sizes) -> tuple[int, ...]:
    """Zeros on each side of each spatial axis: 'same' for a stride of 1, or none."""
    if s.border == "valid":
        return tuple(0 for _ in s.kernel)
    return tuple(s.get("dilation", 1) * (k - 1) // 2 for k in s.kernel)


def conv_result(s: Sizes) -> tuple[int, ...]:
    """Spatial sizes of the result."""
    spans = [s.get("dilation", 1) * (k - 1) + 1 for k in s.kernel]
    rows = zip(s.size, conv_padding(s), spans, strict=True)
    return tuple((n + 2 * p - k) // s.stride + 1 for n, p, k in rows)


def _conv_arrays(s: Sizes, rng: np.random.Generator) -> Arrays:
    image, result = (s.batch, s.channels, *s.size), (s.batch, s.filters, *conv_result(s))
    if s.get("layout") == "last":
        image, result = ((shape[0], *shape[2:], shape[1]) for shape in (image, result))
    arrays = {"x": _normal(rng, *image), "w": _normal(rng, s.filters, s.channels, *s.kernel)}
    if s.part != "forward":
        arrays["dy"] = _normal(rng, *result)
        del arrays["x" if s.part == "image" else "w"]
    return arrays


def _conv_flops(s: Sizes) -> int:
    taps = s.channels * math.prod(s.kernel)
    return int(2 * s.batch * s.filters * math.prod(conv_result(s)) * taps)


# From here on `part` is the forward pass, or training: the forward pass and the gradients.


def pool_result(s: Sizes) -> tuple[int, ...]:
    """Spatial sizes of the result."""
    return tuple((n - s.window) // s.stride + 1 for n in s.size)


def _pool_arrays(s: Sizes, rng: np.random.Generator) -> Arrays:
    arrays = {"x": _normal(rng, s.batch, s.channels, *s.size)}
    if s.part == "training":
        arrays["dy"] = _normal(rng, s.batch, s.channels, *pool_result(s))
    return arrays


def _one_array(s: Sizes, rng: np.random.Generator) -> Arrays:
    return {"x": _normal(rng, *s.shape)}


def _pointwise_arrays(s: Sizes, rng: np.random.Generator) -> Arrays:
    if s.function == "bias_relu":
        return {"x": _normal(rng, *s.shape), "b": _normal(rng, s.shape[-1])}
    count = {"add": 2, "gates": 4}.get(s.function, 1)
    return {name: _normal(rng, *s.shape) for name in "xyzw"[:count]}


def _normalize_arrays(s: Sizes, rng: np.random.Generator) -> Arrays:
    width = s.shape[1 if s.over == "batch" else -1]
    arrays = {
        "x": _normal(rng, *s.shape),
        "gamma": _normal(rng, width),
        "beta": _normal(rng, width),
    }
    if s.part == "training":
        arrays["dy"] = _normal(rng, *s.shape)
    return arrays


def _concat_arrays(s: Sizes, rng: np.random.Generator) -> Arrays:
    def part(width: int) -> np.ndarray:
        return _normal(rng, *(width if k == s.axis else n for k, n in enumerate(s.shape)))

    return {f"x{k}": part(width) for k, width in enumerate(s.widths)}


# Recurrent layers: all weights of the gates side by side, as PyTorch orders the gates.

GATES = {"lstm": 4, "gru": 3, "rnn": 1}


def _recurrent_arrays(s: Sizes, rng: np.random.Generator) -> Arrays:
    width, scale = GATES[s.layer] * s.units, np.float32(s.units**-0.5)
    arrays = {
        "x": _normal(rng, s.batch, s.steps, s.features),
        "W": _normal(rng, s.features, width) * scale,
        "U": _normal(rng, s.units, width) * scale,
        "b": _normal(rng, width) * scale,
    }
    if s.part == "training":
        arrays["dy"] = _normal(rng, s.batch, s.units)
    return arrays


def _recurrent_flops(s: Sizes) -> int:
    forward = 2 * s.batch * s.steps * (s.features + s.units) * GATES[s.layer] * s.units
    return int(forward * (3 if s.part == "training" else 1))


def _embedding_arrays(s: Sizes, rng: np.random.Generator) -> Arrays:
    arrays: Arrays = {"rows": rng.integers(0, s.vocabulary, (s.batch, s.length), np.int32)}
    if s.part == "forward":
        arrays["table"] = _normal(rng, s.vocabulary, s.width)
    else:
        arrays["dy"] = _normal(rng, s.batch, s.length, s.width)
    return arrays


def _update_arrays(s: Sizes, rng: np.random.Generator) -> Arrays:
    arrays = {}
    for k in range(s.count):
        arrays[f"parameter{k}"] = _normal(rng, *s.shape)
        arrays[f"gradient{k}"] = _normal(rng, *s.shape)
    return arrays


RATE, ADAM_DECAYS, ADAM_TINY = 1e-3, (0.9, 0.999), 1e-8
"""Of the updates: the learning rate, and Adam's beta_1 and beta_2, and epsilon."""


def _no_number(s: Sizes) -> int:
    return 0


def _pointwise_exponentials(s: Sizes) -> int:
    return {"tanh": 1, "gelu": 1, "gates": 3}.get(s.function, 0) * math.prod(s.shape)


def _reduce_exponentials(s: Sizes) -> int:
    return math.prod(s.shape) if s.function == "softmax" else 0


def _recurrent_exponentials(s: Sizes) -> int:
    """One a gate; an LSTM's state takes one more."""
    of_a_unit = GATES[s.layer] + (s.layer == "lstm")
    return int(s.batch * s.steps * s.units * of_a_unit)


OPERATIONS = {
    "matmul": Operation(_product_arrays, _product_flops, _no_number),
    "dense": Operation(_dense_arrays, _product_flops, _no_number),
    "conv": Operation(_conv_arrays, _conv_flops, _no_number),
    "pool": Operation(_pool_arrays, _no_number, _no_number),
    "pointwise": Operation(_pointwise_arrays, _no_number, _pointwise_exponentials),
    "reduce": Operation(_one_array, _no_number, _reduce_exponentials),
    "normalize": Operation(_normalize_arrays, _no_number, _no_number),
    "transpose": Operation(_one_array, _no_number, _no_number),
    "concat": Operation(_concat_arrays, _no_number, _no_number),
    "move": Operation(_one_array, _no_number, _no_number),
    "recurrent": Operation(_recurrent_arrays, _recurrent_flops, _recurrent_exponentials),
    "embedding": Operation(_embedding_arrays, _no_number, _no_number),
    "update": Operation(_update_arrays, _no_number, _no_number),
}


def _form(kind: str, operation: str, **sizes: Any) -> Form:
    return Form(kind, operation, Sizes(sizes))


def _products() -> Iterator[Form]:
    def product(m: int, n: int, k: int, **more: Any) -> Form:
        return _form("product", "matmul", m=m, n=n, k=k, **more)

    for side in (64, 128, 256, 512, 1024):
        yield product(side, side, side)
    for rows in (1, 4, 16, 32, 100, 150, 200):
        yield product(rows, 1024, 1024)
    yield product(1, 4096, 4096)
    for narrow in (1, 2, 4, 7):
        yield product(1024, narrow, 1024)
    for shallow in (1, 4, 8):
        yield product(1024, 1024, shallow)
    yield product(32, 32, 16384)
    yield product(128, 128, 8192)
    yield product(100, 300, 1000)
    for stored in ("a", "b", "ab"):
        yield product(512, 512, 512, stored=stored)
        yield product(128, 1024, 1024, stored=stored)
    yield product(16, 16, 16, batch=512)
    yield product(64, 64, 64, batch=64)
    yield product(256, 64, 256, batch=32)
    yield product(128, 128, 64, batch=96, stored="b")
    yield product(128, 64, 128, batch=96)
    for m, n, k in ((128, 512, 784), (128, 10, 512), (1, 512, 784), (256, 1024, 1024)):
        yield _form("product", "dense", m=m, n=n, k=k)


def _convolutions() -> Iterator[Form]:
    parts = ("forward", "image", "weights")

    def conv(part: str, **given: Any) -> Form:
        usual = {"batch": 32, "channels": 32, "filters": 32, "size": (32, 32)}
        usual |= {"kernel": (3, 3), "stride": 1, "border": "same"}
        return _form("convolution", "conv", part=part, **(usual | given))

    for part in parts:
        for side in (1, 3, 5, 7):
            yield conv(part, kernel=(side, side))
        for side in (3, 5):
            yield conv(part, kernel=(side, side), stride=2)
        yield conv(part, dilation=2)
        yield conv(part, channels=128, filters=128, size=(8, 8))
        yield conv(part, layout="last")
        yield conv(part, channels=64, filters=64, size=(1024,), kernel=(5,))
        yield conv(part, batch=8, channels=16, filters=16, size=(16, 16, 16), kernel=(3, 3, 3))
    for part in ("forward", "weights"):
        first = {"channels": 3, "size": (64, 64), "kernel": (7, 7)}
        yield conv(part, **first, stride=2)
    yield conv("forward", channels=16, size=(1024,), kernel=(4,), stride=4, border="valid")
    yield conv("image", channels=16, size=(1024,), kernel=(4,), stride=4, border="valid")


def _poolings() -> Iterator[Form]:
    planes = {"batch": 32, "channels": 32, "size": (64, 64)}
    for part in ("forward", "training"):
        for mode in ("maximum", "average"):
            for window, stride in ((2, 2), (3, 2), (3, 1)):
                yield _pooling(part, mode, window, stride, planes)
        line = {"batch": 32, "channels": 64, "size": (4000,)}
        yield _pooling(part, "maximum", 10, 10, line)
        volume = {"batch": 8, "channels": 16, "size": (32, 32, 32)}
        yield _pooling(part, "maximum", 2, 2, volume)


def _pooling(part: str, mode: str, window: int, stride: int, image: dict[str, Any]) -> Form:
    options = {"part": part, "mode": mode, "window": window, "stride": stride}
    return _form("pooling", "pool", **options, **image)


def _pointwise() -> Iterator[Form]:
    for function in ("add", "relu", "tanh", "gelu", "gates"):
        yield _form("pointwise", "pointwise", function=function, shape=(2048, 1024))
    yield _form("pointwise", "pointwise", function="bias_relu", shape=(2048, 1024))
    yield _form("pointwise", "pointwise", function="bias_relu", shape=(128, 512))
    yield _form("pointwise", "pointwise", function="relu", shape=(1023, 1021))


def _reductions() -> Iterator[Form]:
    def reduction(function: str, shape: tuple[int, ...], axes: tuple[int, ...]) -> Form:
        return _form("reduction", "reduce", function=function, shape=shape, axes=axes)

    square = (2048, 1024)
    for axes in ((0,), (1,), (0, 1)):
        yield reduction("sum", square, axes)
        yield reduction("max", square, axes)
    yield reduction("mean", (64, 64, 32, 32), (0, 2, 3))
    yield reduction("sum", (64, 64, 32, 32), (1,))
    yield reduction("sum", (64, 256, 256), (1,))
    yield reduction("sum", (128, 2, 8192), (0, 2))
    yield reduction("sum", (16, 131072), (1,))
    yield reduction("sum", (131072, 16), (1,))
    yield reduction("sum", (131072, 16), (0,))
    yield reduction("softmax", (128, 10), (1,))
    yield reduction("softmax", (2048, 1024), (1,))
    yield reduction("argmax", (2048, 1024), (1,))
    for part in ("forward", "training"):
        yield _form("reduction", "normalize", part=part, over="row", shape=(2048, 512))
        yield _form("reduction", "normalize", part=part, over="batch", shape=(64, 64, 32, 32))


def _movements() -> Iterator[Form]:
    def transposed(shape: tuple[int, ...], order: tuple[int, ...]) -> Form:
        return _form("movement", "transpose", shape=shape, order=order)

    yield transposed((2048, 1024), (1, 0))
    yield transposed((1000, 999), (1, 0))
    yield transposed((64, 32, 32, 32), (0, 2, 3, 1))
    yield transposed((64, 32, 32, 32), (0, 3, 1, 2))
    yield transposed((32, 128, 8, 64), (0, 2, 1, 3))
    yield transposed((128, 128, 128), (2, 1, 0))
    yield _form("movement", "concat", axis=0, shape=(0, 1024), widths=(1024, 1024))
    yield _form("movement", "concat", axis=1, shape=(2048, 0), widths=(512, 512))
    yield _form("movement", "concat", axis=1, shape=(2048, 0), widths=(3, 500, 257))
    yield _form("movement", "concat", axis=1, shape=(32, 0, 32, 32), widths=(64, 32, 32))
    for function in ("pad", "slice", "flip", "upsample"):
        yield _form("movement", "move", function=function, shape=(32, 32, 64, 64))


def _recurrent() -> Iterator[Form]:
    def recurrent(layer: str, part: str, units: int, batch: int, steps: int) -> Form:
        features = min(units, 128)
        sizes = {"units": units, "batch": batch, "steps": steps, "features": features}
        return _form("scan", "recurrent", layer=layer, part=part, **sizes)

    for part in ("forward", "training"):
        for units, batch, steps in ((32, 32, 50), (128, 32, 80), (128, 128, 80), (512, 128, 20)):
            yield recurrent("lstm", part, units, batch, steps)
        yield recurrent("gru", part, 128, 32, 80)
        yield recurrent("rnn", part, 128, 32, 80)
    yield recurrent("lstm", "forward", 128, 1, 80)


def _embeddings() -> Iterator[Form]:
    for part in ("forward", "gradient"):
        for vocabulary, width, batch, length in (
            *((20_000, 128, 32, 80), (20_000, 128, 512, 100), (1_000, 64, 128, 100)),
            (50_000, 300, 64, 50),
        ):
            sizes = {"vocabulary": vocabulary, "width": width, "batch": batch, "length": length}
            yield _form("embedding", "embedding", part=part, **sizes)


def _updates() -> Iterator[Form]:
    for rule in ("sgd", "adam"):
        yield _form("update", "update", rule=rule, count=1, shape=(2048, 1024))
        yield _form("update", "update", rule=rule, count=40, shape=(128, 128))


FORMS: tuple[Form, ...] = (
    *_products(),
    *_convolutions(),
    *_poolings(),
    *_pointwise(),
    *_reductions(),
    *_movements(),
    *_recurrent(),
    *_embeddings(),
    *_updates(),
)

KINDS = tuple(dict.fromkeys(form.kind for form in FORMS))
BY_NAME = {form.name: form for form in FORMS}
