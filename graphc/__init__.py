"""graphc: neural networks written with the Keras 1.0 API, lowered to generated CUDA kernels.

Models: `graphc.models`, `graphc.layers`. Underneath: `graph` holds the expressions (`graph.exp`,
`graph.scan`, ...), `function` compiles them, `shared` makes a variable that lives between calls,
`grad` differentiates, `config` has the flags, `device_report` says what functions run on.
"""

import sys as _sys

from graphc.compiler import graph as graph
from graphc.compiler.function import function as function
from graphc.compiler.grad import grad as grad
from graphc.compiler.graph import shared as shared
from graphc.compiler.runtime.report import device_report as device_report
from graphc.config import config as config
from graphc.parallel.joining import end_together as _end_together
from graphc.public import answers as _answers
from graphc.public import calls as _calls
from graphc.version import __version__ as __version__

# By name: what reads the code and does not run it, as an editor, sees the functions themselves.
for _name in ("function", "grad", "shared"):
    globals()[_name] = _calls.checked_call(globals()[_name])

_end_together()
__getattr__ = _answers.names_of(__name__)
if not any(isinstance(_finder, _answers.LaterModules) for _finder in _sys.meta_path):
    _sys.meta_path.append(_answers.LaterModules())
