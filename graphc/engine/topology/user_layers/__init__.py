"""Layers that users write: checks of them, functions that they give to layers, Keras 0.3's way."""
