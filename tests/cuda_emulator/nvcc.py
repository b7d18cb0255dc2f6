#!/usr/bin/env python3
"""A stand-in for nvcc, in one of two ways: $GRAPHC_EMULATE.

source (or nothing): compiles CUDA C with g++ to a shared object that the emulated driver runs;
GRAPHC_CUDA_SANITIZE=address,undefined with those sanitizers.
ptx: lets the nvcc that is next on PATH make PTX, which the emulated driver executes.

Takes the options of nvcc that PyCUDA and graphc use; an option that it does not know is an error.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parent))

from ptx.encode import encode  # noqa: E402  (this is also run as a program, outside of the package)
from ptx.grammar import PtxError  # noqa: E402

DRIVER = HERE.parent / "driver"
WAYS = ("source", "ptx")
# Without contraction, as in the interpreter; casts between float* and float4* are usual in CUDA.
# Of debug information only what a sanitizer prints: more takes as long again to compile.
FLAGS = [
    *("-std=c++17", "-O1", "-g1", "-w", "-fPIC", "-ffp-contract=off", "-fno-strict-aliasing"),
    # A static of a template is one in each module, not one in the process.
    *("-fno-gnu-unique", "-fvisibility=hidden"),
]

# Optimized, what sanitizers add takes more than twice as long to compile.
SANITIZED = ("-O0", "-fsanitize-recover=address")
# The compiler needs no library of a sanitizer: with it, it takes half as long again.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}

_IN_BRACKETS = r"\((?P<{}>(?:[^()]|\([^()]*\))*)\)"
BOUNDS = r"(?:__launch_bounds__\s*{}\s*)?"
KERNEL = re.compile(
    rf"__global__\s+{BOUNDS.format(_IN_BRACKETS.format('before'))}(?:static\s+)?void\s+"
    rf"{BOUNDS.format(_IN_BRACKETS.format('behind'))}(?P<name>\w+)\s*\("
)
SHARED = re.compile(r"(?P<extern>extern\s+)?(?:static\s+)?__shared__\s+(?P<declaration>[^;]*);")
REGISTERS = re.compile(r"Used (\d+) registers")
ALIGNMENT = re.compile(r"\balignas\s*\([^()]*\)")
FIRST = re.compile(r"(?P<type>.+?)\s*\b(?P<name>\w+)\s*(?P<dims>(?:\[[^\]]*\]\s*)*)$", re.DOTALL)
NEXT = re.compile(r"(?P<name>\w+)\s*(?P<dims>(?:\[[^\]]*\]\s*)*)$", re.DOTALL)

TABLE = """
static const emu_kernel emu_kernels[] = {{{rows}{{nullptr, nullptr, {{}}, 0}}}};
extern "C" __attribute__((visibility("default"))) const emu_module emu_module_table = {{
    &emu_self, &emu, emu_kernels, {count}, {arch}}};
"""
ROW = (
    '{{"{name}", [](const char* parameters) {{ emu_call(&{name}, parameters); }}, '
    "emu_layout(&{name}), emu_most_threads({bounds})}}, "
)


class UnsupportedSourceError(Exception):
    """CUDA C that the rewriting does not understand."""


def _split(declaration: str) -> list[str]:
    """At the commas that are in no bracket: those of `pair<int, int> a[2]` are in one."""
    parts, depth = [""], 0
    for letter in declaration:
        depth += (letter in "<([{") - (letter in ">)]}")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def shared_variables(found: re.Match[str], number: int) -> str:
    """C++ that binds each variable of a __shared__ declaration to the driver's memory."""
    declaration = ALIGNMENT.sub("", found["declaration"])
    first, *others = _split(declaration)
    head = FIRST.match(first)
    rest = [NEXT.match(part) for part in others]
    if head is None or None in rest or (found["extern"] and rest):
        raise UnsupportedSourceError(f"expected __shared__ TYPE NAME[SIZE]..., received {found[0]}")
    of = " ".join(head["type"].split())
    text = []
    for index, part in enumerate([head, *rest]):
        name, dims = part["name"], "".join(part["dims"].split())
        if found["extern"]:
            text.append(f"{of}* const {name} = emu_dynamic_shared<{of}>();")
            continue
        slot = f"emu_slot_{number}_{index}"
        at = "__builtin_FILE(), __builtin_LINE()"
        text.append(f'static emu_slot {slot} = {{nullptr, sizeof({of}{dims}), "{name}", {at}}};')
        text.append(f"{of} (&{name}){dims} = emu_shared<{of}{dims}>({slot});")
    # As many lines as before, so that errors and barriers name the source's own.
    return " ".join(text) + "\n" * found[0].count("\n")


def rewrite(preprocessed: str, arch: str) -> str:
    """The C++ of preprocessed CUDA C for an architecture, ``sm_75``."""
    bounds = {
        found["name"]: found["before"] or found["behind"] or ""
        for found in KERNEL.finditer(preprocessed)
    }
    count = 0

    def replace(found: re.Match[str]) -> str:
        nonlocal count
        count += 1
        return shared_variables(found, count)

    text = SHARED.sub(replace, preprocessed)
    if text.count("__launch_bounds__") != sum(
        found["before"] is not None or found["behind"] is not None
        for found in KERNEL.finditer(text)
    ):
        raise UnsupportedSourceError("expected __launch_bounds__ between __global__ and a name")
    text = re.sub(rf"\b__global__\b|\b__launch_bounds__\s*{_IN_BRACKETS.format('any')}", "", text)
    if "__shared__" in text:
        raise UnsupportedSourceError("a __shared__ without a declaration after it")
    rows = "".join(ROW.format(name=name, bounds=bound) for name, bound in bounds.items())
    return text + TABLE.format(rows=rows, count=len(bounds), arch=number_of(arch))


