"""graphc: neural networks written with the Keras 1.0 API, lowered to generated CUDA kernels."""

from graphc.compiler.graph import shared as shared
from graphc.config import config as config
from graphc.version import __version__ as __version__
