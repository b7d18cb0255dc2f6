"""Executors: what runs a prepared graph, and the choice of a device."""
