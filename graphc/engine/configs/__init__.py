"""Conversion of layers to data and back: class names and arguments, functions by name, the
spellings of other releases of Keras, and limits on what a description may ask for."""
