"""Merge: what each mode computes, and what shapes and masks it takes."""

from __future__ import annotations

import re

import numpy as np
import pytest

from graphc import backend as K
from graphc.compiler import graph as g
from graphc.compiler.interpret import evaluate
from graphc.config import config
from graphc.engine import Input, Merge, Model, merge
from graphc.engine.topology.shapes import known_shape
from graphc.errors import ArgumentError, KeywordError, ShapeError, UnknownNameError
from graphc.layers import Dense, Lambda, Masking
from graphc.models import Sequential, model_from_json
from tests.compiler.grad.differences import check_gradients

A = np.array([[1.0, 2.0, -3.0], [0.5, 0.0, 4.0]])
B = np.array([[2.0, -2.0, 1.0], [1.0, 3.0, 0.5]])
C = np.array([[0.0, 5.0, 1.0], [2.0, 2.0, 2.0]])


def run(mode, *arrays, **kwargs):
    """Return a Merge of arrays, in float64."""
    K.set_floatx("float64")
    inputs = [Input(array.shape[1:]) for array in arrays]
    output = Merge(mode=mode, **kwargs)(inputs)
    feeds = dict(zip(inputs, map(np.asarray, arrays), strict=True))
    return evaluate([output], feeds)[0]


def _first_of_all(tensors):
    return tensors[0]


