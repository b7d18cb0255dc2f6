"""Random draws, and parts of them, in plain programs."""

from tests.compiler.draw_programs import RANGES, DrawParts
from tests.compiler.loops.build.plain_executor import PlainExecutor


class TestPlain(DrawParts):
    executor = PlainExecutor
    ranges = RANGES[:4]
