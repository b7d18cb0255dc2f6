"""Ranks that train together: variables of rank 0 are broadcast, and calls compared."""
