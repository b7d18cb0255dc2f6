"""Graph, where Keras 1.0 keeps it."""

from graphc.engine.models.graph_model import Graph
from graphc.public.answers import names_of

__all__ = ["Graph"]

__getattr__ = names_of(__name__)