class TestModes:
    """Each mode against its formula in NumPy."""

    @pytest.mark.parametrize(
        ("mode", "expected"),
        [
            ("sum", A + B + C),
            ("mul", A * B * C),
            ("ave", (A + B + C) / 3),
            ("max", np.maximum(np.maximum(A, B), C)),
            ("concat", np.concatenate([A, B, C], axis=1)),
        ],
    )
    def test_several_inputs(self, mode, expected):
        np.testing.assert_allclose(run(mode, A, B, C), expected, rtol=1e-15)

    @pytest.mark.parametrize("axis", [1, 2, -1, -2])
    def test_concat_counts_the_batch_axis(self, axis):
        x = np.arange(24.0).reshape(2, 3, 4)
        other = np.ones((2, 3, 2) if axis in (2, -1) else (2, 5, 4))
        got = run("concat", x, other, concat_axis=axis)
        np.testing.assert_array_equal(got, np.concatenate([x, other], axis))

    def test_dot_of_vectors(self):
        np.testing.assert_allclose(run("dot", A, B, dot_axes=1), [[-5.0], [2.5]])

    @pytest.mark.parametrize("axes", [(2, 1), (-1, -2), ([2], [1])])
    def test_dot_of_an_axis_of_each(self, axes):
        x, y = np.random.normal(size=(2, 3, 4)), np.random.normal(size=(2, 4, 5))
        got = run("dot", x, y, dot_axes=axes)
        np.testing.assert_allclose(got, np.einsum("nij,njk->nik", x, y), rtol=1e-13)

    def test_one_axis_for_both(self):
        x, y = np.random.normal(size=(2, 3, 4)), np.random.normal(size=(2, 5, 4))
        expected = np.einsum("nij,nkj->nik", x, y)
        for axis in (2, -1):
            np.testing.assert_allclose(run("dot", x, y, dot_axes=axis), expected, rtol=1e-13)

    @pytest.mark.parametrize(
        ("left", "right", "axes", "formula"),
        [
            ((3, 4), (3, 4), ([1, 2], [1, 2]), "nij,nij->n"),
            ((3, 4), (4, 3), ([1, 2], [2, 1]), "nij,nji->n"),
            ((3, 4, 5), (4, 6, 3), ([1, 2], [3, 1]), "nijk,njmi->nkm"),
            ((3, 4, 5), (4, 6, 3), ([-2, -3], [-3, -1]), "nijk,njmi->nkm"),
            ((3, 4, 5, 2), (5, 3), [(3, 1), (1, 2)], "nijkl,nki->njl"),
        ],
    )
    def test_dot_of_several_axes_of_each(self, left, right, axes, formula):
        x, y = np.random.normal(size=(2, *left)), np.random.normal(size=(2, *right))
        expected = np.einsum(formula, x, y)
        if expected.ndim == 1:
            expected = expected[:, None]
        inputs = [Input(left), Input(right)]
        assert merge(inputs, "dot", dot_axes=axes).shape[1:] == expected.shape[1:]
        np.testing.assert_allclose(run("dot", x, y, dot_axes=axes), expected, rtol=1e-12)

    def test_open_sizes_of_several_axes_are_compared_in_pairs(self):
        inputs = [Input((None, 6)), Input((None, None))]
        run = K.function(inputs, [merge(inputs, "dot", dot_axes=([1, 2], [1, 2]))])
        x = np.random.normal(size=(2, 2, 6)).astype("float32")
        expected = np.einsum("nij,nij->n", x, x)[:, None]
        np.testing.assert_allclose(run([x, x])[0], expected, rtol=1e-5)
        with pytest.raises(ShapeError):
            run([x, x.reshape(2, 3, 4)])  # as many elements in all

    def test_dot_axes_are_those_that_were_given(self):
        """Lists of a user's, who changes them later."""
        axes = [[1, 2], [2, 1]]
        layer = Merge(mode="dot", dot_axes=axes)
        axes[0].reverse()
        assert layer.get_config()["dot_axes"] == [[1, 2], [2, 1]]

    def test_cos(self):
        expected = (A * B).sum(1) / np.sqrt((A**2).sum(1) * (B**2).sum(1))
        np.testing.assert_allclose(run("cos", A, B), expected[:, None], rtol=1e-14)

    def test_cos_along_an_axis_of_matrices(self):
        x, y = np.random.normal(size=(2, 3, 4)), np.random.normal(size=(2, 3, 4))
        lengths = np.linalg.norm(x, axis=2)[:, :, None] * np.linalg.norm(y, axis=2)[:, None]
        expected = np.einsum("nij,nkj->nik", x, y) / lengths
        np.testing.assert_allclose(run("cos", x, y, dot_axes=2), expected, rtol=1e-13)

    def test_cos_along_several_axes(self):
        x, y = np.random.normal(size=(2, 3, 4)), np.random.normal(size=(2, 3, 4))
        expected = [
            [np.vdot(a, b) / np.sqrt(np.vdot(a, a) * np.vdot(b, b))]
            for a, b in zip(x, y, strict=True)
        ]
        got = run("cos", x, y, dot_axes=([1, 2], [1, 2]))
        np.testing.assert_allclose(got, expected, rtol=1e-13)

    @pytest.mark.parametrize("axes", [[2, 2], [1, 2], [2, 1]])
    def test_cos_in_a_file_of_keras_is_divided_by_products(self, axes):
        x, y = np.random.uniform(1, 2, size=(2, 2, 3, 3))
        inputs = [Input((3, 3), name=name) for name in ("x", "y")]
        model = Model(inputs, merge(inputs, mode="cos", dot_axes=axes))
        own = model.to_json()
        of_keras = re.sub(r',? *"cos_divisor": "lengths"', "", own)
        assert own != of_keras
        summed = {1: "k{}", 2: "{}k"}

        def product(a, b):
            left, right = (summed[axis].format(name) for axis, name in zip(axes, "ij", strict=True))
            return np.einsum(f"n{left},n{right}->nij", a, b)

        expected = product(x, y) / np.sqrt(product(x, x) * product(y, y))
        read = model_from_json(of_keras)
        np.testing.assert_allclose(read.predict([x, y]), expected, rtol=1e-5)
        again = model_from_json(read.to_json())
        np.testing.assert_allclose(again.predict([x, y]), expected, rtol=1e-5)
        plain = model_from_json(own).predict([x, y])
        np.testing.assert_allclose(plain, model.predict([x, y]), rtol=1e-6)
        assert np.abs(plain - expected).max() > 1e-4

    def test_a_function_gets_the_list(self):
        got = run(lambda xs: xs[0] - 2 * xs[1], A, B, output_shape=(None, 3))
        np.testing.assert_array_equal(got, A - 2 * B)

    @pytest.mark.parametrize("mode", ["sum", "mul", "ave", "max", "concat", "dot", "cos"])
    def test_gradients(self, mode):
        def build(a, b):
            return Merge(mode=mode)([a, b])

        check_gradients(build, [A, B], second_order=False)

    def test_the_cosine_of_zeros_is_zero_and_its_gradient_finite(self):
        a, b = g.input((2, 3), "float64"), g.input((2, 3), "float64")
        output = merge([a, b], mode="cos")
        outputs = [output, *K.gradients(K.sum(output), [a, b])]
        feeds = {a: np.zeros((2, 3)), b: np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])}
        cosine, *gradients = evaluate(outputs, feeds)
        np.testing.assert_array_equal(cosine, 0.0)
        assert all(np.isfinite(one).all() for one in gradients)


