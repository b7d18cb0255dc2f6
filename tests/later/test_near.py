"""Near spellings are slips of the hand: no other name that looks alike."""

from __future__ import annotations

import pytest

from graphc.later.near import is_one, mistakes, nearest


@pytest.mark.parametrize(
    ("name", "other", "expected"),
    [
        ("", "abc", 3),
        ("relu", "relu", 0),
        ("rellu", "relu", 1),
        ("rlu", "relu", 1),
        ("ralu", "relu", 1),
        ("sdg", "sgd", 1),
        ("kitten", "sitting", 3),
        ("abcd", "badc", 2),
    ],
)
def test_mistakes(name, other, expected):
    assert mistakes(name, other) == mistakes(other, name) == expected


NAMES = [
    *("relu", "elu", "tanh", "sigmoid", "softmax", "sgd", "adam", "adamax", "mse", "mae", "acc"),
    *("nb_epoch", "batch_size", "glorot_uniform", "glorot_normal", "random_zoom"),
    *("mean_squared_error", "W_regularizer", "b_regularizer", "patience"),
]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("adm", ["adam"]),
        ("RELU", ["relu"]),
        ("rellu", ["relu"]),
        ("sdg", ["sgd"]),
        ("mes", ["mse"]),
        ("adem", ["adam"]),
        ("sigmod", ["sigmoid"]),
        ("softmx", ["softmax"]),
        ("patiense", ["patience"]),
        ("batchsize", ["batch_size"]),
        ("nb_epochs", ["nb_epoch"]),
        ("W_regular", ["W_regularizer"]),
        ("epoch", ["nb_epoch"]),
        ("glorot", ["glorot_uniform", "glorot_normal"]),
        ("regularizer", ["W_regularizer", "b_regularizer"]),
        ("mean_sqared_eror", ["mean_squared_error"]),
    ],
)
def test_nearest(name, near):
    assert nearest(name, NAMES) == near


@pytest.mark.parametrize(
    "name", ["mean", "auc", "mde", "gelu", "random_foo", "zzz", "rmse2", "x", ""]
)
def test_other_names_are_not_near(name):
    assert nearest(name, NAMES) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [("batch_size", True), ("BatchSize", True), ("batchsize_", True), ("batch_sizes", False)],
)
def test_a_name_is_one_whatever_the_case_and_the_underscores(name, expected):
    assert is_one(name, NAMES) is expected


def test_three_at_most_and_those_nearest():
    assert nearest("alphb", ["alpha", "alphc", "alphd", "alphe"]) == ["alpha", "alphc", "alphd"]
    assert nearest("alpha", ["alphas", "alpha", "alphb"]) == ["alpha"]
    assert nearest("x", []) == []
