"""Training steps of known network architectures beside the same networks in PyTorch, on a CPU."""
