import numpy as np
import pytest

from graphc import backend as K
from graphc import regularizers
from graphc.config import config
from graphc.errors import ArgumentError, KeywordError, ShapeError, UnknownNameError
from graphc.layers.core import ActivityRegularization, Dense
from graphc.lookup import custom_objects
from graphc.models import Sequential
from graphc.releases import reading_file_of

W = np.array([[1.0, -2.0], [0.5, 0.0]])


def values(regularizer):
    """(the training loss, the testing loss) for a loss of 10."""
    loss = regularizer(K.variable(10.0, "float64"))
    f = K.function([K.learning_phase()], [loss])
    return float(f([1])[0]), float(f([0])[0])


class LayerStub:
    """The part of a layer that a regularizer needs: its output, here 3 samples of 2 features."""

    value = np.array([[1.0, -2.0], [0.5, 0.0], [3.0, 1.0]])
    output = K.variable(value, "float64")


@pytest.mark.parametrize(
    ("regularizer", "penalty"),
    [
        (regularizers.l1(0.1), 0.1 * 3.5),
        (regularizers.l2(0.1), 0.1 * 5.25),
        (regularizers.l1l2(0.1, 0.2), 0.1 * 3.5 + 0.2 * 5.25),
        (regularizers.WeightRegularizer(l1=1.0, l2=0.5), 3.5 + 0.5 * 5.25),
        (regularizers.get("l2"), 0.01 * 5.25),
        (regularizers.get("l1l2", {"l1": 1.0}), 3.5 + 0.01 * 5.25),
    ],
)
def test_a_weights_penalty_counts_in_training_only(regularizer, penalty):
    regularizer.set_param(K.variable(W, "float64"))
    training, testing = values(regularizer)
    assert training == pytest.approx(10 + penalty, rel=1e-12)
    assert testing == 10.0


@pytest.mark.flags(keras="1.0")
@pytest.mark.parametrize(
    ("make", "penalty"),
    [
        # the means over samples are |o|: 4.5 / 3, 3 / 3 and o^2: 10.25 / 3, 5 / 3
        (lambda: regularizers.activity_l1(0.1), 0.1 * 2.5),
        (lambda: regularizers.activity_l2(0.1), 0.1 * 15.25 / 3),
        (lambda: regularizers.activity_l1l2(0.1, 0.2), 0.1 * 2.5 + 0.2 * 15.25 / 3),
    ],
)
def test_an_outputs_penalty_is_a_mean_over_samples(make, penalty):
    regularizer = make()
    regularizer.set_layer(LayerStub())
    training, testing = values(regularizer)
    assert training == pytest.approx(10 + penalty, rel=1e-12)
    assert testing == 10.0


def test_one_object_for_two_weights_penalises_both():
    shared = regularizers.l2(1.0)
    first, second = regularizers.get(shared), regularizers.get(shared)
    first.set_param(K.variable([1.0]))
    second.set_param(K.variable([3.0]))
    loss = second(first(K.variable(0.0)))
    assert K.function([K.learning_phase()], [loss])([1])[0] == 10.0


@pytest.mark.flags(keras="1.0")
def test_config_makes_the_same_regularizer_again():
    config = regularizers.l2(0.25).get_config()
    assert config == {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.25}
    assert regularizers.get(config).get_config() == config
    activity = regularizers.activity_l1(0.5).get_config()
    assert activity == {"name": "ActivityRegularizer", "l1": 0.5, "l2": 0.0, "average": True}
    assert regularizers.get(activity).get_config() == activity


def test_get_passes_none_and_refuses_the_rest():
    assert regularizers.get(None) is None
    with pytest.raises(UnknownNameError, match="Did you mean 'activity_l1' or 'activity_l2'"):
        regularizers.get("activity_l3")
    with pytest.raises(
        KeywordError, match="the regularizer 'WeightRegularizer'.*'l3'. Known names: l1, l2"
    ):
        regularizers.get({"name": "WeightRegularizer", "l3": 0.1})
    with pytest.raises(ArgumentError, match="received 0.01"):
        regularizers.get(0.01)
    with pytest.raises(ArgumentError, match="^ActivityRegularizer: average: expected True or F"):
        regularizers.ActivityRegularizer(average="no")
    with pytest.raises(ArgumentError, match="expected a regularizer"):
        regularizers.get(regularizers.WeightRegularizer)


class TestOfKeras12:
    """Penalties are functions of a tensor; those of outputs are sums over the samples too."""

    @pytest.fixture(autouse=True)
    def of_1_2(self):
        with config.changed(keras="1.2"):
            yield

    @pytest.mark.parametrize("name", ["l1l2", "activity_l1l2"])
    def test_one_class_for_weights_and_outputs(self, name):
        regularizer = getattr(regularizers, name)(0.1, 0.2)
        config = {"name": "L1L2Regularizer", "l1": 0.1, "l2": 0.2}
        assert regularizer.get_config() == config
        assert regularizers.get(config).get_config() == config
        assert K.eval(regularizer(K.variable(W, "float64"))) == pytest.approx(
            0.1 * 3.5 + 0.2 * 5.25, rel=1e-12
        )
        regularizer.set_layer(LayerStub())
        assert values(regularizer)[0] == pytest.approx(10 + 0.1 * 7.5 + 0.2 * 15.25, rel=1e-12)

    def test_the_meaning_is_kept(self):
        penalty = regularizers.ActivityRegularizer(l2=0.5)
        with config.changed(keras="1.0"):
            again = regularizers.get(penalty.get_config())
        again.set_layer(LayerStub())
        assert values(again)[0] == pytest.approx(10 + 0.5 * 15.25, rel=1e-12)

    def test_the_layer_keeps_it_too(self):
        layer = ActivityRegularization(l2=0.5)
        assert layer.get_config()["average"] is False
        with config.changed(keras="1.0"):
            assert ActivityRegularization.from_config(layer.get_config()).average is False
            assert ActivityRegularization(l2=0.5).average is True


