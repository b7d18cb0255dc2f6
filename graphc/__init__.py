"""graphc: neural networks written with the Keras 1.0 API, lowered to generated CUDA kernels.

Models: `graphc.models`, `graphc.layers`. Underneath: `graph` holds the expressions (`graph.exp`,
`graph.scan`, ...), `function` compiles them, `shared` makes a variable that lives between calls,
`grad` differentiates, `config` has the flags, `device_report` says what functions run on.
"""

import sys as _sys
import typing as _typing

from graphc.compiler import graph as graph
from graphc.compiler.function import function as function
from graphc.compiler.grad import grad as grad
from graphc.compiler.graph import shared as shared
from graphc.compiler.runtime.report import device_report as device_report
from graphc.config import config as config
from graphc.package_version import __version__ as __version__
from graphc.parallel.joining import end_together as _end_together
from graphc.public import answers as _answers
from graphc.public import calls as _calls

# Modules that are imported when they are read (`answers.answer_for`), for who reads types only.
if _typing.TYPE_CHECKING:
    from graphc import activations as activations
    from graphc import applications as applications
    from graphc import backend as backend
    from graphc import callbacks as callbacks
    from graphc import constraints as constraints
    from graphc import datasets as datasets
    from graphc import engine as engine
    from graphc import initializations as initializations
    from graphc import layers as layers
    from graphc import legacy as legacy
    from graphc import metrics as metrics
    from graphc import models as models
    from graphc import objectives as objectives
    from graphc import optimizers as optimizers
    from graphc import preprocessing as preprocessing
    from graphc import regularizers as regularizers
    from graphc import utils as utils
    from graphc import wrappers as wrappers

# By name: what reads the code and does not run it, as an editor, sees the functions themselves.
for _name in ("function", "grad", "shared"):
    globals()[_name] = _calls.checked_call(globals()[_name])

_end_together()
_answers.answer_for(__name__)
if not any(isinstance(_finder, _answers.LaterModules) for _finder in _sys.meta_path):
    _sys.meta_path.append(_answers.LaterModules())
