"""Data that an example cannot read: it ends with what came and what was expected, and no
traceback."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.examples.made_up import archive_folder
from tests.examples.running import module

TABLE = "ironic\tstars\ttitle\treview\n"


def refused(monkeypatch: pytest.MonkeyPatch, capsys, example: str, *options: object) -> str:
    """Return the message that the example ends with."""
    loaded = module(monkeypatch, example)
    monkeypatch.setattr(sys, "argv", [f"{example}.py", "--quick", *map(str, options)])
    with pytest.raises(SystemExit) as ended:
        loaded.main()
    assert capsys.readouterr().out == "", "nothing is trained on such data"
    return str(ended.value)


def idx(*shape: int) -> bytes:
    head = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">u4").tobytes()
    return gzip.compress(head + bytes(int(np.prod(shape))), 1)


def mnist_folder(images: bytes, labels: bytes) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.mkdir()
        (path / "t10k-images-idx3-ubyte.gz").write_bytes(images)
        (path / "t10k-labels-idx1-ubyte.gz").write_bytes(labels)

    return make


def text(content: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(content, encoding="utf-8") and None


def content(made: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(made) and None


def npz(**arrays: np.ndarray) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with open(path, "wb") as file:
            np.savez(file, **arrays)

    return make


def recordings(steps: int = 100, last: int = 3) -> Callable[[Path], None]:
    x, y = np.zeros((4, steps, 6), "float32"), np.array([0, 1, 2, last])
    return npz(X_train=x, X_test=x, y_train=y, y_test=y)


def changed_archive(old: str, new: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        file = archive_folder(path, 1) / "BasicMotions_TEST.ts"
        file.write_text(file.read_text("utf-8").replace(old, new, 1), encoding="utf-8")

    return make


def review_file(page: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        (path / "Ironic").mkdir(parents=True)
        (path / "Ironic" / "1.txt").write_text(page, encoding="utf-8")

    return make


def nothing(path: Path) -> None:
    """No file and no folder."""


CASES = [
    ("classify", nothing, "there is no DATA"),
    ("classify", Path.mkdir, "there is no t10k-images* in DATA"),
    ("classify", text("digits"), "DATA is a file, no folder"),
    ("classify", mnist_folder(b"\x1f\x8bno", idx(3)), "is not a whole gzip file"),
    ("classify", mnist_folder(b"GIF89a", idx(3)), "is not an idx file"),
    ("autoencoder", mnist_folder(idx(10, 28, 28), idx(10)), "DATA has images (10, 28, 28) and"),
    ("adversaries", mnist_folder(idx(10), idx(10)), "DATA has images (10,) and labels (10,)"),
    ("motion", nothing, "there is no DATA"),
    ("motion", text("no numbers"), "DATA is not a whole .npz file of arrays"),
    ("motion", npz(x=np.zeros(3)), "y_test is not there; found x"),
    ("motion", recordings(steps=99), "DATA has recordings (4, 99, 6) and classes (4,)"),
    ("motion", recordings(last=4), "DATA has the classes [0 1 2 4]"),
    ("motion", Path.mkdir, "No such file or directory: 'DATA/BasicMotions_TRAIN.ts'"),
    ("motion", changed_archive("@data", "@end"), "BasicMotions_TEST.ts has no line @data"),
    ("motion", changed_archive(":Walking", ":Resting"), "the class 'Resting', not one of"),
    ("motion", changed_archive(":", ",0:"), "has recordings of other (axes, steps): [(6, 100)"),
    ("sarcasm", nothing, "there is no DATA"),
    ("sarcasm", Path.mkdir, "DATA has 0 reviews, 0 of them ironic; at least 12 of each kind"),
    ("sarcasm", text("ironic\treview\n"), "DATA has no column stars, title in its first line"),
    ("sarcasm", text(TABLE + "yes\t1\tA\tB.\n"), "line 2: ironic is 'yes', neither 0 nor 1"),
    ("sarcasm", text(TABLE + "1\tmany\tA\tB.\n"), "line 2: stars are 'many', no number from 1"),
    ("sarcasm", text(TABLE + "1\n"), "line 2: stars are '', no number from 1 to 5"),
    ("sarcasm", content(b"\xff\xfe\0\0"), "DATA is no table of text: 'utf-8' codec"),
    ("sarcasm", review_file("<STARS>1.0</STARS>"), "1.txt has no part <TITLE>...</TITLE>"),
    ("writer", Path.mkdir, "Is a directory: 'DATA'"),
    ("writer", content(b"\xff\xfe\0\0"), "'utf-8' codec can't decode"),
    ("writer", text("Too short."), "DATA has 10 letters, fewer than 7,040"),
]


@pytest.mark.parametrize(("example", "make", "message"), CASES)
def test_the_message_says_what_came_and_what_was_expected(
    monkeypatch, capsys, tmp_path: Path, example: str, make: Callable, message: str
) -> None:
    path = tmp_path / "given"
    make(path)
    out = tmp_path / "out"
    said = refused(monkeypatch, capsys, example, "--data", path, "--out", out)
    came, _, expected = said.partition("\nexpected: ")
    assert came.startswith("--data: ")
    assert message.replace("DATA", str(path)) in came
    assert expected


def test_download_and_data_exclude_each_other(monkeypatch, capsys, tmp_path: Path) -> None:
    assert refused(monkeypatch, capsys, "motion", "--data", tmp_path, "--download") == "2"


def test_a_download_that_fails_is_a_message(monkeypatch, capsys, tmp_path: Path) -> None:
    """Nothing listens at that port of this machine."""
    monkeypatch.setenv("GRAPHC_DATASETS", str(tmp_path))
    loaded = module(monkeypatch, "motion")
    monkeypatch.setattr(loaded.recordings, "_ORIGIN", "http://127.0.0.1:9/")
    monkeypatch.setattr(sys, "argv", ["motion.py", "--download", "--out", str(tmp_path)])
    with pytest.raises(SystemExit, match=r"^--download: .*127\.0\.0\.1:9/BasicMotions_TRAIN\.ts"):
        loaded.main()
    assert capsys.readouterr().out == ""
