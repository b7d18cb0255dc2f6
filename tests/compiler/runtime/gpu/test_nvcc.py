"""Compiling: what a warm start runs, errors that name the kernel, and a driver that is too old.

The compiler here is a script that counts its runs; the real nvcc compiles once, where it is found.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from graphc import resources
from graphc.compiler.runtime import compiler_process
from graphc.compiler.runtime.cache.kernels import KernelCache
from graphc.compiler.runtime.gpu import nvcc, probe
from graphc.compiler.runtime.gpu.nvcc import Compiler, check_driver, compiled, find_compiler
from graphc.config import config
from graphc.errors import CompilerError, DeviceError

SOURCE = """#include "pointwise.cuh"
// k0_add: {layer}
extern "C" __global__ void __launch_bounds__(64) k0_add(float* y) {{
  y[threadIdx.x] = gc_add(y[threadIdx.x], 1.0f);
}}
// k1_mul: {layer}
extern "C" __global__ void k1_mul(float* y) {{
  y[threadIdx.x] = {factor};
}}
"""
LAYERS = {"k0_add": "dense_1", "k1_mul": "dense_2, activation_1"}

# Writes its arguments into runs.log; its output is a line that its source has. The source of a
# failing run has the word "broken".
SCRIPT = """#!/bin/sh
echo "$@" >> {folder}/runs.log
if [ "$1" = --version ]; then echo "release {release}, V1"; exit 0; fi
for last; do :; done
while [ "$1" != -I ]; do shift; done
if grep -q broken "$3"; then
  echo "$3($(grep -n broken "$3" | cut -d: -f1)): error: no such thing" >&2
  seq 100 >&2
  exit 2
