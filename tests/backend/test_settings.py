import numpy as np
import pytest

from graphc import backend as K
from graphc.backend import common, settings
from graphc.config import config
from graphc.errors import ArgumentError, DTypeError, FlagError, MissingAttributeError


def test_floatx_is_the_flag_and_decides_new_variables():
    assert K.floatx() == "float32"
    assert K.variable([1.0]).dtype == "float32"
    K.set_floatx("float64")
    assert config.floatX == "float64"
    assert K.variable([1]).dtype == K.placeholder((2,)).dtype == K.zeros((2,)).dtype == "float64"
    assert K.cast_to_floatx([1, 2]).dtype == np.float64
    with pytest.raises(DTypeError, match="cast_to_floatx: expected numbers, received NoneType"):
        K.cast_to_floatx(None)
    with pytest.raises(FlagError, match="float16"):
        K.set_floatx("float16")


def test_epsilon_is_checked():
    assert K.epsilon() == 1e-7
    with pytest.raises(ArgumentError, match="received 0"):
        K.set_epsilon(0)
    with pytest.raises(ArgumentError, match="e: expected a finite number, received 'small'"):
        K.set_epsilon("small")


def test_the_module_common_reads_them_as_they_are_now():
    with config.changed(epsilon=1e-3, floatX="float64", image_dim_ordering="tf"):
        found = common._EPSILON, common._FLOATX, common._IMAGE_DIM_ORDERING
        assert found == (1e-3, "float64", "tf")
    assert common._EPSILON == common.epsilon() == K.epsilon() == 1e-7
    assert common.floatx is K.floatx
    with pytest.raises(MissingAttributeError, match="has no 'zzz'"):
        _ = common.zzz


def test_uids_count_for_each_prefix():
    first = K.get_uid("test_settings_a")
    assert K.get_uid("test_settings_a") == first + 1
    assert K.get_uid("test_settings_b") == 1


def test_uids_count_from_one_again():
    K.get_uid("reset")
    K.reset_uids()
    assert K.get_uid("reset") == 1


def test_the_backend_is_the_one_whose_meanings_it_has():
    assert K.backend() == K._BACKEND == "theano"


class TestImageDimOrdering:
    @pytest.mark.flags(keras="1.0")
    def test_it_is_that_of_the_release_until_it_is_set(self):
        assert K.image_dim_ordering() == "th"
        with config.changed(keras="1.2"):
            assert K.image_dim_ordering() == "tf"
            K.set_image_dim_ordering("th")
            assert K.image_dim_ordering() == config.image_dim_ordering == "th"
        K.set_image_dim_ordering("tf")
        assert K.image_dim_ordering() == "tf"

    def test_other_values_are_refused(self):
        with pytest.raises(ArgumentError, match="received 'channels_last'"):
            K.set_image_dim_ordering("channels_last")

    def test_functions_of_images_have_it_by_default(self):
        x = np.arange(12.0).reshape(1, 2, 3, 2)  # th: 2 channels of 3 x 2; tf: 2 x 3 of 2 channels
        w = np.ones((2, 1, 2, 1))
        for release, shape, padded in (
            ("1.0", (1, 2, 2, 2), (1, 2, 5, 4)),
            ("1.2", (1, 1, 3, 2), (1, 4, 5, 2)),
        ):
            with config.changed(keras=release):
                assert K.eval(K.pool2d(K.variable(x), (2, 1))).shape == shape
                assert K.eval(K.spatial_2d_padding(K.variable(x))).shape == padded
        with config.changed(keras="1.2"):  # W: 2 x 1 window, 2 channels, 1 filter
            found = K.eval(K.conv2d(K.variable(x), K.variable(w.reshape(2, 1, 2, 1))))
        np.testing.assert_array_equal(found[0, 0, :, 0], [14.0, 22.0, 30.0])


class OnAGpu:
    """An array of PyTorch, CuPy or Numba on a GPU, as far as NumPy can see."""

    __cuda_array_interface__ = {}  # noqa: RUF012  (a class attribute is all that is looked at)


def doubled(value):
    x = K.placeholder((2,))
    return K.function([x], [x + x])([value])


@pytest.mark.parametrize("call", [K.variable, K.cast_to_floatx, doubled])
def test_an_array_in_a_gpus_memory_is_refused_by_name(call):
    with pytest.raises(DTypeError, match="an array in host memory, received OnAGpu, which lives"):
        call(OnAGpu())


@pytest.mark.parametrize(
    "value", ["text", None, 1j, object(), np.array(["a"]), np.array([1j]), ["a", 1]]
)
def test_what_is_no_numbers(value):
    with pytest.raises(DTypeError, match="variable v: expected numbers, received "):
        K.variable(value, name="v")


def test_rows_of_different_lengths():
    with pytest.raises(
        DTypeError, match=r"variable v: expected numbers, received \[\[1\], \[1, 2\]\]"
    ):
        K.variable([[1], [1, 2]], name="v")


def test_an_epsilon_that_is_set_is_the_flags():
    K.set_epsilon(1e-3)
    assert (K.epsilon(), float(config.epsilon)) == (1e-3, 1e-3)


def test_the_order_of_layers_of_the_first_releases_can_be_kept(monkeypatch):
    monkeypatch.setattr(settings, "_legacy_weight_ordering", False)
    assert settings.layers_by_name((1, 0, 7)) is True
    assert settings.layers_by_name((1, 0, 8)) is False
    assert K.legacy_weight_ordering() is False
    K.set_legacy_weight_ordering(True)
    assert K.legacy_weight_ordering() is True
    assert settings.layers_by_name((1, 0, 8)) is True
    with pytest.raises(ArgumentError, match="set_legacy_weight_ordering: value"):
        K.set_legacy_weight_ordering("yes")


def test_a_narrow_dtype_is_stored_as_a_wider_one_and_logged_once(monkeypatch, caplog):
    monkeypatch.setattr(settings, "_logged", set())
    narrow = {"float16": "float32", "int8": "int32", "uint8": "int32", "int16": "int32"}
    for _ in range(2):
        assert {dtype: settings.held_dtype(dtype) for dtype in narrow} == narrow
        assert settings.held_dtype("int64") == "int64"
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        f"{dtype} is stored as {wider} here" for dtype, wider in narrow.items()
    ]


def test_a_name_that_is_kept_is_no_automatic_one(monkeypatch):
    K.reset_uids()
    for name in ("dense_12", "dense_3", "dense", "_7", "dense_x", "dense_1234567890"):
        settings.keep_uid(name)
    settings.keep_uid("conv_123456789")
    assert [K.get_uid("dense"), K.get_uid(""), K.get_uid("conv")] == [13, 1, 123456790]
