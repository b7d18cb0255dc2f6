import math

import numpy as np
import pytest

from graphc import backend as K
from graphc import initializations
from graphc.compiler import graph as g
from graphc.errors import ArgumentError, KeywordError, ShapeError, UnknownNameError
from tests.numpys_blas import CONTROLLER, threads


def drawn(name, shape, seed=7, **kwargs):
    np.random.seed(seed)
    return K.get_value(initializations.get(name)(shape, **kwargs))


@pytest.mark.flags(keras="1.0")
@pytest.mark.parametrize(
    ("shape", "ordering", "fans"),
    [
        ((5, 3), "th", (5, 3)),
        ((8, 3, 2, 4), "th", (24, 8)),
        ((2, 4, 3, 8), "tf", (24, 8)),
        ((8, 3, 2, 4, 5), "th", (120, 8)),
        ((2, 4, 5, 3, 8), "tf", (120, 8)),
        ((9,), "th", (3.0, 3.0)),
        ((4, 2, 2), "th", (4.0, 4.0)),
    ],
)
def test_fans(shape, ordering, fans):
    assert initializations.get_fans(shape, ordering) == fans


# The bound of a uniform one, or the deviation of a normal one, of a weight (200, 100).
@pytest.mark.parametrize(
    ("name", "draw"),
    [
        ("uniform", lambda s: np.random.uniform(-0.05, 0.05, s)),
        ("normal", lambda s: np.random.normal(0, 0.05, s)),
        ("lecun_uniform", lambda s: np.random.uniform(-math.sqrt(3 / 200), math.sqrt(3 / 200), s)),
        ("glorot_uniform", lambda s: np.random.uniform(-math.sqrt(0.02), math.sqrt(0.02), s)),
        ("glorot_normal", lambda s: np.random.normal(0, math.sqrt(2 / 300), s)),
        ("he_normal", lambda s: np.random.normal(0, 0.1, s)),
        ("he_uniform", lambda s: np.random.uniform(-math.sqrt(0.03), math.sqrt(0.03), s)),
    ],
)
def test_the_draws_are_numpys_of_the_seed(name, draw):
    ours = drawn(name, (200, 100))
    np.random.seed(7)
    expected = draw((200, 100))
    np.testing.assert_allclose(ours, expected, rtol=1e-6)
    assert ours.dtype == np.float32


@pytest.mark.parametrize("draw", ["uniform", "normal"])
@pytest.mark.parametrize("size", [3, 2**16, 2**16 + 1, 300_007])
def test_large_weights_are_drawn_in_pieces_of_the_same_numbers(draw, size):
    np.random.seed(7)
    np.random.normal()  # the second number of a pair is to come
    ours = initializations.get(draw)((size,)).get_value()
    behind = np.random.normal()
    np.random.seed(7)
    np.random.normal()
    bounds = {"uniform": (-0.05, 0.05), "normal": (0.0, 0.05)}[draw]
    expected = getattr(np.random, draw)(*bounds, size).astype("float32")
    np.testing.assert_array_equal(ours, expected)
    assert np.random.normal() == behind


class TestWeightsToBeSet:
    @pytest.mark.parametrize("name", initializations.INITIALIZATIONS)
    def test_nothing_is_drawn(self, name):
        init = initializations.get(name, dim_ordering="tf", scale=2.0)
        np.random.seed(7)
        with initializations.to_be_set():
            weight = initializations.initial(init, (4, 4), "w")
        assert g.name_of(weight) == "w"
        if name not in ("one", "identity"):
            np.testing.assert_array_equal(weight.get_value(), np.zeros((4, 4)))
        following = np.random.rand()
        np.random.seed(7)
        assert np.random.rand() == following
        drawn = initializations.initial(init, (4, 4), "w").get_value()
        assert np.any(drawn) or name == "zero"

    def test_the_same_shapes_are_refused(self):
        with initializations.to_be_set():
            for name, shape in (("orthogonal", (3,)), ("identity", (2, 3)), ("uniform", (0, 3))):
                with pytest.raises(ShapeError):
                    initializations.initial(initializations.get(name), shape, "w")

    def test_functions_of_a_user_draw(self):
        def normed(shape, name=None):
            values = initializations.normal(shape).get_value()
            return K.variable(values / np.linalg.norm(values), name=name)

        with initializations.to_be_set():
            found = initializations.initial(normed, (3, 4), "w").get_value()
            assert np.any(initializations.uniform((3,)).get_value())
        np.testing.assert_allclose(np.linalg.norm(found), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("lecun_uniform", 1 / 300),
        ("glorot_uniform", 2 / 500),
        ("glorot_normal", 2 / 500),
        ("he_normal", 2 / 300),
        ("he_uniform", 2 / 300),
    ],
)
def test_the_variance_is_the_papers(name, variance):
    weights = drawn(name, (300, 200)).astype("float64")
    # 60,000 draws: the variance's own relative deviation is below 0.6 %, so 3 % is 5 of them.
    assert weights.var() == pytest.approx(variance, rel=0.03)
    assert abs(weights.mean()) < 5 * math.sqrt(variance / weights.size)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5), (4, 3, 2, 2)])
