"""``python -m graphc run script.py`` beside ``python script.py``."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from pathlib import Path

import pytest

from graphc.cli import main
from graphc.errors import DataError

ROOT = Path(__file__).resolve().parents[2]


def python(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )


SAME = """\
import atexit, logging, pickle, sys, warnings
import helper

class Mine:
    pass

def deep():
    raise ValueError("from the program")

if __name__ == "__main__":
    pickle.loads(pickle.dumps(Mine()))
    assert sys.modules["__main__"].Mine is Mine
    assert __spec__ is None and __builtins__.len is len
    print(sys.argv, __file__, sys.path[0], helper.__file__, __doc__, __package__)
    warnings.warn("old", DeprecationWarning)
    logging.getLogger("graphc").warning("from the log")
    atexit.register(print, "at exit")
    deep()
"""


def test_all_is_as_with_python_itself(tmp_path: Path) -> None:
    """In a folder that is linked to, with options that the command has too."""
    folder = tmp_path / "real"
    folder.mkdir()
    (folder / "script.py").write_text(SAME)
    (folder / "helper.py").write_text("")
    (tmp_path / "link.py").symlink_to(folder / "script.py")
    arguments = ("link.py", "--help", "--", "-x", "run")
    bare = python(*arguments, folder=tmp_path)
    ours = python("-m", "graphc", "run", *arguments, folder=tmp_path)
    assert "from the program" in ours.stderr
    assert "from the log" in ours.stderr
    assert (ours.stdout, ours.stderr) == (bare.stdout, bare.stderr)
    assert ours.returncode == bare.returncode == 1


@pytest.mark.parametrize(
    ("program", "end"),
    [
        ("import sys; sys.exit(7)", SystemExit),
        ("raise KeyboardInterrupt", KeyboardInterrupt),
        ("import graphc.errors; raise graphc.errors.DataError", DataError),
    ],
)
def test_how_a_program_ends_is_left_to_python(
    program: str, end: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "script.py").write_text(program)
    for name in ("argv", "path", "meta_path"):
        monkeypatch.setattr(sys, name, list(getattr(sys, name)))
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    with pytest.raises(end) as raised:
        main(["run", str(tmp_path / "script.py")])
    if end is SystemExit:
        assert raised.value.code == 7


PROGRAM = """\
import theano.tensor as T
import keras
import numpy as np
from keras.models import Sequential
from keras.layers.core import Dense
from keras.utils import np_utils

np.random.seed(1)
model = Sequential()
model.add(Dense(2, input_dim=3, activation="softmax"))
model.compile(loss="categorical_crossentropy", optimizer="sgd")
X, y = np.random.rand(8, 3), np_utils.to_categorical([0, 1] * 4, 2)
history = model.fit(X, y, nb_epoch=2, verbose=0)
print(keras.__version__, len(history.history["loss"]))
"""


@pytest.mark.flags(keras="1.0")
def test_a_program_of_that_time(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(PROGRAM + "for i in xrange(3): pass\n")
    ran = python("-m", "graphc", "run", "script.py", folder=tmp_path)
    assert ran.stdout == "1.0.1 2\n"
    assert ran.stderr.startswith('Traceback (most recent call last):\n  File "')
    assert "graphc" not in ran.stderr.replace(str(tmp_path), "")
    assert ran.stderr.splitlines()[-1].startswith("xrange is Python 2's. Convert it")


@pytest.mark.flags(keras="1.0")
def test_an_import_in_the_program_does_the_same(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("import graphc.as_keras\n" + PROGRAM)
    ran = python("script.py", folder=tmp_path)
    assert (ran.stdout, ran.stderr, ran.returncode) == ("1.0.1 2\n", "", 0)


def test_a_package_that_keras_needed(tmp_path: Path, monkeypatch, capsys) -> None:
    """Named below Python's own error; of any other package nothing more is said."""
    for name in ("argv", "path", "meta_path", "excepthook"):
        monkeypatch.setattr(sys, name, copy.copy(getattr(sys, name)))
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    for package, is_named in (("six", True), ("sixty", False)):
        monkeypatch.setitem(sys.modules, package, None)
        (tmp_path / "script.py").write_text(f"from {package}.moves import range")
        with pytest.raises(ModuleNotFoundError) as raised:
            main(["run", str(tmp_path / "script.py")])
        sys.excepthook(raised.type, raised.value, raised.tb)
        last = capsys.readouterr().err.splitlines()[-1]
        assert (last == SIX) is is_named, last


SIX = "six was installed with Keras. Install it with: python -m pip install six"

SPAWNING = """\
import multiprocessing
import theano
import keras
from keras.layers import Dense

def described(size):
    return Dense(size).output_dim, Dense.__module__, keras.__name__

if __name__ == "__main__":
    for method in ("spawn", "forkserver"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            print(pool.map(described, [2]))
"""


def test_processes_that_a_program_starts_anew(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SPAWNING)
    ran = python("-m", "graphc", "run", "script.py", folder=tmp_path)
    assert (ran.stdout, ran.stderr) == ("[(2, 'graphc.layers.core.dense', 'keras')]\n" * 2, "")


def test_a_program_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["run", str(tmp_path / "none.py")])
    assert end.value.code == 2
    assert capsys.readouterr().err == (
        f"error: can't open the program '{tmp_path}/none.py': No such file or directory\n"
    )
