"""K: connectionist temporal classification.

Graves, Fernandez, Gomez, Schmidhuber, "Connectionist temporal classification: labelling
unsegmented sequence data with recurrent neural networks", ICML 2006. The last class is the blank.
A path over the states of a sequence of labels with a blank before, between and after them stays
in its state, goes on by one, or from a label over the blank to the next, different one.

All probabilities are logarithms; ``_NEVER`` stands for that of 0, so that no gradient meets
``-inf - -inf``.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler import graph as g
from graphc.errors import DTypeError, ShapeError
from graphc.releases import since

_NEVER = -1e30
_SMOOTHING = 1e-4  # of the uniform distribution that is mixed in


@since("1.0.8")
def ctc_interleave_blanks(Y: object) -> g.Node:
    """-1 before, between and after labels (n,): the states (2n + 1,) of a path."""
    labels = _labels(Y, 1, "ctc_interleave_blanks")
    return _interleaved(g.expand_dims(labels, 0), -1)[0]


@since("1.0.8")
def ctc_create_skip_idxs(Y: object) -> g.Node:
    """The states from which a path may go over the next blank: 1, 3, ..., of states (2n + 1,); in
    the place of one whose next label is the same stands 2n + 1, which is none."""
    states = _labels(Y, 1, "ctc_create_skip_idxs")
    size = states.shape[0]
    positions = 2 * g.iota((size - 3) // 2) + 1
    differ = g.not_equal(states[1 : size - 2 : 2], states[3::2])
    return g.where(differ, positions, g.cast(g.as_node(size), "int32"))


@since("1.0.8")
def ctc_update_log_p(
    skip_idxs: object, zeros: object, active: object, log_p_curr: object, log_p_prev: object
) -> tuple[g.Node, g.Node]:
    """One step of a path's probabilities.

    Args:
        skip_idxs: what `ctc_create_skip_idxs` gives.
        zeros: (states,), what states that no path has reached have in the result.
        active: how many states paths had reached.
        log_p_curr: (states,), of each state's class at this step.
        log_p_prev: (states,), of the paths that were in each state before.

    Returns:
        How many states paths have reached now, and the probability of those in each state.
    """
    current, previous = g.as_node(log_p_curr), g.as_node(log_p_prev)
    size = current.shape[0]
    positions = g.iota(size)
    skips = g.as_node(skip_idxs)
    reached = g.less(positions, active)
    may_skip = g.any(g.equal(g.expand_dims(skips, 1), positions), 0)
    prior = g.where(reached, previous, _NEVER)
    following = current + _moved(g.expand_dims(prior, 0), g.expand_dims(may_skip, 0))[0]
    farthest = g.max(
        g.where(
            g.logical_and(may_skip, reached), positions + 3, g.cast(g.as_node(active) + 1, "int32")
        )
    )
    count = g.minimum(farthest, g.cast(g.as_node(size), "int32"))
    return count, g.where(g.less(positions, count), following, zeros)


@since("1.0.8")
def ctc_path_probs(predict: object, Y: object, alpha: float = 1e-4) -> tuple[g.Node, g.Node]:
    """Return the likelihoods of the paths through each state at each step.

    Args:
        predict: (steps, classes), probabilities.
        Y: (states,), what `ctc_interleave_blanks` gives.
        alpha: the weight of the uniform distribution over the states' classes that is mixed in.

    Returns:
        The logarithms (steps, states), and the bools (steps, states) that mark where paths from the
        first states to the last ones pass; elsewhere the logarithm is -inf.
    """
    probabilities, states = g.as_node(predict), _labels(Y, 1, "ctc_path_probs")
    blank = probabilities.shape[1] - 1
    classes = g.expand_dims(g.where(g.less(states, 0), g.as_node(blank), states), 0)
    count = g.reshape(g.as_node(states.shape[0]), (1,))
    logs = _state_logs(g.expand_dims(probabilities, 0), classes, count, alpha)
    forwards = _paths(logs, _may_skip(classes))
    mirrored = g.flip(classes, 1)
    backwards = g.flip(_paths(g.flip(logs, (0, 2)), _may_skip(mirrored)), (0, 2))
    passed = g.logical_and(g.greater(forwards, _NEVER / 2), g.greater(backwards, _NEVER / 2))
    through = g.where(passed, forwards + backwards - logs, -float("inf"))
    return g.squeeze(through, 1), g.squeeze(passed, 1)


@since("1.0.8")
def ctc_cost(predict: object, Y: object) -> g.Node:
    """-log of the probability of labels (n,), from probabilities (steps, classes)."""
    probabilities, labels = g.as_node(predict), _labels(Y, 1, "ctc_cost")
    lengths = [
        g.reshape(g.as_node(size), (1, 1)) for size in (probabilities.shape[0], labels.shape[0])
    ]
    cost = _batch_cost(g.expand_dims(labels, 0), g.expand_dims(probabilities, 0), *lengths)
    return g.reshape(cost, ())


@since("1.0.8")
def ctc_batch_cost(
    y_true: object, y_pred: object, input_length: object, label_length: object
) -> g.Node:
    """-log of the probability of each sample's labels.

    Args:
        y_true: (samples, labels), class numbers; those after `label_length` are not read. The
            blank's number ends the labels, as on TensorFlow.
        y_pred: (samples, steps, classes), probabilities; the last class is the blank. With a
            weight of 1e-4 the uniform distribution over the states of a path is mixed in.
        input_length: (samples, 1), how many steps count.
        label_length: (samples, 1), how many labels.

    Returns:
        (samples, 1); inf where the labels do not fit in the steps.

    Raises:
        ShapeError: other numbers of axes.
        IndexRangeError: in the call, a label that is no class.
    """
    return _batch_cost(
        _labels(y_true, 2, "ctc_batch_cost: y_true"),
        g.as_node(y_pred),
        _lengths(input_length, "ctc_batch_cost: input_length"),
        _lengths(label_length, "ctc_batch_cost: label_length"),
    )


def _batch_cost(labels: g.Node, probabilities: g.Node, steps: g.Node, counts: g.Node) -> g.Node:
    if probabilities.ndim != 3:
        raise ShapeError(
            "ctc_batch_cost: y_pred: expected (samples, steps, classes), received "
            f"{probabilities.shape}"
        )
    positions = g.iota(labels.shape[1])
    blank = probabilities.shape[2] - 1
    counts = _until_blank(labels, counts, blank)
    # Labels after the last one may be any number, such as -1.
    kept = g.where(g.less(positions, counts), labels, 0)
    kept = g.take(g.iota(blank), kept)  # refuses what is no label
    states = _interleaved(kept, blank)
    sizes = 2 * counts + 1
    logs = _state_logs(probabilities, states, g.squeeze(sizes, 1), _SMOOTHING)
    reached = _paths(logs, _may_skip(states), g.squeeze(steps, 1), stacked=False)
    number = g.iota(states.shape[1])
    is_last = g.logical_and(g.less(number, sizes), g.greater_equal(number, sizes - 2))
    total = g.logsumexp(g.where(is_last, reached, _NEVER), 1, keepdims=True)
    return g.where(g.less(total, _NEVER / 2), float("inf"), -total)


def _until_blank(labels: g.Node, counts: g.Node, blank: g.Size) -> g.Node:
    """(n, 1): how many labels are ahead of the first that is the blank, `counts` where none is.

    Programs label a picture without letters by one blank.
    """
    positions = g.iota(labels.shape[1])
    is_blank = g.equal(labels, g.cast(g.as_node(blank), labels.dtype))
    end = g.cast(g.as_node(labels.shape[1]), "int32")
    first = g.min(g.where(is_blank, positions, end), 1, keepdims=True)
    return g.minimum(counts, first)


def _interleaved(labels: g.Node, blank: g.Size) -> g.Node:
    """(n, labels) -> (n, 2 labels + 1), with blanks around each."""
    samples, count = labels.shape
    blanks = g.broadcast_to(g.cast(g.as_node(blank), labels.dtype), (samples, count))
    pairs = g.reshape(g.stack([blanks, labels], 2), (samples, 2 * count))
    return g.concat([pairs, blanks[:, :1]], 1)


def _state_logs(probabilities: g.Node, states: g.Node, counts: g.Node, alpha: float) -> g.Node:
    """(steps, n, states): the logarithm of the smoothed probability of each state's class.

    `counts` (n,) are the numbers of states, over which alpha is spread.
    """
    dtype = probabilities.dtype
    chosen = g.one_hot(states, probabilities.shape[2], dtype)
    of_states = g.batch_dot(probabilities, chosen, ((2,), (2,)))  # (n, steps, states)
    spread = g.reshape(alpha / g.cast(counts, dtype), (-1, 1, 1))
    return g.log(g.transpose((1.0 - alpha) * of_states + spread, (1, 0, 2)))


def _may_skip(states: g.Node) -> g.Node:
    """(n, states): whether a path may go from a label over the blank after it."""
    number = g.iota(states.shape[1])
    following = g.concat([states[:, 2:], states[:, :1], states[:, :1]], 1)
    is_label = g.equal(g.mod(number, 2), 1)
    inside = g.less(number + 2, g.cast(g.as_node(states.shape[1]), "int32"))
    return g.logical_and(g.not_equal(states, following), g.logical_and(is_label, inside))


def _moved(before: g.Node, may_skip: g.Node) -> g.Node:
    """Paths (n, states) after their next move."""
    size = before.shape[1]
    by_one = g.pad(before, [(0, 0), (1, 0)], _NEVER)[:, :size]
    skipping = g.where(may_skip, before, _NEVER)
    by_two = g.pad(skipping, [(0, 0), (2, 0)], _NEVER)[:, :size]
    return g.logsumexp(g.stack([before, by_one, by_two], 0), 0)


def _paths(
    logs: g.Node, may_skip: g.Node, steps: g.Node | None = None, stacked: bool = True
) -> g.Node:
    """Paths that begin in one of the first two states: (steps, n, states), or those at the end.

    `steps` (n,) says how many count of each sample.
    """
    length, samples, size = logs.shape
    # All paths come from a state before the first one: one step on, they are in the first two.
    start = g.where(g.equal(g.iota(size), 0), 0.0, _NEVER)
    start = g.broadcast_to(g.cast(start, logs.dtype), (samples, size))
    number = g.iota(length)
    nowhere = g.broadcast_to(g.as_node(False), may_skip.shape)

    def step(
        carries: Sequence[g.Node], slices: Sequence[g.Node]
    ) -> tuple[Sequence[object], Sequence[object]]:
        (before,), (log, at) = carries, slices
        skips = g.where(g.equal(at, 0), nowhere, may_skip)
        after = g.maximum(log + _moved(before, skips), _NEVER)
        if steps is not None:
            after = g.where(g.expand_dims(g.less(at, steps), 1), after, before)
        return (after,), (after,) if stacked else ()

    (last,), outputs = g.scan(step, [start], [logs, number])
    return outputs[0] if stacked else last


def _labels(value: object, ndim: int, where: str) -> g.Node:
    node = g.as_node(value)
    if node.ndim != ndim:
        raise ShapeError(f"{where}: expected {ndim} axes, received the shape {node.shape}")
    return _whole(node, where)


def _lengths(value: object, where: str) -> g.Node:
    node = _whole(g.as_node(value), where)
    if node.ndim == 2 and node.shape[1] != 1:
        raise ShapeError(f"{where}: expected (samples, 1), received {node.shape}")
    return g.reshape(node, (node.shape[0], 1))


def _whole(node: g.Node, where: str) -> g.Node:
    """As int32: what Keras fed as labels and lengths were often floats."""
    if node.dtype == "bool":
        raise DTypeError(f"{where}: expected whole numbers, received bools")
    return g.cast(node, "int32")
