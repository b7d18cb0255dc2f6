"""Functions over lists, what feeds them, and gradients of expressions."""

import numpy as np
import pytest

from graphc import backend as K
from graphc.backend import functions
from graphc.engine import Input, Model
from graphc.errors import (
    ArgumentError,
    DataError,
    DTypeError,
    GradientError,
    KeywordError,
    ShapeError,
    UnknownNameError,
)
from graphc.layers.core import Activation, Dense, Dropout
from graphc.models import Sequential


def test_eval_gives_the_value_of_an_expression():
    assert K.eval(K.variable(2.0) * 3) == 6.0
    with pytest.raises(ArgumentError, match="needs 'x'"):
        K.eval(K.placeholder((2,), name="x") + 1)


def test_a_function_takes_and_gives_lists_and_converts():
    x, n = K.placeholder((None, 2)), K.placeholder((), dtype="int32")
    total = K.variable(0.0)
    f = K.function([x, n], [K.sum(x) * n], updates=[(total, total + K.sum(x))])
    outputs = f([[[1, 2], [3, 4]], 2.0])
    assert outputs == [20.0]
    assert outputs[0].dtype == np.float32
    assert f([np.ones((3, 2), dtype=bool), np.int64(1)]) == [6.0]
    assert K.get_value(total) == 16.0
    with pytest.raises(DataError, match="whole numbers that fit int32"):
        f([np.ones((1, 2)), 1.5])
    with pytest.raises(DataError, match="whole numbers that fit int32"):
        f([np.ones((1, 2)), float("nan")])
    with pytest.raises(DTypeError, match="expected numbers, received str"):
        f(["a", 1])
    with pytest.raises(ArgumentError, match="expected 2 arrays, one for each of <.*received 1"):
        f([1])
    with pytest.raises(ArgumentError, match="expected a list of 2 arrays"):
        f(np.ones((2, 2)))
    with pytest.raises(ArgumentError, match="expected a list of inputs, received <input"):
        K.function(x, [x])
    with pytest.raises(ArgumentError, match=r"updates: expected a list of \(variable, new value\)"):
        K.function([x], [x], updates=total)


def test_a_mode_is_given_by_name_and_unknown_keywords_are_refused():
    x = K.placeholder((2,))
    f = K.function([x], [x + 1], mode="FAST_COMPILE")
    assert f.function.report.mode == "FAST_COMPILE"
    with pytest.raises(UnknownNameError, match="unknown mode 'FAST'. Did you mean 'FAST_RUN'"):
        K.function([x], [x + 1], mode="FAST")
    with pytest.raises(KeywordError, match="K.function: unknown keyword 'given'. Did"):
        K.function([x], [x], given=[])


def test_bools_are_fed_as_zeros_and_ones():
    mask = K.placeholder((2,), dtype="bool", name="mask")
    f = K.function([mask], [K.switch(mask, 1.0, 2.0)])
    assert f([[0.0, 1.0]])[0].tolist() == [2.0, 1.0]
    for wrong in ([0, 2], [0.5, 1], [0, float("nan")]):
        with pytest.raises(DataError, match="'mask'.*expected 0 or 1"):
            f([wrong])


@pytest.mark.parametrize(("phase", "expected"), [(0, [2.0, 1.0]), (1, [1.0, 2.0])])
def test_the_phase_is_fed_or_fixed(phase, expected):
    a, b = K.variable(1.0), K.variable(2.0)
    outputs = [K.in_train_phase(a, b), K.in_test_phase(a, b)]
    assert K.function([K.learning_phase()], outputs)([phase]) == expected
    fixed = K.function([], outputs, givens=[(K.learning_phase(), bool(phase))])
    assert fixed([]) == expected
    with pytest.raises(ArgumentError, match="learning_phase"):
        K.function([], outputs)


def test_switch_chooses_by_element():
    chosen = K.switch(K.variable([1, 0, 2]), K.variable([1.0, 2.0, 3.0]), 0.0)
    assert K.eval(chosen).tolist() == [1.0, 0.0, 3.0]


def test_gradients_come_in_the_order_of_the_variables():
    x, y = K.variable(3.0), K.variable(5.0)
    dx, dy = K.gradients(x * x * y, [x, y])
    assert [float(K.eval(dx)), float(K.eval(dy))] == [30.0, 9.0]
    with pytest.raises(GradientError):
        K.gradients(x * x, [y])


def test_a_gradient_of_one_node_stands_in_no_list():
    x = K.variable([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(
        K.eval(K.gradients(K.sum(K.square(x)), x)), [[2.0, 4.0], [6.0, 8.0]]
    )


def test_an_expression_may_be_differentiated_by():
    x = K.placeholder((None, 2))
    hidden = K.tanh(x)
    (slope,) = K.gradients(K.sum(K.square(hidden)), [hidden])
    np.testing.assert_allclose(
        K.function([x], [slope])([[[0.5, -1.0]]])[0], [2 * np.tanh([0.5, -1])]
    )


W = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])


