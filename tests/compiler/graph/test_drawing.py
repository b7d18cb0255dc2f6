"""Graphs in notebooks: a drawing where dot is installed, the printed form else."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph.drawing import dot_source


def example() -> g.Node:
    x = g.input((g.BATCH, 3), "float32", name='a "quoted" <name>\nof two lines \\')
    with g.origin("dense_1"):
        return g.tanh(x) + g.exp(x)


def test_dot_source_has_each_node_and_edge() -> None:
    text = dot_source([example()])
    boxes = re.findall(r'^  (n\d+) \[label="((?:[^"\\]|\\.)*)"', text, re.MULTILINE)
    assert len(boxes) == 4
    ops = {name: label.split("\\n") for name, label in boxes}
    assert [label[-3:] for label in ops.values()][1:] == [
        ["tanh", "float32[batch, 3]", "dense_1"],
        ["exp", "float32[batch, 3]", "dense_1"],
        ["add", "float32[batch, 3]", "dense_1"],
    ]
    assert re.findall(r"n\d+ -> n\d+", text) == ["n0 -> n1", "n0 -> n2", "n1 -> n3", "n2 -> n3"]
    assert all(line.count('"') % 2 == line.count('\\"') % 2 for line in text.splitlines())


def test_without_dot_the_printed_form(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    text = example()._repr_html_()
    assert text.startswith("<pre>")
    assert "&lt;name&gt;" in text
    assert "tanh(%0)" in text


def test_what_dot_draws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "dot"
    program.write_text("#!/bin/sh\necho '<?xml?><svg>'; /bin/cat >/dev/null; echo '</svg>'\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert example()._repr_html_() == "<svg>\n</svg>\n"
    program.write_text("#!/bin/sh\nexit 1\n")
    assert example()._repr_html_().startswith("<pre>")


def test_a_large_graph_is_text(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "dot"
    program.write_text("#!/bin/sh\necho '<svg></svg>'\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))
    node = example()
    for _ in range(400):
        node = g.exp(node)
    assert node._repr_html_().startswith("<pre>")
