"""Everything that only a GPU can show, in one command, into one file with the date and the card.

    python benchmarks/gpu_check.py                      on a machine with a GPU, nvcc and PyCUDA
    python benchmarks/gpu_check.py --kit build/gpu-kit  what is not installed comes from a kit
    python benchmarks/gpu_check.py --resume             go on where the last command ended
    python benchmarks/gpu_check.py --step doctor bench  some of the steps

It needs no network: `make gpu-kit` fills the kit beforehand, where there is one. The first
line says what is lacking. Each run of a step is a process of its own with a limit; one that fails,
crashes or hangs stops no other, and the file is written after each. The last line counts them.

The status is 0 where all passed, 1 where something did not, 2 where there is nothing to check with,
3 where the time (--minutes) was up before all was done.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.bring_up import environment, manifest  # noqa: E402
from benchmarks.bring_up.manifest import Kit, KitError  # noqa: E402
from benchmarks.bring_up.results import Results, ResultsError, newest  # noqa: E402
from benchmarks.bring_up.running import carry_out  # noqa: E402
from benchmarks.bring_up.steps import STEPS, Run, Setting  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results"
KIT = ROOT / "build" / "gpu-kit"
OLDEST_PYTHON = (3, 11)
MACHINE = ROOT / "benchmarks" / "bring_up" / "machine.py"
ALL_PASSED, SOME_FAILED, NOTHING_TO_CHECK, TIME_IS_UP = range(4)
INTERRUPTED = 130
SHOWN = 3  # lines of what failed; the file has the rest


def main(given: Sequence[str] | None = None) -> int:
    arguments = parsed(given)
    try:
        return check(arguments)
    except (KitError, ResultsError) as error:
        print(f"gpu_check: {error}", file=sys.stderr)
        return NOTHING_TO_CHECK
    except KeyboardInterrupt:
        print("\ngpu_check: interrupted: go on with --resume", file=sys.stderr)
        return INTERRUPTED


def check(arguments: argparse.Namespace) -> int:
    """Prepare, run what is left of the steps, and say how it went; returns the status."""
    deadline = time.monotonic() + 60 * arguments.minutes
    variables = emulated() if arguments.emulated else {"GRAPHC_CUDA_TESTS": "gpu"}
    variables["PYTHONPATH"] = joined(str(ROOT), os.getenv("PYTHONPATH"))
    machine = ask(sys.executable, variables)
    folder, kit = kit_for(arguments.kit, machine)
    problems = list(missing(machine, kit))
    if problems:
        print(f"gpu_check: there is nothing to check with: {'; '.join(problems)}", file=sys.stderr)
        return NOTHING_TO_CHECK
    say(left_out(machine, kit))
    python = sys.executable
    if kit is not None and needs(kit, machine):
        python = str(environment.installed(kit, folder, say, arguments.environment))
        machine = ask(python, variables)
    results = begun(arguments, facts_of(machine, kit))
    setting = Setting(
        python, machine, results.path, bool(arguments.emulated), arguments.emulated == "few"
    )
    pending = [
        (step, run)
        for step in arguments.step
        for run in STEPS[step](setting)
        if not results.is_done(step, run.name)
    ]
    complete = carry_out_all(pending, results, variables, deadline)
    counts = results.counts()
    shown = ", ".join(f"{number} {word}" for word, number in counts.items())
    if not complete:
        say(f"{shown}; the time is up: go on with --resume; {results.path}")
        return TIME_IS_UP
    say(f"{shown}; {results.path}")
    return SOME_FAILED if counts["failed"] else ALL_PASSED


def carry_out_all(
    pending: Sequence[tuple[str, Run]],
    results: Results,
    variables: Mapping[str, str],
    deadline: float,
) -> bool:
    """Run one after the other, and write down what each found; False where the time was up."""
    for step, run in pending:
        print(f"{step} {run.name}: ", end="", flush=True)
        left = deadline - time.monotonic()
        found = carry_out(run, variables, left) if left > 0 else None
        if found is None:
            print("not done, the time is up")
            return False
        results.add({"step": step, **found})
        word = {True: "passed", False: "FAILED", None: "left out"}[found["passed"]]
        lines = [] if found["passed"] else found["said"].splitlines()[-SHOWN:]
        said = "\n  ".join(["", *lines])
        print(f"{word}, {found['seconds']:.1f} s{said}", flush=True)
    return True


def ask(python: str, variables: Mapping[str, str]) -> dict[str, Any]:
    """Return what the machine has, as seen by a Python."""
    done = subprocess.run(
        [python, str(MACHINE)],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=120,
    )
    return json.loads(done.stdout.splitlines()[-1])


def missing(machine: Mapping[str, Any], kit: Kit | None) -> Iterator[str]:
    """The pieces without which nothing can be checked, with the fix of each."""
    if kit is not None:
        yield from manifest.differences(kit, machine)
    if machine["driver_problem"]:
        yield f"{machine['driver_problem']}: {machine['driver_fix']}"
    if machine["nvcc"] is None and not (kit and kit.nvcc):
        yield f"{machine['nvcc_problem']}: {machine['nvcc_fix']}, or bring a kit of NVCC=1"
    if machine["lacking"] and kit is None:
        yield (
            f"not installed for {machine['executable']}: {', '.join(machine['lacking'])}: run make "
            f"gpu-kit PYTHON={machine['python']} where there is a network, bring its folder, and "
            "name it with --kit"
        )


def kit_for(given: Path | None, machine: Mapping[str, Any]) -> tuple[Path | None, Kit | None]:
    """Return the folder and the manifest of the kit that was named, else of the one in its usual
    place, where a machine lacks what it has."""
    if given is not None:
        return given, manifest.read(given)
    if (KIT / manifest.MANIFEST).is_file():
        kit = manifest.read(KIT)
        if needs(kit, machine):
            return KIT, kit
    return None, None


def needs(kit: Kit, machine: Mapping[str, Any]) -> bool:
    """Return True if a machine lacks what a kit has."""
    return bool(machine["lacking"]) or (machine["nvcc"] is None and bool(kit.nvcc))


def left_out(machine: Mapping[str, Any], kit: Kit | None) -> str:
    """Return the first line: what is lacking, and what of it comes from a kit."""
    lacking = [f"{one} (of the kit)" for one in machine["lacking"]]
    has_tools = kit is not None and bool(kit.nvcc) and machine["nvcc"] is None
    if has_tools:
        lacking.append("nvcc, compute-sanitizer (of the kit)")
    elif machine["sanitizer"] is None:
        lacking.append("compute-sanitizer (memcheck, racecheck and others are left out)")
    if not machine["torch"]:
        lacking.append("PyTorch (benches run without it)")
    if machine["host_compiler"] is None:
        lacking.append("g++ (nvcc needs a C++ compiler)")
    return f"lacking: {'; '.join(lacking) or 'nothing'}"


def facts_of(machine: Mapping[str, Any], kit: Kit | None) -> dict[str, Any]:
    """Return what a file of results says of where it was made."""
    return {
        "card": machine["cards"][0],
        "commit": commit() or (kit.commit if kit else ""),
        "machine": dict(machine),
        "kit": {}
        if kit is None
        else {"cuda": kit.cuda, "pycuda": kit.pycuda, "commit": kit.commit},
    }


def commit() -> str:
    """Return the commit of this checkout; empty outside of one, and without git."""
    command = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return "" if done.returncode else done.stdout.strip()


def begun(arguments: argparse.Namespace, facts: dict[str, Any]) -> Results:
    """Return the file to write to: a new one, or the one to go on with."""
    if not arguments.resume:
        return Results.begun(RESULTS, facts, arguments.out)
    path = arguments.out or newest(RESULTS)
    if path is None:
        raise ResultsError(f"--resume: no file of gpu_check.py in {RESULTS}")
    return Results.resumed(path, facts)


def emulated() -> dict[str, str]:
    """The environment in which programs find the emulated driver and its nvcc as if they were the
    machine's own."""
    driver = Path(os.environ["GRAPHC_CUDA_DRIVER"]).resolve().parent
    # Apart for each text of the emulated nvcc, whose headers the cache does not look at.
    key = subprocess.run([driver / "nvcc", "--version"], capture_output=True, text=True, check=True)
    kept = driver / "kernels" / hashlib.sha256(key.stdout.encode()).hexdigest()[:16]
    flags = filter(None, (os.environ.get("GRAPHC_FLAGS"), f"cuda_cache={kept}"))
    return {
        "LD_LIBRARY_PATH": joined(str(driver), os.getenv("LD_LIBRARY_PATH")),
        "PATH": joined(str(driver), os.getenv("PATH")),
        "CUDACXX": str(driver / "nvcc"),
        "PYCUDA_DISABLE_CACHE": "1",
        "GRAPHC_FLAGS": ",".join(flags),
    }


