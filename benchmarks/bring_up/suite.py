"""Run one file of the CUDA tests on the machine's own driver; those that failed by name.

python -m benchmarks.bring_up.suite test_matmul.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from benchmarks.bring_up.machine import ROOT
from benchmarks.bring_up.outcome import tell

FOLDER = ROOT / "tests" / "cuda_emulator"
SHOWN = 30


def main() -> None:
    path = FOLDER / sys.argv[1]  # as it is where it is absolute
    with tempfile.TemporaryDirectory() as place:
        report = Path(place, "tests.xml")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [*command, f"--junitxml={report}", str(path)],
            cwd=ROOT,
            # Other plugins of the machine's Python may warn, which is an error in these tests.
            env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        lines = f"{done.stdout}\n{done.stderr}".strip().splitlines()
        said = "\n".join(lines[-SHOWN:])
        if not report.is_file():
            tell(False, said)
        suite = next(ElementTree.parse(report).getroot().iter("testsuite"))
    counts = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
    failed = [
        f"{case.get('classname')}::{case.get('name')}"
        for case in suite.iter("testcase")
        if case.find("failure") is not None or case.find("error") is not None
    ]
    if counts["tests"] == counts["skipped"]:
        tell(None, "every test of it was skipped", **counts)
    tell(done.returncode == 0, said if done.returncode else "", **counts, failed=failed)


if __name__ == "__main__":
    main()
