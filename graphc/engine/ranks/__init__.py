"""Ranks that train together: variables made alike, calls compared."""
