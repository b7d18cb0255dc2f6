"""PyTorch: modules, a loop over batches; the variants "" (eager), "compiled" and "own-lstm".

"compiled" puts `torch.compile` around the model with its loss, and around RMSprop's step.
"own-lstm" takes `torch.nn.LSTM`, whose gates are sigmoids: another model, whose losses are not
compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.peers import layouts
from benchmarks.peers.workloads import Arrays, Task, Workload, batches


def _hard_sigmoid(x: Tensor) -> Tensor:
    return torch.clamp(0.2 * x + 0.5, 0.0, 1.0)


def _parameter(array: np.ndarray) -> nn.Parameter:
    return nn.Parameter(torch.from_numpy(np.array(array, order="C")))


def _filled(layer: nn.Module, weight: np.ndarray, bias: np.ndarray) -> nn.Module:
    layer.weight, layer.bias = _parameter(weight), _parameter(bias)
    return layer


def _linear(W: np.ndarray, b: np.ndarray) -> nn.Module:
    return _filled(nn.Linear(*W.shape), W.T, b)


class _GRU(nn.Module):
    def __init__(self, weights: Arrays):
        super().__init__()
        W, U_zr, U_h, b = layouts.gru(weights)
        self.project = _linear(W, b)
        self.U_zr, self.U_h = _parameter(U_zr), _parameter(U_h)
        self.units = len(U_h)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, time, features) to (batch, time, units)."""
        h = x.new_zeros(len(x), self.units)
        states = []
        for slices in self.project(x).unbind(1):
            x_zr, x_h = slices.split((2 * self.units, self.units), 1)
            z, r = _hard_sigmoid(torch.addmm(x_zr, h, self.U_zr)).chunk(2, 1)
            candidate = torch.relu(torch.addmm(x_h, r * h, self.U_h))
            h = torch.lerp(candidate, h, z)
            states.append(h)
        return torch.stack(states, 1)


class _LSTM(nn.Module):
    def __init__(self, weights: Arrays):
        super().__init__()
        W, U, b = layouts.lstm(weights)
        self.project, self.U = _linear(W, b), _parameter(U)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, time, features) to the last state, (batch, units)."""
        h = c = x.new_zeros(len(x), len(self.U))
        units = len(self.U)
        for slices in self.project(x).unbind(1):
            inner, cell, out = torch.addmm(slices, h, self.U).split((2 * units, units, units), 1)
            i, f = _hard_sigmoid(inner).chunk(2, 1)
            c = f * c + i * torch.tanh(cell)
            h = _hard_sigmoid(out) * torch.tanh(c)
        return h


class _OwnLSTM(nn.Module):
    def __init__(self, weights: Arrays):
        super().__init__()
        W, U, b = layouts.lstm(weights)
        self.lstm = nn.LSTM(len(W), len(U), batch_first=True)
        values = {"weight_ih": W.T, "weight_hh": U.T, "bias_ih": b, "bias_hh": 0 * b}
        for name, value in values.items():
            setattr(self.lstm, f"{name}_l0", _parameter(value))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, time, features) to the last state, (batch, units)."""
        return self.lstm(x)[1][0][0]


class _Accel(nn.Module):
    def __init__(self, weights: Arrays, dropout: bool):
        super().__init__()
        self.branches = nn.ModuleList()
        for W, b in zip(weights[0:6:2], weights[1:6:2], strict=True):
            conv = _filled(nn.Conv1d(3, 20, 5), layouts.correlation(W)[..., 0], b)
            layers = [conv, nn.ReLU(), *_dropout(0.25, dropout), nn.MaxPool1d(10), nn.Flatten()]
            self.branches.append(nn.Sequential(*layers))
        W = layouts.rows_moved(weights[6], *layouts.ACCEL_CHANNELS_FIRST)
        self.head = nn.Sequential(_linear(W, weights[7]), nn.ReLU(), _linear(*weights[8:]))

    def forward(self, *recordings: Tensor) -> Tensor:
        """Three of (batch, time, channels) to logits (batch, 1)."""
        pairs = zip(self.branches, recordings, strict=True)
        return self.head(torch.cat([branch(x.transpose(1, 2)) for branch, x in pairs], 1))


def _dropout(p: float, wanted: bool) -> list[nn.Module]:
    return [nn.Dropout(p)] if wanted else []