class TestShapes:
    """The shape of the result; shapes that do not go together are errors with their layers."""

    def test_the_output_shape_is_known(self):
        layer = Merge(mode="concat", concat_axis=1)
        shape = layer.get_output_shape_for([(None, 3, 4), (None, 2, 4)])
        assert shape == (None, 5, 4)

    @pytest.mark.parametrize("mode", ["sum", "mul", "ave", "max", "cos"])
    def test_shapes_that_differ_are_named_with_their_layers(self, mode):
        a, b = Input((3,), name="left"), Input((4,), name="right")
        message = rf"m \(Merge, mode '{mode}'\): .*axis 1 differs: received \(None, 3\) from left "
        with pytest.raises(ShapeError, match=message + r"and \(None, 4\) from right"):
            merge([a, b], mode=mode, name="m")

    @pytest.mark.parametrize("output_shape", [(3,), lambda shape: (shape[0], 3)])
    @pytest.mark.parametrize("mode", ["sum", "mul", "max"])
    def test_an_axis_of_1_that_a_function_claims_to_be_longer(self, mode, output_shape, caplog):
        """The value of a state and the advantages of actions, in dueling networks of that time."""
        x = Input((4,))
        value = Lambda(lambda v: K.expand_dims(v[:, 0], dim=-1), output_shape=output_shape)(x)
        each = Lambda(lambda a: a[:, 1:], output_shape=(3,))(x)
        made = Model(x, merge([value, each], mode=mode))
        assert "output_shape says (None, 3)" in caplog.text
        outer = Input((4,))
        X = np.random.RandomState(0).rand(5, 4)
        expected = {"sum": np.add, "mul": np.multiply, "max": np.maximum}[mode](X[:, :1], X[:, 1:])
        for model in (made, Model(outer, made(outer))):
            assert model.output_shape == (None, 3)
            np.testing.assert_allclose(model.predict(X), expected, rtol=1e-6)

    def test_an_axis_of_1_without_a_claim(self):
        x = Input((4,))
        parts = [Lambda(lambda v: v[:, :1])(x), Lambda(lambda v: v[:, 1:])(x)]
        with pytest.raises(ShapeError, match=r"axis 1 differs: received \(None, 1\) from lambda"):
            merge(parts)

    def test_other_numbers_of_axes(self):
        with pytest.raises(ShapeError, match="inputs of equally many axes, received .*Flatten"):
            merge([Input((3,)), Input((3, 1))])

    def test_concat_of_other_sizes_along_the_other_axes(self):
        with pytest.raises(ShapeError, match="all axes but concat_axis, 2, and axis 1 differ"):
            merge([Input((3, 4)), Input((2, 4))], mode="concat")

    def test_an_open_size_is_not_repeated_along_one(self):
        one, several = Input((1, 2)), Input((None, 2))
        run = K.function([one, several], [merge([one, several])])
        assert run([np.ones((2, 1, 2)), np.ones((2, 1, 2))])[0].shape == (2, 1, 2)
        with pytest.raises(ShapeError):
            run([np.ones((2, 1, 2)), np.ones((2, 5, 2))])

    @pytest.mark.parametrize("axis", [2, -3])
    def test_concat_axis_out_of_range(self, axis):
        with pytest.raises(ArgumentError, match=f"axis: expected -2 to 1, .*received {axis}"):
            merge([Input((3,)), Input((3,))], mode="concat", concat_axis=axis)

    @pytest.mark.parametrize(
        ("axes", "message"),
        [
            (
                0,
                r"expected an axis of input 0, \(None, 3, 4\) from left, after the batch",
            ),
            (
                (1, 5),
                r"expected an axis of input 1, \(None, 3, 5\) from right, .*received 5",
            ),
            (2, r"of one size, received 4 \(axis 2 of \(None, 3, 4\) from left\) and 5"),
            (([1, 2], [1, 2]), r"received 4 \(axis 2 of .* left\) and 5 \(axis 2 of .* right\)"),
            (
                ([1, 2], [1, 0]),
                r"expected an axis of input 1, \(None, 3, 5\) from right.*received 0",
            ),
            (([1, 1], [1, 2]), r"each axis of input 0, .* from left, once, received \[1, 1\]"),
            (([1, 2], [-2, 1]), r"each axis of input 1, .* from right, once, received \[-2, 1\]"),
        ],
    )
    def test_dot_axes_that_do_not_fit(self, axes, message):
        left, right = Input((3, 4), name="left"), Input((3, 5), name="right")
        with pytest.raises((ArgumentError, ShapeError), match=message):
            merge([left, right], mode="dot", dot_axes=axes)

    @pytest.mark.parametrize("mode", ["dot", "cos"])
    def test_products_are_of_two(self, mode):
        with pytest.raises(ArgumentError, match="expected two inputs, received 3"):
            merge([Input((3,)) for _ in range(3)], mode=mode)

    @pytest.mark.parametrize("output_shape", [(None, 4), lambda shapes: shapes[0][:1]])
    def test_a_claim_that_does_not_hold(self, output_shape, caplog):
        output = Merge(mode=lambda xs: xs[0], output_shape=output_shape)([Input((3,)), Input((3,))])
        assert known_shape(output) == (None, 3)
        assert re.search("output_shape says .* made an output of shape .*3", caplog.text)

    @pytest.mark.flags(keras="1.0")
    def test_a_claim_without_the_batch(self, caplog):
        merge([Input((3,)), Input((3,))], mode=lambda xs: xs[0], output_shape=(3,))
        assert "and seems to lack the batch axis" in caplog.text

    @pytest.mark.parametrize(("release", "shape"), [("1.0", (None, 3)), ("1.2", (3,))])
    def test_a_claim_as_the_release_has_it(self, release, shape, caplog):
        inputs = [Input((3,)), Input((3,))]
        with config.changed(keras=release):
            model = Model(inputs, merge(inputs, mode=_first_of_all, output_shape=shape))
        text = model.to_json()
        for other in ("1.0", "1.2"):
            with config.changed(keras=other):
                model_from_json(text, {"_first_of_all": _first_of_all})
        assert not caplog.records


