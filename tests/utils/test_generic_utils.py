import pytest

from graphc.errors import ArgumentError, UnknownNameError
from graphc.utils.generic_utils import (
    Progbar,
    display_table,
    func_dump,
    func_load,
    get_from_module,
    make_tuple,
)


def test_get_from_module():
    table = {"dict": dict}
    assert get_from_module("dict", table, "thing") is dict
    assert get_from_module("dict", table, "thing", instantiate=True) == {}
    assert get_from_module("dict", table, "thing", True, {"a": 1}) == {"a": 1}
    assert get_from_module({"name": "dict", "a": 1}, table, "thing") == {"a": 1}
    assert get_from_module(5, table, "thing") == 5
    with pytest.raises(UnknownNameError, match="unknown thing 'dikt'"):
        get_from_module("dikt", table, "thing")


def test_make_tuple():
    assert make_tuple(1, "a") == (1, "a")


def test_a_table_cuts_what_is_too_long(capsys):
    display_table([["name", "size"], ["a long name", 12]], [6, 10])
    assert capsys.readouterr().out == "name  size\na long12  \n"


def test_the_bar_shows_means_weighted_by_steps(capsys):
    bar = Progbar(4, width=8)
    bar.update(1, [("loss", 1.0)])
    bar.add(3, [("loss", 2.0)])
    lines = capsys.readouterr().out.split("\r")
    assert lines[1].startswith("1/4 [=>......] - ETA: ")
    assert lines[1].endswith(" - loss: 1.0000")
    assert lines[2].rstrip("\n ").startswith("4/4 [========] - ")
    assert lines[2].rstrip("\n ").endswith("s - loss: 1.7500")


def test_verbose_two_prints_at_the_end_only(capsys):
    bar = Progbar(2, verbose=2)
    bar.update(1, [("loss", 1e-5)])
    assert capsys.readouterr().out == ""
    bar.update(2, [("loss", 3e-5)])
    assert capsys.readouterr().out.endswith("s - loss: 2.0000e-05\n")


def test_verbose_zero_is_silent_and_no_steps_are_an_error(capsys):
    Progbar(1, verbose=0).update(1, [("loss", 1.0)])
    assert capsys.readouterr().out == ""
    with pytest.raises(
        ArgumentError, match="Progbar: target: expected a whole number of at least 1"
    ):
        Progbar(0)


def test_the_bar_is_drawn_so_often(capsys):
    bar = Progbar(9, interval=1000.0)
    for step in range(1, 4):
        bar.update(step)
    assert capsys.readouterr().out.count("\r") == 1
    bar.update(4, force=True)
    bar.update(9)
    assert capsys.readouterr().out.count("\r") == 2


def test_functions_as_text():
    offset = 3

    def moved(x, by=2):
        return x + by + offset + len(NAMES)  # noqa: F821  (one of the names that it is given)

    code = func_dump(moved)
    assert func_load(code, globs={"NAMES": "ab"})(1) == 8
    assert func_load(*code[:2], (10,), {"NAMES": ""})(1, by=4) == 15
    for wrong in ("no code", 3):
        with pytest.raises(ArgumentError, match="func_load: expected what func_dump gave"):
            func_load(wrong)
    with pytest.raises(ArgumentError, match="func_dump: expected a function of Python"):
        func_dump(len)