def layers():
    """x (None, 2) -> hidden (None, 3) -> output (None, 3)."""
    x = K.placeholder((None, 2), dtype="float64", name="x")
    hidden = K.tanh(K.dot(x, K.variable(W, "float64")))
    return x, hidden, K.square(hidden) + 1.0


def test_what_is_fed_for_an_expression_stands_for_its_value():
    _, hidden, output = layers()
    value = np.array([[1.0, -2.0, 3.0]])
    fed = K.function([hidden], [output, hidden])
    np.testing.assert_array_equal(fed([value])[0], value**2 + 1)
    np.testing.assert_array_equal(fed([value])[1], value)
    assert fed([np.ones((5, 3))])[0].shape == (5, 3)
    with pytest.raises(ShapeError, match="expected 3, received 4"):
        fed([np.ones((5, 4))])


def test_updates_and_givens_read_what_is_fed_for_an_expression():
    _, hidden, output = layers()
    total, scale = K.variable(0.0, "float64"), K.variable(2.0, "float64")
    f = K.function(
        [hidden], [scale * output], [(total, K.sum(hidden))], givens=[(scale, K.cast(3, "float64"))]
    )
    np.testing.assert_array_equal(f([np.full((1, 3), 2.0)])[0], np.full((1, 3), 15.0))
    assert K.get_value(total) == 6.0


def test_a_gradient_at_a_fed_expression():
    _, hidden, output = layers()
    (slope,) = K.gradients(K.sum(output), [hidden])
    np.testing.assert_array_equal(
        K.function([hidden], [slope])([[[1.0, 2.0, 3.0]]])[0], [[2, 4, 6]]
    )


def test_a_sequence_fed_for_an_expression_may_be_of_any_length():
    x = K.placeholder((None, None, 2))
    shorter = x[:, 1:] - x[:, :-1]
    f = K.function([shorter], [K.sum(shorter, axis=1)])
    for length in (1, 4):
        np.testing.assert_array_equal(f([np.ones((2, length, 2))])[0], np.full((2, 2), length))


def test_an_input_that_is_not_listed_is_an_error():
    x, hidden, output = layers()
    with pytest.raises(ArgumentError, match="the graph needs 'x'"):
        K.function([hidden], [output + K.sum(x)])
    both = K.function([x, hidden], [output + K.sum(x)])
    np.testing.assert_array_equal(both([[[1.0, 2.0]], [[0.0, 0.0, 1.0]]])[0], [[4.0, 4.0, 5.0]])
    # Nothing between x and the expression is computed, so x is not needed with it.
    with pytest.raises(ArgumentError, match="'x'.*is not needed"):
        K.function([x, hidden], [output])


@pytest.mark.parametrize(
    "node", [lambda: K.variable(1.0, name="w"), lambda: 3.0, lambda: K.cast(2.0, "float32")]
)
def test_what_no_call_can_feed_is_refused(node):
    with pytest.raises(ArgumentError, match="input 1: expected a placeholder or an expression"):
        K.function([K.placeholder((2,)), node()], [K.ones((2,))])


def test_the_missing_phase_is_named_with_the_remedy():
    x = K.placeholder((None, 2))
    with pytest.raises(ArgumentError, match=r"list .*K\.learning_phase\(\).* among the inputs"):
        K.function([x], [K.in_train_phase(2 * x, x)])
    f = K.function([x, K.learning_phase()], [K.in_train_phase(2 * x, x)])
    assert [float(f([[[1.0, 1.0]], phase])[0][0, 0]) for phase in (0, 1, False, 1.0)] == [
        1,
        2,
        1,
        2,
    ]
    with pytest.raises(DataError, match="learning_phase.*expected 0 or 1"):
        f([[[1.0, 1.0]], 2])


def test_setting_a_variable_compiles_nothing():
    x, rate = K.placeholder((2,)), K.variable(0.5)
    f = K.function([x], [rate * x])
    report = f.function.report
    assert f([[2.0, 4.0]])[0].tolist() == [1.0, 2.0]
    K.set_value(rate, 2.0)
    assert f([[2.0, 4.0]])[0].tolist() == [4.0, 8.0]
    assert f.function.report is report


