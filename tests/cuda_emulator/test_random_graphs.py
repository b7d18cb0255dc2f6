"""Random graphs on the device; see `RandomPrograms`."""

from tests.compiler.random_programs import RandomPrograms
from tests.cuda_emulator.programs import Compiled


class TestCuda(RandomPrograms):
    compiled = Compiled
