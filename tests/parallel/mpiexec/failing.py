"""Ranks that exchange bytes until one of them fails in the way that the arguments say.

Arguments: the way, the rank, and where the others are then: 'waiting' for it, or 'busy'.
"""

import os
import signal
import sys
import time

import numpy as np

from graphc.parallel import mpi
from graphc.parallel.transport import as_bytes, failing_together

way, failing, others = sys.argv[1], int(sys.argv[2]), sys.argv[3]
ranks = mpi.join_mpi()
values = np.zeros(ranks.size)


def exchange() -> None:
    """Exchange values, which waits for all ranks."""
    values[ranks.rank] = ranks.rank
    ranks.all_gather(as_bytes(values), [8] * ranks.size).wait()


for _ in range(5):
    exchange()
if ranks.rank == 0:
    print("begun", flush=True)
if ranks.rank == failing:
    if way == "raise":
        raise ValueError("no such file")
    if way == "raise in a block":
        try:
            with failing_together(ranks):
                raise KeyError("a callback's")
        except KeyError:
            time.sleep(60)  # a program that catches it, and goes on with something else
    if way == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if way == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    if way == "leave":
        sys.exit(0)
    if way == "slow":
        time.sleep(8)
elif others == "busy":
    time.sleep(60)
if way == "interrupt":
    time.sleep(60)
exchange()
if way == "stop at the end" and ranks.rank == failing:
    # All have said that they end, and end MPI, in which each waits for all others.
    mpi.finalize = lambda _: os.kill(os.getpid(), signal.SIGSTOP)
print("end", flush=True)
