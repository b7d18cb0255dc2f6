"""Random graphs as native code; see `RandomPrograms`."""

from tests.compiler.random_programs import RandomPrograms
from tests.native.graph_programs import Compiled, needs_compiler

pytestmark = needs_compiler


class TestNative(RandomPrograms):
    compiled = Compiled
