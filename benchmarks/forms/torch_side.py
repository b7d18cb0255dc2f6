"""The forms on PyTorch, eagerly, by the function that its users would call."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.forms.grid import ADAM_DECAYS, ADAM_TINY, RATE, Form, Sizes, conv_padding

Read = dict[str, Tensor]


def prepared(form: Form) -> tuple[Callable[[], object], Callable[[], list[np.ndarray]]]:
    """Return the call that is timed, and one that returns its results."""
    read = {name: torch.from_numpy(array) for name, array in form.arrays().items()}
    if form.operation == "update":
        return _update(form.sizes, read)
    call = _BUILDERS[form.operation](form.sizes, read)
    if form.sizes.get("part") != "training":
        call = torch.no_grad()(call)

    def results() -> list[np.ndarray]:
        got = call()
        return [t.detach().numpy() for t in (got if isinstance(got, Sequence) else [got])]

    return call, results


def versions() -> str:
    """PyTorch's."""
    return f"torch {torch.__version__}"


def _matmul(s: Sizes, read: Read) -> Callable[[], Tensor]:
    stored = s.get("stored", "")
    a, b = (read[name].mT if name in stored else read[name] for name in "ab")
    result = torch.empty(torch.matmul(a, b).shape)
    return lambda: torch.matmul(a, b, out=result)


def _dense(s: Sizes, read: Read) -> Callable[[], Tensor]:
    x, weight, bias = read["x"], read["W"], read["b"]
    return lambda: torch.addmm(bias, x, weight).relu_()


def _conv(s: Sizes, read: Read) -> Callable[[], Tensor]:
    dims = len(s.kernel)
    options = {"stride": s.stride, "padding": conv_padding(s), "dilation": s.get("dilation", 1)}
    if s.get("layout") == "last":  # in memory as graphc has them
        for name in {"x", "dy"} & read.keys():
            read[name] = read[name].movedim(-1, 1)
    image, weights = (s.batch, s.channels, *s.size), (s.filters, s.channels, *s.kernel)
    if s.part == "forward":
        convolve = (F.conv1d, F.conv2d, F.conv3d)[dims - 1]
        return _in_layout(s, lambda: convolve(read["x"], read["w"], **options))
    gradients = {
        "image": (nn.grad.conv1d_input, nn.grad.conv2d_input, nn.grad.conv3d_input),
        "weights": (nn.grad.conv1d_weight, nn.grad.conv2d_weight, nn.grad.conv3d_weight),
    }
    gradient = gradients[s.part][dims - 1]
    if s.part == "image":
        return _in_layout(s, lambda: gradient(image, read["w"], read["dy"], **options))
    return lambda: gradient(read["x"], weights, read["dy"], **options)


def _in_layout(s: Sizes, call: Callable[[], Tensor]) -> Callable[[], Tensor]:
    """The result as a view in which channels stand where graphc has them."""
    if s.get("layout") != "last":
        return call
    return lambda: call().movedim(1, -1)


def _trained(
    forward: Callable[[], Tensor], read: Read, wrt: Sequence[Tensor]
) -> Callable[[], list[Tensor]]:
    for tensor in wrt:
        tensor.requires_grad_()

    def call() -> list[Tensor]:
        y = forward()
        return [y, *torch.autograd.grad(y, wrt, read["dy"])]

    return call


def _pool(s: Sizes, read: Read) -> Callable[[], object]:
    functions = {
        "maximum": (F.max_pool1d, F.max_pool2d, F.max_pool3d),
        "average": (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d),
    }
    pooled = functions[s.mode][len(s.size) - 1]

    def forward() -> Tensor:
        return pooled(read["x"], s.window, s.stride)

    return forward if s.part == "forward" else _trained(forward, read, [read["x"]])


def _pointwise(s: Sizes, read: Read) -> Callable[[], Tensor]:
    x = read["x"]
    result = torch.empty_like(x)
    if s.function == "add":
        return lambda: torch.add(x, read["y"], out=result)
    if s.function == "tanh":
        return lambda: torch.tanh(x, out=result)
    if s.function == "relu":
        return lambda: torch.clamp_min(x, 0.0, out=result)
    if s.function == "gelu":
        return lambda: F.gelu(x)
    if s.function == "bias_relu":
        return lambda: torch.add(x, read["b"], out=result).relu_()
    y, z, w = (read[name] for name in "yzw")
    return lambda: torch.sigmoid(y) * w + torch.sigmoid(x) * torch.tanh(z)


