"""``graphc view``: which models it takes, and what it refuses."""

from __future__ import annotations

import errno
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graphc import cli
from graphc.layers.core import Dense
from graphc.models import Sequential
from graphc.reference_models import REFERENCE_MODELS
from graphc.view.document import FORMAT
from tests.view.steps import SMALL

PROGRAM = """
from keras.layers import Dense
from keras.models import Sequential

def made(name, compiled=True):
    model = Sequential([Dense(2, input_dim=3, name="dense_of_" + name)], name=name)
    if compiled:
        model.compile("sgd", "mse")
    return model

"""


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name, model in SMALL.items():
        monkeypatch.setitem(REFERENCE_MODELS, name, model)


@pytest.fixture
def _own_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put back what running a program changes."""
    monkeypatch.setattr(sys, "argv", sys.argv)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    kept = dict(sys.modules)
    yield
    for name in sys.modules.keys() - kept.keys():
        if name.split(".")[0] == "keras":
            del sys.modules[name]
    sys.modules["__main__"] = kept["__main__"]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["view", *arguments]) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["view", *arguments]) == 2
    assert not list(Path().glob("*.html"))
    return capsys.readouterr().err


def shown(path: str) -> dict[str, Any]:
    text = Path(path).read_text(encoding="utf-8")
    found = re.search(r'id="compiled-view">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_a_reference_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert "small.html" in run(capsys, "small")
    assert shown("small.html")["kernels"]["sizes"] == {"batch": 6}


def test_where_the_page_goes_and_of_what(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "small", "-o", "other.html", "--batch", "3", "--target", "cpu")
    found = shown("other.html")
    assert (found["kernels"]["sizes"], found["memory"]["target"]) == ({"batch": 3}, "cpu")


def test_an_architecture_and_a_saved_model(capsys: pytest.CaptureFixture[str]) -> None:
    model = Sequential([Dense(2, input_dim=3, name="dense_of_file")], name="kept")
    Path("plain.json").write_text(model.to_json(), encoding="utf-8")
    run(capsys, "plain.json", "--optimizer", "adam")
    assert shown("plain.html")["kernels"]["summary"] == "loss mse, optimizer adam"
    model.compile("sgd", "mae")
    model.save("saved.h5")
    run(capsys, "saved.h5")
    found = shown("saved.html")
    assert found["kernels"]["summary"] == "loss mae, optimizer sgd"
    assert "dense_of_file" in {layer["name"] for layer in found["layers"]}
    assert "leave --loss and --optimizer out" in capsys_error(capsys, "saved.h5", "--loss", "mse")


def capsys_error(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["view", *arguments]) == 2
    return capsys.readouterr().err


@pytest.mark.usefixtures("_own_process")
def test_a_program_and_its_one_model(capsys: pytest.CaptureFixture[str]) -> None:
    Path("train.py").write_text(PROGRAM + "made('first', False)\nmade('second')\nraise SystemExit")
    run(capsys, "train.py")
    assert shown("train.html")["kernels"]["model"] == "second"


@pytest.mark.usefixtures("_own_process")
def test_a_program_with_several_models(capsys: pytest.CaptureFixture[str]) -> None:
    Path("train.py").write_text(PROGRAM + "models = [made('first'), made('second')]\n")
    error = refused(capsys, "train.py")
    assert "compiled 2 models, first, second" in error
    assert "--model" in error
    assert "'third'" in refused(capsys, "train.py", "--model", "third")
    run(capsys, "train.py", "--model", "first")
    assert shown("train.html")["kernels"]["model"] == "first"


@pytest.mark.usefixtures("_own_process")
def test_a_program_without_a_compiled_model(capsys: pytest.CaptureFixture[str]) -> None:
    Path("train.py").write_text(PROGRAM + "made('first', False)\n")
    assert "compiled no model" in refused(capsys, "train.py")
    Path("fails.py").write_text(PROGRAM + "made('first')\nraise SystemExit(3)\n")
    with pytest.raises(SystemExit):
        cli.main(["view", "fails.py"])
    assert not list(Path().glob("*.html"))


@pytest.mark.usefixtures("_own_process")
def test_a_model_that_does_not_compile(capsys: pytest.CaptureFixture[str]) -> None:
    Path("train.py").write_text(PROGRAM + "made('first', False).compile('sgd', 'nonsense')\n")
    assert "loss of dense_of_first: unknown loss 'nonsense'" in refused(capsys, "train.py")
    Path("plain.json").write_text(Sequential([Dense(2, input_dim=3)]).to_json(), encoding="utf-8")
    assert "unknown loss 'nonsense'" in refused(capsys, "plain.json", "--loss", "nonsense")


def test_what_is_no_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no reference model is named 'smal'" in refused(capsys, "smal")
    assert "missing.py" in refused(capsys, "missing.py")
    assert "--model chooses" in refused(capsys, "small", "--model", "other")
    assert "its models itself" in refused(capsys, "train.py", "--loss", "mse")


def test_two_builds_of_one_model(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "small", "--right", "batch=12", "--right", "mode=FAST_COMPILE")
    found = shown("small_to_small.html")
    assert found["names"] == ["small", "small, batch=12, mode=FAST_COMPILE"]
    facts = {fact["name"]: (fact["before"], fact["after"]) for fact in found["facts"]}
    assert facts == {"batch": ("6", "12"), "mode": ("FAST_RUN", "FAST_COMPILE")}
    assert [build["kernels"]["sizes"]["batch"] for build in found["builds"]] == [6, 12]


def test_a_model_beside_a_page_and_two_pages(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "small", "-o", "before.html")
    run(capsys, "before.html", "small", "--batch", "12", "-o", "mixed.html")
    found = shown("mixed.html")
    assert found["builds"][0] == shown("before.html")
    assert found["names"] == ["before.html", "small"]
    run(capsys, "small", "--batch", "12", "-o", "after.html")
    run(capsys, "before.html", "after.html")
    of_pages = shown("before_to_after.html")
    for before, after in zip(of_pages["builds"], found["builds"], strict=True):
        assert before["kernels"] == after["kernels"]  # passes took other times
    assert of_pages["kernels"] == found["kernels"]
    run(capsys, "small", "small")
    assert shown("small_to_small.html")["names"] == ["small (1)", "small (2)"]


def test_models_of_files_built_twice_have_one_set_of_names(
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = Sequential([Dense(2, input_dim=3, name="dense_of_file")], name="kept")
    Path("plain.json").write_text(model.to_json(), encoding="utf-8")
    run(capsys, "plain.json", "--right", "optimizer=adam", "--right", "loss=mae")
    found = shown("plain_to_plain.html")
    names = [[layer["name"] for layer in build["layers"]] for build in found["builds"]]
    assert "dense_of_file" in names[0]
    assert found["facts"] == [
        {
            "name": "summary",
            "before": "loss mse, optimizer rmsprop",
            "after": "loss mae, optimizer adam",
        }
    ]


@pytest.mark.usefixtures("_own_process")
def test_a_program_built_twice(capsys: pytest.CaptureFixture[str]) -> None:
    text = PROGRAM.replace('name="dense_of_" + name', "") + "made('one')\n"
    Path("train.py").write_text(text)
    run(capsys, "train.py", "--right", "floatX=float64")
    first, second = shown("train_to_train.html")["builds"]
    assert [layer["name"] for layer in first["layers"]] == [
        layer["name"] for layer in second["layers"]
    ]
    assert first["layers"][-1]["type"] != second["layers"][-1]["type"]


def test_files_that_are_no_pages_of_one_build(capsys: pytest.CaptureFixture[str]) -> None:
    def refusal(text: str | bytes) -> str:
        data = text if isinstance(text, bytes) else text.encode()
        Path("given.txt").write_bytes(data)
        Path("given.txt").rename("given.html")
        try:
            return capsys_error(capsys, "given.html", "small", "-o", "made.page")
        finally:
            Path("given.html").unlink()
            assert not Path("made.page").exists()

    run(capsys, "small", "-o", "one.page")
    run(capsys, "small", "small", "-o", "two.page")
    one, two = (Path(f"{name}.page").read_text(encoding="utf-8") for name in ("one", "two"))
    assert "found no document" in refusal("<html></html>")
    assert "found no document" in refusal(one[: one.index('"kernel_links"')])
    assert "cannot be read" in refusal(b"\xff\xfe\x00")
    assert "one that compares two" in refusal(two)
    assert "was changed after" in refusal(one.replace('"batch":6', '"batch":7'))
    digest = re.search(r'data-sha256="\w*" ', one)
    assert digest is not None
    assert one.count(f'{{"format":{FORMAT},') == 1
    earlier = one.replace(digest[0], "").replace(f'{{"format":{FORMAT},', '{"format":1,')
    assert f"expected a document of form {FORMAT}, received form 1" in refusal(earlier)
    assert "there is no page missing.html" in refused(capsys, "missing.html", "small")


def test_options_that_two_builds_would_ignore(capsys: pytest.CaptureFixture[str]) -> None:
    assert "is a page already" in refused(capsys, "a.html")
    assert "leave --right out" in refused(capsys, "small", "a.html", "--right", "batch=3")
    error = refused(capsys, "a.html", "b.html", "--batch", "3", "--measure", "--model", "m")
    assert "leave --measure, --model, --batch out" in error
    assert "NAME=VALUE" in refused(capsys, "small", "--right", "batch")
    error = refused(capsys, "small", "--right", "mod=FAST_COMPILE")
    assert "received 'mod'" in error
    assert "Did you mean 'mode'" in error
    assert "a whole number" in refused(capsys, "small", "--right", "batch=many")
    assert "cuda or cpu" in refused(capsys, "small", "--right", "target=gpu")
    assert "FAST_RUN" in refused(capsys, "small", "--right", "mode=QUICK")
    trace = ("--trace", "trace.json", "--measure")
    assert "of one build" in refused(capsys, "small", "small", *trace)


def test_a_browser_that_is_not_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: bool(opened.append(url)))
    error = capsys_error(capsys, "small", "--open")
    assert "no browser was found to open small.html with; open it" in error
    assert shown("small.html")["kernels"]["model"] == "small"
    assert opened == [Path("small.html").resolve().as_uri()]


def test_pages_that_cannot_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no folder" in refused(capsys, "small", "-o", "missing/page.html")
    Path("folder.html").mkdir()
    assert "no file that could be replaced" in capsys_error(capsys, "small", "-o", "folder.html")
    assert [path.name for path in Path().rglob("*")] == ["folder.html"]


def test_a_folder_that_may_not_be_written_into(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    Path("kept").mkdir()
    Path("kept/page.html").write_text("as it was")
    with monkeypatch.context() as patched:  # nothing is forbidden to root
        patched.setattr("os.open", refuse)
        error = capsys_error(capsys, "small", "-o", "kept/page.html")
    assert "kept" in error
    assert "Permission denied" in error
    assert Path("kept/page.html").read_text() == "as it was"
    assert [path.name for path in Path("kept").iterdir()] == ["page.html"]


def test_measuring_what_cannot_be(capsys: pytest.CaptureFixture[str]) -> None:
    Path("plain.json").write_text(Sequential([Dense(2, input_dim=3)]).to_json(), encoding="utf-8")
    assert "leave --measure out" in refused(capsys, "plain.json", "--measure")
    assert "add --measure" in refused(capsys, "small", "--trace", "trace.json")


@pytest.mark.flags(cpu="numpy")
def test_measuring_without_native_code(capsys: pytest.CaptureFixture[str]) -> None:
    error = refused(capsys, "small", "--measure", "--target", "cpu")
    assert "expected native code" in error


def test_measuring_without_a_gpu(capsys: pytest.CaptureFixture[str]) -> None:
    assert "GPU" in refused(capsys, "small", "--measure")
