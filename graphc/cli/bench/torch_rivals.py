"""PyTorch at the same work: ``graphc bench --vs torch``.

Where PyTorch has an operation that does what a kernel does, or the main part of it, that one is
timed, as PyTorch runs it without its compiler: a product, a convolution, a softmax; a chain of
pointwise operations one by one.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.cli.bench.report import Rival, time_statistics
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Shape, evaluate
from graphc.compiler.program.launch import Bindings
from graphc.compiler.schedule.kernel import Kernel, Loop

_SAME_NAMES = (
    *("neg", "abs", "sign", "floor", "round", "exp", "log", "log1p", "expm1", "sqrt", "rsqrt"),
    *("tanh", "sigmoid", "erf", "sin", "cos", "maximum", "minimum", "where", "clip"),
    *("logical_not", "logical_and", "logical_or", "logical_xor"),
)
_OTHER_NAMES = {
    "add": "add",
    "sub": "sub",
    "mul": "mul",
    "div": "div",
    "pow": "pow",
    "mod": "remainder",
    "equal": "eq",
    "not_equal": "ne",
    "less": "lt",
    "less_equal": "le",
}
POINTWISE = {**{name: name for name in _SAME_NAMES}, **_OTHER_NAMES}
"""The name in PyTorch of each pointwise op that it has."""


@dataclass(frozen=True)
class Equivalent:
    """PyTorch's counterpart of a kernel.

    Attributes:
        op: its name.
        operands: what it takes.
        call: (the module torch, a tensor for each operand) -> the result.
    """

    op: str
    operands: tuple[Node, ...]
    call: Callable[..., Any]


def equivalent(kernel: Kernel | Loop, bindings: Bindings) -> Equivalent | None:
    """Return PyTorch's operation for a kernel, None where there is none."""
    if isinstance(kernel, Loop):
        return None
    if kernel.kind == "rows":
        return _softmax(kernel)
    if kernel.kind == "pointwise":
        return _chain(kernel, bindings)
    if len(kernel.anchors) == 1 and kernel.anchors[0].op == "matmul":
        return Equivalent("matmul", kernel.anchors[0].inputs, _matmul)
    if len(kernel.anchors) == 1 and kernel.anchors[0].op == "conv":
        return _convolution(kernel.anchors[0], bindings)
    return None


def _matmul(torch: Any, left: Any, right: Any) -> Any:
    return torch.matmul(left, right)


def _convolution(node: Node, bindings: Bindings) -> Equivalent | None:
    attrs, (image, weights) = node.attrs, node.inputs
    window, positions = _ints(weights.shape[2:], bindings), _ints(node.shape[2:], bindings)
    plain = all(hole == 1 for hole in attrs["input_dilation"])
    even = all(low == high and low >= 0 for low, high in attrs["padding"])
    # A window larger than its result is the gradient of weights; PyTorch has another call for that.
    if not plain or not even or any(a > b for a, b in zip(window, positions, strict=True)):
        return None
    options = {
        "stride": tuple(attrs["strides"]),
        "padding": tuple(low for low, _ in attrs["padding"]),
        "dilation": tuple(attrs["kernel_dilation"]),
    }
    name = f"conv{len(window)}d"

    def call(torch: Any, image: Any, weights: Any) -> Any:
        return getattr(torch.nn.functional, name)(image, weights, **options)

    return Equivalent(name, (image, weights), call)


def _softmax(kernel: Kernel) -> Equivalent | None:
    """Where a kernel has the maximum of its rows, and the sum of their exponentials."""
    largest = [node for node in kernel.anchors if node.op == "max"]
    has_exp = any(node.op == "exp" for node in kernel.body)
    if not largest or not has_exp or not any(node.op == "sum" for node in kernel.anchors):
        return None
    (x,) = largest[0].inputs
    axes = largest[0].attrs["axes"]
    if len(axes) != 1:
        return None

    def call(torch: Any, x: Any) -> Any:
        return torch.softmax(x, axes[0])

    return Equivalent("softmax", (x,), call)


