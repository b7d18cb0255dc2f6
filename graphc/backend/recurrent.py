"""K: the loop over the steps of sequences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from graphc.compiler import graph as g
from graphc.errors import ArgumentError, DTypeError, GraphcError, ShapeError

StepFunction = Callable[[g.Node, list[Any]], tuple[object, Sequence[object]]]
"""A user's step: (x, states + constants) -> (output, new states)."""

Step = Callable[[g.Node, Sequence[g.Node]], tuple[g.Node, list[g.Node]]]
"""The same with the constants filled in, and what it returns checked."""


def rnn(
    step_function: StepFunction,
    inputs: g.Node,
    initial_states: Sequence[object],
    go_backwards: bool = False,
    mask: g.Node | None = None,
    constants: Sequence[object] | None = None,
    unroll: bool = False,
    input_length: int | None = None,
) -> tuple[g.Node, g.Node, list[g.Node]]:
    """Run a step over axis 1 of sequences.

    At a step that is masked for a sample, its output is that of the step before (zeros at first)
    and its states stay as they are. What `inputs` hold there is read as 0, so a NaN in the padding
    reaches neither values nor gradients.

    Args:
        step_function: ``step(x, states) -> (output, new_states)``. x is (samples, ...); `states`
            the list of states, followed by `constants`. It is called once, on symbols (once for
            each step with `unroll`); a tensor that it draws at random is the same at all steps.
        inputs: (samples, time, ...), at least 3 axes; time may be known to the call only.
        initial_states: any number of tensors, none included; shapes and dtypes stay.
        go_backwards: from the last step to the first; outputs are in the order of processing.
        mask: (samples, time) or (samples, time, 1); 0 or False where a step is masked.
        constants: passed to each step after the states, as they are.
        unroll: a copy of the step for each step of a known number, instead of a loop.
        input_length: the number of steps, where the shape of `inputs` does not say it.

    Returns:
        The last output (samples, ...), the outputs (samples, time, ...), the list of last states.

    Raises:
        ShapeError: inputs or a mask of other axes or sizes, a state that changes its shape; with
            `unroll`, a number of steps that is not known.
        DTypeError: a state that changes its dtype.
        ArgumentError: a step that does not return (output, as many states as came in).
    """
    passed = list(constants or ())

    def step(x: g.Node, states: Sequence[g.Node]) -> tuple[g.Node, list[g.Node]]:
        return _checked_step(step_function, x, states, passed)

    states = [g.as_node(state) for state in initial_states]
    x = _with_length(g.as_node(inputs), input_length)
    kept = None if mask is None else _bool_mask(mask, x)
    if kept is not None:
        _check_samples(states, x.shape[0])
    run = _unrolled if unroll else _looped
    last, outputs, finals = run(step, _sequences(x, kept), states, go_backwards)
    return last, g.swap_axes(outputs, 0, 1), finals


def _error(kind: type[GraphcError], message: str) -> GraphcError:
    """An error that begins with the layer that runs the loop, if one does."""
    layer = g.current_origin()
    return kind(f"{'' if layer is None else f'{layer}: '}K.rnn: {message}")


def _with_length(x: g.Node, input_length: int | None) -> g.Node:
    if x.ndim < 3:
        raise _error(
            ShapeError,
            f"expected inputs of at least 3 axes (samples, time, ...), received {x.ndim}: "
            f"{x.shape}",
        )
    steps = x.shape[1]
    if input_length is None or steps == input_length:
        return x
    if isinstance(steps, int):
        raise _error(
            ShapeError,
            f"input_length is {input_length}, and the inputs have {steps} steps: {x.shape}; "
            "leave input_length out",
        )
    return g.reshape(x, (x.shape[0], input_length, *x.shape[2:]))


def _bool_mask(mask: object, x: g.Node) -> g.Node:
    """The mask as a bool (samples, time)."""
    node = g.as_node(mask)
    if node.ndim == 3 and node.shape[2] == 1:
        node = g.squeeze(node, 2)
    if node.ndim != 2:
        raise _error(
            ShapeError,
            f"expected a mask (samples, time) or (samples, time, 1), received the shape "
            f"{node.shape}",
        )
    for name, ours, theirs in zip(("samples", "steps"), x.shape, node.shape, strict=False):
        if isinstance(ours, int) and isinstance(theirs, int) and ours != theirs:
            raise _error(
                ShapeError,
                f"the mask {node.shape} (samples, time) has {theirs} {name}, the inputs "
                f"have {ours}",
            )
    return node if node.dtype == "bool" else g.not_equal(node, 0)


def _checked_step(
    step_function: StepFunction, x: g.Node, states: Sequence[g.Node], constants: Sequence[object]
) -> tuple[g.Node, list[g.Node]]:
    """Return the results of the user's step for one slice, checked: the output and the new
    states."""
    returned = step_function(x, [*states, *constants])
    pair = isinstance(returned, tuple | list) and len(returned) == 2
    if not (pair and isinstance(returned[1], tuple | list)):
        raise _error(
            ArgumentError,
            f"the step has to return (output, list of new states), returned {returned!r}",
        )
    output, new = g.as_node(returned[0]), [g.as_node(state) for state in returned[1]]
    if len(new) != len(states):
        raise _error(
            ArgumentError,
            f"{len(states)} states go into the step, {len(new)} come out; the constants "
            "after them are not returned",
        )
    if output.ndim == 0:
        raise _error(ShapeError, "the step's output is a scalar, expected (samples, ...)")
    for k, (before, after) in enumerate(zip(states, new, strict=True)):
        _check_state(k, before, after)
    return output, new


