"""Models as layers of others, as Keras 0.3 called them."""

from graphc.engine.models.graph_model import Graph
from graphc.engine.models.sequential import Sequential
from graphc.public.answers import names_of

__all__ = ["Graph", "Sequential"]

__getattr__ = names_of(__name__)