fi
grep k1_mul "$3" > "$last"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder, and a compiler that is the only nvcc."""
    install(tmp_path, "13.0")
    monkeypatch.setattr(probe, "nvcc_path", lambda: str(tmp_path / "nvcc"))
    config.cuda_cache = str(tmp_path / "cache")
    return tmp_path


def install(folder: Path, release: str) -> None:
    script = folder / "nvcc"
    script.write_text(SCRIPT.format(folder=folder, release=release))
    script.chmod(0o755)


def runs(folder: Path) -> list[str]:
    log = folder / "runs.log"
    return log.read_text().splitlines() if log.exists() else []


def make(layer: str = "dense_1", factor: str = "2", arch: str = "sm_75") -> bytes:
    source, code = (SOURCE.format(layer=one, factor=factor) for one in (layer, ""))
    return compiled(source, arch, (13, 0), LAYERS, "train", bytes, code).loaded


def test_a_second_start_runs_no_compiler_whatever_layers_are_called(folder: Path) -> None:
    binary = make()
    assert b"k1_mul" in binary
    assert len(runs(folder)) == 2  # its version, and the source
    assert make() == binary
    assert make(layer='*/ "hostile" \u00e9') == binary
    assert len(runs(folder)) == 2


def test_source_card_and_compiler_are_parts_of_the_key(folder: Path) -> None:
    make()
    make(factor="3")
    make(arch="sm_90")
    assert len(runs(folder)) == 4
    install(folder, "13.10")  # another size: another compiler
    make()
    assert len(runs(folder)) == 6


def test_the_headers_are_parts_of_the_key(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make()
    changed = tmp_path / "kernels"
    shutil.copytree(resources.folder("kernels"), changed)
    monkeypatch.setattr(resources, "folder", lambda name: changed)
    make()
    assert len(runs(folder)) == 2
    with (changed / "pointwise.cuh").open("a") as header:
        header.write("int another;\n")
    make()
    assert len(runs(folder)) == 3


def test_flags_keep_floats_exact_and_name_the_card(folder: Path) -> None:
    make(arch="sm_90")
    command = runs(folder)[-1].split()
    assert "-arch=sm_90" in command
    assert "-cubin" in command
    assert not [flag for flag in command if "fast" in flag or "ftz" in flag or "prec" in flag]


def test_a_damaged_binary_is_compiled_again(folder: Path) -> None:
    binary = make()
    (entry,) = (folder / "cache").glob("*.cubin")
    entry.write_bytes(entry.read_bytes()[:10])
    assert make() == binary
    assert len(runs(folder)) == 3


def test_a_cache_that_cannot_be_written_compiles_every_time(folder: Path) -> None:
    (folder / "file").write_text("")
    config.cuda_cache = str(folder / "file" / "cache")
    nvcc_runs = len(runs(folder))
    assert b"k1_mul" in make(factor="5")
    assert len(runs(folder)) > nvcc_runs


def test_a_compiler_error_names_kernel_layers_and_the_kept_source(folder: Path) -> None:
    with pytest.raises(DeviceError) as raised:
        make(factor="broken")
    said = str(raised.value)
    assert "train: nvcc did not compile the generated source for sm_75" in said
    assert "in the kernel k1_mul (of dense_2, activation_1)" in said
    path = Path(re.search(r"kept at (\S+\.cu)", said)[1])
    assert "broken" in path.read_text()
    assert "error: no such thing" in said
    assert len(said.splitlines()) == 1 + 20
    with pytest.raises(DeviceError):  # it is not taken for a binary
        make(factor="broken")


@pytest.mark.parametrize(
    ("failing", "said"),
    [
        ("kill -KILL $$", "the CUDA compiler .*nvcc was killed by SIGKILL.*What to do: see that"),
        ("exit 0", "ended well and made nothing"),
        ("for last; do :; done; : > $last", "ended well and made nothing"),
        ('echo "ptxas died due to signal 11" >&2; exit 255', "(?s)has room.*ptxas died"),
        ("echo ptxas k.ptx, line 1, error >&2; exit 255", "this is an error of graphc"),
        ("sleep 1000", "did not end within 0.2 s; it was stopped .*compile_limit=10min"),
    ],
)
def test_a_compiler_that_fails_is_an_error_and_nothing_is_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch, failing: str, said: str
) -> None:
    monkeypatch.setattr(compiler_process, "amount", lambda text: {"10min": 0.2}[text])
    version = '[ "$1" = --version ] && echo "release 13.0, V1" && exit 0'
    (folder / "nvcc").write_text(f"#!/bin/sh\n{version}\n{failing}\n")
    for _ in range(2):
        with pytest.raises(CompilerError, match=said):
            make()
    assert not list((folder / "cache").glob("*.cubin"))


def test_a_binary_that_does_not_load_is_made_again_once_and_a_new_one_is_not_kept(
    folder: Path,
) -> None:
    def load(content: bytes) -> bytes:
        if content in refused:
            raise CompilerError("no kernel image")
        return content

    source = SOURCE.format(layer="dense_1", factor="2")
    refused: list[bytes] = []
    first = compiled(source, "sm_75", (13, 0), LAYERS, "train", load)
    (entry,) = (folder / "cache").glob("*.cubin")
    KernelCache(entry.parent).write(entry.name, b"of another day")
    refused.append(b"of another day")
    again = compiled(source, "sm_75", (13, 0), LAYERS, "train", load)
    assert (again.loaded, again.seconds is None) == (first.loaded, False)
    assert compiled(source, "sm_75", (13, 0), LAYERS, "train", load).seconds is None
    entry.unlink()
    refused.append(first.loaded)
    with pytest.raises(CompilerError, match="no kernel image"):
        compiled(source, "sm_75", (13, 0), LAYERS, "train", load)
    assert not list((folder / "cache").glob("*.cubin"))


def test_what_the_environment_adds_to_the_flags_is_a_part_of_the_key(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make()
    monkeypatch.setenv("NVCC_APPEND_FLAGS", "--use_fast_math")
    make()
    assert len(runs(folder)) == 4


def test_no_compiler_is_an_error_with_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "nvcc_path", lambda: None)
    with pytest.raises(DeviceError, match="no CUDA compiler.*install the CUDA toolkit"):
        make()


def test_a_compiler_that_does_not_run_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "nvcc").write_text("#!/bin/sh\necho no libraries >&2\nexit 3\n")
    with pytest.raises(DeviceError, match="'--version' ended with status 3: no libraries"):
        make()


def test_nothing_is_compiled_for_a_driver_that_is_too_old(folder: Path) -> None:
    source = SOURCE.format(layer="dense_1", factor="2")
    with pytest.raises(DeviceError, match="driver is older than the toolkit"):
        compiled(source, "sm_75", (12, 9), LAYERS, "train", bytes)
    assert len(runs(folder)) == 1  # its version


@pytest.mark.parametrize(("driver", "fits"), [((12, 9), False), ((13, 0), True), ((14, 1), True)])
def test_a_driver_of_an_earlier_major_version_is_refused(
    driver: tuple[int, int], fits: bool
) -> None:
    compiler = Compiler("/usr/bin/nvcc", "Cuda compilation tools, release 13.2, V13.2.1")
    if fits:
        check_driver(compiler, driver)
    else:
        expected = "driver is older than the toolkit: .* for CUDA 12.9, .*nvcc is of CUDA 13.2.*upd"
        with pytest.raises(DeviceError, match=expected):
            check_driver(compiler, driver)


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="needs nvcc")
def test_the_real_compiler_makes_a_cubin_and_its_errors_are_understood(tmp_path: Path) -> None:
    config.cuda_cache = str(tmp_path / "cache")
    release = find_compiler(KernelCache(tmp_path)).release
    assert release is not None
    source = SOURCE.format(layer="dense_1", factor="2")
    binary = compiled(source, "sm_75", release, LAYERS, "train", bytes)
    assert binary.loaded[:4] == b"\x7fELF"
    assert binary.seconds is not None
    assert compiled(source, "sm_75", release, LAYERS, "train", bytes) == (binary.loaded, None)
    with pytest.raises(DeviceError, match=r"in the kernel k1_mul \(of dense_2, activation_1\)"):
        wrong = SOURCE.format(layer="x", factor="nothing")
        compiled(wrong, "sm_75", release, LAYERS, "train", bytes)
    assert "fast" not in " ".join(nvcc.FLAGS)
    with pytest.raises(DeviceError, match=r"does not know this card, sm_10:.*list-gpu-arch"):
        compiled(source, "sm_10", release, LAYERS, "train", bytes)


def test_a_compiler_older_than_the_card_is_named_with_the_version_that_is_needed(
    folder: Path,
) -> None:
    version = '[ "$1" = --version ] && echo "release 11.5, V1" && exit 0'
    failing = "echo \"nvcc fatal : Unsupported gpu architecture 'compute_90'\" >&2; exit 1"
    (folder / "nvcc").write_text(f"#!/bin/sh\n{version}\n{failing}\n")
    expected = "of CUDA 11.5 does not know this card, sm_90: .*put the nvcc of CUDA 11.8 or later"
    with pytest.raises(CompilerError, match=expected):
        make(arch="sm_90")


@pytest.mark.parametrize(
    "message",
    [
        "nvcc fatal   : Failed to preprocess host compiler properties.",
        "/usr/local/cuda/include/crt/host_config.h(143): error: #error -- unsupported GNU version!",
    ],
)
def test_a_host_compiler_that_does_not_do_is_not_called_an_error_of_graphc(
    folder: Path, message: str
) -> None:
    version = '[ "$1" = --version ] && echo "release 13.0, V1" && exit 0'
    (folder / "nvcc").write_text(f"#!/bin/sh\n{version}\necho '{message}' >&2\nexit 1\n")
    with pytest.raises(DeviceError, match=r"of CUDA 13.0 finds no C\+\+ compiler.*-ccbin"):
        make(factor="3")