def _check_state(k: int, before: g.Node, after: g.Node) -> None:
    sizes = [
        pair
        for pair in zip(before.shape, after.shape, strict=False)
        if all(isinstance(size, int) for size in pair)
    ]
    if before.ndim != after.ndim or any(one != other for one, other in sizes):
        raise _error(
            ShapeError,
            f"state {k} has the shape {before.shape} before a step and {after.shape} after "
            "it; its initial value needs the shape that the step gives",
        )
    if before.dtype != after.dtype:
        raise _error(
            DTypeError,
            f"state {k} is {before.dtype} before a step and {after.dtype} after it; cast "
            "one of them",
        )


def _check_samples(states: Sequence[g.Node], samples: g.Size) -> None:
    """A mask keeps rows of states, so each needs an axis of samples."""
    for k, state in enumerate(states):
        rows = state.shape[0] if state.ndim else 1
        known = isinstance(rows, int) and (rows == 1 or isinstance(samples, int))
        if state.ndim == 0 or (known and rows != samples):
            raise _error(
                ShapeError,
                f"with a mask a state keeps the rows of masked samples, so state {k} needs "
                f"the axis of samples ({samples}) in front, received the shape {state.shape}",
            )


@dataclass(frozen=True)
class _Sequences:
    """The sequences that the loop runs over, time first.

    Inputs that were joined along an axis stay separate until a step reads them: what reads some of
    a joined axis only (the gates of an LSTM) then has a loop, and a gradient, over that part alone.
    """

    parts: tuple[g.Node, ...]  # (time, samples, ...)
    axis: int  # of a slice (samples, ...), along which the parts are joined
    kept: g.Node | None  # (time, samples), bool; False where a step is masked

    @property
    def length(self) -> g.Size:
        return self.parts[0].shape[0]

    def all(self) -> list[g.Node]:
        return [*self.parts, *(() if self.kept is None else (self.kept,))]

    def at(self, slices: Sequence[g.Node]) -> tuple[g.Node, g.Node | None]:
        """From a slice of each of `all`: the input of a step, and what is not masked of it.

        The input is 0 where it is masked: 0 times a NaN would be one in the gradients.
        """
        kept = None if self.kept is None else slices[-1]
        parts = slices[: len(self.parts)]
        return g.concat([_held(kept, x, g.zeros(x.shape, x.dtype)) for x in parts], self.axis), kept


def _sequences(x: g.Node, kept: g.Node | None) -> _Sequences:
    joined = x.op == "concat" and x.attrs["axis"] >= 2
    parts = x.inputs if joined else (x,)
    return _Sequences(
        tuple(g.swap_axes(part, 0, 1) for part in parts),
        x.attrs["axis"] - 1 if joined else 1,
        None if kept is None else g.swap_axes(kept, 0, 1),
    )


def _looped(
    step: Step, sequences: _Sequences, states: Sequence[g.Node], backwards: bool
) -> tuple[g.Node, g.Node, list[g.Node]]:
    """Last output, outputs (time, samples, ...) and last states, by one scan."""
    before = [g.input(state.shape, state.dtype) for state in states]
    slices = [g.input(node.shape[1:], node.dtype) for node in sequences.all()]
    x, kept = sequences.at(slices)
    output, new = step(x, before)
    after = [_held(kept, *pair) for pair in zip(new, before, strict=True)]
    starts = list(states)
    place = _state_that_is_the_output(output, new, states, kept)
    if place is None:
        place = len(states)
        starts.append(g.zeros(output.shape, output.dtype))
        before.append(g.input(output.shape, output.dtype))
        after.append(_held(kept, output, before[place]))
    loop = g.make_scan(
        [*after, after[place]],
        [*before, *slices],
        starts,
        sequences.all(),
        constants=[],
        length=sequences.length,
        reverse=backwards,
    )
    *finals, outputs = g.items(loop)
    ordered = g.flip(outputs, 0) if backwards else outputs
    return finals[place], ordered, finals[: len(states)]


def _state_that_is_the_output(
    output: g.Node, new: Sequence[g.Node], states: Sequence[g.Node], kept: g.Node | None
) -> int | None:
    """The state that always equals the output, so that the loop needs to hold one of them only."""
    for k, state in enumerate(states):
        # Masked first steps give zeros as the output, and the initial state as the state.
        if new[k] is output and (kept is None or state is g.zeros(state.shape, state.dtype)):
            return k
    return None


def _unrolled(
    step: Step, sequences: _Sequences, states: Sequence[g.Node], backwards: bool
) -> tuple[g.Node, g.Node, list[g.Node]]:
    """Last output, outputs (time, samples, ...) and last states, by a copy of the step for each."""
    length = sequences.length
    if not isinstance(length, int):
        raise _error(
            ShapeError,
            f"unroll makes a copy of the step for each step, so their number has to be "
            f"known, received {length}; give input_length, or leave unroll out",
        )
    outputs: list[g.Node] = []
    current = list(states)
    for t in reversed(range(length)) if backwards else range(length):
        x, kept = sequences.at([node[t] for node in sequences.all()])
        output, new = step(x, current)
        current = [_held(kept, *pair) for pair in zip(new, current, strict=True)]
        last = outputs[-1] if outputs else g.zeros(output.shape, output.dtype)
        outputs.append(_held(kept, output, last))
    return outputs[-1], g.stack(outputs), current


def _held(kept: g.Node | None, new: g.Node, old: g.Node) -> g.Node:
    """`new`, with the rows of `old` at masked samples."""
    if kept is None:
        return new
    return g.where(g.reshape(kept, (*kept.shape, *(1,) * (new.ndim - 1))), new, old)
