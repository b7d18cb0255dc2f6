"""The passes of a function, those of its target included: listed, dumped, checked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.function import function, sharded_function
from graphc.compiler.lowering.cpu import lower as native
from graphc.compiler.passes import PIPELINE
from graphc.compiler.schedule.inline import MOST_CONCATENATED
from graphc.compiler.targets.passes import TargetPass
from graphc.config import config
from graphc.errors import PassError
from tests.native.graph_programs import needs_compiler

OF_ALL = [name for name, _ in PIPELINE]
OF_CPU = ["divide_concatenations", "exchange_operands", "sink_transposes"]
OF_CUDA = ["divide_concatenations", "sink_transposes", "rotate_loops"]


def wide(count: int = MOST_CONCATENATED + 1) -> tuple[list[g.Node], g.Node]:
    parts = [g.input((g.BATCH, 2), "float32", name=f"x{k}") for k in range(count)]
    return parts, g.concat(parts, axis=1) * 1.0


def test_a_list_says_what_each_pass_changes() -> None:
    inputs, output = wide()
    found = function(inputs, output).passes(target="cpu")
    assert [one.name for one in found] == [*OF_ALL, *OF_CPU]
    assert [one.target for one in found] == [""] * len(OF_ALL) + ["cpu"] * len(OF_CPU)
    changes = {one.name: one for one in found if one.changed}
    assert changes.keys() == {"simplify", "divide_concatenations"}
    assert changes["simplify"].rules == {"x * 1 = x": 1}
    assert changes["divide_concatenations"].rules == {}
    assert changes["divide_concatenations"].nodes_after == len(inputs) + 2
    assert all(bool(one.why) == bool(one.target) for one in found)
    text = str(found)
    assert max(map(len, text.splitlines())) <= 80
    assert text.index("passes of all targets") < text.index("    x * 1 = x\n")
    assert text.index("\npasses of cpu\n") < text.index("divide_concatenations")
    as_dict = found.as_dict()
    assert as_dict["passes"][-2]["why"] == found[-2].why
    assert [one["changed"] for one in as_dict["passes"]] == [one.changed for one in found]


def test_a_gpu_has_passes_of_its_own_and_a_card_decides() -> None:
    inputs, output = wide(2)
    f = function(inputs, output)
    for card in (None, "h100"):
        names = [one.name for one in f.passes(target="cuda", card=card) if one.target]
        assert names == OF_CUDA


def test_a_shard_has_passes() -> None:
    inputs, output = wide(2)
    f = sharded_function(inputs, output, shards=2)
    assert [one.name for one in f.passes(target="cpu")] == [*OF_ALL, *OF_CPU]


def test_the_dump_has_the_passes_of_a_target_once_it_is_lowered(tmp_path: Path) -> None:
    inputs, output = wide()
    with config.changed(dump=str(tmp_path)):
        f = function(inputs, output, name="f")
    (folder,) = tmp_path.iterdir()
    count = 1 + len(OF_ALL)
    assert len(list(folder.iterdir())) == count
    for _ in range(2):  # the second time it is lowered already
        program = f.program(target="cpu")
        written = sorted(path.name for path in folder.iterdir())
        assert written[count:] == [f"{count + k}-cpu-{name}.txt" for k, name in enumerate(OF_CPU)]
    after = (folder / written[-1]).read_text()
    assert after == g.format_graph(program.outputs) + "\n"
    assert after != (folder / written[count - 1]).read_text()


def wrong_pass(outputs: list[g.Node]) -> list[g.Node]:
    return g.sweep(outputs, lambda node: g.abs(node.inputs[0]) if node.op == "exp" else node)


@needs_compiler
def test_debug_mode_names_the_pass_of_a_target_that_changed_a_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config.cpu = "native"
    table = (*native.CPU_PASSES, TargetPass("wrong", wrong_pass, "None."))
    monkeypatch.setattr(native, "CPU_PASSES", table)
    x = g.input((3,))
    f = function([x], g.exp(x), mode="DebugMode")
    with pytest.raises(
        PassError, match=r"'wrong' of the target cpu.*output 0 at \(0,\).*cpu=numpy"
    ):
        f(np.array([1, 2, 0], "float32"))


@needs_compiler
def test_the_report_has_the_passes_of_the_target_that_runs() -> None:
    config.cpu = "native"
    inputs, output = wide(2)
    f = function(inputs, output)
    f.kernels(batch=3, target="cuda")
    assert [one.name for one in f.report.passes] == [*OF_ALL, *OF_CPU]
    assert "cpu-sink_transposes" in str(f.report)
    config.cpu = "numpy"
    interpreted = function(inputs, output)
    assert [one.name for one in interpreted.report.passes] == OF_ALL
