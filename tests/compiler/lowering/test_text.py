"""The generated text: the same for every batch, name and hash seed; names stay in comments."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from graphc import resources
from graphc.compiler import graph as g
from graphc.compiler.function import Function
from graphc.config import config
from graphc.optimizers import Adam
from graphc.reference_models import REFERENCE_MODELS, gru_ae, layers, recurrent
from graphc.reference_models.step import training_step
from tests.reference_models.cut_sizes import CUT

ROOT = Path(__file__).resolve().parents[3]
HOST_COMPILER, NVCC = shutil.which("g++"), shutil.which("nvcc")

HOSTILE = (
    "\"quotes\" and 'quotes'",
    "two\nlines",
    "*/ __syncthreads(); /*",
    "// a comment\r\n#error a directive",
    "ein Ümlaut, 层, \U0001f600, \u2028 a line separator",
    "a backslash at the end\\",
    "a trigraph at the end ??/",
    'R"x( a raw string',
    "{{ jinja }} {% for %} {#",
    "%s %d {} {0} \x00 \x1b[31m \x7f",
)


def named(names: Callable[[int], str]) -> Function:
    """A training step of layers of each kind; the k-th of them is called ``names(k)``."""
    x = g.input((g.BATCH, 6, 7, 7), name=names(0))
    series = g.input((g.BATCH, 5, 4), name=names(1))
    words = g.input((g.BATCH, 3), "int32", name=names(2))
    y = g.input((g.BATCH, 3), name=names(3))
    weights = layers.Weights()
    h = layers.convolution(weights, names(4), x, 8, (3, 3), "relu")
    h = layers.max_pooling(names(5), h, (2, 2))
    h = layers.flatten(names(6), layers.dropout(names(7), h, 0.25))
    state = recurrent.gru(weights, names(8), series, 9)
    found = layers.embedding(weights, names(9), words, 11, 5)
    joined = g.concat([h, state[:, -1], layers.flatten(names(10), found)], axis=1)
    p = layers.dense(weights, names(11), joined, 3, "softmax")
    loss = layers.mean_loss(names(11), "categorical_crossentropy", y, p)
    step = training_step(
        names(12), [x, series, words, y], p, loss, [], weights.all, Adam(), lambda count: []
    )
    return step.function()


def plain(k: int) -> str:
    return f"layer_{k}"


def hostile(k: int) -> str:
    return f"{HOSTILE[k % len(HOSTILE)]} {k} {HOSTILE[k % len(HOSTILE)]}"


def code(source: str) -> str:
    """The source as a compiler sees it: comments are its own preprocessor's to find."""
    flags = ["-E", "-P", "-fpreprocessed", "-dD", "-std=c++11", "-trigraphs", "-x", "c++", "-"]
    done = subprocess.run(
        [HOST_COMPILER, *flags], input=source, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout


@pytest.fixture(scope="module")
def sources() -> dict[str, str]:
    """The step's source under plain, other and hostile names."""
    found = {}
    for kind, names in (("plain", plain), ("other", lambda k: f"x{k}_y0"), ("hostile", hostile)):
        np.random.seed(1)
        found[kind] = named(names).program().source
    return found


needs_host_compiler = pytest.mark.skipif(HOST_COMPILER is None, reason="needs g++")


@needs_host_compiler
def test_another_layer_name_changes_comments_only(sources: dict[str, str]) -> None:
    assert sources["other"] != sources["plain"]
    assert code(sources["other"]) == code(sources["plain"])


@needs_host_compiler
def test_hostile_names_stay_inside_comments(sources: dict[str, str]) -> None:
    text = sources["hostile"]
    assert text.isascii()
    assert not re.search(r"[^\n -~]", text)  # nothing that a terminal would obey
    assert code(text) == code(sources["plain"])


@pytest.mark.skipif(NVCC is None, reason="needs nvcc")
def test_hostile_names_compile(sources: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "kernels.cu"
    path.write_text(sources["hostile"])
    include = f"-I{resources.folder('kernels')}"
    flags = ["-ptx", "-arch=sm_90", "-std=c++17", "-Werror", "all-warnings", include]
    command = [NVCC, *flags, "-o", str(tmp_path / "kernels.ptx"), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_name_is_shown_as_far_as_it_is_harmless(sources: dict[str, str]) -> None:
    comments = "\n".join(line for line in sources["plain"].splitlines() if "//" in line)
    for k in (4, 5, 7, 8, 9, 11):
        assert f"layer_{k}" in comments


def test_the_batch_is_an_argument() -> None:
    step = gru_ae.build(steps=5, features=3, units=7).function()
    lists = [step.kernels(batch) for batch in (1, 7, 128)]
    assert len({kernels.source for kernels in lists}) == 1
    assert len({kernels.flops for kernels in lists}) == 3
    assert "int batch" in lists[0].source


@pytest.mark.parametrize("model", ["mlp", "gru_ae"])
def test_the_hash_seed_does_not_matter(model: str) -> None:
    command = [sys.executable, "-m", "graphc", "dump", model, "--source"]
    runs = [
        subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed}, stdout=subprocess.PIPE
        )
        for seed in ("1", "2")
    ]
    first, second = (run.communicate(timeout=120)[0] for run in runs)
    assert [run.returncode for run in runs] == [0, 0]
    assert first == second


@pytest.mark.parametrize("model", REFERENCE_MODELS)
def test_lowering_again_gives_the_same_text(model: str) -> None:
    """Nothing that an earlier program left behind enters the text but its layers' names."""
    build = partial(REFERENCE_MODELS[model].build, **CUT[model])
    first, second = (build().function().program() for _ in range(2))
    numbered = re.compile(r"_\d+\b")  # a Sequential numbers its input
    assert numbered.sub("", first.source) == numbered.sub("", second.source)


@pytest.mark.parametrize("target", ["cuda", "cpu"])
@pytest.mark.parametrize("name", REFERENCE_MODELS)
def test_lines_fit_80_columns(name: str, target: str) -> None:
    model = REFERENCE_MODELS[name]
    with config.changed(device="cpu"):
        source = model.build().function().kernels(model.batch, {}, target=target).source
    assert max(map(len, source.split("\n"))) <= 80
