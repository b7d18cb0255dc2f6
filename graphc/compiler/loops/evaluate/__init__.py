"""The meaning of loop programs, in NumPy: slow, and strict about what has none.

- `program`: `evaluate`, what a call gives and gets; `frame`: what names are while an agent runs;
- `expressions`, `statements`: each as a function of a frame, made once;
- `agents`, `turns`: threads as coroutines between barriers, and the order of what they do;
- `memory`, `copies`: elements that know if they have a value and who touched them.
"""

from graphc.compiler.loops.evaluate.agents import TurnOrder
from graphc.compiler.loops.evaluate.program import Evaluated, evaluate
from graphc.compiler.loops.evaluate.statements import FailedCheck

__all__ = ["Evaluated", "FailedCheck", "TurnOrder", "evaluate"]
