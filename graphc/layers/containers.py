"""Models as layers of others, as Keras 0.3 called them."""

from graphc.engine.models.graph_model import Graph
from graphc.engine.models.sequential import Sequential
from graphc.public.calls import public

__all__ = ["Graph", "Sequential"]

public(__name__)
