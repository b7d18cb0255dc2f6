"""GPUs as a target: `passes` are those of CUDA code."""
