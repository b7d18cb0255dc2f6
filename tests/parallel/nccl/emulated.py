"""Run a program over the emulated CUDA driver, which has to be loaded first: PROGRAM ARGUMENTS."""

import runpy
import sys

from tests.cuda_emulator import emulator  # noqa: F401  (it loads the driver)

del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
