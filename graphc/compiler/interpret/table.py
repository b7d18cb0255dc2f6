"""The one table: what every op means, in NumPy."""

from __future__ import annotations

from graphc.compiler.graph import ops_with
from graphc.compiler.interpret.contraction import CONTRACTION
from graphc.compiler.interpret.index import INDEX
from graphc.compiler.interpret.loop import LOOP
from graphc.compiler.interpret.movement import MOVEMENT
from graphc.compiler.interpret.pointwise import POINTWISE
from graphc.compiler.interpret.random import RANDOM
from graphc.compiler.interpret.reduce import REDUCE
from graphc.compiler.interpret.signature import Function
from graphc.compiler.interpret.windows import WINDOWS

NUMPY: dict[str, Function] = {
    **POINTWISE,
    **REDUCE,
    **MOVEMENT,
    **CONTRACTION,
    **INDEX,
    **WINDOWS,
    **RANDOM,
    **LOOP,
}
"""Op name -> ``function(attrs, *arrays)``; see `graphc.compiler.interpret.signature`."""

SUPPLIED = ops_with(lambda traits: traits.supplied)
"""The ops without a function: a program supplies their values."""
