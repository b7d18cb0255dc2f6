"""Recurrent layers of Keras 1.0 as functions over the graph; see `layers`.

In the formulas x is the input of a step, h the state before it, ``.`` a matrix product and ``*``
goes element by element. The products x . W + b of all steps are written in front of the loop, on
the whole sequence (``consume_less='cpu'``); the products of the state stay in the step, one for
each gate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphc import activations
from graphc import backend as K
from graphc.compiler import graph as g
from graphc.reference_models.layers import Weights


@dataclass(frozen=True)
class _Gate:
    W: g.Node  # (features, units)
    U: g.Node  # (units, units)
    b: g.Node  # (units,)


_Step = tuple[tuple[g.Node, ...], tuple[g.Node, ...]]  # the new carries, the outputs


def _gate(
    weights: Weights, layer: str, gate: str, features: g.Size, units: int, bias: str = "zero"
) -> _Gate:
    return _Gate(
        weights.add(layer, f"W_{gate}", (features, units), "glorot_uniform"),
        weights.add(layer, f"U_{gate}", (units, units), "orthogonal"),
        weights.add(layer, f"b_{gate}", (units,), bias),
    )


def _projected(x: g.Node, gates: Sequence[_Gate]) -> list[g.Node]:
    """x . W + b for each gate, time first: (time, batch, units)."""
    steps = g.swap_axes(x, 0, 1)
    return [K.dot(steps, gate.W) + gate.b for gate in gates]


def gru(
    weights: Weights,
    name: str,
    x: g.Node,
    units: int,
    activation: str = "tanh",
    inner_activation: str = "hard_sigmoid",
) -> g.Node:
    """GRU, ``return_sequences=True``: (batch, time, features) to (batch, time, units).

    z = inner(x . W_z + b_z + h . U_z);  r = inner(x . W_r + b_r + h . U_r);
    h <- z * h + (1 - z) * activation(x . W_h + b_h + (r * h) . U_h), from h = 0.

    Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014.
    """
    act, inner = activations.get(activation), activations.get(inner_activation)
    with g.origin(name):
        gates = [_gate(weights, name, gate, x.shape[2], units) for gate in ("z", "r", "h")]
        U_z, U_r, U_h = (gate.U for gate in gates)

        def step(carries: tuple[g.Node, ...], slices: tuple[g.Node, ...]) -> _Step:
            (h,), (x_z, x_r, x_h) = carries, slices
            z = inner(x_z + K.dot(h, U_z))
            r = inner(x_r + K.dot(h, U_r))
            candidate = act(x_h + K.dot(r * h, U_h))
            h = z * h + (1.0 - z) * candidate
            return (h,), (h,)

        start = g.zeros((x.shape[0], units), x.dtype)
        _, (states,) = g.scan(step, [start], _projected(x, gates))
        return g.swap_axes(states, 0, 1)


def lstm(
    weights: Weights,
    name: str,
    x: g.Node,
    units: int,
    activation: str = "tanh",
    inner_activation: str = "hard_sigmoid",
) -> g.Node:
    """LSTM, ``return_sequences=False``: (batch, time, features) to the last h, (batch, units).

    i = inner(x . W_i + b_i + h . U_i);  f and o alike;
    c <- f * c + i * activation(x . W_c + b_c + h . U_c);  h <- o * activation(c), from h = c = 0.
    The bias b_f starts at 1.

    Hochreiter and Schmidhuber, "Long short-term memory", Neural Computation 9, 1997; the forget
    gate: Gers, Schmidhuber, Cummins, "Learning to forget", Neural Computation 12, 2000.
    """
    act, inner = activations.get(activation), activations.get(inner_activation)
    with g.origin(name):
        gates = [
            _gate(weights, name, gate, x.shape[2], units, "one" if gate == "f" else "zero")
            for gate in ("i", "c", "f", "o")
        ]
        U_i, U_c, U_f, U_o = (gate.U for gate in gates)

        def step(carries: tuple[g.Node, ...], slices: tuple[g.Node, ...]) -> _Step:
            (h, c), (x_i, x_c, x_f, x_o) = carries, slices
            i = inner(x_i + K.dot(h, U_i))
            f = inner(x_f + K.dot(h, U_f))
            c = f * c + i * act(x_c + K.dot(h, U_c))
            o = inner(x_o + K.dot(h, U_o))
            return (o * act(c), c), ()

        start = g.zeros((x.shape[0], units), x.dtype)
        (h, _), _ = g.scan(step, [start, start], _projected(x, gates))
        return h
