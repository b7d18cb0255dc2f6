import numpy as np
import pytest

from graphc import backend as K
from graphc.errors import ShapeError

COUNT = 100_000


def test_uniform_has_its_bounds_and_moments():
    value = K.eval(K.random_uniform((COUNT,), -1.0, 3.0, "float64", seed=2))
    assert value.min() >= -1.0
    assert value.max() < 3.0
    assert value.mean() == pytest.approx(1.0, abs=5 * np.sqrt(16 / 12 / COUNT))
    assert value.var() == pytest.approx(16 / 12, rel=0.02)


def test_normal_has_its_moments():
    value = K.eval(K.random_normal((COUNT,), 2.0, 0.5, "float64", seed=2))
    assert value.mean() == pytest.approx(2.0, abs=5 * 0.5 / np.sqrt(COUNT))
    assert value.std() == pytest.approx(0.5, rel=0.02)
    # The share beyond two deviations of a normal distribution is 4.55 %.
    assert (np.abs(value - 2) > 1).mean() == pytest.approx(0.0455, abs=0.004)


def test_binomial_is_ones_and_zeros():
    value = K.eval(K.random_binomial((COUNT,), 0.3, seed=2))
    assert value.dtype == np.float32
    assert set(value.tolist()) == {0.0, 1.0}
    assert value.mean() == pytest.approx(0.3, abs=5 * np.sqrt(0.21 / COUNT))


def test_shapes_may_depend_on_the_call():
    x = K.placeholder((None, 2))
    noise = K.random_uniform(K.shape(x), seed=4)
    f = K.function([x], [x + noise])
    assert f([np.zeros((3, 2))])[0].shape == (3, 2)
    assert f([np.zeros((5, 2))])[0].shape == (5, 2)
    with pytest.raises(ShapeError, match=r"random_normal: .*received \(None, 2\); K.shape\(x\)"):
        K.random_normal((None, 2))


def test_the_seed_comes_from_numpy_when_the_expression_is_made():
    np.random.seed(9)
    first = K.eval(K.random_normal((5,)))
    np.random.seed(9)
    again = K.random_normal((5,))
    np.random.seed(10)
    np.testing.assert_array_equal(first, K.eval(again))
