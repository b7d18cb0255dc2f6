"""Programs for Python 2 are told apart from those with a mistake of another kind."""

from __future__ import annotations

import pytest

from graphc.scripts import python2


def raised(program: str) -> BaseException:
    try:
        exec(compile(program, "program.py", "exec"), {})
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize(
    "program",
    [
        'print "loss", 3',
        "for i in range(3):\n    print i,",
        "try:\n  x\nexcept ValueError, e:\n  pass",
        "x = 0777",
        "x = 10L",
        "x = 0xFFL",
        "x = `3`",
        "if 3 <> 4: pass",
        'raise ValueError, "no"',
        'exec "a = 3"',
        'x = ur"a"',
        "def f((a, b), c): pass",
        "f = lambda (a, b): a",
        "if 3:\n        a = 3\n\tb = 3",
    ],
)
def test_syntax(program):
    remark = python2.remark(raised(program), "script.py")
    assert remark is not None
    assert remark.startswith("This is Python 2's syntax. Convert it")
    assert remark.endswith(" -w program.py")


@pytest.mark.parametrize(
    ("program", "name"),
    [
        ("for i in xrange(3): pass", "xrange"),
        ("import cPickle", "the module cPickle"),
        ("{}.iteritems()", "dict.iteritems"),
        ("import itertools\nitertools.izip", "itertools.izip"),
        ("from itertools import izip", "itertools.izip"),
        ("import sys\nprint >> sys.stderr, 'x'", "print >> file"),
        ("map(str, [3])[0]", "a list in the place of map"),
        ("len(zip([3]))", "a list in the place of zip"),
        ("{}.keys()[0]", "a list in the place of dict_keys"),
    ],
)
def test_names(program, name):
    remark = python2.remark(raised(program), "script.py")
    assert remark is not None
    assert remark.startswith(f"{name} is Python 2's. Convert it")
    assert remark.endswith(" -w program.py")


@pytest.mark.parametrize(
    "program",
    [
        "x = (",
        "def f(:\n  pass",
        "else if 3:\n  pass",
        'print("unfinished)',
        "no_such_name",
        "import no_such_module",
        "(3).iteritems",
        "from itertools import no_such_name",
        "3 + 'a'",
    ],
)
def test_other_mistakes(program):
    assert python2.remark(raised(program), "script.py") is None


def test_the_command_needs_no_installation_where_python_has_it(monkeypatch):
    error = raised("x = 10L")
    monkeypatch.setattr(python2.importlib.util, "find_spec", lambda name: None)
    assert "pip install fissix && python -m fissix -w program.py" in python2.remark(error, "")
    monkeypatch.setattr(python2.importlib.util, "find_spec", lambda name: name)
    assert "with: python -m lib2to3 -w program.py" in python2.remark(error, "")
