"""What scripts use beside the models: labels, tables, a progress bar."""
