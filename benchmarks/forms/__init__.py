"""Single operations of many shapes beside PyTorch, each as a share of what the machine could do."""

import os

# Behind a product OpenBLAS's threads wait on their cores for the next one, 2^26 turns by default,
# where a side would have its turn. It reads this when NumPy is imported.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "10")
