"""The models that are built layer by layer: Sequential, and Graph of Keras 0.3."""