def test_orthogonal_is_the_factor_of_one_draw(shape):
    weights = drawn("orthogonal", shape).astype("float64").reshape(shape[0], -1)
    rows, columns = weights.shape
    gram = weights @ weights.T if rows <= columns else weights.T @ weights
    np.testing.assert_allclose(gram, 1.21 * np.eye(min(rows, columns)), atol=1e-5)
    np.random.seed(7)
    u, _, v = np.linalg.svd(np.random.normal(0.0, 1.0, (rows, columns)), full_matrices=False)
    factor = u if u.shape == (rows, columns) else v
    np.testing.assert_allclose(weights, 1.1 * factor, atol=1e-6)


@pytest.mark.parametrize(("size", "expected"), [(128, 1), (350, 3)])
def test_orthogonal_takes_one_thread_of_the_blas_for_milliseconds(size, expected, monkeypatch):
    """The factors of 128 x 128 take some 0.05 GFLOP, of 350 x 350 1.1."""
    if not CONTROLLER.lib_controllers:
        pytest.skip("the threads of this NumPy's BLAS cannot be chosen")
    seen, svd = [], np.linalg.svd

    def watched(*arguments, **keywords):
        seen.append(threads())
        return svd(*arguments, **keywords)

    monkeypatch.setattr(np.linalg, "svd", watched)
    with CONTROLLER.limit(limits=3):
        drawn("orthogonal", (size, size))
        assert threads() == 3
    assert seen == [expected]


def test_identity_zero_and_one():
    np.testing.assert_array_equal(drawn("identity", (3, 3), scale=2), 2 * np.eye(3))
    np.testing.assert_array_equal(drawn("zero", (2, 3)), np.zeros((2, 3)))
    np.testing.assert_array_equal(drawn("one", (2, 3)), np.ones((2, 3)))
    with pytest.raises(ShapeError, match="square"):
        initializations.identity((2, 3))
    with pytest.raises(ShapeError, match="two axes"):
        initializations.orthogonal((3,))


def test_the_ordering_reaches_the_fans():
    initializer = initializations.get("he_uniform", dim_ordering="tf")
    np.random.seed(7)
    weights = K.get_value(initializer((3, 3, 2, 16), name="W"))
    np.random.seed(7)
    bound = math.sqrt(6 / 18)
    np.testing.assert_allclose(weights, np.random.uniform(-bound, bound, weights.shape), rtol=1e-6)
    assert K.get_value(initializations.get("zero", dim_ordering="tf")((2,))).tolist() == [0, 0]


def test_a_users_function_is_taken_as_it_is():
    def sevens(shape, name=None):
        return initializations.normal(shape, scale=1e-9, name=name) + 7.0

    assert initializations.get(sevens) is sevens
    ordered = initializations.get(sevens, dim_ordering="tf")  # which it does not ask for
    np.testing.assert_allclose(K.eval(ordered((2, 3), name="W")), np.full((2, 3), 7.0), rtol=1e-6)


def test_what_is_not_known_is_refused():
    with pytest.raises(UnknownNameError, match="here it is 'zero'"):
        initializations.get("zeros")
    with pytest.raises(UnknownNameError, match="Did you mean 'glorot_uniform'"):
        initializations.get("glorot_unifrm")
    with pytest.raises(KeywordError, match="Did you mean 'dim_ordering'"):
        initializations.get("uniform", dim_order="tf")
    with pytest.raises(ArgumentError, match="get_fans: dim_ordering: expected 'th'"):
        initializations.get_fans((1, 1, 1, 1), "xy")
    with pytest.raises(ShapeError, match="Give input_shape or input_dim"):
        initializations.uniform((None, 3))


@pytest.mark.parametrize("name", ["uniform", "normal", "orthogonal", "identity", "zero", "one"])
def test_what_needs_no_fans_takes_an_ordering_too(name):
    np.random.seed(3)
    plain = K.eval(initializations.get(name)((4, 4)))
    np.random.seed(3)
    bound = initializations.get(name, dim_ordering="tf")
    np.testing.assert_array_equal(K.eval(bound((4, 4))), plain)


def test_a_weight_has_the_name_that_its_function_gave_or_that_of_the_layer():
    def array(shape):
        return np.ones(shape)

    def unnamed(shape):
        return K.variable(np.ones(shape))

    def named(shape, name=None):
        return K.variable(np.ones(shape), name="mine")

    found = [initializations.initial(one, (2,), "W") for one in (array, unnamed, named)]
    assert [g.name_of(one) for one in found] == ["W", "W", "mine"]
    assert [one.get_value().tolist() for one in found] == [[1, 1]] * 3
