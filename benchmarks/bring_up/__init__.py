"""The parts of gpu_check.py: the kit, the environment, the steps, the programs that they run."""