def _mlp(task: Task) -> nn.Module:
    w = task.weights
    layers = []
    for k in (0, 2):
        layers += [_linear(*w[k : k + 2]), nn.ReLU(), *_dropout(0.2, task.dropout)]
    return nn.Sequential(*layers, _linear(*w[4:]))


def _cnn(task: Task) -> nn.Module:
    w = task.weights
    return nn.Sequential(
        _filled(nn.Conv2d(1, 32, 3), layouts.correlation(w[0]), w[1]),
        nn.ReLU(),
        _filled(nn.Conv2d(32, 32, 3), layouts.correlation(w[2]), w[3]),
        nn.ReLU(),
        nn.MaxPool2d(2),
        *_dropout(0.25, task.dropout),
        nn.Flatten(),
        _linear(*w[4:6]),
        nn.ReLU(),
        _linear(*w[6:]),
    )


def _gru_ae(task: Task) -> nn.Module:
    return nn.Sequential(_GRU(task.weights[:9]), _GRU(task.weights[9:]))


def _lstm(task: Task) -> nn.Module:
    embedding = nn.Embedding.from_pretrained(torch.from_numpy(task.weights[0].copy()), freeze=False)
    layer = _OwnLSTM if task.variant == "own-lstm" else _LSTM
    return nn.Sequential(embedding, layer(task.weights[1:13]), _linear(*task.weights[13:]))


def _accel(task: Task) -> nn.Module:
    return _Accel(task.weights, task.dropout)


Loss = Callable[[Tensor, Tensor], Tensor]
_BUILDERS: dict[str, tuple[Callable[[Task], nn.Module], Loss]] = {
    "mlp": (_mlp, F.cross_entropy),
    "cnn": (_cnn, F.cross_entropy),
    "gru_ae": (_gru_ae, F.mse_loss),
    "lstm": (_lstm, F.binary_cross_entropy_with_logits),
    "accel": (_accel, F.binary_cross_entropy_with_logits),
}


class _RMSprop:
    """Keras 1.0's, with epsilon under the root, by the calls of RMSprop(foreach=True)."""

    def __init__(self, parameters: Sequence[Tensor], lr: float):
        self._parameters, self._lr = list(parameters), lr
        self._squares = [torch.zeros_like(p) for p in self._parameters]

    @torch.no_grad()
    def step(self) -> None:
        """Update the parameters by their gradients."""
        gradients = [p.grad for p in self._parameters]
        torch._foreach_mul_(self._squares, 0.9)
        torch._foreach_addcmul_(self._squares, gradients, gradients, 0.1)
        roots = torch._foreach_sqrt(torch._foreach_add(self._squares, 1e-6))
        torch._foreach_addcdiv_(self._parameters, gradients, roots, -self._lr)


class _Adam:
    """Keras 1.0's by PyTorch's fused one, which adds epsilon to the corrected root."""

    def __init__(self, parameters: Sequence[Tensor], lr: float):
        self._adam = torch.optim.Adam(parameters, lr, fused=True)
        self._steps = 0

    def step(self) -> None:
        """Update the parameters by their gradients."""
        self._steps += 1
        self._adam.param_groups[0]["eps"] = 1e-8 / math.sqrt(1.0 - 0.999**self._steps)
        self._adam.step()


class Side:
    """A model that is trained; see `worker`."""

    def __init__(self, task: Task):
        build, loss = _BUILDERS[task.workload.name]
        model = build(task)
        self._batch = task.workload.batch
        self._parameters = list(model.parameters())

        def loss_of(inputs: list[Tensor], target: Tensor) -> Tensor:
            return loss(model(*inputs), target)

        compiled = task.variant == "compiled"
        self._loss = torch.compile(loss_of) if compiled else loss_of
        self._step = self._optimizer(task.workload, compiled)

    def _optimizer(self, workload: Workload, compiled: bool) -> Callable[[], None]:
        if workload.optimizer == "adam":
            return _Adam(self._parameters, workload.lr).step
        step = _RMSprop(self._parameters, workload.lr).step
        return torch.compile(step) if compiled else step

    def fit(self, arrays: Sequence[np.ndarray]) -> float:
        """One epoch; the mean loss."""
        total = torch.zeros(())
        parts = batches(arrays, self._batch)
        for part in parts:
            *inputs, target = map(torch.from_numpy, part)
            for p in self._parameters:
                p.grad = None
            loss = self._loss(inputs, target)
            loss.backward()
            self._step()
            total += loss.detach()
        return float(total) / len(parts)


def versions() -> str:
    """PyTorch's."""
    return f"torch {torch.__version__}"
