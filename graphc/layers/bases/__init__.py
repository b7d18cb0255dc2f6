"""Base classes of layers, and the checks of arguments that they share."""
