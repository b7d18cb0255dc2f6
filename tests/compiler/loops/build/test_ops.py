"""The op table as plain programs: each row, against the row and the interpreter."""

from tests.compiler.loops.build.plain_executor import PlainExecutor, both
from tests.compiler.op_programs import OpPrograms


class TestPlain(OpPrograms):
    lower = staticmethod(PlainExecutor)
    both = staticmethod(both)

    def stored(self, program: PlainExecutor) -> list[str]:
        return [node.dtype for kernel in program.kernels for node in kernel.outputs]
