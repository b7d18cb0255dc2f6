"""What ranks that train together have alike, and compare."""
