"""Runs the blocks of one page in order, in one namespace, and prints what each printed as JSON.

    python tests/docs/run_page.py docs/guides/sequential.md

It is a process of its own, so that layers are numbered from 1 and no flag of another page is set.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import traceback
from pathlib import Path

from tests.docs.pages import Block, blocks


def run_python(block: Block, page: str, namespace: dict[str, object]) -> tuple[str, str]:
    """Return the output of a block, its error's line included, and the traceback of the error."""
    written = io.StringIO()
    trace = ""
    with contextlib.redirect_stdout(written), contextlib.redirect_stderr(written):
        try:
            exec(compile(block.text, f"{page}:{block.line}", "exec"), namespace)
        except Exception as error:
            written.write("".join(traceback.format_exception_only(error)))
            trace = traceback.format_exc()
    return written.getvalue(), trace


def run_shell(block: Block) -> tuple[str, str]:
    """The same of commands; `graphc` is the command of this interpreter."""
    command = f'graphc() {{ "{sys.executable}" -m graphc "$@"; }}\nset -e\n{block.text}'
    run = subprocess.run(
        ["bash", "-c", command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"COLUMNS": "80"},
    )
    return run.stdout, f"status {run.returncode}:\n{run.stdout}" if run.returncode else ""


def main(page: Path) -> None:
    namespace: dict[str, object] = {"__name__": "__main__"}
    results = []
    for block in blocks(page.read_text(encoding="utf-8")):
        if not block.is_run:
            continue
        if block.language == "sh":
            printed, trace = run_shell(block)
        else:
            printed, trace = run_python(block, page.name, namespace)
        results.append({"line": block.line, "printed": printed, "trace": trace})
        if trace and block.output is None:
            break
    print(json.dumps(results))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