class TestBadArguments:
    """Wrong arguments are refused where the Merge is made."""

    def test_an_unknown_mode(self):
        with pytest.raises(UnknownNameError, match="mode of m .Merge. 'summ'. Did you mean 'sum'"):
            Merge(mode="summ", name="m")

    @pytest.mark.parametrize(
        "axes", [1.0, (1, 2, 3), (1, "a"), ([1, 2], [1]), ([], []), ([1], ["a"])]
    )
    def test_axes_that_are_none(self, axes):
        with pytest.raises(ArgumentError, match="dot_axes: expected an axis for both inputs"):
            Merge(mode="dot", dot_axes=axes)

    def test_a_concat_axis_that_is_none(self):
        with pytest.raises(ArgumentError, match="concat_axis: expected a whole number"):
            Merge(mode="concat", concat_axis=None)

    def test_an_unknown_keyword(self):
        with pytest.raises(KeywordError, match="'concat_axes'. Did you mean 'concat_axis'"):
            Merge(mode="concat", concat_axes=1)

    @pytest.mark.parametrize("inputs", [lambda x: x, lambda x: [x]])
    def test_a_single_input(self, inputs):
        with pytest.raises(ArgumentError, match="expected a list of at least two tensors"):
            merge(inputs(Input((3,))))

    def test_a_single_layer(self):
        with pytest.raises(ArgumentError, match="at least two layers or models, received 1"):
            Merge([Dense(3, input_dim=2)])

    def test_tensors_and_layers_in_each_others_place(self):
        with pytest.raises(ArgumentError, match="expected layers or models, received a tensor"):
            Merge([Input((3,)), Input((3,))])
        with pytest.raises(ArgumentError, match="expected a list of tensors .* received layers"):
            merge([Dense(3, input_dim=2), Dense(3, input_dim=2)])

    @pytest.mark.parametrize(
        "layer", [lambda: Dense(3, name="out"), lambda: Sequential(name="out")]
    )
    def test_a_layer_that_does_not_say_what_comes_in(self, layer):
        with pytest.raises(ArgumentError, match=r"out \(\w+\) is not in use yet, .*input_shape="):
            Merge([Dense(3, input_dim=2), layer()])

    def test_a_function_that_returns_no_node(self):
        with pytest.raises(ArgumentError, match="the function has to return a node"):
            Merge(mode=lambda xs: None)([Input((3,)), Input((3,))])

    def test_behind_other_layers_of_a_sequential(self):
        branches = [Dense(3, input_dim=2), Dense(3, input_dim=2)]
        with pytest.raises(ArgumentError, match="In a Sequential a Merge can only be the first"):
            Sequential([Dense(3, input_dim=2), Merge(branches)])


