import math
from functools import partial

import numpy as np
import pytest

from graphc import lookup
from graphc.errors import ArgumentError, UnknownNameError
from graphc.lookup import (
    CustomObjectScope,
    custom_object_scope,
    custom_objects,
    finite_number,
    get_custom_objects,
    get_function,
    get_instance,
    given_objects,
    named,
    whole_number,
)

TABLE = {"alpha": dict, "beta": list}


def test_a_name_is_looked_up_and_a_near_one_is_named():
    assert named("thing", "alpha", TABLE) is dict
    with pytest.raises(UnknownNameError, match="unknown thing 'alpa'. Did you mean 'alpha'"):
        named("thing", "alpa", TABLE)


def test_a_name_that_is_no_text():
    with pytest.raises(UnknownNameError, match=r"unknown thing \['alpha'\]"):
        get_instance("thing", {"name": ["alpha"]}, TABLE)


def test_a_modern_name_is_an_error_that_says_ours():
    with pytest.raises(UnknownNameError, match="unknown thing 'gamma': here it is 'beta'"):
        named("thing", "gamma", TABLE, {"gamma": "beta"})


def test_functions_pass_and_other_values_do_not():
    assert get_function("thing", len, TABLE) is len
    with pytest.raises(ArgumentError, match="a known thing or a function, received 5"):
        get_function("thing", 5, TABLE)


def test_instances_come_from_names_and_dicts_and_the_dict_is_kept():
    assert get_instance("thing", "alpha", TABLE, {"x": 1}) == {"x": 1}
    config = {"name": "alpha", "y": 2}
    assert get_instance("thing", config, TABLE) == {"y": 2}
    assert config == {"name": "alpha", "y": 2}
    with pytest.raises(ArgumentError, match="needs the key 'name'"):
        get_instance("thing", {"y": 2}, TABLE)


def test_whole_numbers():
    assert whole_number("f: count", np.int64(3), least=3) == 3
    assert type(whole_number("f: count", np.int64(3), least=3)) is int
    for quotient in (6 / 2, np.float64(3.0)):
        assert whole_number("f: count", quotient, least=3) == 3
        assert type(whole_number("f: count", quotient, least=3)) is int
    for value in (2, 3.5, 2.0, math.inf, math.nan, True, None, "3", np.array([3])):
        with pytest.raises(
            ArgumentError, match="f: count: expected a whole number of at least 3, received"
        ):
            whole_number("f: count", value, least=3)


def test_finite_numbers():
    assert finite_number("f", "rate", np.float32(0.5)) == 0.5
    for value in (None, "1", float("nan"), np.inf, [1.0], [[1], 2], np.array([3])):
        with pytest.raises(ArgumentError, match="f: rate: expected a finite number, received"):
            finite_number("f", "rate", value)


def test_custom_objects_stand_before_tables_while_they_last():
    with custom_objects({"alpha": set, "gamma": tuple}):
        assert named("thing", "alpha", TABLE) is set
        assert get_instance("thing", {"name": "gamma"}, TABLE) == ()
        with custom_objects({"alpha": frozenset}):
            assert given_objects() == {"alpha": frozenset, "gamma": tuple}
        assert named("thing", "alpha", TABLE) is set
    assert named("thing", "alpha", TABLE) is dict
    with pytest.raises(UnknownNameError, match="unknown thing 'gamma'"):
        named("thing", "gamma", TABLE)
    with (
        pytest.raises(ArgumentError, match="custom_objects: expected a dict from names"),
        custom_objects([set]),
    ):
        pass


def test_objects_of_a_scope_and_of_the_whole_process():
    with custom_object_scope({"alpha": set}, {"gamma": tuple}), CustomObjectScope({"beta": set}):
        assert [named("thing", name, TABLE) for name in ("alpha", "beta", "gamma")] == [
            *(set, set, tuple)
        ]
    assert named("thing", "alpha", TABLE) is dict
    get_custom_objects()["gamma"] = tuple
    try:
        assert named("thing", "gamma", TABLE) is tuple
        with custom_object_scope({"gamma": set}):  # the nearer one
            assert named("thing", "gamma", TABLE) is set
    finally:
        get_custom_objects().clear()
    assert dict(given_objects()) == {}
    with pytest.raises(ArgumentError, match="custom_objects: expected a dict from names"):
        custom_object_scope([set])


@pytest.mark.parametrize(
    ("check", "good", "bad", "message"),
    [
        (partial(lookup.finite_number, "A", "b", least=0.5), [0.5, 1, np.float32(2)],
         [0.4999, -1, np.inf, np.nan, "1", [1.0], None], "A: b: expected a"),
        (partial(lookup.finite_number, "A", "b"), [-7.5, 0, True], [np.inf, "x"],
         "A: b: expected a finite number"),
        (partial(lookup.below_one, "A", "b"), [0, 0.0, 0.999], [-0.001, 1, 1.0, "x"], "A: b"),
        (lambda value: lookup.whole_number("A: b", value, 2), [2, 3.0, np.int64(4)],
         [1, 2.5, True, "2", None, 1.0], "A: b: expected a whole number of at least 2"),
        (partial(lookup.true_or_false, "A", "b"), [True, 0, 1, np.bool_(False)],
         [2, -1, 1.0, "yes", None], "A: b: expected True or False"),
    ],
    ids=["least", "finite", "below one", "whole", "bool"],
)  # fmt: skip
def test_values_at_the_bounds_of_what_is_taken(check, good, bad, message):
    for value in good:
        found = check(value)
        assert found == value
        assert type(found) in (bool, int, float)
    for value in bad:
        with pytest.raises(ArgumentError, match=message):
            check(value)


@pytest.mark.parametrize(
    ("value", "least", "expected"),
    [(3, None, True), (3, 3, True), (3, 4, False), (np.int32(0), 1, False), (True, None, False),
     (3.0, None, False), (0, 0, True)],
)  # fmt: skip
def test_whole_numbers_from_a_bound_on(value, least, expected):
    assert lookup.is_whole(value, least) is expected


def test_floats_without_a_fraction_stand_for_ints():
    found = [lookup.quotient(one) for one in (4.0, np.float32(4), 4.5, "4", 4, -2.0)]
    assert found == [4, 4, 4.5, "4", 4, -2]
    assert [type(one) for one in found] == [int, int, float, str, int, int]


def test_functions_tell_which_keywords_they_take():
    def named(a, b=1):
        return a

    def any_(a, **others):
        return a

    assert [lookup.takes_keyword(named, one) for one in ("a", "b", "c")] == [True, True, False]
    assert lookup.takes_keyword(any_, "c") is True
    assert lookup.takes_keyword(max, "c") is True  # it does not tell


def test_names_and_dicts_of_tables():
    table = {"double": lambda factor=2: ("made", factor)}
    made = lookup.get_from_module("double", table, "rule", instantiate=True, kwargs={"factor": 3})
    assert made == ("made", 3)
    assert lookup.get_from_module("double", table, "rule") is table["double"]
    assert lookup.get_from_module({"name": "double", "factor": 5}, table, "rule") == ("made", 5)
