import numpy as np
import pytest

from graphc import backend as K
from graphc import regularizers
from graphc.errors import ArgumentError, KeywordError, UnknownNameError

W = np.array([[1.0, -2.0], [0.5, 0.0]])


def values(regularizer):
    """(the training loss, the testing loss) for a loss of 10."""
    loss = regularizer(K.variable(10.0, "float64"))
    f = K.function([K.learning_phase()], [loss])
    return float(f([1])[0]), float(f([0])[0])


class LayerStub:
    """What a regularizer needs of a layer: its output, here 3 samples of 2 features."""

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


@pytest.mark.parametrize(
    ("regularizer", "penalty"),
    [
        # the means over samples are |o|: 4.5 / 3, 3 / 3 and o^2: 10.25 / 3, 5 / 3
        (regularizers.activity_l1(0.1), 0.1 * 2.5),
        (regularizers.activity_l2(0.1), 0.1 * 15.25 / 3),
        (regularizers.activity_l1l2(0.1, 0.2), 0.1 * 2.5 + 0.2 * 15.25 / 3),
    ],
)
def test_an_outputs_penalty_is_a_mean_over_samples(regularizer, penalty):
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


def test_config_makes_the_same_regularizer_again():
    config = regularizers.l2(0.25).get_config()
    assert config == {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.25}
    assert regularizers.get(config).get_config() == config
    activity = regularizers.activity_l1(0.5).get_config()
    assert activity == {"name": "ActivityRegularizer", "l1": 0.5, "l2": 0.0}
    assert regularizers.get(activity).get_config() == activity


def test_get_passes_none_and_refuses_the_rest():
    assert regularizers.get(None) is None
    with pytest.raises(UnknownNameError, match="Did you mean 'activity_l2'"):
        regularizers.get("activity_l3")
    with pytest.raises(
        KeywordError, match="the regularizer 'WeightRegularizer' .*'l3': it takes l1, l2"
    ):
        regularizers.get({"name": "WeightRegularizer", "l3": 0.1})
    with pytest.raises(ArgumentError, match="received 0.01"):
        regularizers.get(0.01)
    with pytest.raises(ArgumentError, match="expected a regularizer"):
        regularizers.get(regularizers.WeightRegularizer)
    with pytest.raises(ArgumentError, match="an object with set_param or set_layer"):
        regularizers.get(lambda loss: loss)


def test_a_call_before_the_weight_is_known_is_an_error():
    with pytest.raises(ArgumentError, match="set_param"):
        regularizers.l2()(K.variable(0.0))
    with pytest.raises(ArgumentError, match="set_layer"):
        regularizers.activity_l2()(K.variable(0.0))


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