class TestMasks:
    """The mask behind a Merge: of the steps that count in every input."""

    X = np.array([[[1.0], [0.0], [2.0]], [[0.0], [3.0], [0.0]]])
    Y = np.array([[[4.0], [5.0], [0.0]], [[0.0], [6.0], [7.0]]])

    def mask(self, mode, second=True, **kwargs):
        x, y = Input((3, 1)), Input((3, 1))
        output = merge([Masking()(x), Masking()(y) if second else y], mode=mode, **kwargs)
        mask = output.history.node.output_masks[0]
        feeds = {x: self.X.astype("float32"), y: self.Y.astype("float32")}
        return None if mask is None else evaluate([mask], feeds)[0].tolist()

    @pytest.mark.parametrize("mode", ["sum", "mul", "ave", "max", "concat"])
    def test_a_step_counts_that_counts_in_every_input(self, mode):
        assert self.mask(mode) == [[True, False, False], [False, True, False]]
        assert self.mask(mode, second=False) == [[True, False, True], [False, True, False]]

    def test_along_time_they_are_joined(self):
        first = [[True, False, True], [False, True, False]]
        second = [[True, True, False], [False, True, True]]
        got = self.mask("concat", concat_axis=1)
        assert got == [a + b for a, b in zip(first, second, strict=True)]
        got = self.mask("concat", second=False, concat_axis=-2)
        assert got == [a + [True] * 3 for a in first]

    @pytest.mark.parametrize("mode", ["dot", "cos", lambda xs: xs[0]])
    def test_in_other_modes_they_end_which_is_logged_once(self, mode, caplog):
        x, y = Input((3, 1)), Input((3, 1))
        layer = Merge(mode=mode)
        for _ in range(2):
            assert layer([Masking()(x), y]).history.node.output_masks == [None]
        [record] = caplog.records
        assert re.search(r"\(Merge, mode .*: a mask comes in .* ends here", record.getMessage())

    def test_a_function_may_use_them_up(self):
        def first_where_it_counts(xs, mask):
            assert mask[1] is None
            return K.switch(K.expand_dims(mask[0]), xs[0], xs[1])

        assert self.mask(first_where_it_counts, second=False) is None

    def test_a_function_has_the_mask_that_is_said(self):
        first = [[True, False, True], [False, True, False]]
        assert self.mask(lambda xs: xs[0], output_mask=lambda masks: masks[0]) == first
        assert self.mask(lambda xs: xs[0], second=False, output_mask=lambda masks: masks[1]) is None
        given = K.variable(np.array(first), "bool")
        assert self.mask(lambda xs, mask: xs[0], output_mask=given) == first
        with pytest.raises(ArgumentError, match=r"output_mask\(\) returned: expected a node"):
            self.mask(lambda xs: xs[0], output_mask=lambda masks: 3)
        with pytest.raises(ArgumentError, match="belong to a mode that is a function"):
            Merge(mode="sum", output_mask=given)

    def test_a_mask_for_each_input(self):
        mask = K.placeholder((None, 3), dtype="bool")
        with pytest.raises(ArgumentError, match="a mask, or None, for each of the 2 inputs"):
            Merge()([Input((3, 1)), Input((3, 1))], mask=[mask])


class TestArguments:
    """Keyword arguments for a function that merges."""

    def test_a_function_gets_them(self):
        arguments = {"factor": 2.0}
        layer = Merge(mode=scaled, arguments=arguments)
        arguments["factor"] = 7.0
        x, y = Input((2,)), Input((2,))
        model = Model([x, y], layer([x, y]))
        np.testing.assert_array_equal(model.predict([np.ones((1, 2)), np.ones((1, 2))]), [[3, 3]])
        config = layer.get_config()
        assert config["arguments"] == {"factor": 2.0}
        assert Merge.from_config(config).arguments == {"factor": 2.0}

    def test_those_that_it_does_not_take(self):
        with pytest.raises(ArgumentError, match="expected a function that is called with"):
            Merge(mode=scaled, arguments={"factors": 2.0})
        with pytest.raises(ArgumentError, match="arguments: expected a dict"):
            Merge(mode=scaled, arguments=[2.0])

    def test_a_mask_by_a_function_goes_through_a_config(self):
        layer = Merge(mode=scaled, arguments={"factor": 1.0}, output_mask=first_mask)
        config = layer.get_config()
        assert config["output_mask_type"] == "function"
        assert Merge.from_config(config).get_config()["output_mask"] == config["output_mask"]


def scaled(xs, factor):
    return xs[0] + factor * xs[1]


def first_mask(masks):
    return masks[0]
