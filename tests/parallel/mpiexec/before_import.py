"""A program whose second rank fails before it imports graphc, in the way that the argument says."""

import os
import signal
import sys

if os.environ["PMI_RANK"] == "1":
    if sys.argv[1] == "raise":
        raise ImportError("no such module")
    if sys.argv[1] == "leave":
        sys.exit(0)
    os.kill(os.getpid(), {"stop": signal.SIGSTOP, "kill": signal.SIGKILL}[sys.argv[1]])

from graphc.parallel import mpi

mpi.join_mpi()
print("joined", flush=True)
