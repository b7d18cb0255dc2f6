"""The op table as plain programs: each row, against the row and the interpreter."""

import numpy as np
import pytest

from tests.compiler.arrangements import ARRANGEMENTS
from tests.compiler.loops.build.plain_executor import PlainExecutor, both
from tests.compiler.op_programs import FAMILIES, OpPrograms, rows


class TestPlain(OpPrograms):
    lower = staticmethod(PlainExecutor)
    both = staticmethod(both)

    def stored(self, program: PlainExecutor) -> list[str]:
        return [node.dtype for kernel in program.kernels for node in kernel.outputs]

    @pytest.mark.parametrize("family", FAMILIES)
    def test_rows_have_the_bits_of_the_interpreter(self, family: str) -> None:
        """Signs of zeros, too; and those of sums, which the interpreter adds in order here."""
        arrange = ARRANGEMENTS["plain"]
        parts = [arrange(case, number) for number, case in enumerate(rows(family, "plain"))]
        outputs = [node for part in parts for node in part.outputs]
        feeds = {x: array for part in parts for x, array in part.feeds.items()}
        for node, (ours, theirs) in zip(outputs, both(outputs, feeds), strict=True):
            np.testing.assert_array_equal(ours, theirs, err_msg=str(node))
            if theirs.dtype.kind == "f":
                signs = np.signbit(ours) == np.signbit(theirs)
                assert (signs | np.isnan(theirs)).all(), node
