"""Twenty steps of each optimizer against plain NumPy written from the formulas of Keras 1.0 and,
where they are others, of Keras 1.2."""

import numpy as np
import pytest

from graphc import backend as K
from graphc import optimizers
from graphc.config import config
from graphc.constraints import maxnorm, nonneg
from graphc.errors import (
    ArgumentError,
    GradientError,
    KeywordError,
    ShapeError,
    UnknownNameError,
)
from graphc.layers.core import Dense
from graphc.models import Sequential

STEPS = 20
RNG = np.random.RandomState(11)
A, Y = RNG.randn(6, 4), RNG.randn(6)
B, C = RNG.randn(2, 3), RNG.randn(2, 3)
START = [RNG.randn(4), RNG.randn(2, 3)]


def loss_of(p, q):
    """Half the squares of A p - Y and of B q - C, with analytic gradients below."""
    fit = K.dot(K.variable(A), p) - K.variable(Y)
    return 0.5 * K.sum(K.square(fit)) + 0.5 * K.sum(K.square(K.variable(B) * q - K.variable(C)))


def gradients(p, q):
    return [A.T @ (A @ p - Y), B * (B * q - C)]


def clipped(grads, clipnorm=None, clipvalue=None):
    if clipnorm is not None:
        norm = np.sqrt(sum((g**2).sum() for g in grads))
        if norm >= clipnorm:
            grads = [g * clipnorm / norm for g in grads]
    if clipvalue is not None:
        grads = [np.clip(g, -clipvalue, clipvalue) for g in grads]
    return grads


def sgd(state, step, p, g, lr=0.01, momentum=0.0, decay=0.0, nesterov=False):
    lr_t = lr / (1 + decay * step)
    v = state["m"] = momentum * state.get("m", 0) - lr_t * g
    return p + (momentum * v - lr_t * g if nesterov else v)


def root(a, epsilon, keras):
    """With its default where no epsilon is given."""
    if keras == "1.0":
        return np.sqrt(a + (1e-6 if epsilon is None else epsilon))
    return np.sqrt(a) + (1e-8 if epsilon is None else epsilon)


def rmsprop(state, step, p, g, lr=0.001, rho=0.9, epsilon=None, decay=0.0, keras="1.0"):
    a = state["a"] = rho * state.get("a", 0) + (1 - rho) * g**2
    return p - lr / (1 + decay * step) * g / root(a, epsilon, keras)


def adagrad(state, step, p, g, lr=0.01, epsilon=None, decay=0.0, keras="1.0"):
    a = state["a"] = state.get("a", 0) + g**2
    return p - lr / (1 + decay * step) * g / root(a, epsilon, keras)


def adadelta(state, step, p, g, lr=1.0, rho=0.95, epsilon=None, decay=0.0, keras="1.0"):
    epsilon = {"1.0": 1e-6, "1.2": 1e-8}[keras] if epsilon is None else epsilon
    lr = lr / (1 + decay * step)
    a = state["a"] = rho * state.get("a", 0) + (1 - rho) * g**2
    d = state.get("d", 0)
    u = g * np.sqrt(d + epsilon) / np.sqrt(a + epsilon)
    state["d"] = rho * d + (1 - rho) * u**2
    return p - lr * u


def adam(state, step, p, g, lr=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-8, decay=0.0):
    t, lr = step + 1, lr / (1 + decay * step)
    m = state["m"] = beta_1 * state.get("m", 0) + (1 - beta_1) * g
    v = state["v"] = beta_2 * state.get("v", 0) + (1 - beta_2) * g**2
    return p - lr * np.sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / (np.sqrt(v) + epsilon)


def adamax(state, step, p, g, lr=0.002, beta_1=0.9, beta_2=0.999, epsilon=1e-8, decay=0.0):
    lr = lr / (1 + decay * step)
    m = state["m"] = beta_1 * state.get("m", 0) + (1 - beta_1) * g
    u = state["u"] = np.maximum(beta_2 * state.get("u", 0), np.abs(g))
    return p - lr / (1 - beta_1 ** (step + 1)) * m / (u + epsilon)


