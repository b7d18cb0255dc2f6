"""``graphc dump``: the kernels of reference models and of architectures in files."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from graphc import cli
from graphc.compiler.runtime.gpu import probe
from graphc.config import config
from graphc.layers.recurrent import SimpleRNN
from graphc.models import Sequential
from graphc.reference_models import REFERENCE_MODELS, ReferenceModel, gru_ae
from tests.view.steps import SMALL

DENSE = {
    "name": "dense_1",
    "trainable": True,
    "batch_input_shape": [None, 4],
    "input_dtype": "float32",
    "output_dim": 2,
    "init": "glorot_uniform",
    "activation": "softmax",
    "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.01},
    "b_regularizer": None,
    "activity_regularizer": None,
    "W_constraint": {"name": "MaxNorm", "m": 2, "axis": 0},
    "b_constraint": None,
    "input_dim": 4,
}


def described(*layers: tuple[str, dict]) -> str:
    entries = [{"class_name": name, "config": arguments} for name, arguments in layers]
    return json.dumps({"class_name": "Sequential", "config": entries})


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models that are fast to lower, as 'small' and 'loop', and are lowered once."""
    for name, model in SMALL.items():
        monkeypatch.setitem(REFERENCE_MODELS, name, model)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["dump", *arguments]) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["dump", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


@pytest.mark.usefixtures("small")
def test_table_fits_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    text = run(capsys, "small")
    assert "mlp.train (batch 6): " in text
    assert "dense_2" in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.usefixtures("small")
def test_json_has_the_facts_of_each_kernel(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(run(capsys, "small", "--batch", "5", "--json"))
    assert (found["model"], found["sizes"]) == ("small", {"batch": 5})
    kernels = found["kernels"]
    assert found["totals"]["kernels"] == len(kernels)
    for kernel in kernels:
        assert kernel.keys() >= {
            "name",
            "kind",
            "layers",
            "launch",
            "extents",
            "flops",
            "bytes",
            "reason",
            "source",
        }
        assert kernel["repeats"] or f" {kernel['name']}(" in kernel["source"]
        assert kernel["bytes"] > 0
    products = [kernel for kernel in kernels if "matmul" in kernel["ops"]]
    # Forward three products, backward five: of 2 * batch * (8 * 16, 16 * 16, 16 * 4) FLOPs.
    assert sum(kernel["flops"] for kernel in products) >= 2 * 5 * (2 * 128 + 3 * 256 + 3 * 64)


@pytest.mark.usefixtures("small")
def test_source_is_alone_and_whole(capsys: pytest.CaptureFixture[str]) -> None:
    source = run(capsys, "small", "--source")
    assert source.startswith("#include")
    kernels = json.loads(run(capsys, "small", "--json"))["kernels"]
    assert source.count("__global__") == len(kernels)
    assert all(f" {kernel['name']}(" in source for kernel in kernels)


def test_source_is_the_same_for_each_batch(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    build = partial(gru_ae.build, steps=7, features=2, units=4)  # each time anew
    monkeypatch.setitem(REFERENCE_MODELS, "loop", ReferenceModel("loop", "2-4-2", 5, build))
    sources = {run(capsys, "loop", "--source", "--batch", batch) for batch in ("7", "128")}
    assert len(sources) == 1


@pytest.mark.usefixtures("small")
def test_a_loops_kernels_are_launched_once_a_step(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(run(capsys, "loop", "--json"))
    times = [kernel["launch"]["times"] for kernel in found["kernels"]]
    assert set(times) <= {1, 7}
    assert found["totals"]["launches"] == sum(times)


@pytest.mark.usefixtures("small")
def test_memory(capsys: pytest.CaptureFixture[str]) -> None:
    text = run(capsys, "small", "--memory")
    assert max(map(len, text.splitlines())) <= 80
    report = json.loads(run(capsys, "small", "--memory", "--json"))
    parts = ("states", "constants", "inputs", "arena")
    assert report["peak"] == sum(report[part] for part in parts)
    names = {use["name"] for use in report["buffers"] if use["held"] == "state"}
    assert "dense_1/dense_1_W" in names


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("target", ["cuda", "cpu"])
def test_loop_programs(capsys: pytest.CaptureFixture[str], target: str) -> None:
    text = run(capsys, "small", "--loops", "--target", target)
    assert max(map(len, text.splitlines())) <= 100
    found = json.loads(run(capsys, "small", "--loops", "--json", "--target", target))
    first, *others = found["kernels"]
    assert first["name"] == "k0_matmul"
    assert first["flops"] >= 2 * 6 * 8 * 16  # the product, then bias, ReLU and dropout
    assert first["requested"] > first["fewest"]
    # A row of the input, a matrix, a bias; the result, a byte for each element.
    assert first["fewest"] == 4 * (6 * 8 + 8 * 16 + 16) + (4 + 1) * 6 * 16
    assert "for k0 < 8:" in first["program"]
    for kernel in (first, *others):
        assert kernel["program"].startswith(f"kernel {kernel['name']}(")
        assert f"\nkernel {kernel['name']}(" in text


@pytest.mark.usefixtures("small")
def test_a_loop_program_in_a_loop_reads_the_slice_of_its_step(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = json.loads(run(capsys, "loop", "--loops", "--target", "cpu", "--json"))
    assert {kernel["times"] for kernel in found["kernels"]} == {1, 7}
    inside = [kernel for kernel in found["kernels"] if kernel["times"] == 7]
    assert any(
        "step0 < 7) ->" in " ".join(kernel["program"].split()) and "[step0, " in kernel["program"]
        for kernel in inside
    )
    listed = json.loads(run(capsys, "loop", "--target", "cpu", "--json"))["kernels"]
    outside = {kernel["name"] for kernel in found["kernels"] if kernel["times"] == 1}
    assert outside <= {kernel["name"] for kernel in listed}


@pytest.mark.usefixtures("small")
def test_a_loop_that_one_launch_runs_whole_is_one_loop_program(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = json.loads(run(capsys, "loop", "--loops", "--json"))["kernels"]
    scans = [kernel for kernel in found if kernel["kind"] == "scan"]
    listed = json.loads(run(capsys, "loop", "--json"))["kernels"]
    assert [kernel["name"] for kernel in found] == [kernel["name"] for kernel in listed]
    assert len(scans) == 4
    for kernel in scans:
        assert kernel["mapping"] == "rows by blocks for all steps"
        assert kernel["times"] == 1
        assert "< 7:" in kernel["program"]
        assert "barrier" in kernel["mapped"]
        assert "barrier" not in kernel["program"]


@pytest.mark.usefixtures("small")
def test_a_kernel_is_shown_as_it_runs_by_its_mapping(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("loop", "--loops", "--target", "cpu")
    found = json.loads(run(capsys, *arguments, "--json"))["kernels"]
    kinds = {kernel["kind"] for kernel in found if kernel["mapping"] is not None}
    assert kinds == {"pointwise", "rows", "columns", "matmul"}
    mapped = [kernel for kernel in found if kernel["mapping"] == "vectors"]
    assert mapped
    assert any("(vector):" in kernel["mapped"] for kernel in mapped)
    assert all("(vector):" not in kernel["program"] for kernel in found)
    assert "as it runs, by the mapping vectors:" in run(capsys, *arguments)
    inside = [kernel for kernel in found if kernel["times"] == 7]
    assert inside
    assert all("begin < batch + 1" in kernel["mapped"] for kernel in inside)  # some rows


@pytest.mark.usefixtures("small")
def test_a_reduction_is_shown_as_threads_of_a_gpu_would_run_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = json.loads(run(capsys, "loop", "--loops", "--json"))["kernels"]
    reductions = [kernel for kernel in found if kernel["kind"] in ("rows", "columns")]
    assert reductions
    for kernel in reductions:
        assert kernel["mapping"] != "plain"
        assert "(thread):" in kernel["mapped"]
        assert "(thread):" not in kernel["program"]
    text = run(capsys, "loop", "--loops")
    columns = next(kernel["mapping"] for kernel in reductions if kernel["kind"] == "columns")
    assert f"as it runs, by the mapping {columns}" in text
    rows = [kernel["mapping"] for kernel in reductions if kernel["kind"] == "rows"]
    assert "a thread a row" in rows
    assert "as it runs, by the mapping a thread a row" in text
    others = [kernel for kernel in found if kernel["kind"] == "pointwise" and kernel["mapping"]]
    assert any("(grid):" in kernel["mapped"] for kernel in others)
    assert f"as it runs, by the mapping {others[0]['mapping']}" in text


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("target", ["cuda", "cpu"])
def test_passes(capsys: pytest.CaptureFixture[str], target: str) -> None:
    text = run(capsys, "loop", "--passes", "--target", target)
    assert max(map(len, text.splitlines())) <= 80
    found = json.loads(run(capsys, "loop", "--passes", "--json", "--target", target))
    assert found["target"] == target
    names = [one["name"] for one in found["passes"]]
    assert names[:3] == ["fold", "simplify", "stabilize"]
    of_target = [one for one in found["passes"] if one["target"]]
    assert [one["name"] for one in of_target] == names[len(names) - len(of_target) :]
    assert len(of_target) == 3
    for one in found["passes"]:
        assert one["name"] in text
    shown = " ".join(text.split())
    assert all(one["why"] in shown for one in of_target)
    assert "leave --batch and --size out" in refused(capsys, "loop", "--passes", "--batch", "3")
    assert "--passes and --source" in refused(capsys, "loop", "--passes", "--source")


def test_loop_programs_are_shown_alone(capsys: pytest.CaptureFixture[str]) -> None:
    for other in ("--memory", "--source"):
        assert f"--loops and {other}" in refused(capsys, "mlp", "--loops", other)


@pytest.mark.usefixtures("small")
def test_no_gpu_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    expected = run(capsys, "small")
    with config.changed(device="gpu"):
        assert run(capsys, "small") == expected


@pytest.mark.usefixtures("small")
def test_a_card_that_is_not_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "model.json"
    path.write_text(Sequential([SimpleRNN(224, input_shape=(9, 3))]).to_json())
    totals = {
        card: json.loads(run(capsys, str(path), "--json", "--card", card))["totals"]
        for card in ("t4", "h100")
    }
    assert totals["h100"]["launches"] < totals["t4"]["launches"]
    assert "on NVIDIA H100" in run(capsys, "small", "--memory", "--card", "h100")
    assert "target 'cpu'" in refused(capsys, "mlp", "--card", "h100", "--target", "cpu")


@pytest.mark.usefixtures("small")
def test_a_card_adds_an_estimate_of_the_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(probe, "nvcc_path", lambda: None)
    text = run(capsys, "small", "--card", "t4")
    table, _, estimated = text.partition("An estimate: no card has checked it. ")
    assert table.startswith("small: ")
    assert "mlp.train on NVIDIA T4 (batch 6)" in " ".join(estimated.split())
    assert "without registers (no CUDA compiler" in " ".join(estimated.split())
    assert max(map(len, text.splitlines())) <= 80
    found = json.loads(run(capsys, "small", "--card", "t4", "--json"))
    launches = found["estimate"]["launches"]
    assert [one["name"] for one in launches] == [one["name"] for one in found["kernels"]]
    assert all({"seconds", "limiter", "waves", "tail"} <= one.keys() for one in launches)
    assert found["estimate"]["host_seconds"] > 0
    assert "estimate" not in json.loads(run(capsys, "small", "--json"))
    assert run(capsys, "small", "--card", "t4", "--source").startswith("#include")


def test_an_unknown_card_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["dump", "mlp", "--card", "v100"])
    listed = capsys.readouterr().err
    assert all(name in listed for name in ("v100", "t4", "rtx4090", "a100", "h100"))


@pytest.mark.usefixtures("small")
def test_native_code_is_shown_without_a_compiler(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    source = run(capsys, "small", "--target", "cpu", "--source")
    assert "__global__" not in source
    assert 'extern "C" GC_EXPORTED void graphc_step(' in source
    text = run(capsys, "small", "--target", "cpu")
    assert "kernels of native code" in text
    assert max(map(len, text.splitlines())) <= 80
    found = json.loads(run(capsys, "small", "--target", "cpu", "--json"))
    assert found["target"] == "cpu"
    assert {*found["kernels"][0]["launch"]} == {"times"}  # no blocks
    assert found["totals"]["moved"] is None
    assert found["totals"]["fewest"] > 0
    gpu = json.loads(run(capsys, "small", "--memory", "--json"))
    cpu = json.loads(run(capsys, "small", "--memory", "--json", "--target", "cpu"))
    assert cpu["inputs"] == gpu["inputs"] / 2  # no second place for the next batch
    assert cpu["states"] == gpu["states"]
    assert "the caller's own" in " ".join(
        run(capsys, "small", "--memory", "--target", "cpu").split()
    )


def test_architecture_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "model.json"
    path.write_text(described(("Dense", DENSE), ("Activation", {"activation": "linear"})))
    text = run(capsys, str(path), "--batch", "9", "--optimizer", "adam")
    assert "loss mse, optimizer adam" in " ".join(text.split())
    assert "(batch 9)" in text
    assert "dense_1" in text


def test_loss_that_fits_the_last_activation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.json"
    path.write_text(described(("Dense", DENSE)))
    found = json.loads(run(capsys, str(path), "--json"))
    assert found["summary"] == "loss categorical_crossentropy, optimizer rmsprop"
    assert found["sizes"] == {"batch": 32}


@pytest.mark.usefixtures("small")
def test_a_reference_model_has_its_own_loss(capsys: pytest.CaptureFixture[str]) -> None:
    assert "of its own" in refused(capsys, "small", "--loss", "mse")


def test_refusals_say_what_was_expected(capsys: pytest.CaptureFixture[str]) -> None:
    assert "'mlp'" in refused(capsys, "mpl")
    assert "cannot be read" in refused(capsys, "/nowhere/model.json")
    assert "at least 1, received 0" in refused(capsys, "mlp", "--batch", "0")
    assert "no input has a size 'time'" in refused(capsys, "mlp", "--size", "time=3")
    assert "NAME=N" in refused(capsys, "mlp", "--size", "time")
    assert "--memory and --source" in refused(capsys, "mlp", "--memory", "--source")
