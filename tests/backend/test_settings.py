import numpy as np
import pytest

from graphc import backend as K
from graphc.config import config
from graphc.errors import ArgumentError, DTypeError, FlagError


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
