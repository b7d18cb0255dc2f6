"""Graph, where Keras 1.0 keeps it."""

from graphc.engine.models.graph_model import Graph
from graphc.public.calls import public

__all__ = ["Graph"]

public(__name__)
