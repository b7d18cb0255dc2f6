"""Graph, where Keras 1.0 keeps it."""

from graphc.engine.models.graph_model import Graph

__all__ = ["Graph"]
