"""What layers and models have in common: topology, training, data."""

from graphc.engine.shapes import InputSpec
from graphc.engine.topology import InputLayer, Layer
from graphc.engine.training import Model

__all__ = ["InputLayer", "InputSpec", "Layer", "Model"]