def _chain(kernel: Kernel, bindings: Bindings) -> Equivalent | None:
    """Return all nodes of a body, one PyTorch operation each; None where one has no counterpart."""
    steps: list[tuple[Node, Callable[..., Any]]] = []
    for node in kernel.body:
        step = _step(node, bindings)
        if step is None:
            return None
        steps.append((node, step))
    count = sum(node.op in POINTWISE for node, _ in steps)
    if not count:
        return None

    def call(torch: Any, *tensors: Any) -> Any:
        values = dict(zip(kernel.inputs, tensors, strict=True))
        for node, step in steps:
            values[node] = step(torch, *(values[x] for x in node.inputs))
        return [values[node] for node in kernel.outputs]

    return Equivalent(f"{count} eager op{'s' if count > 1 else ''}", kernel.inputs, call)


def _step(node: Node, bindings: Bindings) -> Callable[..., Any] | None:
    attrs = node.attrs
    if node.op in POINTWISE:
        name = POINTWISE[node.op]
        return lambda torch, *tensors: getattr(torch, name)(*tensors)
    if node.op == "cast":
        return lambda torch, x: x.to(getattr(torch, node.dtype))
    if node.op == "constant":
        return lambda torch: _on_gpu(torch, attrs["value"])
    if node.op == "reshape":
        shape = _ints(node.shape, bindings)
        return lambda torch, x: x.reshape(shape)
    if node.op == "transpose":
        return lambda torch, x: x.permute(attrs["order"])
    if node.op == "broadcast":
        shape = _ints(node.shape, bindings)
        ones = tuple(size if k in attrs["axes"] else 1 for k, size in enumerate(shape))
        return lambda torch, x: x.reshape(ones).expand(shape)
    return None


def _ints(shape: Shape, bindings: Bindings) -> tuple[int, ...]:
    return tuple(evaluate(size, bindings) for size in shape)


def _on_gpu(torch: Any, array: np.ndarray) -> Any:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.tensor(array, device=device)


def torch_problem() -> str:
    """Return the reason why PyTorch cannot be timed on the GPU here; empty where it can."""
    if importlib.util.find_spec("torch") is None:
        return "PyTorch is not installed for this Python (python -m pip install torch)"
    torch = importlib.import_module("torch")
    if not torch.cuda.is_available():
        return f"PyTorch {torch.__version__} sees no GPU"
    return ""


class Rivals:
    """PyTorch's times on the GPU, float32 as IEEE has it; `torch_problem` has to be empty."""

    def __init__(self, repeats: int, flushed: int):
        """`repeats` and `flushed` as of `Timing`."""
        self._torch = torch = importlib.import_module("torch")
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = True  # the fastest algorithm that cuDNN has
        self._repeats = repeats
        self._flushed = torch.empty(flushed, dtype=torch.uint8, device="cuda")

    @property
    def version(self) -> str:
        return str(self._torch.__version__)

    def time(self, kernel: Kernel | Loop, bindings: Bindings) -> Rival | None:
        """Return the time of PyTorch's equivalent of a kernel, warm; None where it has none."""
        found = equivalent(kernel, bindings)
        if found is None:
            return None
        tensors = [self._random(node, bindings) for node in found.operands]
        return Rival(
            found.op, time_statistics(self._seconds(lambda: found.call(self._torch, *tensors)))
        )

    def _random(self, node: Node, bindings: Bindings) -> Any:
        shape, kind = _ints(node.shape, bindings), np.dtype(node.dtype).kind
        random = np.random.default_rng(math.prod(shape))
        array = random.standard_normal(shape) if kind == "f" else random.integers(0, 2, shape)
        return _on_gpu(self._torch, np.asarray(array, node.dtype))

    def _seconds(self, run: Callable[[], Any]) -> Sequence[float]:
        cuda, events = self._torch.cuda, []
        run()
        for _ in range(self._repeats):
            pair = (cuda.Event(enable_timing=True), cuda.Event(enable_timing=True))
            self._flushed.zero_()
            run()
            pair[0].record()
            run()
            pair[1].record()
            events.append(pair)
        cuda.synchronize()
        return [1e-3 * start.elapsed_time(end) for start, end in events]