def nadam(state, step, p, g, lr=0.002, beta_1=0.9, beta_2=0.999, epsilon=1e-8, decay=0.004):
    t = step + 1
    u, next_u = (beta_1 * (1 - 0.5 * 0.96 ** (k * decay)) for k in (t, t + 1))
    product = state["product"] = state.get("product", 1.0) * u
    m = state["m"] = beta_1 * state.get("m", 0) + (1 - beta_1) * g
    v = state["v"] = beta_2 * state.get("v", 0) + (1 - beta_2) * g**2
    direction = (1 - u) * g / (1 - product) + next_u * m / (1 - product * next_u)
    return p - lr * direction / (np.sqrt(v / (1 - beta_2**t)) + epsilon)


REFERENCES = {f.__name__: f for f in (sgd, rmsprop, adagrad, adadelta, adam, adamax, nadam)}

CASES = [
    ("sgd", {}),
    ("sgd", {"lr": 0.05, "momentum": 0.9}),
    ("sgd", {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    ("sgd", {"lr": 0.05, "momentum": 0.5, "decay": 0.3, "nesterov": True}),
    ("sgd", {"clipnorm": 0.5}),
    ("sgd", {"lr": 0.1, "momentum": 0.9, "clipnorm": 2.0, "clipvalue": 0.3}),
    ("rmsprop", {}),
    ("rmsprop", {"lr": 0.01, "rho": 0.5, "epsilon": 1e-2, "clipvalue": 0.2}),
    ("adagrad", {}),
    ("adagrad", {"lr": 0.3, "epsilon": 1e-1, "clipnorm": 1.0}),
    ("adadelta", {}),
    ("adadelta", {"lr": 0.5, "rho": 0.7, "epsilon": 1e-3, "clipnorm": 3.0}),
    ("adam", {}),
    ("adam", {"lr": 0.1, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3, "clipvalue": 0.5}),
    ("adamax", {}),
    ("adamax", {"lr": 0.1, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3, "clipnorm": 0.7}),
    ("nadam", {}),
    ("nadam", {"lr": 0.1, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3, "clipvalue": 0.5}),
    ("rmsprop", {"decay": 0.3}),
    ("adagrad", {"decay": 0.3}),
    ("adadelta", {"decay": 0.3}),
    ("adam", {"decay": 0.3}),
    ("adamax", {"decay": 0.3}),
]
CASES_OF_1_2 = [
    ("sgd", {"lr": 0.05, "momentum": 0.5, "decay": 0.3, "nesterov": True}),
    ("rmsprop", {}),
    ("rmsprop", {"lr": 0.01, "rho": 0.5, "epsilon": 1e-2}),
    ("adagrad", {}),
    ("adagrad", {"lr": 0.3, "epsilon": 1e-1, "decay": 0.3}),
    ("adadelta", {}),
    ("adam", {"decay": 0.3}),
]


@pytest.fixture(autouse=True)
def _double():
    with config.changed(floatX="float64"):
        yield


def compiled(optimizer, constraints=()):
    """(parameters, function of one step that returns the loss before it)."""
    params = [K.variable(value, name=name) for value, name in zip(START, "pq", strict=True)]
    loss = loss_of(*params)
    pairs = {params[k]: constraint for k, constraint in dict(constraints).items()}
    return params, K.function([], [loss], optimizer.get_updates(params, pairs, loss))


@pytest.mark.parametrize("name", ["SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "Adamax"])
def test_the_decay_that_an_optimizer_was_made_with_is_kept(name):
    optimizer = optimizers.get(name, {"decay": 0.25})
    K.set_value(optimizer.decay, 0.5)
    assert optimizer.initial_decay == 0.25
    assert optimizers.get(name).initial_decay == 0.0


@pytest.mark.flags(keras="1.0")
@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_twenty_steps_equal_numpy(name, arguments):
    check_steps(optimizers.get(name, arguments), name, arguments)


@pytest.mark.parametrize(("name", "arguments"), CASES_OF_1_2)
def test_twenty_steps_of_keras_1_2(name, arguments):
    """The release is that of the time when the optimizer is made."""
    with config.changed(keras="1.2"):
        optimizer = optimizers.get(name, arguments)
    keras = {"keras": "1.2"} if name in ("rmsprop", "adagrad", "adadelta") else {}
    check_steps(optimizer, name, {**arguments, **keras})
    made_again = optimizers.optimizer_from_config(
        {"class_name": type(optimizer).__name__.lower(), "config": optimizer.get_config()}
    )
    check_steps(made_again, name, {**arguments, **keras}, 2)


def check_steps(optimizer, name, arguments, steps=STEPS):
    params, train = compiled(optimizer)
    own = {key: value for key, value in arguments.items() if not key.startswith("clip")}
    clips = {key: value for key, value in arguments.items() if key.startswith("clip")}
    values, states = list(START), [{}, {}]
    for step in range(steps):
        expected = 0.5 * ((A @ values[0] - Y) ** 2).sum() + 0.5 * ((B * values[1] - C) ** 2).sum()
        np.testing.assert_allclose(train([])[0], expected, rtol=1e-9)
        grads = clipped(gradients(*values), **clips)
        values = [REFERENCES[name](states[k], step, values[k], grads[k], **own) for k in range(2)]
        for param, value in zip(params, values, strict=True):
            np.testing.assert_allclose(K.get_value(param), value, rtol=1e-9)


def test_a_constraint_sees_the_new_value():
    params, train = compiled(optimizers.SGD(lr=0.1), {0: nonneg(), 1: maxnorm(0.5)})
    p, q = START
    for _ in range(3):
        train([])
        g, h = gradients(p, q)
        p, q = p - 0.1 * g, q - 0.1 * h
        p = p * (p >= 0)
        norm = np.sqrt((q**2).sum(0, keepdims=True))
        q = q * np.clip(norm, 0, 0.5) / (1e-7 + norm)
    np.testing.assert_allclose(K.get_value(params[0]), p, rtol=1e-9)
    np.testing.assert_allclose(K.get_value(params[1]), q, rtol=1e-9)


def test_the_learning_rate_can_change_between_steps():
    optimizer = optimizers.SGD(lr=0.01)
    params, train = compiled(optimizer)
    train([])
    report = train.function.report
    K.set_value(optimizer.lr, 0.5)
    before = [K.get_value(param) for param in params]
    train([])
    assert train.function.report is report  # nothing is compiled again
    for param, old, g in zip(params, before, gradients(*before), strict=True):
        np.testing.assert_allclose(K.get_value(param), old - 0.5 * g, rtol=1e-12)


def test_a_number_that_is_assigned_sets_the_learning_rate(caplog):
    optimizer = optimizers.SGD(lr=0.01)
    params, train = compiled(optimizer)
    train([])
    optimizer.lr = 0.5
    assert "SGD.lr = 0.5 sets the value that training reads" in caplog.text
    before = [K.get_value(param) for param in params]
    train([])
    for param, old, g in zip(params, before, gradients(*before), strict=True):
        np.testing.assert_allclose(K.get_value(param), old - 0.5 * g, rtol=1e-12)
    with pytest.raises(ArgumentError, match="lr: expected a finite number"):
        optimizer.lr = "fast"


@pytest.mark.flags(keras="1.0")
@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("sgd", {"lr": 0.2, "momentum": 0.9}),
        ("sgd", {"decay": 0.5, "iterations": 7}),
        ("rmsprop", {"lr": 0.2, "rho": 0.3}),
        ("adagrad", {"lr": 0.2}),
        ("adadelta", {"lr": 0.2}),
        ("adam", {"lr": 0.2, "beta_1": 0.3, "beta_2": 0.6}),
        ("adam", {"iterations": 50}),
        ("adamax", {"lr": 0.2, "beta_1": 0.3, "beta_2": 0.6, "iterations": 4}),
    ],
)
def test_every_variable_acts_from_the_step_behind_its_setting(name, changed):
    optimizer = optimizers.get(name)
    params, train = compiled(optimizer)
    values, states, step, own = list(START), [{}, {}], 0, {}
    for turn in range(4):
        if turn == 2:
            for key, value in changed.items():
                K.set_value(getattr(optimizer, key), value)
            own = {key: value for key, value in changed.items() if key != "iterations"}
            step = changed.get("iterations", step)
        train([])
        grads = gradients(*values)
        values = [REFERENCES[name](states[k], step, values[k], grads[k], **own) for k in range(2)]
        step += 1
    for param, value in zip(params, values, strict=True):
        np.testing.assert_allclose(K.get_value(param), value, rtol=1e-9)


@pytest.mark.flags(keras="1.0")
@pytest.mark.parametrize(
    ("name", "kinds"),
    [("rmsprop", "a"), ("adagrad", "a"), ("adadelta", "ad"), ("adam", "mv"), ("adamax", "mu")],
)
def test_weights_are_one_kind_for_all_parameters_then_the_other(name, kinds):
    optimizer = optimizers.get(name)
    _, train = compiled(optimizer)
    train([])
    states = [{}, {}]
    for k, gradient in enumerate(gradients(*START)):
        REFERENCES[name](states[k], 0, START[k], gradient)
    expected = [states[k][kind] for kind in kinds for k in range(2)]
    for weight, value in zip(optimizer.get_weights(), expected, strict=True):
        np.testing.assert_allclose(weight, value, rtol=1e-9)


def test_a_models_learning_rate_acts_at_once_and_compiles_nothing():
    model = Sequential([Dense(2, input_dim=3)])
    model.compile(optimizers.Adam(lr=0.1), "mse")
    x, y = RNG.rand(4, 3), RNG.rand(4, 2)
    model.train_on_batch(x, y)
    report, before = model.compile_report(), model.get_weights()
    K.set_value(model.optimizer.lr, 0.0)
    model.train_on_batch(x, y)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert model.compile_report() == report


# name, the number of weights, and what the state holds beside the parameters p and q, in order
STATES = [
    ("sgd", 0, ["iterations", "p_momentum", "p", "q_momentum", "q"]),
    ("rmsprop", 2, ["p_square", "p", "q_square", "q"]),
    ("adagrad", 2, ["p_square", "p", "q_square", "q"]),
    ("adadelta", 4, ["p_square", "p", "p_delta", "q_square", "q", "q_delta"]),
    ("adam", 4, ["iterations", "p_mean", "p_square", "p", "q_mean", "q_square", "q"]),
    ("adamax", 4, ["iterations", "p_mean", "p_largest", "p", "q_mean", "q_largest", "q"]),
]


@pytest.mark.flags(keras="1.0")
@pytest.mark.parametrize(("name", "count", "order"), STATES)
def test_weights_and_state_come_in_keras_order_and_resume_a_run(name, count, order):
    optimizer = optimizers.get(name)
    assert optimizer.get_weights() == []
    _, train = compiled(optimizer)
    assert [variable.attrs["state"].name for variable, _ in optimizer.updates] == order
    for _ in range(3):
        train([])
    state, weights = optimizer.get_state(), optimizer.get_weights()
    assert [value.shape for value in weights] == [(4,), (2, 3)] * (count // 2)
    if "iterations" in order:
        assert state[0] == 3.0
    ahead = [float(train([])[0]) for _ in range(3)]

    other = optimizers.get(name)
    _, train = compiled(other)
    other.set_state(state)
    for mine, theirs in zip(other.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert [float(train([])[0]) for _ in range(3)] == ahead


@pytest.mark.flags(keras="1.0")
def test_weights_of_another_shape_change_nothing():
    optimizer = optimizers.Adam()
    with pytest.raises(ShapeError, match="once a train function is made"):
        optimizer.set_weights([np.zeros(4)])
    compiled(optimizer)
    before = optimizer.get_weights()
    wrong = [value + 1 for value in before]
    wrong[-1] = wrong[-1][:1]
    with pytest.raises(ShapeError, match=r"Adam.set_weights: expected 4 arrays"):
        optimizer.set_weights(wrong)
    for old, new in zip(before, optimizer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.flags(keras="1.0")
def test_config_makes_the_same_optimizer_again():
    optimizer = optimizers.SGD(lr=0.5, momentum=0.25, nesterov=True, clipnorm=2)
    config = optimizer.get_config()
    assert config == {
        "name": "SGD",
        "lr": 0.5,
        "momentum": 0.25,
        "decay": 0.0,
        "nesterov": True,
        "clipnorm": 2.0,
        "keras": "1.0",
    }
    assert optimizers.get(config).get_config() == config
    assert optimizers.SGD.from_config(config).get_config() == config
    assert "clipnorm" not in optimizers.RMSprop().get_config()
    for name in ("sgd", "rmsprop", "adagrad", "adadelta", "adam", "adamax"):
        made = optimizers.get(name)
        assert made.get_config()["name"] == type(made).__name__
        assert optimizers.get(made) is made


class TestOfKeras12:
    """Differences other than the formulas."""

    @pytest.fixture(autouse=True)
    def of_1_2(self):
        with config.changed(keras="1.2"):
            yield

    @pytest.mark.parametrize(
        ("name", "weights"),
        [
            ("sgd", ["iterations", "p_momentum", "q_momentum"]),
            ("rmsprop", ["p_square", "q_square"]),
            ("adadelta", ["p_square", "q_square", "p_delta", "q_delta"]),
            ("adam", ["iterations", "p_mean", "q_mean", "p_square", "q_square"]),
            ("adamax", ["iterations", "p_mean", "q_mean", "p_largest", "q_largest"]),
            ("nadam", ["iterations", "p_mean", "q_mean", "p_square", "q_square"]),
        ],
    )
    def test_weights_begin_with_the_count(self, name, weights):
        optimizer = optimizers.get(name)
        params, train = compiled(optimizer)
        for _ in range(3):
            train([])
        assert [one.attrs["state"].name for one in optimizer.weights] == weights
        other = optimizers.get(name)
        others, ahead = compiled(other)
        for mine, its in zip(others, params, strict=True):
            K.set_value(mine, K.get_value(its))
        other.set_weights(optimizer.get_weights())
        train([])
        ahead([])
        for mine, its in zip(others, params, strict=True):
            np.testing.assert_allclose(K.get_value(mine), K.get_value(its), rtol=1e-6)

    @pytest.mark.parametrize("steps", [0, 1, 5])
    def test_nadams_product_follows_from_the_count(self, steps):
        """Files of Keras have the count alone."""
        optimizer = optimizers.Nadam(beta_1=0.8, schedule_decay=0.5)
        compiled(optimizer)
        count, *others = optimizer.get_weights()
        optimizer.set_weights([np.full_like(count, steps), *others])
        factors = [0.8 * (1 - 0.5 * 0.96 ** (0.5 * t)) for t in range(1, steps + 1)]
        assert K.get_value(optimizer.m_schedule) == pytest.approx(np.prod(factors), rel=1e-6)

    @pytest.mark.parametrize(("decay", "count"), [(0.0, 0), (0.5, 3)])
    def test_sgd_counts_only_for_its_decay(self, decay, count):
        optimizer = optimizers.SGD(decay=decay)
        _, train = compiled(optimizer)
        for _ in range(3):
            train([])
        assert K.get_value(optimizer.iterations) == count

    def test_the_config_has_no_name_inside(self):
        assert optimizers.Adagrad(lr=0.5, clipvalue=2.0).get_config() == {
            "lr": 0.5, "epsilon": 1e-8, "decay": 0.0, "clipvalue": 2.0, "keras": "1.2",
        }  # fmt: skip

    def test_parameters_are_ordered_by_name(self):
        params = [K.variable(0.0, name=name) for name in ("d_9_W", "d_9_b", "d_10_b", "d_10_W")]
        in_order = optimizers.SGD().in_order(params)
        assert in_order == [params[k] for k in (3, 2, 0, 1)]
        assert optimizers.SGD(keras="1.0").in_order(params) == params


def test_a_config_in_the_layout_of_keras_is_of_1_2():
    made = optimizers.optimizer_from_config(
        {"class_name": "rmsprop", "config": {"lr": 0.25, "rho": 0.5, "epsilon": 1e-8}}
    )
    assert isinstance(made, optimizers.RMSprop)
    assert made.keras == "1.2"
    own = {"class_name": "Halved", "config": {"lr": 0.25}}
    made = optimizers.optimizer_from_config(own, custom_objects={"Halved": Halved})
    assert K.get_value(made.lr) == 0.25
    with pytest.raises(UnknownNameError, match="unknown optimizer 'Halved'"):
        optimizers.optimizer_from_config(own)
    with pytest.raises(ArgumentError, match="expected an object with class_name and config"):
        optimizers.optimizer_from_config({"name": "SGD"})


def test_clipping_is_an_attribute_only_where_it_is_given():
    assert not hasattr(optimizers.SGD(clipvalue=1.0), "clipnorm")
    assert optimizers.SGD(clipnorm=3).clipnorm == 3.0
    later = optimizers.SGD()
    later.clipvalue = 0.5
    p = K.variable(3.0)
    assert K.eval(dict(later.get_updates([p], {}, K.square(p)))[p]) == 3.0 - 0.01 * 0.5


def test_an_optimizer_of_tensorflow_is_refused():
    with pytest.raises(ArgumentError, match=r"TFOptimizer\(object\): .*graphc.optimizers"):
        optimizers.TFOptimizer(object())


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: optimizers.SGD(learning_rate=0.1), KeywordError, "here it is 'lr'"),
        (lambda: optimizers.SGD(momentun=0.1), KeywordError, "Did you mean 'momentum'"),
        (lambda: optimizers.get("adam", {"beta1": 0.5}), KeywordError, "here it is 'beta_1'"),
        (lambda: optimizers.get("adm"), UnknownNameError, "Did you mean 'adam'"),
        (lambda: optimizers.get(optimizers.SGD), ArgumentError, "expected an optimizer"),
        (lambda: optimizers.get(None), ArgumentError, "received None"),
        (lambda: optimizers.SGD(keras="1.1"), ArgumentError, "keras: expected one of '1.0', '1.2'"),
        (lambda: optimizers.Adam(decay=-1), ArgumentError, "decay: expected .* at least 0"),
        (lambda: optimizers.SGD(clipnorm=0), ArgumentError, "clipnorm: expected a number above 0"),
        (lambda: optimizers.SGD(clipvalue=-1.0), ArgumentError, "clipvalue: expected .* above 0"),
        (lambda: optimizers.SGD(clipnorm="a"), ArgumentError, "clipnorm: expected a finite number"),
        (lambda: optimizers.SGD(lr=None), ArgumentError, "SGD: lr: expected .*received None"),
        (lambda: optimizers.SGD(lr=[0.1, 0.2]), ArgumentError, "lr: expected a finite number"),
        (lambda: optimizers.SGD(lr=float("nan")), ArgumentError, "lr: expected a finite number"),
        (lambda: optimizers.Adam(beta_1=1.0), ArgumentError, "0 <= beta_1 < 1, received 1.0"),
        (lambda: optimizers.RMSprop(rho=3), ArgumentError, "RMSprop: rho .* 0 <= rho < 1, rec.* 3"),
        (lambda: optimizers.Adadelta(rho=-1), ArgumentError, "rho is what a running mean keeps"),
        (lambda: optimizers.SGD(momentum="x"), ArgumentError, "momentum: expected a finite"),
        (lambda: optimizers.SGD(nesterov="no"), ArgumentError, "nesterov: expected True or False"),
        (lambda: optimizers.SGD(decay=-1e-6), ArgumentError, "decay: expected .* at least 0, rec"),
        (lambda: optimizers.Adam(epsilon=-1), ArgumentError, "epsilon: expected .* at least 0"),
        (lambda: optimizers.Adam(epsilon=None), ArgumentError, "Adam: epsilon: expected"),
        (lambda: optimizers.Adadelta(rho="x"), ArgumentError, "Adadelta: rho: expected"),
    ],
)
def test_bad_arguments_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_negative_rate_climbs_and_is_logged(caplog):
    p = K.variable(3.0)
    updates = dict(optimizers.SGD(lr=-0.5).get_updates([p], {}, K.square(p)))
    assert caplog.messages == ["SGD: lr=-0.5 is negative, so training makes the loss larger"]
    assert K.eval(updates[p]) == 3.0 + 0.5 * 2 * 3.0


def test_a_parameter_that_the_loss_does_not_read_is_an_error():
    used, unused = K.variable(1.0), K.variable(2.0, name="unused")
    with pytest.raises(GradientError, match="unused"):
        optimizers.SGD().get_updates([used, unused], {}, K.square(used))


def test_clip_norm_and_kl_divergence():
    g = K.variable([3.0, 4.0])
    np.testing.assert_allclose(K.eval(optimizers.clip_norm(g, 1.0, 5.0 + 0 * g)), [0.6, 0.8])
    np.testing.assert_array_equal(K.eval(optimizers.clip_norm(g, 9.0, 5.0 + 0 * g)), [3.0, 4.0])
    divergence = optimizers.kl_divergence(K.variable([0.5]), K.variable([0.25]))
    np.testing.assert_allclose(K.eval(divergence), [-0.25 + 0.5 * np.log(2)], rtol=1e-12)


class Halved(optimizers.Optimizer):
    """A user's, as they were written: a running mean of the gradients, and a rate that halves."""

    def __init__(self, lr=0.1, rho=0.5, **kwargs):
        super().__init__(**kwargs)
        self.__dict__.update(locals())
        self.lr = K.variable(lr)

    def get_updates(self, params, constraints, loss):
        grads = self.get_gradients(loss, params)
        means = [K.variable(np.zeros(K.get_value(p).shape)) for p in params]
        self.weights = means
        self.updates = [(self.lr, self.lr / 2)]
        for p, g, m in zip(params, grads, means, strict=True):
            new_m = self.rho * m + (1 - self.rho) * g
            self.updates.append((m, new_m))
            new_p = p - self.lr * new_m
            if p in constraints:
                new_p = constraints[p](new_p)
            self.updates.append((p, new_p))
        return self.updates

    def get_config(self):
        return {"name": self.__class__.__name__, "lr": float(K.get_value(self.lr))}


def test_a_users_optimizer():
    own = Halved(lr=0.4, clipvalue=0.3)
    assert optimizers.get(own) is own
    params, train = compiled(own, {0: nonneg()})
    values, means, lr = list(START), [0.0, 0.0], 0.4
    for _ in range(3):
        train([])
        grads = clipped(gradients(*values), clipvalue=0.3)
        means = [0.5 * m + 0.5 * g for m, g in zip(means, grads, strict=True)]
        values = [value - lr * m for value, m in zip(values, means, strict=True)]
        values[0] = values[0] * (values[0] >= 0)
        lr /= 2
    for param, value in zip(params, values, strict=True):
        np.testing.assert_allclose(K.get_value(param), value, rtol=1e-9)
    for weight, mean in zip(own.get_weights(), means, strict=True):
        np.testing.assert_allclose(weight, mean, rtol=1e-9)
    assert own.get_config() == {"name": "Halved", "lr": lr}
    own.set_weights([np.ones(4), np.ones((2, 3))])
    assert own.get_state()[1].tolist() == [1.0] * 4  # after the rate
    with pytest.raises(KeywordError, match="Halved: unknown keyword 'clipnom'"):
        Halved(clipnom=1.0)
