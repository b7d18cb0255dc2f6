"""python -m benchmarks.peers: see --help and benchmarks/README.md."""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import json
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers import floor, report
from benchmarks.peers.driver import OWN, PEERS, Comparison, Peer, Settings, as_json
from benchmarks.peers.workloads import WORKLOADS
from graphc.cli.bench.facts import commit


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, print the tables; 1 where losses differ or graphc failed. What another peer does not
    do is a result, which its row tells."""
    chosen = _parser().parse_args(arguments)
    peers = [peer for peer in _peers(chosen.peers) if _installed(peer)]
    facts = _facts(chosen.threads, chosen.rounds)
    print("\n".join(f"- {name}: {value}" for name, value in facts.items()), flush=True)
    results: dict[str, Any] = {}
    good = True
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(chosen.threads, chosen.rounds, chosen.limit, Path(folder), _report)
        for name in chosen.only or WORKLOADS:
            workload = WORKLOADS[name]
            able = [peer for peer in peers if name in peer.workloads]
            comparison = Comparison(workload, able, settings)
            comparison.run()
            measured, found = comparison.measured, comparison.rates
            work, rates = floor.work(workload), floor.best(found)
            other = [peer.name for peer in able if not peer.same_arithmetic]
            title = f"{name}, batch {workload.batch}"
            print()
            print(report.table(title, measured, OWN, other, work.seconds(rates)), flush=True)
            wrong = report.disagreeing(measured, other)
            for peer, one in measured.items():
                if one.failed:
                    print(f"\n{peer} {one.failed}")
            if wrong:
                print(f"\nLosses differ: {', '.join(wrong)}")
            own_failed = any(one.failed for peer, one in measured.items() if peer in OWN)
            good = good and not wrong and not own_failed
            results[name] = {
                "work": vars(work),
                "rates": [vars(one) for one in found],
                "peers": as_json(measured),
            }
            if chosen.json:  # after each workload: a long run may be broken off
                text = json.dumps({**facts, "workloads": results}, indent=1)
                chosen.json.write_text(f"{text}\n")
    said = dict.fromkeys(
        one["versions"] for result in results.values() for one in result["peers"].values()
    )
    print(f"\nVersions: {', '.join(filter(None, said))}; Python {platform.python_version()}")
    print(f"Load at the end: {_load()}")
    return 0 if good else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description="Training steps of graphc beside those of other libraries, on this CPU.",
    )
    parser.add_argument("--only", nargs="+", choices=WORKLOADS, metavar="WORKLOAD")
    parser.add_argument("--peers", nargs="+", choices=PEERS, metavar="PEER")
    parser.add_argument("--rounds", type=_positive, default=7, help="default: 7")
    parser.add_argument("--threads", type=_positive, default=2, help="default: 2")
    parser.add_argument(
        "--limit",
        type=_positive,
        default=600,
        help="seconds that a first step or a round may take; default: 600",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round to it")
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, received {text}")
    return value


def _peers(names: Sequence[str] | None) -> list[Peer]:
    return [PEERS[name] for name in names or PEERS]


def _installed(peer: Peer) -> bool:
    """Return True if its library is there; if not, a line says so."""
    if importlib.util.find_spec(peer.library) is None:
        _report(f"{peer.name}: left out, {peer.library} is not installed (make peers)")
        return False
    return True


def _facts(threads: int, rounds: int) -> dict[str, Any]:
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "processor": _processor(),
        "processors": os.cpu_count(),
        "threads": threads,
        "rounds": rounds,
        "load at the start": _load(),
    }


def _processor() -> str:
    """Its model, where the system says it."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
