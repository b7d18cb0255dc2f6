"""Run `graphc doctor`, and describe the card, driver, toolkit and PyCUDA as `graphc bench` does."""

from __future__ import annotations

from benchmarks.bring_up.outcome import tell
from graphc.cli import doctor
from graphc.cli.bench import facts
from graphc.compiler.runtime.gpu.probe import gpu_status
from graphc.errors import GraphcError


def main() -> None:
    report, status = doctor.report(), gpu_status()
    print(report)
    if not status.usable:
        tell(False, f"{status.reason}. What to do: {status.fix}", report=report)
    try:
        described = {**facts.machine(), **facts.card()}
    except GraphcError as error:
        tell(False, str(error), report=report)
    tell(True, facts=described, report=report)


if __name__ == "__main__":
    main()
