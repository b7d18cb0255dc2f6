"""Layers as data, and layers of data: entries of classes and arguments, functions by their names,
what other releases of Keras call them, and how much a description may ask for."""
