"""The registers and shared memory that kernels take on a card, by one run of nvcc; no card is
needed."""

from __future__ import annotations

from graphc import resources
from graphc.compiler.program.ptxas_text import Resources, read_ptxas
from graphc.compiler.runtime.compiler_process import (
    compile_to,
    first_lines,
    lines_of,
    working_folder,
)
from graphc.compiler.runtime.gpu import probe
from graphc.compiler.runtime.gpu.nvcc import FLAGS, TOOL
from graphc.errors import CompilerError


def assigned(source: str, arch: str) -> dict[str, Resources]:
    """Return what each kernel of a source takes on an architecture, ``sm_75``, by its name.

    CompilerError where there is no nvcc, or it does not compile the source for this architecture.
    """
    path = probe.nvcc_path()
    if path is None:
        raise CompilerError(f"{probe.missing_nvcc()}. What to do: {probe.NVCC_FIX}")
    with working_folder(TOOL) as folder:
        kept = folder / "kernels.cu"
        kept.write_text(source, encoding="utf-8")
        include = f"-I{resources.folder('kernels')}"
        command = [path, *FLAGS, "-Xptxas", "-v", f"-arch={arch}", include, str(kept)]
        done = compile_to("kernels.cubin", command, TOOL, folder)
    if done.returncode:
        raise CompilerError(f"{path} for {arch}: {first_lines(lines_of(done))}")
    return read_ptxas(done.stdout + done.stderr)