def number_of(arch: str) -> str:
    """``75`` of ``sm_75``."""
    return arch.removeprefix("sm_")


def compile_source(source: str, output: str, include: list[str], arch: str, sanitize: str) -> None:
    preprocessed = preprocess(source, include, arch, "-E")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "kernel.ii")
        path.write_text(rewrite(preprocessed, arch))
        sanitizers = [f"-fsanitize={sanitize}", *SANITIZED] if sanitize else []
        command = ["g++", *FLAGS, *sanitizers, "-shared", "-Wl,-Bsymbolic", str(path), "-o", output]
        subprocess.run(command, check=True, env=ENVIRONMENT)


def real_nvcc() -> str:
    """The path of the first nvcc on PATH that is not this program."""
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        found = shutil.which("nvcc", path=folder)
        if found is not None and Path(found).resolve() != HERE:
            return found
    raise UnsupportedSourceError("GRAPHC_EMULATE=ptx: expected NVIDIA's nvcc on PATH, found none")


def compile_ptx(source: str, output: str, include: list[str], arch: str) -> None:
    """Write the image of the PTX that nvcc makes, with the flags of graphc that matter to it, and
    with the registers that ptxas gives its kernels."""
    with tempfile.TemporaryDirectory() as folder:
        command = [real_nvcc(), "-cubin", "-std=c++17", "-lineinfo", f"-arch={arch}", *include]
        command += ["-Xptxas=-v", "--keep", f"--keep-dir={folder}", "-o", f"{folder}/kernel.cubin"]
        done = subprocess.run([*command, source], capture_output=True, text=True, env=ENVIRONMENT)
        if done.returncode:
            print(done.stdout + done.stderr, file=sys.stderr)
            raise subprocess.CalledProcessError(done.returncode, command)
        (path,) = Path(folder).glob("*.ptx")
        Path(output).write_bytes(encode(path.read_text(), registers_of(done.stderr)))


def registers_of(said: str) -> dict[str, int]:
    """The registers of a thread of each kernel, from what ``ptxas -v`` says."""
    parts = re.split(r"Compiling entry function '(\w+)'", said)
    pairs = zip(parts[1::2], parts[2::2], strict=True)
    return {name: int(REGISTERS.search(part)[1]) for name, part in pairs}


def way() -> str:
    name = os.environ.get("GRAPHC_EMULATE") or WAYS[0]
    if name not in WAYS:
        raise UnsupportedSourceError(
            f"GRAPHC_EMULATE: expected {' or '.join(WAYS)}, received {name}"
        )
    return name


def preprocess(source: str, include: list[str], arch: str, *flags: str) -> str:
    command = ["g++", "-std=c++17", "-x", "c++", *flags, *include]
    command.append(f"-D__CUDA_ARCH__={number_of(arch)}0")
    command += [f"-I{DRIVER}", "-include", str(DRIVER / "kernel.h"), source]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
    return done.stdout


def key(sanitize: str) -> str:
    """Another one for each text of this program, so that caches of binaries tell them apart."""
    files = [HERE, DRIVER / "kernel.h", DRIVER / "device.h", *sorted(HERE.parent.glob("ptx/*.py"))]
    texts = [path.read_bytes() for path in files]
    texts += [sanitize.encode(), way().encode()]
    return hashlib.sha256(b"".join(texts)).hexdigest()[:16]


def version(sanitize: str) -> str:
    said = f"emulated nvcc of graphc, {key(sanitize)}, sanitizers: {sanitize or 'none'}"
    if way() == "ptx":
        command = [real_nvcc(), "--version"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=ENVIRONMENT)
        said += f", over the PTX of {done.stdout.splitlines()[-1]}"
    return said


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False, description=__doc__)
    parser.add_argument("source", nargs="?")
    parser.add_argument("--version", "-V", action="store_true")
    parser.add_argument("--cubin", "-cubin", action="store_true")
    parser.add_argument("--preprocess", "-E", action="store_true")
    parser.add_argument("--output-file", "-o", dest="output")
    parser.add_argument("-I", dest="include", action="append", default=[])
    parser.add_argument("-D", dest="define", action="append", default=[])
    parser.add_argument("-arch", default="sm_75")
    # These change nothing that an emulation could show. There is no --use_fast_math.
    for name in ("-code", "-std", "--fmad", "-Xptxas", "-Werror", "--compiler-options"):
        parser.add_argument(name)
    parser.add_argument("-lineinfo", action="store_true")
    return parser.parse_args()


def main() -> int:
    arguments = parse()
    sanitize = os.environ.get("GRAPHC_CUDA_SANITIZE", "")
    if arguments.version:
        print(version(sanitize))
        return 0
    if arguments.source is None or arguments.cubin == arguments.preprocess:
        print("nvcc.py: expected one source, and --cubin or --preprocess", file=sys.stderr)
        return 2
    include = [f"-I{folder}" for folder in arguments.include]
    include += [f"-D{macro}" for macro in arguments.define]
    output = arguments.output or str(Path(arguments.source).with_suffix(".cubin"))
    try:
        if way() == "ptx" and not arguments.preprocess:
            compile_ptx(arguments.source, output, include, arguments.arch)
        elif arguments.preprocess:
            print(preprocess(arguments.source, include, arguments.arch, "-E", "-P"))
        else:
            compile_source(arguments.source, output, include, arguments.arch, sanitize)
    except subprocess.CalledProcessError as error:
        return error.returncode
    except (UnsupportedSourceError, PtxError) as error:
        print(f"nvcc.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
