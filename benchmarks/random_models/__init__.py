"""Kernels of models that nobody chose, far from what the machine does."""
