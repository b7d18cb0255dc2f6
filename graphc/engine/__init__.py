"""What layers and models have in common: topology, training, data."""

from graphc.engine.topology import InputLayer, InputSpec, Layer
from graphc.engine.training import Model

__all__ = ["InputLayer", "InputSpec", "Layer", "Model"]
