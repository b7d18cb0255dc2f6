import numpy as np
import pytest

from graphc import backend as K
from graphc.errors import ArgumentError, DTypeError, IndexRangeError, ShapeError

RNG = np.random.RandomState(5)
X = RNG.randn(3, 4, 5)


def tensor(value):
    return K.variable(value, "float64")


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (lambda x: K.max(x, axis=1), X.max(1)),
        (lambda x: K.min(x, axis=(0, 2)), X.min((0, 2))),
        (lambda x: K.sum(x, axis=-1, keepdims=True), X.sum(-1, keepdims=True)),
        (lambda x: K.prod(x, axis=0), X.prod(0)),
        (lambda x: K.mean(x), X.mean()),
        (lambda x: K.std(x, axis=2), X.std(2)),
        (lambda x: K.argmax(x), X.argmax(-1)),
        (lambda x: K.argmin(x, axis=0), X.argmin(0)),
        (lambda x: K.any(x > 2, axis=2), (X > 2).any(2)),
        (lambda x: K.all(x > -1, axis=2), (X > -1).all(2)),
        (lambda x: K.var(x, axis=(0, 2), keepdims=True), X.var((0, 2), keepdims=True)),
        (lambda x: K.greater(x, 0.1), X > 0.1),
        (lambda x: K.greater_equal(K.round(x), 1), np.round(X) >= 1),
        (lambda x: K.lesser(x, 0.1), X < 0.1),
        (lambda x: K.lesser_equal(K.round(x), 1), np.round(X) <= 1),
        (K.sin, np.sin(X)),
        (K.cos, np.cos(X)),
        (lambda x: K.stack([x, x]), np.stack([X, X])),
        (lambda x: K.reverse(x, 1), X[:, ::-1]),
        (lambda x: K.reverse(x, [0, 2]), X[::-1, :, ::-1]),
        (lambda x: K.one_hot(K.argmax(x), 6), np.eye(6)[X.argmax(-1)].astype("float32")),
        (lambda x: K.pattern_broadcast(x[:1], (True, False, False)), X[:1]),
        (K.square, X**2),
        (K.abs, np.abs(X)),
        (K.sqrt, np.sqrt(np.maximum(X, 0))),
        (K.exp, np.exp(X)),
        (lambda x: K.log(K.abs(x)), np.log(np.abs(X))),
        (K.round, np.round(X)),
        (K.sign, np.sign(X)),
        (lambda x: K.pow(x, 3), X**3),
        (lambda x: K.clip(x, -0.5, 0.5), np.clip(X, -0.5, 0.5)),
        (lambda x: K.clip(x, 0.5, -0.5), np.full_like(X, 0.5)),
        (lambda x: K.clip(x, tensor(0.5), tensor(-0.5)), np.full_like(X, 0.5)),
        (lambda x: K.equal(K.round(x), 1.0), np.round(X) == 1),
        (lambda x: K.not_equal(K.round(x), 1.0), np.round(X) != 1),
        (lambda x: K.maximum(x, 0.1), np.maximum(X, 0.1)),
        (lambda x: K.minimum(x, 0.1), np.minimum(X, 0.1)),
        (K.transpose, X.T),
        (lambda x: K.permute_dimensions(x, (1, 0, 2)), X.transpose(1, 0, 2)),
        (lambda x: K.reshape(x, (-1, 10)), X.reshape(-1, 10)),
        (lambda x: K.concatenate([x, x], axis=1), np.concatenate([X, X], 1)),
        (lambda x: K.concatenate([x, x]), np.concatenate([X, X], -1)),
        (lambda x: K.pack([x, x]), np.stack([X, X])),
        (lambda x: K.repeat_elements(x, 3, axis=1), np.repeat(X, 3, 1)),
        (lambda x: K.tile(x, 2), np.tile(X, 2)),
        (lambda x: K.tile(x, (2, 1, 3)), np.tile(X, (2, 1, 3))),
        (lambda x: K.tile(x, (2, 1, 1, 2)), np.tile(X, (2, 1, 1, 2))),
        (K.flatten, X.reshape(-1)),
        (K.batch_flatten, X.reshape(3, 20)),
        (K.expand_dims, X[..., None]),
        (lambda x: K.expand_dims(x, 1), X[:, None]),
        (lambda x: K.cast(x, "int32"), X.astype("int32")),
    ],
)
def test_equals_numpy(result, expected):
    value = K.eval(result(tensor(X)))
    assert value.shape == expected.shape
    np.testing.assert_allclose(value, expected, rtol=1e-13)


