"""Connectionist temporal classification against sums over all paths in Python."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from graphc import backend as K
from graphc.compiler import graph as g
from graphc.compiler.interpret import evaluate
from graphc.errors import IndexRangeError, ShapeError
from tests.compiler.grad.differences import check_gradients

SMOOTHING = 1e-4
PROBABILITIES = np.random.default_rng(0).dirichlet(np.ones(4), (4, 6))  # the last class is blank
LABELS = np.array([[0, 1, 1], [2, 2, 0], [1, 0, -1], [-1, -1, -1]], "int32")
STEPS = np.array([[6], [5], [3], [4]], "int32")
COUNTS = np.array([[3], [2], [1], [0]], "int32")


def cost(p, labels):
    """-log of the sum over all paths of the product of what they pass."""
    blank = p.shape[1] - 1
    states = [blank]
    for label in labels:
        states += [label, blank]
    smooth = (1 - SMOOTHING) * p[:, states] + SMOOTHING / len(states)

    @cache
    def from_here(t, s):
        if t == len(p) - 1:
            return smooth[t, s] if s >= len(states) - 2 else 0.0
        moves = [s, s + 1]
        if s + 2 < len(states) and s % 2 == 1 and states[s] != states[s + 2]:
            moves.append(s + 2)
        return smooth[t, s] * sum(from_here(t + 1, m) for m in moves if m < len(states))

    return -np.log(sum(from_here(0, s) for s in range(min(2, len(states)))))


def batch(labels=LABELS, steps=STEPS, counts=COUNTS, p=PROBABILITIES):
    nodes = [g.constant(value) for value in (labels, p, steps, counts)]
    return evaluate([K.ctc_batch_cost(*nodes)], {})[0]


def test_the_cost_of_a_batch_is_that_of_all_paths():
    rows = zip(PROBABILITIES, LABELS, STEPS[:, 0], COUNTS[:, 0], strict=True)
    expected = [[cost(p[:steps], labels[:count])] for p, labels, steps, count in rows]
    np.testing.assert_allclose(batch(), expected, rtol=1e-12)


def test_a_sample_has_the_cost_that_it_has_in_a_batch():
    alone = K.ctc_cost(g.constant(PROBABILITIES[0]), g.constant(LABELS[0]))
    np.testing.assert_allclose(evaluate([alone], {})[0], batch()[0, 0], rtol=1e-12)


def test_labels_that_do_not_fit_have_an_infinite_loss():
    # Two equal labels need a blank between them, so three steps.
    found = batch(steps=np.full((4, 1), 2, "int32"), counts=np.minimum(COUNTS, 2))
    assert np.isposinf(found)[:, 0].tolist() == [False, True, False, False]


def test_a_label_that_is_no_class_is_refused():
    for wrong in (4, -1):
        with pytest.raises(IndexRangeError):
            batch(labels=np.full((4, 3), wrong, "int32"))


def test_a_label_that_is_the_blank_ends_the_labels():
    labels = np.array([[3, 1, 1], [2, 3, 0], [3, -1, -1], [-1, -1, -1]], "int32")
    counts = np.array([[3], [2], [1], [0]], "int32")
    ended = batch(labels=LABELS * 0 + 2, counts=np.array([[0], [1], [0], [0]], "int32"))
    np.testing.assert_array_equal(batch(labels=labels, counts=counts), ended)
    empty = -np.log((1 - SMOOTHING) * PROBABILITIES[0, :, 3] + SMOOTHING).sum()
    np.testing.assert_allclose(ended[0, 0], empty, rtol=1e-12)


def test_the_gradient_to_the_probabilities():
    labels, steps, counts = (g.constant(value[:2]) for value in (LABELS, STEPS, COUNTS))
    check_gradients(
        lambda p: K.ctc_batch_cost(labels, p, steps, counts),
        [PROBABILITIES[:2]],
        second_order=False,
    )


def test_at_each_step_the_paths_through_all_states_are_all_paths():
    states = K.ctc_interleave_blanks(g.constant(LABELS[0]))
    logs, passed = evaluate(K.ctc_path_probs(g.constant(PROBABILITIES[0]), states), {})
    np.testing.assert_allclose(np.log(np.exp(logs).sum(1)), -cost(PROBABILITIES[0], LABELS[0]))
    assert passed[0].tolist() == [True, True] + [False] * 5
    assert passed[-1].tolist() == [False] * 5 + [True, True]
    assert np.isneginf(logs[~passed]).all()


def test_states_and_what_may_be_skipped():
    states = K.ctc_interleave_blanks(g.constant(np.array([0, 1, 1, 2], "int32")))
    skips = K.ctc_create_skip_idxs(states)
    found = evaluate([states, skips], {})
    assert found[0].tolist() == [-1, 0, -1, 1, -1, 1, -1, 2, -1]
    assert found[1].tolist() == [1, 9, 5]  # 9 stands for none: 1 follows 1


def test_steps_of_a_path():
    states = K.ctc_interleave_blanks(g.constant(LABELS[0]))
    skips = K.ctc_create_skip_idxs(states)
    classes = np.where(states_of(states) < 0, 3, states_of(states))
    logs = np.log((1 - SMOOTHING) * PROBABILITIES[0][:, classes] + SMOOTHING / 7)
    active, log_p = g.constant(np.int32(1)), g.constant(np.zeros(7))
    for log in logs:
        active, log_p = K.ctc_update_log_p(skips, np.zeros(7), active, g.constant(log), log_p)
    reached, last = evaluate([active, log_p], {})
    assert reached == 7
    np.testing.assert_allclose(-np.logaddexp(*last[-2:]), cost(PROBABILITIES[0], LABELS[0]))


def states_of(node):
    return evaluate([node], {})[0]


def test_shapes_that_do_not_fit():
    with pytest.raises(ShapeError, match=r"y_pred: expected \(samples, steps, classes\)"):
        K.ctc_batch_cost(LABELS, PROBABILITIES[0], STEPS, COUNTS)
    with pytest.raises(ShapeError, match="y_true: expected 2 axes"):
        K.ctc_batch_cost(LABELS[0], PROBABILITIES, STEPS, COUNTS)
    with pytest.raises(ShapeError, match=r"input_length: expected \(samples, 1\)"):
        K.ctc_batch_cost(LABELS, PROBABILITIES, LABELS, COUNTS)