def _reduce(s: Sizes, read: Read) -> Callable[[], Tensor]:
    x, axes = read["x"], s.axes
    if s.function == "softmax":
        return lambda: torch.softmax(x, axes[0])
    if s.function == "argmax":
        return lambda: torch.argmax(x, axes[0])
    function = {"sum": torch.sum, "max": torch.amax, "mean": torch.mean}[s.function]
    return lambda: function(x, axes)


def _normalize(s: Sizes, read: Read) -> Callable[[], object]:
    x, gamma, beta = (read[name] for name in ("x", "gamma", "beta"))

    def forward() -> Tensor:
        if s.over == "row":
            return F.layer_norm(x, gamma.shape, gamma, beta)
        return F.batch_norm(x, None, None, gamma, beta, training=True)

    return forward if s.part == "forward" else _trained(forward, read, [x, gamma, beta])


def _transpose(s: Sizes, read: Read) -> Callable[[], Tensor]:
    view = read["x"].permute(s.order)
    result = torch.empty(view.shape)
    return lambda: result.copy_(view)


def _concat(s: Sizes, read: Read) -> Callable[[], Tensor]:
    parts = list(read.values())
    result = torch.empty(torch.cat(parts, s.axis).shape)
    return lambda: torch.cat(parts, s.axis, out=result)


def _move(s: Sizes, read: Read) -> Callable[[], Tensor]:
    x = read["x"]
    calls: dict[str, Callable[[], Tensor]] = {
        "pad": lambda: F.pad(x, (1, 1, 1, 1)),
        "slice": lambda: x[:, :, 1:-1, 1:-1].contiguous(),
        "flip": lambda: torch.flip(x, (3,)),
        "upsample": lambda: F.interpolate(x, scale_factor=2),
    }
    return calls[s.function]


def _recurrent(s: Sizes, read: Read) -> Callable[[], object]:
    layer = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[s.layer]
    network = layer(s.features, s.units, batch_first=True)
    weights = [network.weight_ih_l0, network.weight_hh_l0, network.bias_ih_l0]
    with torch.no_grad():
        for parameter, array in zip(weights, (read["W"].T, read["U"].T, read["b"]), strict=True):
            parameter.copy_(array)
        network.bias_hh_l0.zero_()
    network.bias_hh_l0.requires_grad_(False)

    def last() -> Tensor:
        return network(read["x"])[0][:, -1]

    if s.part == "forward":
        return last
    trained = _trained(last, read, weights)

    def call() -> list[Tensor]:
        y, to_W, to_U, to_b = trained()
        return [y, to_W.T, to_U.T, to_b]

    return call


def _embedding(s: Sizes, read: Read) -> Callable[[], Tensor]:
    rows = read["rows"].long()
    if s.part == "forward":
        return lambda: F.embedding(rows, read["table"])
    backward = torch.ops.aten.embedding_dense_backward
    return lambda: backward(read["dy"], rows, s.vocabulary, -1, False)


def _update(s: Sizes, read: Read) -> tuple[Callable[[], object], Callable[[], list[np.ndarray]]]:
    parameters = [nn.Parameter(read[f"parameter{k}"]) for k in range(s.count)]
    for k, parameter in enumerate(parameters):
        parameter.grad = read[f"gradient{k}"]
    if s.rule == "sgd":
        optimizer: torch.optim.Optimizer = torch.optim.SGD(parameters, RATE, fused=True)
    else:
        optimizer = torch.optim.Adam(parameters, RATE, ADAM_DECAYS, ADAM_TINY, fused=True)
    return optimizer.step, lambda: [p.detach().numpy().copy() for p in parameters]


_BUILDERS: dict[str, Callable[[Sizes, Read], Callable[[], object]]] = {
    "matmul": _matmul,
    "dense": _dense,
    "conv": _conv,
    "pool": _pool,
    "pointwise": _pointwise,
    "reduce": _reduce,
    "normalize": _normalize,
    "transpose": _transpose,
    "concat": _concat,
    "move": _move,
    "recurrent": _recurrent,
    "embedding": _embedding,
}