def test_squeeze_takes_one_axis_only():
    x = tensor(np.zeros((1, 2, 1)))
    assert K.shape(K.squeeze(x, 2)) == (1, 2)
    with pytest.raises(ShapeError, match="has size 2, not 1"):
        K.squeeze(x, 1)


def test_squeeze_of_a_size_that_the_call_knows():
    """Targets of a loss of one's own have such sizes: numbers of classes, (batch, steps, 1)."""
    x = K.placeholder(ndim=3)
    squeezed = K.function([x], [K.squeeze(x, 2)])
    np.testing.assert_array_equal(squeezed([np.ones((2, 3, 1))])[0], np.ones((2, 3)))
    with pytest.raises(ShapeError):
        squeezed([np.ones((2, 3, 2))])


def test_repeat_copies_features_over_time():
    x = RNG.randn(2, 3)
    value = K.eval(K.repeat(tensor(x), 4))
    np.testing.assert_array_equal(value, np.repeat(x[:, None], 4, 1))
    with pytest.raises(ShapeError, match=r"expected \(samples, features\)"):
        K.repeat(tensor(X), 2)


def test_round_takes_halves_to_even_and_sqrt_clips():
    assert K.eval(K.round(K.variable([0.5, 1.5, -0.5]))).tolist() == [0.0, 2.0, -0.0]
    assert K.eval(K.sqrt(K.variable([-4.0, 4.0]))).tolist() == [0.0, 2.0]


def test_roots_of_zero_have_no_gradient():
    x = tensor([[0.0, -1.0, 4.0], [3.0, 3.0, 3.0]])
    np.testing.assert_array_equal(
        K.eval(K.gradients(K.sum(K.sqrt(x)), x))[0], [0.0, 0.0, 1 / (2 * np.sqrt(4.0))]
    )
    slope = K.eval(K.gradients(K.sum(K.std(x, axis=1)), x))
    np.testing.assert_allclose(slope[0], np.array([-1, -2, 3]) / (3 * np.sqrt(14 / 3)), rtol=1e-12)
    assert slope[1].tolist() == [0.0, 0.0, 0.0]


def test_the_mean_of_ints_and_bools_is_floatx():
    mean = K.mean(K.variable([1, 2], dtype="int32"))
    assert (K.dtype(mean), float(K.eval(mean))) == ("float32", 1.5)
    share = K.mean(K.equal(K.variable([1.0, 2.0]), K.variable([1.0, 3.0])))
    assert (K.dtype(share), float(K.eval(share))) == ("float32", 0.5)


@pytest.mark.parametrize(
    ("left", "right"), [((2, 3), (3, 4)), ((2, 5, 3), (3, 4)), ((2, 3), (6, 3, 4)), ((3,), (3,))]
)
def test_dot_is_numpys(left, right):
    x, y = RNG.randn(*left), RNG.randn(*right)
    np.testing.assert_allclose(K.eval(K.dot(tensor(x), tensor(y))), np.dot(x, y), rtol=1e-12)


@pytest.mark.parametrize(
    ("left", "right", "axes", "formula"),
    [
        ((4, 2, 3), (4, 3, 5), None, "nij,njk->nik"),
        ((4, 2, 3), (4, 5, 3), 2, "nij,nkj->nik"),
        ((4, 2, 3), (4, 5, 2), (1, 2), "nji,nkj->nik"),
        ((4, 2, 3), (4, 3), (2, 1), "nij,nj->ni"),
        ((4, 2, 3), (4, 3, 2, 5), ([1, 2], (2, 1)), "nij,njik->nk"),
    ],
)
def test_batch_dot(left, right, axes, formula):
    x, y = RNG.randn(*left), RNG.randn(*right)
    value = K.eval(K.batch_dot(tensor(x), tensor(y), axes))
    np.testing.assert_allclose(value, np.einsum(formula, x, y), rtol=1e-12)


