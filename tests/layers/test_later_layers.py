"""Layers of Keras 1.0.6 to 1.2.2 against formulas written out in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import backend as K
from graphc import layers
from graphc.compiler import graph as g
from graphc.compiler.interpret import evaluate
from graphc.config import config
from graphc.engine import Input
from graphc.errors import ArgumentError, ShapeError
from graphc.layers.convolutional_recurrent import ConvRecurrent2D
from graphc.models import Sequential
from graphc.regularizers import l2
from tests.backend.window_sums import channels_last, convolved

rng = np.random.default_rng(8)

ORDERINGS = pytest.mark.parametrize("ordering", ["th", "tf"])


def run(layer, x, mask=None, training=False):
    """Return the output of a layer for an array, in float64."""
    with config.changed(floatX="float64"):
        entry = Input(x.shape[1:], dtype="float64")
        node = layer(entry, mask=None if mask is None else g.constant(mask))
        phase = {g.learning_phase(): g.constant(np.bool_(training))}
        (node,) = g.substitute([node], phase)
    for weight in layer.weights:
        weight.set_value(rng.normal(size=weight.shape))
    return evaluate([node], {entry: x})[0]


def as_given(ordering, image):
    return image if ordering == "th" else channels_last(image)


@ORDERINGS
@pytest.mark.parametrize("dims", [1, 2, 3])
def test_global_pooling(dims, ordering):
    x = rng.normal(size=(2, 3, 4, 5, 6)[: dims + 2])
    space = tuple(range(2, dims + 2))
    if dims == 1 and ordering == "th":
        return
    arguments = {} if dims == 1 else {"dim_ordering": ordering}
    for name, read in (("Max", np.max), ("Average", np.mean)):
        layer = getattr(layers, f"Global{name}Pooling{dims}D")(**arguments)
        found = run(layer, as_given(ordering, x))
        np.testing.assert_allclose(found, read(x, axis=space), rtol=1e-13)


def test_global_pooling_of_open_steps():
    model = Sequential([layers.GlobalAveragePooling1D(input_shape=(None, 3))])
    for steps in (1, 4):
        x = rng.normal(size=(2, steps, 3))
        np.testing.assert_allclose(model.predict(x), x.mean(1), rtol=1e-5, atol=1e-6)


@ORDERINGS
def test_cropping(ordering):
    x = rng.normal(size=(2, 3, 6, 5, 7))
    cropped = x[:, :, 1:4, :4, 3:]
    layer = layers.Cropping3D(((1, 2), (0, 1), (3, 0)), dim_ordering=ordering)
    np.testing.assert_array_equal(run(layer, as_given(ordering, x)), as_given(ordering, cropped))
    images = layers.Cropping2D(((0, 2), (1, 1)), dim_ordering=ordering)
    found = run(images, as_given(ordering, x[:, :, 0]))
    np.testing.assert_array_equal(found, as_given(ordering, x[:, :, 0, :3, 1:6]))


def test_cropping_of_open_steps():
    model = Sequential([layers.Cropping1D((1, 2), input_shape=(None, 2))])
    x = rng.normal(size=(1, 6, 2)).astype("float32")
    np.testing.assert_array_equal(model.predict(x), x[:, 1:4])
    with pytest.raises(ShapeError, match="larger than what is cut off"):
        layers.Cropping1D((1, 2))(Input((3, 2)))


@ORDERINGS
def test_padding_of_each_side(ordering):
    x = rng.normal(size=(2, 3, 4, 5))
    around = np.pad(x, ((0, 0), (0, 0), (1, 0), (2, 3)))
    sides = {"top_pad": 1, "left_pad": 2, "right_pad": 3}
    for padding in (sides, (1, 0, 2, 3), [1, 0, 2, 3]):
        layer = layers.ZeroPadding2D(padding, dim_ordering=ordering)
        np.testing.assert_array_equal(run(layer, as_given(ordering, x)), as_given(ordering, around))
    steps = np.pad(x[0], ((0, 0), (2, 1), (0, 0)))
    for padding in ((2, 1), {"left_pad": 2, "right_pad": 1}):
        np.testing.assert_array_equal(run(layers.ZeroPadding1D(padding), x[0]), steps)


def test_whole_channels_are_dropped():
    x = rng.normal(size=(4, 5, 6, 2, 3)) + 9
    for layer, value, shared in (
        (layers.SpatialDropout1D(0.5), x[..., 0, 0], (1,)),
        (layers.SpatialDropout2D(0.5, dim_ordering="th"), x[..., 0], (2, 3)),
        (layers.SpatialDropout2D(0.5, dim_ordering="tf"), x[..., 0], (1, 2)),
        (layers.SpatialDropout3D(0.5, dim_ordering="tf"), x, (1, 2, 3)),
    ):
        found = run(layer, value, training=True)
        dropped = found == 0
        np.testing.assert_array_equal(dropped.all(shared), dropped.any(shared))
        assert 0 < dropped.mean() < 1
        np.testing.assert_allclose(found[~dropped], 2 * value[~dropped])
        np.testing.assert_array_equal(run(layer, value), value)


def test_a_seed_gives_the_same_masks():
    x = np.ones((3, 40))
    one, same, other = (run(layers.Dropout(0.5, seed=seed), x, training=True) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    rows = run(layers.Dropout(0.5, noise_shape=(3, 1)), x, training=True)
    assert (rows == rows[:, :1]).all()
    with pytest.raises(ShapeError, match="dropout_.*noise_shape .*axis 1: expected 1 or 40"):
        run(layers.Dropout(0.5, noise_shape=(3, 2)), x)


def test_locally_connected_steps():
    x = rng.normal(size=(2, 7, 3))
    layer = layers.LocallyConnected1D(4, 3, activation="tanh", subsample_length=2)
    found = run(layer, x)
    W, b = layer.get_weights()
    assert (W.shape, b.shape) == ((3, 9, 4), (3, 4))
    for p in range(3):
        window = x[:, 2 * p : 2 * p + 3].reshape(2, 9)
        np.testing.assert_allclose(found[:, p], np.tanh(window @ W[p] + b[p]), rtol=1e-12)


@ORDERINGS
def test_locally_connected_pixels(ordering):
    x = rng.normal(size=(2, 3, 5, 6))
    layer = layers.LocallyConnected2D(4, 2, 3, subsample=(2, 1), dim_ordering=ordering)
    found = run(layer, as_given(ordering, x))
    W, b = layer.get_weights()
    assert (W.shape, b.shape) == ((8, 18, 4), (2, 4, 4))
    bias = b.reshape(4, 2, 4) if ordering == "th" else np.moveaxis(b, -1, 0)
    for p in range(8):
        r, c = divmod(p, 4)
        window = as_given(ordering, x[:, :, 2 * r : 2 * r + 2, c : c + 3]).reshape(2, 18)
        pixel = found[:, :, r, c] if ordering == "th" else found[:, r, c]
        np.testing.assert_allclose(pixel, window @ W[p] + bias[:, r, c], rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: layers.LocallyConnected1D(2, 2, border_mode="same"),
            ArgumentError,
            "'valid', the",
        ),
        (lambda: layers.LocallyConnected1D(2, 2)(Input((None, 3))), ShapeError, "have to be known"),
        (lambda: layers.LocallyConnected1D(2, 5)(Input((4, 3))), ShapeError, "window's size"),
        (
            lambda: layers.Deconvolution2D(2, 3, 3, (2, 8, 8)),
            ArgumentError,
            "output_shape: expected four sizes",
        ),
        (lambda: layers.ConvLSTM2D(2, 3, 3)(Input((3, 4, 4))), ShapeError, "sequences of images"),
        (
            lambda: layers.ConvLSTM2D(2, 3, 3, stateful=True)(Input((4, 3, 5, 5))),
            ShapeError,
            "needs a batch size",
        ),
        (
            lambda: Sequential(
                [layers.ConvLSTM2D(2, 3, 3, stateful=True, batch_input_shape=(1, 3, 2, None, 5))]
            ),
            ShapeError,
            "stateful=True needs images of known sizes",
        ),
        (
            lambda: layers.ConvLSTM2D(2, 3, 3, dim_ordering="th")(Input((3, None, 4, 4))),
            ShapeError,
            r"axis 2 of the input \(channels\) has no known size",
        ),
        (
            lambda: layers.ConvLSTM2D(2, 3, 3, dim_ordering="tf")(Input((3, 4, 4, None))),
            ShapeError,
            r"axis 4 of the input \(channels\) has no known size",
        ),
        (
            lambda: layers.ConvLSTM2D(2, 3, 3)([Input((3, 2, 4, 4)), Input((3, 2, 4, 4))]),
            ArgumentError,
            "expected one input, received 2",
        ),
        (
            lambda: layers.SpatialDropout2D(0.5)(Input((3, 4))),
            ShapeError,
            "expected an input of 4 axes, the batch first, received 3",
        ),
        (
            lambda: layers.SpatialDropout3D(0.5)(Input((3, 4, 5, 6, 7))),
            ShapeError,
            "expected an input of 5 axes, the batch first, received 6",
        ),
        (lambda: layers.Reshape(), ArgumentError, "received neither"),
        (lambda: layers.Reshape((2,), dims=(2,)), ArgumentError, "received both"),
    ],
)
def test_what_does_not_fit(make, error, message):
    with pytest.raises(error, match=message):
        make()


def hard_sigmoid(x):
    return np.clip(0.2 * x + 0.5, 0, 1)


def conv_lstm(x, weights, mask=None):
    """The outputs of all steps (n, steps, filters, rows, columns); images in 'th', 'valid'."""
    W, U, b = (dict(zip("icfo", weights[k::3], strict=True)) for k in range(3))
    n, steps, _, rows, columns = x.shape
    filters, _, r, c = W["i"].shape
    counts = rows - r + 1, columns - c + 1
    h = cell = np.zeros((n, filters, *counts))
    outputs = []
    for t in range(steps):

        def gate(k, t=t, h=h):
            bias = b[k].reshape(1, -1, 1, 1)
            added = convolved(x[:, t], W[k], (1, 1), (0, 0), counts)
            return added + bias + convolved(h, U[k], (1, 1), (r // 2, c // 2), counts)

        i, f, o = (hard_sigmoid(gate(k)) for k in "ifo")
        new = f * cell + i * np.tanh(gate("c"))
        output = o * np.tanh(new)
        if mask is not None:
            kept = mask[:, t].reshape(-1, 1, 1, 1)
            new, output = np.where(kept, new, cell), np.where(kept, output, h)
        h, cell = output, new
        outputs.append(h)
    return np.stack(outputs, 1)


@pytest.mark.parametrize(("ordering", "expected"), [("th", (2, 5, 7)), ("tf", (5, 7, 2))])
def test_a_recurrent_layer_over_images_moves_its_kernel_by_one(ordering, expected):
    base = ConvRecurrent2D(nb_row=3, nb_col=2, nb_filter=2, dim_ordering=ordering)
    images = {"th": (4, 7, 8), "tf": (7, 8, 4)}[ordering]
    assert base.get_output_shape_for((None, 3, *images)) == (None, *expected)


@ORDERINGS
@pytest.mark.parametrize("masked", [False, True])
def test_a_convolutional_lstm(ordering, masked):
    x = rng.normal(size=(2, 4, 3, 5, 6))
    mask = np.array([[True, False, True, True], [False, True, True, False]]) if masked else None
    layer = layers.ConvLSTM2D(2, 3, 2, dim_ordering=ordering, return_sequences=True)
    given = x if ordering == "th" else np.moveaxis(x, 2, -1)
    found = run(layer, given, mask)
    weights = layer.get_weights()
    if ordering == "tf":
        found = np.moveaxis(found, -1, 2)
        weights = [w if w.ndim == 1 else np.moveaxis(w, (-1, -2), (0, 1)) for w in weights]
    np.testing.assert_allclose(found, conv_lstm(x, weights, mask), rtol=1e-11, atol=1e-13)


def test_a_stateful_convolutional_lstm_goes_on_where_it_stopped():
    x = rng.normal(size=(1, 6, 2, 4, 4)).astype("float32")
    arguments = {"border_mode": "same", "dim_ordering": "th"}
    kept = layers.ConvLSTM2D(2, 3, 3, stateful=True, batch_input_shape=(1, 3, 2, 4, 4), **arguments)
    parts = Sequential([kept])
    whole = Sequential([layers.ConvLSTM2D(2, 3, 3, input_shape=(6, 2, 4, 4), **arguments)])
    whole.set_weights(parts.get_weights())
    parts.predict(x[:, :3], batch_size=1)
    np.testing.assert_allclose(parts.predict(x[:, 3:], batch_size=1), whole.predict(x), rtol=1e-4)
    parts.reset_states()
    assert all((state.get_value() == 0).all() for state in kept.states)


@pytest.mark.parametrize(("name", "order"), [("GRU", "zrh"), ("LSTM", "ifco")])
def test_weights_of_all_gates_in_one(name, order):
    cls = getattr(layers, name)
    x = rng.normal(size=(3, 5, 4)).astype("float32")
    joint = Sequential([cls(2, consume_less="gpu", input_shape=(5, 4), name="joint")])
    separate = Sequential([cls(2, input_shape=(5, 4))])
    assert [g.name_of(w) for w in joint.weights] == ["joint_W", "joint_U", "joint_b"]
    W, U, b = joint.get_weights()
    forget = order.find("f")
    ones = [0.0 if k != forget else 1.0 for k in range(len(order)) for _ in range(2)]
    assert b.tolist() == ones
    gates = {key: slice(2 * k, 2 * k + 2) for k, key in enumerate(order)}
    own = separate.layers[0].gate_names
    separate.set_weights([one[..., gates[key]] for key in own for one in (W, U, b)])
    np.testing.assert_allclose(joint.predict(x), separate.predict(x), rtol=1e-5)


def test_all_gates_drop_the_same_with_weights_in_one():
    x = np.ones((4, 1, 6))
    layer = layers.LSTM(5, consume_less="gpu", dropout_W=0.5, activation="linear", unroll=True)
    with config.changed(floatX="float64"):
        entry = Input((1, 6), dtype="float64")
        layer(entry)
        masks = layer._dropout_masks(entry, 6, 0.5)
    assert len({id(mask) for mask in masks}) == 1
    assert run(layer, x, training=True).shape == (4, 5)


@pytest.mark.parametrize(
    ("make", "shapes"),
    [
        (lambda: layers.PReLU("one", shared_axes=[2, 3]), [(3, 1, 1)]),
        (lambda: layers.ParametricSoftplus(shared_axes=[1]), [(1, 4, 5)] * 2),
        (lambda: layers.SReLU(shared_axes=(1, 3)), [(1, 4, 1)] * 4),
    ],
)
def test_parameters_for_several_elements(make, shapes):
    layer = make()
    x = rng.normal(size=(2, 3, 4, 5))
    found = run(layer, x)
    assert [w.shape for w in layer.weights] == shapes
    if isinstance(layer, layers.PReLU):
        (alphas,) = layer.get_weights()
        np.testing.assert_allclose(found, np.where(x > 0, x, alphas * x), rtol=1e-6)


def test_sizes_along_shared_axes_may_be_open():
    layer = layers.PReLU(shared_axes=[1, 2])
    layer(Input((None, None, 3)))
    assert layer.output_shape == (None, None, None, 3)
    with pytest.raises(ShapeError, match="axes below 3"):
        layers.PReLU(shared_axes=[3])(Input((4, 3)))


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda **k: layers.Dense(2, **k), (3,)),
        (lambda **k: layers.MaxoutDense(2, **k), (3,)),
        (lambda **k: layers.Highway(**k), (3,)),
        (lambda **k: layers.TimeDistributedDense(2, **k), (4, 3)),
        (lambda **k: layers.Convolution1D(2, 2, **k), (4, 3)),
        (lambda **k: layers.SeparableConvolution2D(2, 2, 2, **k), (4, 4, 4)),
        (lambda **k: layers.LocallyConnected1D(2, 2, **k), (4, 3)),
    ],
)
def test_without_a_bias(make, shape):
    x = rng.normal(size=(2, *shape))
    with_bias, without = make(), make(bias=False)
    models = [
        Sequential([layers.InputLayer(input_shape=shape), one]) for one in (with_bias, without)
    ]
    names = [g.name_of(w).removeprefix(f"{with_bias.name}_") for w in with_bias.weights]
    values = [rng.normal(size=w.shape) for w in with_bias.weights]
    pairs = list(zip(names, values, strict=True))
    with_bias.set_weights([0 * value if name[0] == "b" else value for name, value in pairs])
    without.set_weights([value for name, value in pairs if name[0] != "b"])
    assert len(without.weights) < len(with_bias.weights)
    expected, found = (model.predict(x) for model in models)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_aliases_are_the_same_classes():
    for name in ("Conv1D", "Conv2D", "Conv3D", "AtrousConv1D", "AtrousConv2D", "SeparableConv2D"):
        assert getattr(layers, name) is getattr(layers, name.replace("Conv", "Convolution"))
    assert layers.Deconv2D is layers.Deconvolution2D


@pytest.mark.parametrize("axis", [0, 1])
def test_a_weight_of_each_window_is_for_images_of_one_size(axis):
    layer = layers.LocallyConnected2D(2, 2, 2, dim_ordering="th")
    layer(Input((3, 5, 6)))
    sizes = [5, 6]
    assert layer(Input((3, *sizes)))._keras_shape == (None, 2, 4, 5)
    sizes[axis] += 1
    with pytest.raises(ShapeError, match=r"the sizes \(5, 6\), for whose windows"):
        layer(Input((3, *sizes)))


def test_the_input_of_locally_connected_steps_by_its_sizes():
    layer = layers.LocallyConnected1D(2, 3, input_dim=4, input_length=5)
    assert layer.batch_input_shape == (None, 5, 4)


@ORDERINGS
def test_penalties_of_a_convolutional_lstm_are_those_of_all_its_gates(ordering):
    sizes = (3, 2, 4, 5) if ordering == "th" else (3, 4, 5, 2)
    model = Sequential(
        [
            layers.ConvLSTM2D(
                2, 3, 2, dim_ordering=ordering, input_shape=sizes, border_mode="same",
                W_regularizer=l2(0.5), U_regularizer=l2(0.25), b_regularizer=l2(0.125),
            )
        ]
    )  # fmt: skip
    model.compile("sgd", lambda y_true, y_pred: 0.0 * K.mean(y_pred, axis=(1, 2, 3)))
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    given = dict(zip((w.name for w in model.weights), model.get_weights(), strict=True))
    expected = sum(
        factor * (w**2).sum()
        for part, factor in (("_W_", 0.5), ("_U_", 0.25), ("_b_", 0.125))
        for name, w in given.items()
        if part in name
    )
    x = np.zeros((1, *sizes), "float32")
    loss = model.train_on_batch(x, np.zeros((1, *model.output_shape[1:])))
    assert loss == pytest.approx(expected, rel=1e-5)


def test_a_reshape_by_its_name_of_keras_0_3():
    layer = layers.Reshape(dims=(2, 6))
    x = rng.normal(size=(2, 3, 4))
    np.testing.assert_array_equal(run(layer, x), x.reshape(2, 2, 6))
    config = layer.get_config()
    assert (config["target_shape"], "dims" in config) == ([2, 6], False)


@pytest.mark.parametrize("output_shape", [None, (6,), [6], lambda shapes: (None, 6)])
def test_a_merge_by_a_function_as_keras_0_3_named_it(output_shape, caplog):
    branches = [layers.Dense(3, input_dim=2), layers.Dense(3, input_dim=2)]
    join = lambda values: K.concatenate([values[0] * 2.0, values[1]])  # noqa: E731
    model = Sequential(
        [layers.LambdaMerge([Sequential([one]) for one in branches], join, output_shape)]
    )
    assert (model.output_shape, caplog.records) == ((None, 6), [])
    x = rng.normal(size=(4, 2)).astype("float32")
    first, second = (one.get_weights()[0] for one in branches)
    np.testing.assert_allclose(
        model.predict([x, 2 * x]), np.hstack([2 * x @ first, 2 * x @ second]), rtol=1e-4, atol=1e-5
    )