def test_a_function_from_the_input_to_a_layer_and_from_that_layer_on():
    model = Sequential([Dense(4, input_dim=3), Activation("linear"), Dropout(0.5), Dense(2)])
    x = np.random.rand(5, 3)
    expected = model.predict(x)
    first, second, dropout, _ = model.layers
    to_hidden = K.function([first.input, K.learning_phase()], [dropout.output])
    (hidden,) = to_hidden([x, 0])
    dropped = to_hidden([x, 1])[0]
    assert ((dropped == 0) | np.isclose(dropped, 2 * hidden)).all()
    (output,) = K.function([dropout.output], [model.output])([hidden])
    np.testing.assert_allclose(output, expected, rtol=1e-6)
    for layer in (first, second):
        (output,) = K.function([layer.output, K.learning_phase()], [model.output])([hidden, 0])
        np.testing.assert_allclose(output, expected, rtol=1e-6)


def test_a_layer_of_a_functional_model_is_fed():
    a = Input(shape=(3,))
    hidden = Dense(3)(a)
    last = Dense(2)
    model = Model(a, last(hidden))
    weights, bias = last.get_weights()
    (output,) = K.function([hidden], [model.output])([np.ones((4, 3))])
    np.testing.assert_allclose(output, np.ones((4, 3)) @ weights + bias, rtol=1e-6)


def test_a_stopped_gradient_takes_a_tensor_for_a_constant():
    x = K.variable([2.0, 3.0])
    held, other = K.stop_gradient([K.square(x), x])
    assert K.eval(held).tolist() == [4.0, 9.0]
    gradient = K.gradients(K.sum(x * held + other), [x])[0]
    assert K.eval(gradient).tolist() == [4.0, 9.0]
    with pytest.raises(GradientError, match="only through stop_gradient"):
        K.gradients(K.sum(held), [x])


def test_a_fixed_learning_phase_is_a_constant(monkeypatch):
    monkeypatch.setattr(functions, "_fixed_phase", None)
    x = K.placeholder((2,))
    for phase, expected in ((1, 1.0), (0, 2.0)):
        K.set_learning_phase(phase)
        f = K.function([x], [K.in_train_phase(lambda: x, x + 1), K.in_test_phase(lambda: x + 1, x)])
        assert [value.tolist() for value in f([np.ones(2)])] == [[expected] * 2] * 2
    with pytest.raises(ArgumentError, match="expected 0 .testing. or 1"):
        K.set_learning_phase(2)


def test_a_model_behind_a_fixed_phase_trains_and_predicts_in_it(monkeypatch):
    monkeypatch.setattr(functions, "_fixed_phase", None)
    K.set_learning_phase(1)
    model = Sequential([Dropout(0.5, input_shape=(200,))])
    model.compile("sgd", "mse")
    assert (model.predict(np.ones((1, 200))) == 0).any()


def test_a_printed_tensor_is_shown_at_each_call(capsys):
    x = K.placeholder((None,))
    y = K.print_tensor(x * 2, "twice: ")
    total = K.variable(0.0)
    f = K.function([x], [K.sum(y)], updates=[(total, K.sum(y) + total)])
    assert f([[1.0, 2.0]])[0] == 6.0
    assert f([[3.0]])[0] == K.get_value(total) - 6.0 == 6.0
    assert capsys.readouterr().out == "twice: [2. 4.]\ntwice: [6.]\n"
    weight = K.variable(3.0)
    gradient = K.gradients(K.square(K.print_tensor(weight)), weight)
    assert K.eval(gradient) == 6.0


def test_the_step_of_a_loop_prints_nothing():
    with pytest.raises(ArgumentError, match="print_tensor 'x' is within the step of a loop"):
        K.eval(K.map_fn(lambda row: K.print_tensor(row, "x"), K.ones((2, 3))))


def test_inside_of_training_the_phase_is_that_of_training():
    x = K.placeholder((2,))
    with functions.in_training():
        trained = [K.in_train_phase(x * 2.0, x * 3.0), K.in_test_phase(x * 2.0, x * 3.0)]
    assert [one.tolist() for one in K.function([x], trained)([[1, 2]])] == [[2, 4], [3, 6]]
    assert K.in_train_phase(x, x * 3.0)._uses_learning_phase


def test_several_tensors_are_constants_to_gradients():
    w = K.variable([1.0, 2.0])
    stopped = K.stop_gradient([w * 2.0, w * 3.0])
    assert isinstance(stopped, list)
    total = K.sum(w * w + stopped[0] * stopped[1] * w)
    assert K.eval(K.gradients(total, w)).tolist() == [2 + 6, 4 + 24]


@pytest.mark.parametrize("dtype", ["float32", ">f4", "float64"])
def test_an_array_that_is_fed_is_read_and_not_kept(dtype: str) -> None:
    x = K.placeholder((3, 2))
    state = K.variable(np.zeros((3, 2)))
    fed = np.arange(6, dtype=dtype).reshape(3, 2)
    run = K.function([x], [x, x + state], updates=[(state, x)])
    outputs = run([fed])
    fed[:] = 7.0
    for output in (*outputs, K.get_value(state)):
        np.testing.assert_array_equal(output, np.arange(6).reshape(3, 2))