def test_batch_dot_of_vectors_is_a_column():
    x, y = RNG.randn(4, 3), RNG.randn(4, 3)
    value = K.eval(K.batch_dot(tensor(x), tensor(y), 1))
    np.testing.assert_allclose(value, (x * y).sum(1, keepdims=True), rtol=1e-12)


def test_batch_dot_takes_axes_of_each():
    x, y, matrices = tensor(RNG.randn(4, 3)), tensor(RNG.randn(4, 3)), tensor(RNG.randn(4, 2, 3))
    assert K.shape(K.batch_dot(x, y, np.int64(1))) == (4, 1)
    assert K.shape(K.batch_dot(matrices, y, (-1, -1))) == (4, 2)
    for axes in ((1, 1, 1), ([1], [1, 2]), ([], []), (1.0, 1)):
        with pytest.raises(ArgumentError, match="expected one axis of x and one of y, or equally"):
            K.batch_dot(x, y, axes)
    with pytest.raises(ArgumentError, match=r"by default .*\(4, 3\).* give axes="):
        K.batch_dot(matrices, y)
    with pytest.raises(ShapeError, match="axis 0, which is the batch"):
        K.batch_dot(x, y, 0)
    with pytest.raises(ShapeError, match="sizes differ, 2 and 3"):
        K.batch_dot(matrices, y, (1, 1))
    with pytest.raises(ShapeError, match=r"axis 1 of \(4, 2, 3\) and axis 2 of .* 2 and 3"):
        K.batch_dot(matrices, matrices, ([1, 2], [2, 1]))
    with pytest.raises(ShapeError, match=r"name an axis twice"):
        K.batch_dot(matrices, matrices, ([1, 1], [1, 2]))


def test_gather_takes_rows():
    rows = K.gather(tensor(X), K.variable([[2, 0], [1, 1]], dtype="int32"))
    np.testing.assert_array_equal(K.eval(rows), X[[[2, 0], [1, 1]]])
    for outside, dtype in ((3, "int32"), (-1, "int32"), (2**32, "int64"), (2**32 - 1, "uint32")):
        with pytest.raises(IndexRangeError, match=f"index {outside} "):
            K.eval(K.gather(tensor(X), K.variable([outside], dtype=dtype)))
    with pytest.raises(IndexRangeError, match="index 4294967296 at position .1,."):
        K.eval(K.gather(tensor(X), [0, 2**32]))


@pytest.mark.parametrize("arguments", [(4,), (2, 7), (7, 1, -2), (0.5, 2.0, 0.25), (3, 3), (-2,)])
def test_arange_equals_numpy(arguments):
    value = K.eval(K.arange(*arguments, dtype="float64"))
    np.testing.assert_array_equal(value, np.arange(*arguments, dtype="float64"))
    assert K.eval(K.arange(3)).dtype == "int32"


def test_arange_over_an_open_size():
    x = K.placeholder((None, 2))
    n = K.shape(x)[0]
    ranges = [K.arange(n), K.arange(1, n, 2), K.arange(n - 1, n + 2, dtype="float32")]
    f = K.function([x], [*ranges, x])
    for rows in (1, 4):
        found = f([np.zeros((rows, 2))])
        for one, expected in zip(
            found, [(rows,), (1, rows, 2), (rows - 1, rows + 2)], strict=False
        ):
            np.testing.assert_array_equal(one, np.arange(*expected))
    with pytest.raises(ArgumentError, match="step, where a size is symbolic"):
        K.arange(0, n, -1)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: K.arange(tensor(3)), ArgumentError, "expected numbers or sizes"),
        (lambda: K.arange(3, step=0), ArgumentError, "other than 0"),
        (lambda: K.one_hot(tensor(X), 3), DTypeError, "indices: expected whole numbers"),
        (lambda: K.pattern_broadcast(tensor(X), (True,)), ArgumentError, "expected 3 bools"),
        (
            lambda: K.pattern_broadcast(tensor(X), (False, True, False)),
            ShapeError,
            "axis 1 .* expected the size 1",
        ),
    ],
)
def test_what_later_functions_do_not_take(call, error, message):
    with pytest.raises(error, match=message):
        call()