def joined(folder: str, folders: str | None) -> str:
    """A folder before the others of a variable of the environment."""
    return os.pathsep.join(filter(None, (folder, folders)))


def say(line: str) -> None:
    """Print a line at once."""
    print(f"gpu_check: {line}", flush=True)


def parsed(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--kit", type=Path, metavar="DIR", help=f"what make gpu-kit filled (default: {KIT}, if any)"
    )
    parser.add_argument(
        "--step",
        nargs="+",
        choices=tuple(STEPS),
        default=tuple(STEPS),
        metavar="NAME",
        help=f"some of: {', '.join(STEPS)} (default: all, in this order)",
    )
    parser.add_argument("--resume", action="store_true", help="go on with the last file, or --out")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help=f"default: {RESULTS}/DATE-CARD.json"
    )
    parser.add_argument(
        "--minutes", type=float, default=9.5, help="end after so many (default: 9.5)"
    )
    parser.add_argument(
        "--environment",
        type=Path,
        default=environment.ENVIRONMENT,
        metavar="DIR",
        help=f"where a kit is installed (default: {environment.ENVIRONMENT})",
    )
    parser.add_argument(
        "--emulated",
        nargs="?",
        choices=("few", "all"),
        const="few",
        help="small sizes, on the emulated driver that $GRAPHC_CUDA_DRIVER names: a few runs of "
        "each step (few, the default), or all kernels and models (all)",
    )
    arguments = parser.parse_args(given)
    if sys.version_info < OLDEST_PYTHON:
        least, here = (".".join(map(str, one[:2])) for one in (OLDEST_PYTHON, sys.version_info))
        parser.error(f"graphc needs Python {least} or later, this is {here}")
    if arguments.emulated and "GRAPHC_CUDA_DRIVER" not in os.environ:
        parser.error("--emulated: $GRAPHC_CUDA_DRIVER is not set, as make test-cuda sets it")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
