"""Single operations of many shapes beside PyTorch, each as a share of what the machine could do."""
