"""Models as layers of others, as Keras 0.3 called them."""

from graphc.engine.graph_model import Graph
from graphc.engine.sequential import Sequential

__all__ = ["Graph", "Sequential"]
