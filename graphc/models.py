"""Models: Sequential, and Model of the functional API."""

from graphc.engine.container import get_source_inputs
from graphc.engine.node import Node
from graphc.engine.sequential import Sequential
from graphc.engine.training import Model

__all__ = ["Model", "Node", "Sequential", "get_source_inputs"]
