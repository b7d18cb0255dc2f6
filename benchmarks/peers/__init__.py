"""Training steps of graphc beside those of PyTorch, JAX, Keras 3 and PyTensor, on this CPU.

    python -m benchmarks.peers [--only mlp ...] [--peers torch ...] [--rounds 7] [--json FILE]

`workloads` says what is trained, `graphc_side`, `torch_side` and so on how each peer does, `worker`
is the process of one peer and one workload, `driver` asks the workers in turn, `report` reckons and
prints. `make peers` sets up an environment that has all peers.
"""
