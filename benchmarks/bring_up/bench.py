"""Time each launch of a reference model's training step, beside PyTorch where that is installed.

python -m benchmarks.bring_up.bench lstm [--cut] [--torch]
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial

from benchmarks.bring_up.model import CUT_BATCH
from benchmarks.bring_up.outcome import tell
from graphc.cli.bench import gpu
from graphc.cli.bench.report import format_report
from graphc.reference_models import REFERENCE_MODELS
from tests.reference_models.cut_sizes import CUT


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=tuple(REFERENCE_MODELS))
    parser.add_argument("--cut", action="store_true", help="small sizes")
    parser.add_argument("--torch", action="store_true", help="PyTorch at the same work")
    arguments = parser.parse_args()
    model, batch = REFERENCE_MODELS[arguments.model], None
    if arguments.cut:
        model = replace(model, build=partial(model.build, **CUT[model.name]))
        batch = CUT_BATCH
    measured = gpu.profile(model, batch or model.batch, arguments.torch)
    print(format_report(measured))
    failures = measured.check.failures if measured.check else ()
    tell(not failures, "; ".join(failures), report=measured.as_dict())


if __name__ == "__main__":
    main()