def test_factors_of_zero_penalise_nothing():
    assert K.eval(regularizers.WeightRegularizer()(K.variable(W))) == 0.0


def eigenvalue(matrix, k):
    products = matrix.T @ matrix
    v = np.linalg.matrix_power(products, 9) @ np.ones(len(products))
    return k * np.sqrt((products @ v) @ v / (v @ v))


def test_the_largest_singular_value_is_penalised():
    matrix = np.random.default_rng(3).normal(size=(4, 3))
    regularizer = regularizers.get({"name": "EigenvalueRegularizer", "k": 0.5})
    found = K.eval(regularizer(K.variable(matrix, "float64")))
    assert found == pytest.approx(eigenvalue(matrix, 0.5), rel=1e-12)
    assert found == pytest.approx(0.5 * np.linalg.norm(matrix, 2), rel=1e-3)
    weight = K.variable(matrix, "float64")
    gradient = K.eval(K.gradients(regularizer(weight), [weight])[0])
    step = np.zeros_like(matrix)
    step[2, 1] = 1e-6
    difference = (eigenvalue(matrix + step, 0.5) - eigenvalue(matrix - step, 0.5)) / 2e-6
    assert gradient[2, 1] == pytest.approx(difference, rel=1e-6)
    assert regularizer.get_config() == {"name": "EigenvalueRegularizer", "k": 0.5}


def test_a_large_matrix_and_one_of_zeros_have_a_finite_eigenvalue():
    regularizer = regularizers.EigenvalueRegularizer(1.0)
    large = np.full((300, 300), 3.0, "float32")
    assert K.eval(regularizer(K.variable(large))) == pytest.approx(900.0, rel=1e-5)
    assert K.eval(regularizer(K.variable(np.zeros((2, 2))))) == 0.0
    with pytest.raises(ShapeError, match="a weight of two axes"):
        regularizer(K.variable(np.zeros(3)))


@pytest.mark.flags(keras="1.0")
def test_the_model_refuses_one_that_watches_nothing():
    layer = Dense(2, input_dim=2)
    model = Sequential([layer])
    layer.regularizers.append(regularizers.l2(0.5))
    with pytest.raises(ArgumentError, match="WeightRegularizer: .*watches nothing"):
        model.compile("sgd", "mse")


class Spread(regularizers.Regularizer):
    """A user's of Keras 1.2: a function of the weight."""

    def __init__(self, k):
        self.k = k

    def __call__(self, x):
        return self.k * K.sum(K.square(x - 1.0))

    def get_config(self):
        return {"k": self.k}


def ones_cost(weight):
    return K.sum(weight)


@pytest.mark.parametrize(
    ("own", "penalty"),
    [(Spread(2.0), lambda w: 2 * ((w - 1) ** 2).sum()), (ones_cost, lambda w: w.sum())],
)
def test_a_users_function_of_the_weight(own, penalty):
    layer = Dense(2, input_dim=2, W_regularizer=own)
    model = Sequential([layer])
    layer.set_weights([W, np.zeros(2)])
    model.compile("sgd", "mse")
    x = np.ones((3, 2))
    found = model.train_on_batch(x, x @ W)
    assert found == pytest.approx(penalty(W), rel=1e-6)
    with custom_objects({"Spread": Spread}):
        again = Dense.from_config(layer.get_config())
    assert K.eval(again.W_regularizer(K.variable(W, "float64"))) == pytest.approx(penalty(W))


def test_a_users_function_that_returns_no_number():
    with pytest.raises(ArgumentError, match="<lambda>: .*the penalty, a scalar"):
        regularizers.get(lambda weight: weight)(K.variable(W))


class Largest(regularizers.Regularizer):
    """A user's: the largest weight times a strength that can be set."""

    def __init__(self, strength=1.0):
        self.strength = K.variable(strength, "float64")

    def set_param(self, p):
        self.p = p

    def __call__(self, loss):
        return K.in_train_phase(loss + self.strength * K.max(self.p), loss)

    def get_config(self):
        return {"name": self.__class__.__name__, "strength": float(K.get_value(self.strength))}


class OfOutputs:
    """A user's that derives from nothing, and counts in testing too."""

    def set_layer(self, layer):
        self.layer = layer

    def __call__(self, loss):
        return loss + K.mean(self.layer.output)


def test_a_users_regularizer_watches_a_weight():
    own = Largest(2.0)
    regularizer = regularizers.get(own)
    regularizer.set_param(K.variable(W, "float64"))
    f = K.function([K.learning_phase()], [regularizer(K.variable(10.0, "float64"))])
    assert [float(f([phase])[0]) for phase in (1, 0)] == [12.0, 10.0]
    K.set_value(own.strength, 5.0)  # the copy reads the same variable
    assert float(f([1])[0]) == 15.0
    assert regularizer.get_config() == {"name": "Largest", "strength": 5.0}


def test_a_users_regularizer_watches_an_output():
    regularizer = regularizers.get(OfOutputs())
    regularizer.set_layer(LayerStub())
    assert values(regularizer) == (10 + LayerStub.value.mean(),) * 2


@pytest.mark.parametrize(("release", "average"), [((1, 0, 6), True), ((1, 0, 7), False)])
def test_a_penalty_on_outputs_in_a_file_is_of_its_release(release, average):
    with reading_file_of(release):
        made = regularizers.get({"name": "ActivityRegularizer", "l1": 0.5, "l2": 0.0})
    assert made.average is average
